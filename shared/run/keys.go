package run

import (
	"context"
	"fmt"
	"slices"

	"github.com/stagelift/stagelift/shared/encode"
	"github.com/stagelift/stagelift/shared/fault"
	"github.com/stagelift/stagelift/shared/postgres"
	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/table"
)

// The keys of a table are read for a sweep, by which a load finds out what was
// deleted. They are a task of their own beside that of the rows: cut into units,
// read by the streams, and written into parts as rows are. The table is published
// when both are there.
//
// Promised: the keys are those of one moment, which is not before that of any row of
// the receipt. So no row is taken for deleted that moved while it was read, or that
// came between. Units that an invocation before has read count only if it saw the
// same moment; else all keys are read again, and a table whose keys do not fit into
// one invocation needs a snapshot that is held.
//
// A window that was published as far as the time allowed goes without a sweep when
// the keys were not read to their end. The answer says so, and a later run sweeps.

// prepareKeys makes the task that reads the keys, where the load sweeps.
func (t *task) prepareKeys() error {
	if t.load.Deletes == "" {
		return nil
	}
	if t.Foreign() {
		return fault.New(fault.TableRequest, `set "deletes":"keep"`, "load.deletes needs the rows and the keys of one moment, and a foreign server gives each session its own")
	}
	k := *t
	k.keys, k.sweeping, k.window, k.earlier, k.open, k.first, k.density = nil, true, nil, nil, nil, 0, 0
	k.columns, k.fields = make([]table.Column, len(t.key)), make([]table.Field, len(t.key))
	k.limits, k.tooLongs = make([]table.Limit, len(t.key)), make([]string, len(t.key))
	for i, at := range t.positions(t.key) {
		k.columns[i], k.fields[i], k.limits[i], k.tooLongs[i] = t.columns[at], t.fields[at], t.limits[at], t.tooLongs[at]
	}
	k.encoding.Repeats, k.encoding.Metadata = nil, k.metadata()
	k.query = postgres.Query{Fields: k.fields, Where: t.where, NullOutOfRange: t.query.NullOutOfRange, Key: t.query.Key}
	if k.encoding.Key != nil {
		k.encoding.Key = k.positions(t.key)
	}
	if _, err := encode.New(k.fields, k.encoding); err != nil {
		return fmt.Errorf("the keys for load.deletes: %w", err)
	}
	t.keys = &k
	return nil
}

// takeUpKeys goes on with keys of which an invocation before has read some at the
// same moment, and else reads all of them. It refuses rows that were read later than
// the keys would be.
func (t *task) takeUpKeys(what left) error {
	if t.keys == nil {
		return nil
	}
	for _, record := range t.earlier {
		if record.Snapshot.At.After(t.moment.At) && !record.Snapshot.Same(t.moment) {
			return fault.New(fault.Publishing, "run again", "another invocation read on in table %s, at a later moment than this one", t.Name)
		}
	}
	_, open, records, _ := what.of(t.Name, true)
	if slices.ContainsFunc(records, func(r stage.Record) bool { return !r.Snapshot.Same(t.moment) }) || len(records) == 0 {
		open, records = nil, nil
		for _, u := range what.units {
			if u.Table == t.Name && u.Keys {
				open = append(open, stage.Unit{ID: u.ID, Table: u.Table, Keys: true}) // all of it, as it is now
			}
		}
	}
	t.keys.open, t.keys.earlier = open, records
	for _, record := range records {
		t.keys.first += len(record.Parts)
	}
	return nil
}

// both are the progress of a table's rows and, where there is one, of its keys.
func (p *progress) both() []*progress {
	if p.sweeping {
		p = p.rowsOf
	}
	if p.sweep == nil {
		return []*progress{p}
	}
	return []*progress{p, p.sweep}
}

// stopAll has nobody read any more of the table.
func (p *progress) stopAll() {
	for _, each := range p.both() {
		each.stop()
	}
}

// swept is what the keys' parts amount to; nil when not all of them are there.
func (r *run) swept(k *progress) (*stage.Sweep, error) {
	copied, parts, read := k.stored(0)
	if len(without(k.ranges(), read)) > 0 {
		return nil, nil
	}
	s := &stage.Sweep{Parts: []stage.Part{}, Filter: k.where}
	for _, record := range k.earlier {
		s.Parts, copied = append(s.Parts, record.Parts...), copied+record.Copied
	}
	s.Parts = append(s.Parts, parts...)
	for _, part := range s.Parts {
		s.Rows += part.Rows
		s.Bytes += part.Bytes
	}
	if len(s.Parts) > 0 {
		s.Manifest = r.Layout.KeysManifest(k.folder, k.attempt)
	}
	if s.Rows != copied {
		return nil, fault.New(fault.Mismatch, "", "the server sent %d keys, but the parts hold %d; the table is not published", copied, s.Rows)
	}
	return s, nil
}

// Why a receipt is without the sweep that was asked for.
const (
	unsweptTime  = "there was no time to read all keys; a later run finds out what was deleted"
	unsweptEmpty = `the table has no rows, which would delete all of the target; set "deletes_empty":true in load where that is meant`
)

// addSweep gives a receipt its sweep, or says why it has none. False is of keys that
// are still to be read.
func (r *run) addSweep(p *progress, receipt *stage.Receipt) (unswept string, whole bool, err error) {
	if p.sweep == nil {
		return "", true, nil
	}
	receipt.Sweep, err = r.swept(p.sweep)
	switch {
	case err != nil:
		return "", false, err
	case receipt.Sweep == nil:
		return unsweptTime, p.window != nil && p.window.sliced, nil
	case receipt.Sweep.Rows == 0 && !p.treatment.sweep.empty:
		receipt.Sweep = nil
		return unsweptEmpty, true, nil
	}
	return "", true, nil
}

// tellUnswept says that a table is published and nothing that was deleted is told.
func (r *run) tellUnswept(ctx context.Context, p *progress, why string) {
	r.Log.WarnContext(ctx, "table not swept", "run", p.folder.Run, "table", p.Name.String(), "reason", why)
}
