package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/stagelift/stagelift/shared/fault"
	"github.com/stagelift/stagelift/shared/object"
	"github.com/stagelift/stagelift/shared/postgres"
	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/table"
)

// window is what an incremental run reads of a table.
type window struct {
	stage.Window
	column table.Column
	// etag is that of the state that the run found; empty when there was none.
	// Before is what the state said, and origin what the table is now.
	etag   string
	before stage.State
	origin stage.Origin
	// joined are relations that are read whole, whatever the watermark: they were
	// no part of the table before.
	joined []uint32
	// sliced is true when the window is read slice by slice in the order of its
	// cursor, so that it can be published as far as it came; rows bounds a slice.
	sliced bool
	rows   int64
}

// of is the part of the window that a relation is read by.
func (w *window) of(r *postgres.Relation) *postgres.Window {
	part := &postgres.Window{Column: w.column, From: w.From, To: w.To, Lookback: w.Lookback}
	if slices.Contains(w.joined, r.OID) {
		part.From, part.Lookback = "", ""
	}
	return part
}

// bound finds the window of an incremental run. It leaves it nil when the table is
// settled: there is nothing new. A table that an earlier run began with and left
// is gone on with instead, by the task that is returned.
func (r *run) bound(ctx context.Context, t *task) (unfinished *task, err error) {
	name := t.Name.String()
	if t.cursor == nil {
		return nil, fault.New(fault.TableRequest, "", `mode incremental needs to know which rows are new; set "overrides":{%q:{"cursor":{"column":"…"}}}, or exclude the table`, name)
	}
	if t.position(t.cursor.Column) < 0 {
		return nil, fault.New(fault.TableRequest, "", "the cursor %s is not among the columns that are read", table.Quote(t.cursor.Column))
	}
	bound, found := r.snapshot.Bounds[t.Name]
	if !found {
		return nil, fault.New(fault.Changed, "run again", "table %s was created while the run began", name)
	}
	column := t.columns[t.position(t.cursor.Column)]
	state, etag, err := r.readState(ctx, t.Name, column)
	if err != nil {
		return nil, err
	}
	w := &window{etag: etag, before: state, origin: t.origin(r.snapshot, r.Host), column: column, rows: state.Rows, Window: stage.Window{
		Column: column.Name, Type: column.Type, From: state.Watermark, To: bound.To, Lookback: t.cursor.Lookback,
	}}
	if r.settings.restart[t.Name] {
		w.restart(&t.load)
	} else if err := r.recognise(ctx, t, w); err != nil {
		return nil, err
	}
	if bound.Beyond {
		r.Log.WarnContext(ctx, "rows have values beyond the last of the cursor's sequence; they are read when it gets there", "run", r.id, "table", name, "last", *bound.Last)
	}
	if w.before.Unfinished != "" {
		if unfinished, err := r.unfinished(ctx, t, w); unfinished != nil || err != nil {
			return unfinished, err
		}
	}
	if w.From == "" {
		w.Lookback, t.window = "", w
		return nil, nil
	}
	something, err := r.snapshot.Precedes(ctx, column, w.From, w.To)
	if err != nil {
		return nil, err
	}
	if !something {
		w.To = w.From // the partitions that joined, or the keys, alone
		if settled, err := r.nothingNew(ctx, t, w, bound); settled || err != nil {
			return nil, err
		}
	}
	w.sliced, t.window = (bound.Index && !state.ByBlock || w.rows > 0) && len(w.joined) == 0, w
	return nil, nil
}

// restart has the window begin at the first row. What was loaded by append would
// double: the rows that are read anew replace it.
func (w *window) restart(load *stage.Load) {
	w.before.Unfinished, w.From = "", ""
	if load.Mode == "append" {
		load.Mode = "replace"
	}
}

// nothingNew settles a table of which no row is new, and nothing else is to be read.
func (r *run) nothingNew(ctx context.Context, t *task, w *window, bound postgres.Bound) (settled bool, err error) {
	if len(w.joined) > 0 {
		return false, nil
	}
	if err := r.checkBack(ctx, t, w, bound); err != nil || t.load.Deletes != "" {
		return false, err
	}
	if err := r.keepSettled(ctx, t, w); err != nil {
		return false, err
	}
	r.skip(ctx, t.Name.String(), fault.NothingNew, fmt.Sprintf("nothing is new that could be read for sure: rows are read up to %q, which is as far as no transaction that is open can still write below, and those below %q were published before", bound.To, w.From))
	return true, nil
}

// checkBack refuses a sequence that has come again to values that were published
// before: their rows would be lost for ever.
func (r *run) checkBack(ctx context.Context, t *task, w *window, bound postgres.Bound) error {
	if bound.Last == nil {
		return nil
	}
	back, err := r.snapshot.Precedes(ctx, w.column, fmt.Sprint(*bound.Last+1), w.From)
	if err != nil || !back {
		return err
	}
	return fault.New(fault.CursorBack, restartMend(t.Name), "the sequence behind cursor %s is at %d, and rows below %s were published: it was set back, as TRUNCATE … RESTART IDENTITY does, and rows with values that came before would never be read",
		table.Quote(w.Column), *bound.Last, w.From)
}

func restartMend(name table.Name) string {
	return fmt.Sprintf(`to begin anew, which replaces what was loaded by append and merges otherwise, set "restart":[%q]`, name.String())
}

// recognise finds out whether the state is that of this table as the request
// wants it, and which of its partitions are new.
func (r *run) recognise(ctx context.Context, t *task, w *window) error {
	was, now := w.before, w.origin
	if was.Column == "" {
		return nil
	}
	differs := func(format string, args ...any) error {
		return fault.New(fault.StateDiffers, restartMend(t.Name), "the watermark of %s is not its own any more: %s", t.Name, fmt.Sprintf(format, args...))
	}
	renamed := was.Number != 0 && was.Number == t.ColumnNumber(w.Column)
	switch {
	case was.Origin.OID != 0 && was.Origin.OID != now.OID:
		return differs("the table was dropped and created again, or another has taken its name")
	case !sameServer(was.Origin, now):
		return differs("it is another server's: this one has the number %s, and that had %s", now.Server, was.Origin.Server)
	case was.Column != w.Column && !renamed:
		return differs("the runs before used cursor %s", table.Quote(was.Column))
	case was.Type != w.Type && !widened(was.Type, w.Type):
		return differs("cursor %s was of type %s and is of type %s", table.Quote(w.Column), was.Type, w.Type)
	case was.Version > 1 && was.Filter != t.where:
		return differs("the filter is another one, so rows below the watermark were left out or taken in that should not be")
	case was.Version > 1 && (!slices.Equal(was.Only, t.treatment.columns.Only) || !slices.Equal(was.Except, t.treatment.columns.Except)):
		return differs("other columns are read than before")
	case was.Load == "merge" && t.appends:
		return differs("the windows before were merged by a key, and there is none any more; append would add rows that are there. Give a key as overrides[table].primary_key")
	}
	if was.Origin.Host != "" && was.Origin.Host != now.Host {
		r.Log.WarnContext(ctx, "the database has another host than at the last run", "run", r.id, "table", t.Name.String(), "before", was.Origin.Host, "now", now.Host)
	}
	return w.join(t)
}

// sameServer tells whether two looks were at one database. A restored copy keeps
// the number of its cluster, and an upgrade in place gives it another.
func sameServer(was, now stage.Origin) bool {
	if was.Server == "" || now.Server == "" {
		return was.Host == "" || was.Host == now.Host
	}
	return was.Server == now.Server || was.Host == now.Host && was.OID == now.OID && was.Major < now.Major
}

// widened tells of types whose values keep their meaning.
func widened(was, now string) bool {
	width := func(t string) int { return slices.Index([]string{"smallint", "integer", "bigint"}, t) }
	if width(was) >= 0 {
		return width(now) > width(was)
	}
	base := func(t string) string {
		parsed, err := table.ParseType(t)
		if err != nil {
			return t
		}
		return parsed.Name
	}
	return base(was) == base(now)
}

// join finds the relations that became a part of the table since the last run.
// None of their rows was read; the rows of one that was a part before, and was
// not in between, were, but for those that came since.
func (w *window) join(t *task) error {
	before := w.before.Origin.Relations
	if w.From == "" || before == nil {
		return nil
	}
	for _, relation := range t.Relations {
		if slices.Contains(before, relation.OID) {
			continue
		}
		if slices.Contains(w.before.Gone, relation.OID) && t.load.Mode == "append" {
			return fault.New(fault.StateDiffers, restartMend(t.Name), "%s was a part of %s before and is again; its rows would be loaded a second time by append", relation.Name, t.Name)
		}
		w.joined = append(w.joined, relation.OID)
		w.Joined = append(w.Joined, relation.Name.String())
	}
	return nil
}

// next is the state once the window is published up to a value.
func (w *window) next(t *task, to string) stage.State {
	gone := slices.Clone(w.before.Gone)
	for _, oid := range w.before.Origin.Relations {
		if !slices.Contains(w.origin.Relations, oid) && !slices.Contains(gone, oid) {
			gone = append(gone, oid)
		}
	}
	gone = slices.DeleteFunc(gone, func(oid uint32) bool { return slices.Contains(w.origin.Relations, oid) })
	return stage.State{
		Version: stage.StateVersion, Database: t.folder.Database, Table: t.Name,
		Column: w.Column, Type: w.Type, Number: t.ColumnNumber(w.Column), Origin: w.origin, Gone: gone,
		Filter: t.where, Only: t.treatment.columns.Only, Except: t.treatment.columns.Except, Load: t.load.Mode,
		Watermark: to, Run: t.folder.Run, At: time.Now().UTC(),
	}
}

// unmoved is the state as long as nothing more is published.
func (w *window) unmoved(t *task) stage.State {
	state := w.next(t, w.before.Watermark)
	state.Run, state.Unfinished, state.Rows, state.ByBlock = w.before.Run, w.before.Unfinished, w.before.Rows, w.before.ByBlock
	state.Origin.Relations, state.Gone = w.before.Origin.Relations, w.before.Gone
	return state
}

func (r *run) state(name table.Name) stage.Document[stage.State] {
	return stage.Document[stage.State]{Shelf: r.shelf(), Key: r.Layout.State(r.Database, name)}
}

// readState returns the state of a table, with what was being published when it
// was written settled, and its ETag; a state of no watermark when there is none
// and never was.
func (r *run) readState(ctx context.Context, name table.Name, column table.Column) (stage.State, string, error) {
	state, etag, err := r.state(name).Read(ctx)
	switch {
	case errors.Is(err, object.ErrNotFound):
		state, err = r.recover(ctx, name, column)
		return state, "", err
	case r.settings.restart[name] && (err != nil || state.Database != r.Database || state.Table != name):
		found, err := r.Store.Stat(ctx, object.Location{Bucket: r.Bucket, Key: r.state(name).Key})
		return stage.State{}, found.ETag, fault.Coded(err, fault.Staging) // whatever it says, it is over
	case err != nil:
		return stage.State{}, "", fault.Coded(err, fault.Staging)
	case state.Database != r.Database || state.Table != name:
		return stage.State{}, "", fault.New(fault.StateDiffers, "restore it from an earlier version, or "+restartMend(name), "reading %s: it is the state of table %s in database %q", r.state(name), state.Table, state.Database)
	}
	state, err = r.settleState(ctx, state)
	return state, etag, err
}

// settleState finds out how a publication ended that was begun. A receipt that
// is there counts. One that is not may still come while the run that would
// write it can be alive.
func (r *run) settleState(ctx context.Context, state stage.State) (stage.State, error) {
	begun := state.Publishing
	if begun == nil {
		return state, nil
	}
	_, err := r.Store.Stat(ctx, object.Location{Bucket: r.Bucket, Key: begun.Receipt})
	switch {
	case err == nil:
		state.Watermark, state.Run, state.Publishing, state.Unfinished = begun.To, begun.Run, nil, ""
		if begun.Relations != nil {
			state.Origin.Relations = begun.Relations
		}
		return state, nil
	case !errors.Is(err, object.ErrNotFound):
		return stage.State{}, fault.Coded(err, fault.Staging)
	case begun.Run != r.id && time.Since(state.At) < r.StaleAfter:
		return stage.State{}, fault.New(fault.Publishing, "nothing is lost: run again after "+state.At.Add(r.StaleAfter).UTC().Format(time.RFC3339),
			"run %s is publishing this table, or died doing so", begun.Run)
	}
	state.Publishing = nil
	return state, nil
}

// keepSettled writes a state down that was found out to be further than it says,
// for the receipt by which that was found may not be there for ever, and which
// relations the table is made of now.
func (r *run) keepSettled(ctx context.Context, t *task, w *window) error {
	stored, etag, err := r.state(t.Name).Read(ctx)
	if err != nil || etag != w.etag || stored.Publishing == nil && slices.Equal(stored.Origin.Relations, w.origin.Relations) {
		return nil //nolint:nilerr // the next run finds it out once more
	}
	state := w.next(t, w.before.Watermark)
	state.Run, state.Unfinished, state.Rows, state.ByBlock = w.before.Run, w.before.Unfinished, w.before.Rows, w.before.ByBlock
	if _, err := r.state(t.Name).Replace(ctx, state, etag); err != nil && !stage.Conflict(err) {
		return fault.Coded(err, fault.Staging)
	}
	return nil
}
