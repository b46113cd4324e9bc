package extract

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/stagelift/stagelift/shared/object"
	"github.com/stagelift/stagelift/shared/stage"
)

// publish makes a table visible: manifest, then receipt. Of an incremental run
// the watermark follows.
func (r *run) publish(ctx context.Context, t *progress) error {
	if left := len(t.left()); left > 0 {
		return fmt.Errorf("%d spans were not read; the table is not published", left)
	}
	receipt, err := r.receipt(t)
	if err != nil {
		return err
	}
	if t.watermark != nil {
		if err := r.claim(ctx, t); err != nil {
			return err
		}
	}
	if err := r.putReceipt(ctx, t, receipt); err != nil {
		return err
	}
	r.published(ctx, t, receipt)
	if t.watermark == nil {
		return nil
	}
	if err := r.advance(ctx, t); err != nil {
		// The table is published. An error would have the run repeated; the next
		// one finds the receipt.
		r.Log.WarnContext(ctx, "the watermark could not be moved; the next run does it", "run", r.id, "table", t.Name.String(), "error", err)
	}
	return nil
}

func (r *run) receipt(t *progress) (stage.Receipt, error) {
	receipt := stage.Receipt{
		Version: stage.ReceiptVersion, Run: r.id, Database: r.Database, Table: t.Name,
		Snapshot: t.snapshot, Consistency: t.consistency,
		Columns: t.Columns, PrimaryKey: t.PrimaryKey, Filter: t.where,
		Format: t.format, Parts: t.stored(), Load: t.load, At: time.Now().UTC(),
	}
	if t.watermark != nil {
		receipt.Window = &t.watermark.window
	}
	for _, part := range receipt.Parts {
		receipt.Rows += part.Rows
		receipt.Bytes += part.Bytes
	}
	if len(receipt.Parts) > 0 {
		receipt.Manifest = r.Layout.Manifest(t.folder)
	}
	if receipt.Rows != t.copied {
		return stage.Receipt{}, fmt.Errorf("the server sent %d rows, but the parts hold %d; the table is not published", t.copied, receipt.Rows)
	}
	return receipt, nil
}

func (r *run) putReceipt(ctx context.Context, t *progress, receipt stage.Receipt) error {
	if receipt.Manifest != "" {
		if err := r.putManifest(ctx, receipt); err != nil {
			return err
		}
	}
	data, err := receipt.Encode()
	if err != nil {
		return err
	}
	return r.put(ctx, r.Layout.Receipt(t.folder), data)
}

// putManifest writes the manifest, which an invocation before, whose time was
// over, may have written already.
func (r *run) putManifest(ctx context.Context, receipt stage.Receipt) error {
	data, err := stage.NewManifest(r.Bucket, receipt.Parts).Encode()
	if err != nil {
		return err
	}
	if r.step == 0 {
		return r.put(ctx, receipt.Manifest, data)
	}
	_, err = r.Store.Put(ctx, object.Location{Bucket: r.Bucket, Key: receipt.Manifest}, data, object.PutOptions{Headers: object.Headers{ContentType: "application/json"}})
	return err
}

func (r *run) published(ctx context.Context, t *progress, receipt stage.Receipt) {
	published := &Published{
		Table: t.Name.String(), Rows: receipt.Rows, Bytes: receipt.Bytes, Parts: len(receipt.Parts),
		Receipt: r.Layout.Receipt(t.folder), Consistency: receipt.Consistency, Window: receipt.Window,
	}
	seconds := time.Since(t.started).Seconds()
	t.publishedAs.Store(published)
	r.Log.InfoContext(ctx, "table published", "run", r.id, "table", published.Table,
		"rows", published.Rows, "bytes", published.Bytes, "parts", published.Parts, "receipt", published.Receipt, "seconds", seconds)
	r.count(ctx, t, published, seconds)
}

// put writes a document once. The run id makes every key new, so one that is
// there already is a sign of two runs under one id, and is never replaced.
func (r *run) put(ctx context.Context, key string, data []byte) error {
	_, err := r.Store.Put(ctx, object.Location{Bucket: r.Bucket, Key: key}, data,
		object.PutOptions{Headers: object.Headers{ContentType: "application/json"}, IfAbsent: true})
	return err
}

// summary is what _runs/<run>.json says.
type summary struct {
	Answer
	Error string `json:"error,omitempty"`
}

// writeSummary records how the run ended, also when it was cut off. A run that
// goes on replaces what it said before.
func (r *run) writeSummary(ctx context.Context, answer Answer, failure error) error {
	s := summary{Answer: answer}
	if failure != nil {
		s.Error = failure.Error()
	}
	data, err := json.MarshalIndent(s, "", " ")
	if err != nil {
		return fmt.Errorf("encoding the summary of run %s: %w", r.id, err)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closingTime/2)
	defer cancel()
	location := object.Location{Bucket: r.Bucket, Key: r.Layout.Run(r.Database, r.id)}
	_, err = r.Store.Put(ctx, location, append(data, '\n'), object.PutOptions{Headers: object.Headers{ContentType: "application/json"}, IfAbsent: r.step == 0})
	if errors.Is(err, object.ErrExists) && r.step == 0 {
		return fmt.Errorf("two runs have the id %s: %w", r.id, err)
	}
	return err
}
