package extract

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stagelift/stagelift/shared/object"
	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/table"
)

// watermark is how far an incremental run of a table has come, and will come.
type watermark struct {
	window stage.Window
	// etag is that of the state that the run found; empty when there was none.
	etag string
	// before is what the state said.
	before stage.State
}

// stateLimit bounds what is read as a state.
const stateLimit = 1 << 20

func (r *run) stateLocation(name table.Name) object.Location {
	return object.Location{Bucket: r.Bucket, Key: r.Layout.State(r.Database, name)}
}

// readState returns the state of a table, with what was being published when it
// was written settled, and its ETag; a state of no watermark when there is none.
func (r *run) readState(ctx context.Context, name table.Name) (stage.State, string, error) {
	location := r.stateLocation(name)
	data, attributes, err := r.Store.Get(ctx, location, stateLimit)
	if errors.Is(err, object.ErrNotFound) {
		return stage.State{}, "", nil
	}
	if err != nil {
		return stage.State{}, "", err
	}
	state, err := stage.DecodeState(data, r.Database, name)
	if err != nil {
		return stage.State{}, "", fmt.Errorf("%w; mend or delete %s: without it the next run reads the whole table", err, location)
	}
	state, err = r.settleState(ctx, state)
	return state, attributes.ETag, err
}

// settleState finds out how a publication ended that was begun. A receipt that
// is there counts. One that is not may still come while the run that would
// write it can be alive.
func (r *run) settleState(ctx context.Context, state stage.State) (stage.State, error) {
	begun := state.Publishing
	if begun == nil || begun.Run == r.id {
		return state, nil
	}
	_, err := r.Store.Stat(ctx, object.Location{Bucket: r.Bucket, Key: begun.Receipt})
	switch {
	case err == nil:
		state.Watermark, state.Run, state.Publishing = begun.To, begun.Run, nil
		return state, nil
	case !errors.Is(err, object.ErrNotFound):
		return stage.State{}, err
	case time.Since(state.At) < r.StaleAfter:
		return stage.State{}, fmt.Errorf("run %s is publishing this table, or died doing so; nothing is lost: run again after %s",
			begun.Run, state.At.Add(r.StaleAfter).UTC().Format(time.RFC3339))
	}
	state.Publishing = nil
	return state, nil
}

// claim writes down what the run is about to publish, over the very state that
// it found, so that of several runs one publishes.
func (r *run) claim(ctx context.Context, t *progress) error {
	w := t.watermark
	state := stage.State{
		Version: stage.StateVersion, Database: r.Database, Table: t.Name, Column: w.window.Column, Type: w.window.Type,
		Watermark: w.before.Watermark, Run: w.before.Run, At: time.Now().UTC(),
		Publishing: &stage.Publishing{Run: r.id, To: w.window.To, Receipt: r.Layout.Receipt(t.folder)},
	}
	etag, err := r.putState(ctx, state, w.etag)
	if errors.Is(err, object.ErrChanged) || errors.Is(err, object.ErrExists) || errors.Is(err, object.ErrNotFound) {
		return r.lost(ctx, t, err)
	}
	w.etag = etag
	return err
}

// lost looks who has changed the state. An invocation of this very run may have,
// whose time was over before it could publish.
func (r *run) lost(ctx context.Context, t *progress, cause error) error {
	now, etag, err := r.readState(ctx, t.Name)
	if err != nil {
		return err
	}
	if now.Publishing != nil && now.Publishing.Run == r.id {
		t.watermark.etag = etag
		return nil
	}
	return fmt.Errorf("run %s published this table while this one read it; what this one read stays unpublished, and the next run reads on from %q: %w",
		now.Run, now.Watermark, cause)
}

// advance moves the watermark, once the receipt is there. A run that comes
// later finds it out by the receipt when this does not succeed.
func (r *run) advance(ctx context.Context, t *progress) error {
	w := t.watermark
	_, err := r.putState(ctx, stage.State{
		Version: stage.StateVersion, Database: r.Database, Table: t.Name, Column: w.window.Column, Type: w.window.Type,
		Watermark: w.window.To, Run: r.id, At: time.Now().UTC(),
	}, w.etag)
	return err
}

func (r *run) putState(ctx context.Context, state stage.State, over string) (string, error) {
	data, err := state.Encode()
	if err != nil {
		return "", err
	}
	put, err := r.Store.Put(ctx, r.stateLocation(state.Table), data,
		object.PutOptions{Headers: object.Headers{ContentType: "application/json"}, IfMatch: over, IfAbsent: over == ""})
	return put.ETag, err
}
