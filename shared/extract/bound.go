package extract

import (
	"context"
	"fmt"

	"github.com/stagelift/stagelift/shared/postgres"
	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/table"
)

// cursors are what the run must find bounds for before it takes its snapshot.
func (p plan) cursors() []postgres.Cursor {
	var cursors []postgres.Cursor
	for name, t := range p.tables {
		if t.cursor != nil {
			cursors = append(cursors, postgres.Cursor{
				Table: name, Column: t.cursor.Column, TimeZone: t.cursor.TimeZone, Lookback: t.cursor.Lookback,
			})
		}
	}
	return cursors
}

// bound finds the window of an incremental run. It reports false when there is
// nothing in it.
func (r *run) bound(ctx context.Context, snapshot *postgres.Snapshot, t *progress) (bool, error) {
	if t.cursor == nil {
		return false, fmt.Errorf(`mode incremental needs to know which rows are new; set "overrides":{%q:{"cursor":{"column":"…"}}}, or exclude the table`, t.Name.String())
	}
	if t.position(t.cursor.Column) < 0 {
		return false, fmt.Errorf("the cursor %s is not among the columns that are read", table.Quote(t.cursor.Column))
	}
	if err := snapshot.CheckCursor(ctx, t.Table, t.cursor.Column); err != nil {
		return false, err
	}
	state, etag, err := r.readState(ctx, t.Name)
	if err != nil {
		return false, err
	}
	bound := snapshot.Bounds[t.Name]
	if state.Column != "" && (state.Column != bound.Column.Name || state.Type != bound.Column.Type) {
		return false, fmt.Errorf("the runs before used cursor %s of type %s, not %s of type %s; to begin anew, delete %s",
			table.Quote(state.Column), state.Type, table.Quote(bound.Column.Name), bound.Column.Type, r.stateLocation(t.Name))
	}
	t.watermark = &watermark{etag: etag, before: state, window: stage.Window{
		Column: bound.Column.Name, Type: bound.Column.Type, From: state.Watermark, To: bound.To, Lookback: t.cursor.Lookback,
	}}
	if state.Watermark == "" {
		t.watermark.window.Lookback = ""
		return true, nil
	}
	if bound.Index {
		t.Table = t.Whole()
	}
	something, err := snapshot.Precedes(ctx, bound.Column, state.Watermark, bound.To)
	if err == nil && !something {
		r.skip(ctx, t.Name, fmt.Sprintf("nothing is new that could be read for sure: it ends at %q, and %q was published before; a transaction that stays open holds it back", bound.To, state.Watermark))
	}
	return something, err
}
