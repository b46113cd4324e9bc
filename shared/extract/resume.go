package extract

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/stagelift/stagelift/shared/object"
	"github.com/stagelift/stagelift/shared/postgres"
	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/table"
)

// partialLimit bounds what is read as a record of what is left.
const partialLimit = 256 << 20

// resume takes up what an earlier invocation left. The caller must close the
// snapshot, which is nil when everything turned out to be published.
func (j *Job) resume(ctx context.Context, request Request) (*run, *postgres.Snapshot, error) {
	id, step, err := stage.ParseContinuation(request.Continuation)
	if err != nil {
		return nil, nil, err
	}
	record, err := j.readPartial(ctx, id, step)
	if err != nil {
		return nil, nil, err
	}
	original, err := DecodeRequest(record.Request)
	if err != nil {
		return nil, nil, err
	}
	plan, err := original.plan()
	if err != nil {
		return nil, nil, err
	}
	r := &run{Job: j, plan: plan, id: id, step: step, start: time.Now(), snapshot: record.Snapshot}
	takenOver, err := r.take(ctx)
	if err != nil {
		return nil, nil, err
	}
	snapshot, err := r.goOn(ctx, record, takenOver, request.Snapshot)
	if err != nil {
		return nil, nil, errors.Join(err, r.release(ctx))
	}
	return r, snapshot, nil
}

func (j *Job) readPartial(ctx context.Context, id stage.RunID, step int) (stage.Partial, error) {
	location := object.Location{Bucket: j.Bucket, Key: j.Layout.Partial(j.Database, id, step)}
	data, _, err := j.Store.Get(ctx, location, partialLimit)
	if err != nil {
		return stage.Partial{}, fmt.Errorf("going on with run %s: %w", id, err)
	}
	return stage.DecodePartial(data, j.Database, id, step)
}

// goOn describes the tables that are left once more and joins them with the
// record.
func (r *run) goOn(ctx context.Context, record stage.Partial, takenOver bool, held string) (*postgres.Snapshot, error) {
	left := map[table.Name]stage.PartialTable{}
	selection := postgres.Selection{Columns: map[table.Name]postgres.Columns{}}
	var names []string
	for _, t := range record.Tables {
		if takenOver && t.Receipt == "" {
			if err := r.adopt(ctx, &t); err != nil {
				return nil, err
			}
		}
		if t.Receipt != "" {
			r.earlier = append(r.earlier, Published{Table: t.Table.String(), Rows: t.Rows, Bytes: t.Bytes, Parts: len(t.Parts), Receipt: t.Receipt, Consistency: t.Consistency, Window: t.Window})
			r.record = append(r.record, t)
			continue
		}
		left[t.Table] = t
		names = append(names, t.Table.String())
		if columns := r.plan.of(t.Table).columns; columns.Only != nil || columns.Except != nil {
			selection.Columns[t.Table] = columns
		}
	}
	r.queue = newQueue(nil)
	if len(left) == 0 {
		return nil, nil
	}
	var err error
	if selection.Include, err = table.ParsePatterns(names); err != nil {
		return nil, err
	}
	snapshot, err := r.Source.Snapshot(ctx, postgres.SnapshotOptions{Import: held})
	if err != nil {
		return nil, err
	}
	tables, err := snapshot.Tables(ctx, selection)
	if err == nil {
		err = r.takeUp(ctx, snapshot, tables, left)
	}
	if err != nil {
		_ = snapshot.Close(ctx) // read only: nothing can be lost here
		return nil, fmt.Errorf("going on with run %s: %w", r.id, err)
	}
	return snapshot, nil
}

// adopt finds out that a table was published by an invocation that died before
// it could say so.
func (r *run) adopt(ctx context.Context, t *stage.PartialTable) error {
	key := r.Layout.Receipt(r.folder(t.Table))
	data, _, err := r.Store.Get(ctx, object.Location{Bucket: r.Bucket, Key: key}, partialLimit)
	if errors.Is(err, object.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	receipt, err := r.Layout.DecodeReceipt(key, data)
	t.Receipt, t.Parts, t.Rows, t.Bytes, t.Consistency = key, receipt.Parts, receipt.Rows, receipt.Bytes, receipt.Consistency
	return err
}

// takeUp makes progress of the tables that are left.
func (r *run) takeUp(ctx context.Context, snapshot *postgres.Snapshot, tables []postgres.Table, left map[table.Name]stage.PartialTable) error {
	var problems []error
	for _, described := range tables {
		record := left[described.Name]
		t := &progress{Table: described, treatment: r.plan.of(described.Name), folder: r.folder(described.Name)}
		if err := errors.Join(t.describe(), t.takeUp(record, snapshotOf(snapshot)), t.plan()); err != nil {
			problems = append(problems, fmt.Errorf("table %s: %w", described.Name, err))
			continue
		}
		if !slices.Equal(t.Columns, record.Columns) {
			problems = append(problems, fmt.Errorf("table %s has other columns than when the run began; start a new one", described.Name))
		}
		r.tables = append(r.tables, t)
	}
	r.queue = newQueue(r.tables)
	r.Log.InfoContext(ctx, "run goes on", "run", r.id, "step", r.step, "tables", len(r.tables))
	return errors.Join(problems...)
}

// takeUp puts a table where its record says that it is.
func (p *progress) takeUp(record stage.PartialTable, now stage.Snapshot) error {
	p.snapshot, p.consistency, p.density = now, stage.ConsistencySnapshot, record.Density
	if record.Window != nil {
		p.watermark = &watermark{window: *record.Window, etag: record.StateETag, before: stage.State{Watermark: record.Window.From}}
	}
	if record.Ranges == nil {
		return nil
	}
	p.snapshot, p.consistency = record.Snapshot, record.Consistency
	if now.Visible == "" || now.Visible != record.Snapshot.Visible {
		p.consistency = stage.ConsistencyRanges
	}
	p.resumed = []postgres.Span{}
	for _, left := range record.Ranges {
		span, err := p.Adopt(postgres.Span{Relation: left.Relation, File: left.File, From: left.From, To: left.To})
		if err != nil {
			return err
		}
		p.resumed = append(p.resumed, span)
	}
	p.parts = make([]stage.Part, record.NextPart)
	copy(p.parts, record.Parts) // they keep their keys; only their order counts
	p.copied = record.Copied
	p.rows.Store(p.copied)
	return nil
}

// leave writes down what is left, for the next invocation to take up.
func (r *run) leave(ctx context.Context) (string, error) {
	request, err := json.Marshal(r.plan.request)
	if err != nil {
		return "", fmt.Errorf("encoding the request of run %s: %w", r.id, err)
	}
	record := stage.Partial{
		Version: stage.PartialVersion, Database: r.Database, Run: r.id, Step: r.step + 1, Request: request,
		Snapshot: r.snapshot, Tables: r.record, At: time.Now().UTC(),
	}
	for _, t := range r.tables {
		record.Tables = append(record.Tables, t.partial())
	}
	data, err := record.Encode()
	if err != nil {
		return "", err
	}
	return record.Continuation(), r.put(ctx, r.Layout.Partial(r.Database, r.id, record.Step), data)
}

// partial is what a record says of a table.
func (p *progress) partial() stage.PartialTable {
	record := stage.PartialTable{
		Table: p.Name, Columns: p.Columns, Snapshot: p.snapshot, Consistency: p.consistency,
		Density: p.density, Parts: p.stored(), NextPart: len(p.parts), Copied: p.copied,
	}
	if p.watermark != nil {
		record.Window, record.StateETag = &p.watermark.window, p.watermark.etag
	}
	if published := p.publishedAs.Load(); published != nil {
		record.Receipt, record.Rows, record.Bytes = published.Receipt, published.Rows, published.Bytes
		return record
	}
	if left := p.left(); left != nil {
		record.Ranges = []stage.Range{}
		for _, span := range left {
			record.Ranges = append(record.Ranges, stage.Range{Relation: span.Relation, File: span.File, From: span.From, To: span.To})
		}
	}
	return record
}
