package run

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/stagelift/stagelift/shared/fault"
	"github.com/stagelift/stagelift/shared/object"
	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/table"
)

// goOn takes up a run that was left. Tables that are published by now are settled.
func (r *run) goOn(ctx context.Context, request Request) error {
	id, err := stage.ParseContinuation(request.Continuation)
	if err != nil {
		return &fault.Error{Code: fault.Request, Err: err}
	}
	what, err := r.records(id).read(ctx)
	if errors.Is(err, object.ErrNotFound) {
		return fault.New(fault.Request, "", "going on with run %s: it was not left, or its plan is gone: %w", id, err)
	}
	if err != nil {
		return fault.Coded(fmt.Errorf("going on with run %s: %w", id, err), fault.Staging)
	}
	original, err := DecodeRequest(what.plan.Request)
	if err != nil {
		return err
	}
	if r.settings, err = original.settings(); err != nil {
		return err
	}
	r.id, r.plan, r.attempt, r.moment = id, &what.plan, newAttempt(), what.plan.Snapshot
	selection := r.settings.selection()
	selection.Include, selection.Exclude = nil, nil
	for _, planned := range what.plan.Tables {
		if published, err := r.adopt(ctx, planned.Table); published || err != nil {
			if err != nil {
				return err
			}
			continue
		}
		pattern, err := table.ParsePattern(planned.Table.String())
		if err != nil {
			return err
		}
		selection.Include = append(selection.Include, pattern)
	}
	if len(selection.Include) == 0 {
		return nil
	}
	moment := r.moment
	if err := r.open(ctx, request.Snapshot, selection, nil); err != nil {
		return fmt.Errorf("going on with run %s: %w", id, err)
	}
	now := r.moment
	r.moment = moment
	r.queue = newQueue(r.resumed(ctx, what, now))
	return nil
}

// newAttempt names an invocation that goes on with a run.
func newAttempt() string {
	var name [4]byte
	_, _ = rand.Read(name[:]) // never fails: crypto/rand ends the process instead
	return hex.EncodeToString(name[:])
}

// adopt finds out that a table of the run was published.
func (r *run) adopt(ctx context.Context, name table.Name) (bool, error) {
	key := r.Layout.Receipt(r.folder(name))
	data, _, err := r.Store.Get(ctx, object.Location{Bucket: r.Bucket, Key: key}, receiptLimit)
	if errors.Is(err, object.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fault.Coded(err, fault.Staging)
	}
	receipt, err := r.Layout.DecodeReceipt(key, data)
	if err != nil {
		return false, fault.Coded(err, fault.Staging)
	}
	r.settle(outcomeOf(receipt, key))
	r.adopted++
	return true, nil
}

// resumed makes tasks of the tables that a run has left.
func (r *run) resumed(ctx context.Context, what left, now stage.Snapshot) []*task {
	var list []*task
	for _, described := range r.snapshot.Tables {
		t := &task{Table: described, treatment: r.settings.of(described.Name), settings: &r.settings, folder: r.folder(described.Name), attempt: r.attempt, moment: now}
		if err := r.takeUp(ctx, t, what, nil); err != nil {
			r.fail(ctx, described.Name.String(), fault.Coded(err, fault.TableRequest))
			continue
		}
		list = append(list, t)
	}
	return list
}

// unfinished goes on with a table that the run before began with and left; nil when
// it cannot, since the table is another by now: then the window is read anew, of
// which nothing was published.
func (r *run) unfinished(ctx context.Context, t *task, w *window) (*task, error) {
	id := w.before.Unfinished
	what, err := r.records(id).read(ctx)
	if err != nil {
		r.Log.WarnContext(ctx, "an unfinished run cannot be gone on with; its window is read anew", "run", r.id, "table", t.Name.String(), "unfinished", id, "error", err)
		return nil, nil
	}
	original, err := DecodeRequest(what.plan.Request)
	if err != nil {
		return nil, err
	}
	settings, err := original.settings()
	if err != nil {
		return nil, err
	}
	settings.streams, settings.ddlWait = r.settings.streams, r.settings.ddlWait
	on := &task{
		Table: t.Table, treatment: settings.of(t.Name), settings: &settings, attempt: newAttempt(), moment: r.moment,
		folder: stage.Folder{Database: r.Database, Table: t.Name, Run: id},
	}
	if err := r.takeUp(ctx, on, what, w); err != nil {
		r.Log.WarnContext(ctx, "an unfinished run cannot be gone on with; its window is read anew", "run", r.id, "table", t.Name.String(), "unfinished", id, "error", err)
		return nil, nil
	}
	r.Log.InfoContext(ctx, "going on with a table that a run before has left", "run", r.id, "table", t.Name.String(), "unfinished", id)
	return on, nil
}

// takeUp puts a task where the records of its run say that it is. Of an
// incremental run the state is w's, or is read.
func (r *run) takeUp(ctx context.Context, t *task, what left, w *window) error {
	planned, open, records, found := what.of(t.Name, false)
	if !found {
		return fmt.Errorf("run %s has no table %s", what.plan.Run, t.Name)
	}
	t.open, t.earlier, t.density = open, records, planned.Density
	for _, record := range records {
		t.first += len(record.Parts)
	}
	if err := errors.Join(t.describe(), t.checkOpen(planned)); err != nil {
		return err
	}
	if planned.Window != nil {
		column := t.columns[max(0, t.position(planned.Window.Column))]
		if w == nil {
			state, etag, err := r.readState(ctx, t.Name, column)
			if err != nil {
				return err
			}
			w = &window{etag: etag, before: state, origin: t.origin(r.snapshot, r.Host)}
		}
		t.window = &window{Window: *planned.Window, column: column, etag: w.etag, before: w.before, origin: w.origin}
		t.window.origin.Relations = planned.Origin.Relations
		for _, relation := range t.Relations {
			if slices.Contains(planned.Window.Joined, relation.Name.String()) {
				t.window.joined = append(t.window.joined, relation.OID)
			}
		}
	}
	if err := t.prepare(); err != nil {
		return err
	}
	return t.takeUpKeys(what)
}

// checkOpen refuses to go on with a table that is another by now. Its blocks are
// the same only as long as it was not rewritten.
func (t *task) checkOpen(planned stage.PlannedTable) error {
	changed := func(format string, args ...any) error {
		return fault.New(fault.Changed, "start a new run", "table %s cannot be gone on with: %s", t.Name, fmt.Sprintf(format, args...))
	}
	if planned.Origin.OID != t.OID {
		return changed("it is another table by now")
	}
	if len(planned.Columns) != len(t.Columns) {
		return changed("its columns are others by now")
	}
	for i, c := range planned.Columns {
		if c.Name != t.Columns[i].Name || c.Type != t.Columns[i].Type {
			return changed("its columns are others by now")
		}
	}
	for _, g := range t.ranges() {
		r := t.Relation(g.Relation)
		switch {
		case r == nil:
			return changed("a part of it is gone that was not read to its end")
		case r.File != g.File:
			return changed("%s was rewritten", r.Name)
		}
	}
	return nil
}
