package extract

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/stagelift/stagelift/shared/encode"
	"github.com/stagelift/stagelift/shared/object"
	"github.com/stagelift/stagelift/shared/postgres"
	"github.com/stagelift/stagelift/shared/stage"
)

func (r *run) newProgress(t postgres.Table) (*progress, error) {
	p := &progress{
		Table:  t,
		folder: r.folder(t.Name),
		spans:  t.Spans(spanBlocks(t.Blocks, r.plan.streams)),
		header: encode.CSVHeader(encode.Names(t.Columns), r.plan.format.Delimiter),
	}
	for _, span := range p.spans[:min(1, len(p.spans))] {
		// A column that cannot be read shows before anything is written.
		if _, err := postgres.CopyCSV(t.Columns, span, postgres.CSVOptions{}); err != nil {
			return nil, fmt.Errorf("planning %s: %w", t.Name, err)
		}
	}
	return p, nil
}

// publish makes a table visible: manifest, then receipt.
func (r *run) publish(ctx context.Context, t *progress) error {
	receipt := stage.Receipt{
		Version: stage.ReceiptVersion, Run: r.id, Database: r.Database, Table: t.Name,
		Snapshot: r.snapshot, Consistency: "snapshot",
		Columns: t.Columns, PrimaryKey: t.PrimaryKey,
		Format: r.plan.format, Parts: t.parts, Load: r.plan.load, At: time.Now().UTC(),
	}
	if receipt.Parts == nil {
		receipt.Parts = []stage.Part{}
	}
	for _, part := range t.parts {
		receipt.Rows += part.Rows
		receipt.Bytes += part.Bytes
	}
	if receipt.Rows != t.copied {
		return fmt.Errorf("the server sent %d rows, but the parts hold %d; the table is not published", t.copied, receipt.Rows)
	}
	if len(t.parts) > 0 {
		receipt.Manifest = r.Layout.Manifest(t.folder)
		if err := r.putManifest(ctx, receipt); err != nil {
			return err
		}
	}
	data, err := receipt.Encode()
	if err != nil {
		return err
	}
	key := r.Layout.Receipt(t.folder)
	if err := r.put(ctx, key, data); err != nil {
		return err
	}
	t.publishedAs.Store(&Published{
		Table: t.Name.String(), Rows: receipt.Rows, Bytes: receipt.Bytes, Parts: len(receipt.Parts), Receipt: key,
	})
	r.Log.InfoContext(ctx, "table published", "run", r.id, "table", t.Name.String(),
		"rows", receipt.Rows, "bytes", receipt.Bytes, "parts", len(receipt.Parts), "receipt", key)
	return nil
}

func (r *run) putManifest(ctx context.Context, receipt stage.Receipt) error {
	data, err := stage.NewManifest(r.Bucket, receipt.Parts).Encode()
	if err != nil {
		return err
	}
	return r.put(ctx, receipt.Manifest, data)
}

// put writes a document once. The run id makes every key new, so one that is
// there already is a sign of two runs under one id, and is never replaced.
func (r *run) put(ctx context.Context, key string, data []byte) error {
	_, err := r.Store.Put(ctx, object.Location{Bucket: r.Bucket, Key: key}, data,
		object.PutOptions{ContentType: "application/json", IfAbsent: true})
	return err
}

// summary is what _runs/<run>.json says.
type summary struct {
	Answer
	Error string `json:"error,omitempty"`
}

// writeSummary records how the run ended, also when it was cut off.
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
	return r.put(ctx, r.Layout.Run(r.Database, r.id), append(data, '\n'))
}
