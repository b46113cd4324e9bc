package load

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/stagelift/stagelift/shared/fault"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// load carries a load out, or goes on with it, until it has ended or time is
// up. Then its state is running and the handle is that to go on with.
func (j *Job) load(ctx context.Context, p planned) (Loaded, error) {
	start := time.Now()
	outcome, err := j.carryOut(ctx, p)
	if err != nil && len(p.objects) > 0 {
		err = fmt.Errorf("%w (of %s)", err, p.named())
	}
	err = j.mend(ctx, p, err)
	loaded := Loaded{
		LoadID: p.ID, Warehouse: j.WarehouseName, Receipt: p.from.Key, Source: p.Source.String(), Target: p.Target.String(), Run: p.Run, Mode: p.Mode,
		State: outcome.State, Handle: outcome.Handle, Rows: outcome.Rows, Statements: outcome.Statements,
		Updated: outcome.Updated, Deleted: outcome.Deleted, Changes: outcome.Changes, Warnings: outcome.Warnings, Altered: p.altered,
		Reason: outcome.Reason, Errors: outcome.Errors, Refused: refused(outcome.Errors), Seconds: time.Since(start).Seconds(),
	}
	if err != nil {
		loaded.State, loaded.Error, loaded.Code = Failed, err.Error(), codeOf(err, outcome)
		err = fault.Coded(err, loaded.Code)
		if _, waits := errors.AsType[*warehouse.HeldError](err); waits || errors.Is(err, warehouse.ErrBusy) {
			loaded.State = Held
		}
	}
	return loaded, errors.Join(err, j.report(ctx, p, loaded, outcome))
}

// codeOf is the code of a load that did not go ahead.
func codeOf(err error, outcome warehouse.Outcome) fault.Code {
	code := warehouse.CodeOf(err)
	switch {
	case errors.Is(err, ErrTampered):
		return fault.Tampered
	case errors.Is(err, errNoRoute):
		return fault.NoRoute
	case code == fault.Refused && len(outcome.Errors) > 0:
		return fault.RowsRefused
	}
	return code
}

// named says which objects without a receipt are loaded.
func (p planned) named() string {
	first := p.objects[0].location().String()
	if more := len(p.objects) - 1; more > 0 {
		return fmt.Sprintf("%s and %d more", first, more)
	}
	return first
}

// carryOut begins and asks until there is an end, or time is up, or a step has
// lasted for longer than there is patience for.
func (j *Job) carryOut(ctx context.Context, p planned) (warehouse.Outcome, error) {
	waiting, stop := beforeDeadline(ctx)
	defer stop()
	outcome, err := j.begin(ctx, p)
	began, patience := time.Now(), p.patience // with the step
	if p.handle != "" && patience > 0 {       // it has been waited for before
		patience = min(patience, laterPatience/max(j.hurry, 1))
	}
	for pause := j.firstPause(); err == nil && outcome.State == warehouse.Running; pause = longer(pause) {
		select {
		case <-waiting.Done():
			return outcome, stopped(ctx)
		case <-time.After(spread(pause)):
		}
		asked := time.Since(began)
		next, err := j.Warehouse.Poll(waiting, p.Load, outcome.Handle)
		switch {
		case err != nil && waiting.Err() != nil: // it was cut short; the handle is still good
			return outcome, stopped(ctx)
		case err != nil:
			return next, err
		case next.Handle != outcome.Handle: // a new step, which may be short
			pause, began, patience = j.firstPause(), time.Now(), p.patience
		case next.State == warehouse.Running && patience > 0 && asked >= patience:
			return next, nil
		}
		outcome = next
	}
	return outcome, err
}

// begin makes sure of the parts first. Of a load that is known to be done they
// may be gone by now.
func (j *Job) begin(ctx context.Context, p planned) (warehouse.Outcome, error) {
	if p.handle != "" {
		return warehouse.Outcome{State: warehouse.Running, Handle: p.handle}, nil
	}
	err := p.verify(ctx)
	if errors.Is(err, ErrTampered) {
		if before, known := j.kept(ctx, p.keep); known && done(before.State) {
			return warehouse.Outcome{State: warehouse.AlreadyLoaded, Rows: before.Rows}, nil
		} else if known && before.State == warehouse.Abandoned {
			return warehouse.Outcome{State: warehouse.Skipped, Reason: fmt.Sprintf("run %s was abandoned: %s", p.Run, before.Reason)}, nil
		}
	}
	if err != nil {
		return warehouse.Outcome{}, fmt.Errorf("loading %s: %w; nothing was loaded", p.from, err)
	}
	return j.Warehouse.Begin(ctx, p.Load)
}

// The first look at a step comes early: most steps are over at once, and each
// has its own. Pauses grow quickly to fewEnough, so that hundreds of loads that
// begin together soon ask for little each, and by an eighth from there, up to
// longestPause, so that an end is seen late by about a ninth of what has been
// waited for.
const (
	earlyPause   = 20 * time.Millisecond
	fewEnough    = 500 * time.Millisecond
	longestPause = 5 * time.Second
)

func longer(pause time.Duration) time.Duration {
	if pause < fewEnough {
		return pause + pause*3/5
	}
	return min(pause+pause/8, longestPause)
}

// spread takes a random fifth off, so that what began together does not ask
// together.
func spread(pause time.Duration) time.Duration {
	return pause - rand.N(pause/5+1) //nolint:gosec // spreads calls, keeps no secret
}

func (j *Job) firstPause() time.Duration {
	if j.PollEvery > 0 {
		return j.PollEvery
	}
	return earlyPause
}

// beforeDeadline is done closingTime before ctx would be.
func beforeDeadline(ctx context.Context) (context.Context, context.CancelFunc) {
	if deadline, limited := ctx.Deadline(); limited {
		return context.WithDeadline(ctx, deadline.Add(-closingTime))
	}
	return context.WithCancel(ctx)
}

// stopped tells a caller who has gone from time that is up.
func stopped(ctx context.Context) error {
	if ctx.Err() != nil {
		return fmt.Errorf("waiting for the warehouse, which goes on: %w", context.Cause(ctx))
	}
	return nil
}

// done reports whether a load has nothing left to do.
func done(state warehouse.State) bool {
	return state == warehouse.Loaded || state == warehouse.AlreadyLoaded
}
