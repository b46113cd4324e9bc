package load

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/stagelift/stagelift/shared/object"
	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// errTimeIsUp ends a delivery that has loaded its own window. The next one finds
// that, and goes on from there.
var errTimeIsUp = errors.New("out of time; the next delivery goes on with it")

// loadHeld loads the windows that wait for p, one after the other, while time is
// left. loaded is how p ended; one that has not ended lets nothing go on.
//
// A window that is held is delivered again, but not for ever, and the one in
// front of it may come after that. Its receipt is in S3 then, and under _loads/
// how its last delivery ended. The receipt is found by its window, which begins
// where that of p ends: no list of what waits has to be kept. A window of which
// nothing is kept has not been delivered yet, or its first delivery is at it; it
// is left to that one.
//
// Beside an error, the last of the answer is the one that failed or is running,
// if it was begun. Whoever repeats the call comes to it again.
func (j *Job) loadHeld(ctx context.Context, p planned, loaded Loaded) ([]Loaded, error) {
	waiting, stop := beforeDeadline(ctx)
	defer stop()
	var loads []Loaded
	for loaded.State != warehouse.Running {
		next, before, waits, err := j.successor(ctx, p)
		if err != nil {
			return loads, fmt.Errorf("looking for the window that follows run %s of %s: %w", p.Run, p.Source, err)
		}
		if !waits {
			break
		}
		if waiting.Err() != nil {
			return loads, fmt.Errorf("loading %s, run %s, which follows run %s: %w", next.Target, next.Run, p.Run, errTimeIsUp)
		}
		ended := done(before.State) || before.State == warehouse.Skipped || before.State == warehouse.Abandoned
		// Where the one in front of it was entered into the ledger just now, the
		// ledger decides, whatever is kept: both may be loaded anew.
		if ended && loaded.State != warehouse.Loaded {
			p, loaded = next, Loaded{State: warehouse.AlreadyLoaded}
			continue
		}
		next.patience = p.patience
		loaded, err = j.load(ctx, next)
		loads = append(loads, loaded)
		handed, err := j.handOn(ctx, next, loaded, err)
		if handed {
			return loads, nil
		}
		if err == nil && loaded.State == warehouse.Running {
			err = fmt.Errorf("loading %s: %w", next.Target, errOutOfTime)
		}
		if err != nil {
			return loads, fmt.Errorf("after run %s, which is loaded: %w", p.Run, err)
		}
		p = next
	}
	return loads, nil
}

// successor is the load whose window begins where that of p ends, if it has been
// delivered before, and how that ended. A run is named by the time of its
// snapshot, and reads before its snapshot where the one before has ended; so the
// successor is among the runs of the same second, which sort by chance, and later
// ones. Runs without a window do not count.
func (j *Job) successor(ctx context.Context, p planned) (next planned, before Loaded, found bool, err error) {
	folder, err := j.Layout.ParseReceipt(p.from.Key)
	if p.Window == nil || err != nil { // objects without a receipt have no window
		return planned{}, Loaded{}, false, nil //nolint:nilerr // see above
	}
	for after := string(p.Run[:len("20060102T150405Z")]); ; after = string(folder.Run) + pastFolder {
		folder.Run, found, err = j.nextRun(ctx, folder, after)
		if err != nil || !found {
			return planned{}, Loaded{}, false, err
		}
		if folder.Run == p.Run {
			continue
		}
		next, err = j.planReceipt(ctx, object.Location{Bucket: j.Bucket, Key: j.Layout.Receipt(folder)})
		switch {
		case errors.Is(err, object.ErrNotFound): // not published, or never to be
		case err != nil:
			return planned{}, Loaded{}, false, err
		case next.Window == nil || next.Window.From != p.Window.To:
		case next.Mode == warehouse.Replace || next.Target != p.Target: // it waits for nothing, or for another
			return planned{}, Loaded{}, false, nil
		default:
			before, found, err = j.outcome(ctx, next.keep)
			return next, before, found, err
		}
	}
}

// pastFolder makes of a folder's name what sorts after all that is in it, since
// it comes after the slash.
const pastFolder = "0"

// nextRun is the first run of a table whose folder sorts after a name.
func (j *Job) nextRun(ctx context.Context, f stage.Folder, after string) (run stage.RunID, found bool, err error) {
	prefix := j.Layout.Table(f.Database, f.Table)
	for listed, err := range j.Store.List(ctx, j.Bucket, prefix, prefix+after) {
		if err != nil {
			return "", false, err
		}
		name, _, _ := strings.Cut(strings.TrimPrefix(listed.Key, prefix), "/")
		if run, err := stage.ParseRunID(name); err == nil {
			return run, true, nil
		}
	}
	return "", false, nil
}
