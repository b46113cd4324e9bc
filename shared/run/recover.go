package run

import (
	"context"
	"errors"
	"strings"

	"github.com/stagelift/stagelift/shared/fault"
	"github.com/stagelift/stagelift/shared/object"
	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/table"
)

func (r *run) begun(name table.Name) stage.Document[stage.Begun] {
	return stage.Document[stage.Begun]{Shelf: r.shelf(), Key: r.Layout.Begun(r.Database, name)}
}

// recover finds a watermark again by the receipts that there are. Where they are
// gone as well, a first run would read everything once more, and double it under
// append: whether that is wanted is not ours to guess.
func (r *run) recover(ctx context.Context, name table.Name, column table.Column) (stage.State, error) {
	state, err := r.furthest(ctx, name, column)
	if err != nil || state.Watermark != "" || r.settings.restart[name] {
		if state.Watermark != "" {
			r.Log.WarnContext(ctx, "the watermark was gone, and was found again by the receipts", "run", r.id, "table", name.String(), "watermark", state.Watermark)
		}
		return state, err
	}
	begun, _, err := r.begun(name).Read(ctx)
	switch {
	case errors.Is(err, object.ErrNotFound):
		return stage.State{}, nil
	case err != nil:
		return stage.State{}, fault.Coded(err, fault.Staging)
	}
	return stage.State{}, fault.New(fault.StateLost, "restore "+r.state(name).String()+", or "+restartMend(name),
		"the watermark of %s is gone, and so are the receipts by which it could be found; run %s was the first of its incremental runs", name, begun.Run)
}

// furthest reads all receipts of a table, and returns the state that the one
// leaves whose window reaches furthest.
func (r *run) furthest(ctx context.Context, name table.Name, column table.Column) (state stage.State, err error) {
	for listed, err := range r.Store.List(ctx, r.Bucket, r.Layout.Table(r.Database, name), "") {
		if err != nil {
			return state, fault.Coded(err, fault.Staging)
		}
		if !strings.HasSuffix(listed.Key, "/receipt.json") {
			continue
		}
		data, _, err := r.Store.Get(ctx, object.Location{Bucket: r.Bucket, Key: listed.Key}, receiptLimit)
		if err != nil {
			return state, fault.Coded(err, fault.Staging)
		}
		receipt, err := r.Layout.DecodeReceipt(listed.Key, data)
		if err != nil || receipt.Window == nil {
			continue // another version's, or of the whole table
		}
		further := state.Watermark == ""
		if !further && receipt.Window.Type == state.Type {
			of := column
			of.Type = state.Type
			if further, err = r.snapshot.Precedes(ctx, of, state.Watermark, receipt.Window.To); err != nil {
				return state, err
			}
		}
		if further {
			state = stateOf(receipt)
		}
	}
	return state, nil
}

const receiptLimit = 64 << 20

// stateOf is the state that a receipt leaves.
func stateOf(receipt stage.Receipt) stage.State {
	s := stage.State{
		Version: 1, Database: receipt.Database, Table: receipt.Table, Column: receipt.Window.Column, Type: receipt.Window.Type,
		Watermark: receipt.Window.To, Run: receipt.Run, At: receipt.At, Filter: receipt.Filter, Load: receipt.Load.Mode,
	}
	if receipt.Origin != nil {
		s.Origin = *receipt.Origin
	}
	return s
}
