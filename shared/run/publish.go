package run

import (
	"context"
	"errors"
	"time"

	"github.com/stagelift/stagelift/shared/fault"
	"github.com/stagelift/stagelift/shared/object"
	"github.com/stagelift/stagelift/shared/stage"
)

// publishers is how many tables are published at once, beside the reading of
// others.
const publishers = 8

// left gives a table back, and publishes it if that was the last of it.
func (r *run) left(ctx context.Context, p *progress, readers, closing int) {
	if !r.queue.leave(p, readers, closing) || p.isStopped() {
		return
	}
	r.publishing.Go(func() {
		r.slots <- struct{}{}
		defer func() { <-r.slots }()
		if p.sweeping {
			p = p.rowsOf
		}
		if err := r.publish(ctx, p); err != nil {
			r.broke(ctx, p, err)
		}
	})
}

// broke says that a table cannot be published. When the time is over, or the run
// is, what was read of it is left to be gone on with.
func (r *run) broke(ctx context.Context, p *progress, err error) {
	if ctx.Err() != nil {
		return
	}
	p.stopAll()
	r.fail(ctx, p.Name.String(), fault.Coded(err, fault.Source))
	switch object.Code(err) {
	case "AccessDenied", "NoSuchBucket", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken":
		r.halt(err) // so will every other table be refused
	}
}

// publish makes a table visible: manifest, then receipt. Of an incremental run
// the watermark follows. A table of which something was not read stays as it is.
func (r *run) publish(ctx context.Context, p *progress) error {
	receipt, whole, err := r.receipt(p)
	if err != nil || !whole {
		return err
	}
	unswept, whole, err := r.addSweep(p, &receipt)
	if err != nil || !whole {
		return err
	}
	moves := p.window != nil && r.settings.repair == "" // the watermark
	if moves {
		if err := r.claim(ctx, p.task, receipt.Window.To); err != nil {
			return err
		}
	}
	if err := r.putManifest(ctx, receipt.Manifest, receipt.Parts); err != nil {
		return fault.Coded(err, fault.Staging)
	}
	if s := receipt.Sweep; s != nil {
		if err := r.putManifest(ctx, s.Manifest, s.Parts); err != nil {
			return fault.Coded(err, fault.Staging)
		}
	}
	if err := r.putReceipt(ctx, p.task, receipt); err != nil {
		return fault.Coded(err, fault.Staging)
	}
	r.published(ctx, p, receipt, unswept)
	if !moves {
		return nil
	}
	if err := r.advance(ctx, p.task, receipt.Window.To); err != nil {
		// The table is published. An error would have the run repeated; the next
		// one finds the receipt.
		r.Log.WarnContext(ctx, "the watermark could not be moved; the next run does it", "run", r.id, "table", p.Name.String(), "error", err)
	}
	return nil
}

// sum adds counts by column up; nil where there are none.
func sum(a, b map[string]stage.Altered) map[string]stage.Altered {
	for column, n := range b {
		if a == nil {
			a = map[string]stage.Altered{}
		}
		a[column] = stage.Altered{Truncated: a[column].Truncated + n.Truncated, Nulled: a[column].Nulled + n.Nulled}
	}
	return a
}

// receipt is what a table's parts amount to; false when something of it was not
// read.
func (r *run) receipt(p *progress) (receipt stage.Receipt, whole bool, err error) {
	receipt = stage.Receipt{
		Version: stage.ReceiptVersion, Run: p.folder.Run, Database: r.Database, Table: p.Name,
		Snapshot: p.moment, Consistency: stage.ConsistencySnapshot,
		Columns: p.columns, PrimaryKey: p.key, Filter: p.where, Absent: p.LeftOut, Apart: p.apart(),
		Format: p.format, Parts: []stage.Part{}, Load: p.load, At: time.Now().UTC(),
	}
	origin := p.origin(r.snapshot, r.Host)
	receipt.Origin, receipt.Repairs = &origin, r.settings.repair
	slice := 0
	if p.window != nil {
		w := p.window.Window
		if receipt.Window = &w; p.window.sliced {
			if slice, whole = p.upTo(); !whole {
				return receipt, false, nil
			}
			if slice > 0 {
				w.To = p.slicedTo[slice-1]
			}
		}
	}
	copied, parts, read := p.stored(slice)
	if (p.window == nil || !p.window.sliced) && len(without(p.ranges(), read)) > 0 {
		return receipt, false, nil
	}
	for _, record := range p.earlier {
		receipt.Parts, copied = append(receipt.Parts, record.Parts...), copied+record.Copied
		if receipt.Snapshot = p.earlier[0].Snapshot; !record.Snapshot.Same(p.moment) {
			receipt.Consistency = stage.ConsistencyRanges
		}
	}
	receipt.Parts = append(receipt.Parts, parts...)
	for _, part := range receipt.Parts {
		receipt.Rows += part.Rows
		receipt.Bytes += part.Bytes
		receipt.Altered = sum(receipt.Altered, part.Altered)
	}
	if len(receipt.Parts) > 0 {
		receipt.Manifest = r.Layout.Manifest(p.folder, p.attempt)
	}
	if receipt.Rows != copied {
		return receipt, false, fault.New(fault.Mismatch, "", "the server sent %d rows, but the parts hold %d; the table is not published", copied, receipt.Rows)
	}
	return receipt, true, nil
}

// upTo returns the last slice that can be published, 0 for the whole window;
// false when none can.
func (p *progress) upTo() (slice int, some bool) {
	slice = p.lastSlice(len(p.relations))
	switch {
	case p.ended && slice == p.slices:
		return 0, true
	case slice == 0:
		return 0, false
	}
	return slice, true
}

// putManifest writes a manifest of this attempt, where there are parts.
func (r *run) putManifest(ctx context.Context, key string, parts []stage.Part) error {
	if key == "" {
		return nil
	}
	data, err := stage.NewManifest(r.Bucket, parts).Encode()
	if err != nil {
		return err
	}
	_, err = r.Store.Put(ctx, object.Location{Bucket: r.Bucket, Key: key}, data,
		object.PutOptions{Headers: object.Headers{ContentType: "application/json"}, IfAbsent: true, Tags: stage.Expiring})
	return err
}

// putReceipt writes the receipt once. One that is there already is that of
// another invocation of the same run, which is as good, or a sign of two runs under
// one id.
func (r *run) putReceipt(ctx context.Context, t *task, receipt stage.Receipt) error {
	data, err := receipt.Encode()
	if err != nil {
		return err
	}
	_, err = r.Store.Put(ctx, object.Location{Bucket: r.Bucket, Key: r.Layout.Receipt(t.folder)}, data,
		object.PutOptions{Headers: object.Headers{ContentType: "application/json"}, IfAbsent: true})
	if errors.Is(err, object.ErrExists) && r.plan != nil {
		return fault.New(fault.Publishing, "", "another invocation has published this table of run %s; what this one read is left out", r.id)
	}
	return err
}

func (r *run) published(ctx context.Context, p *progress, receipt stage.Receipt, unswept string) {
	o := outcomeOf(receipt, r.Layout.Receipt(p.folder))
	if o.Unswept = unswept; unswept != "" {
		r.tellUnswept(ctx, p, unswept)
	}
	seconds := p.seconds()
	r.settle(o)
	r.Log.InfoContext(ctx, "table published", "run", receipt.Run, "table", o.Table,
		"rows", o.Rows, "bytes", o.Bytes, "parts", o.Parts, "receipt", o.Receipt, "seconds", seconds)
	if len(o.Altered) > 0 {
		r.Log.WarnContext(ctx, "values were changed to fit what they are loaded into", "run", receipt.Run, "table", o.Table, "altered", o.Altered)
	}
	r.count(ctx, o, seconds)
}

func outcomeOf(receipt stage.Receipt, key string) Outcome {
	o := Outcome{
		Table: receipt.Table.String(), Outcome: Published, Rows: receipt.Rows, Bytes: receipt.Bytes, Parts: len(receipt.Parts),
		Receipt: key, Consistency: receipt.Consistency, Window: receipt.Window, Apart: receipt.Apart, Load: receipt.Load.Mode, Altered: receipt.Altered,
	}
	if s := receipt.Sweep; s != nil {
		o.Keys = &s.Rows
	}
	return o
}

// claim writes down what the run is about to publish, over the very state that
// it found, so that of several runs one publishes.
func (r *run) claim(ctx context.Context, t *task, to string) error {
	w := t.window
	state := w.unmoved(t)
	state.Publishing = &stage.Publishing{Run: t.folder.Run, To: to, Relations: w.origin.Relations, Receipt: r.Layout.Receipt(t.folder)}
	if w.before.Column == "" {
		begun := stage.Begun{Table: t.Name, Run: t.folder.Run, At: time.Now().UTC()}
		if _, err := r.begun(t.Name).Create(ctx, begun); err != nil && !errors.Is(err, object.ErrExists) {
			return fault.Coded(err, fault.Staging)
		}
	}
	etag, err := r.state(t.Name).Replace(ctx, state, w.etag)
	if stage.Conflict(err) {
		return r.lost(ctx, t, err)
	}
	if err != nil {
		return fault.Coded(err, fault.Staging)
	}
	w.etag = etag
	return nil
}

// lost looks who has changed the state. An invocation of this very run may have,
// whose time was over before it could publish.
func (r *run) lost(ctx context.Context, t *task, cause error) error {
	now, etag, err := r.state(t.Name).Read(ctx)
	if err != nil {
		return fault.Coded(err, fault.Staging)
	}
	if now.Publishing != nil && now.Publishing.Run == t.folder.Run {
		t.window.etag = etag
		return nil
	}
	return fault.New(fault.Publishing, "", "run %s published this table, or is about to, while this one read it; what this one read stays unpublished, and the next run reads on from %q: %w",
		publisher(now), now.Watermark, cause)
}

func publisher(s stage.State) stage.RunID {
	if s.Publishing != nil {
		return s.Publishing.Run
	}
	return s.Run
}

// advance moves the watermark, once the receipt is there. A run that comes
// later finds it out by the receipt when this does not succeed.
func (r *run) advance(ctx context.Context, t *task, to string) error {
	_, err := r.state(t.Name).Replace(ctx, t.window.next(t, to), t.window.etag)
	return err
}
