package snowflake

import (
	"context"
	"fmt"

	"github.com/stagelift/stagelift/shared/warehouse"
)

// explain finds out what a failed transaction means. Whatever it failed for, a
// load that is in the ledger is done: another request has done it.
func (w *Warehouse) explain(ctx context.Context, t task, at step, failed *statementError) (warehouse.Outcome, error) {
	outcome := at.outcome(warehouse.Outcome{})
	if failed.handle != "" {
		outcome.Statements = []string{failed.handle}
	}
	if state, rows, err := w.doneBy(ctx, t, at); err != nil || state != "" {
		outcome.State, outcome.Rows = state, rows
		return outcome, err
	}
	if at.Tell.Mark != "" {
		w.dropNew(ctx, t, at.Tell.Mark)
		if failed.exists() {
			return w.begin(ctx, t, at.round+1)
		}
	}
	v, checked := failed.verdict()
	switch {
	case checked && (v.check == checkLedger || v.check == checkLock):
		return w.begin(ctx, t, at.round+1)
	case checked && v.check == checkRejected:
		return w.refuseRejected(ctx, t, outcome, v.number)
	case checked:
		return outcome, fmt.Errorf("loading %s: %w; nothing was changed", t.Target, refusal(t.Load, v))
	case failed.locked():
		return outcome, fmt.Errorf("loading %s: %w: it did not end within %s; nothing was changed", t.Target, warehouse.ErrBusy, w.config.LockWait)
	}
	outcome.Errors = failed.rowErrors(t.Load)
	return outcome, fmt.Errorf("loading %s: %w; nothing was changed", t.Target, failed)
}

// doneBy looks for the load in the ledger, and brings it to its end where it stopped
// between the transaction and that. The state is empty where it is not there, or
// nobody can tell.
func (w *Warehouse) doneBy(ctx context.Context, t task, at step) (state warehouse.State, rows int64, err error) {
	b, err := w.readLedger(ctx, t.Load)
	if err != nil {
		return "", 0, nil //nolint:nilerr // what the load failed for says more
	}
	if b.pending != nil && b.pending.load == t.ID {
		if err := w.complete(ctx, t, *b.pending); err != nil {
			return "", 0, fmt.Errorf("loading %s: %w", t.Target, err)
		}
		if b, err = w.readLedger(ctx, t.Load); err != nil {
			return "", 0, err
		}
	}
	entry, done := b.entry(t.Load)
	switch {
	case !done:
		return "", 0, nil
	case at.Tell.Mark != "": // by this very request, whoever finished it
		return warehouse.Loaded, entry.Rows, nil
	}
	return warehouse.AlreadyLoaded, entry.Rows, nil
}

// refuseRejected says which rows are too many.
func (w *Warehouse) refuseRejected(ctx context.Context, t task, outcome warehouse.Outcome, count int64) (warehouse.Outcome, error) {
	err := fmt.Errorf("loading %s: COPY refused %d rows, and %d may be; nothing was changed", t.Target, count, *t.BadRows)
	list, diagnoseErr := w.diagnose(ctx, t)
	if diagnoseErr != nil {
		err = fmt.Errorf("%w; which they are could not be found out: %w", err, diagnoseErr)
	}
	outcome.Errors = list
	return outcome, err
}

// refusal says why a check that did not hold stopped the load.
func refusal(load warehouse.Load, v verdict) error {
	switch v.check {
	case checkRows:
		return fmt.Errorf("%w: want %d, COPY brought %d", warehouse.ErrRowCount, load.Rows, v.number)
	case checkTarget:
		return fmt.Errorf("%w: the target would have %d rows, which is not what was staged and was there; "+
			"did somebody else write into it?", warehouse.ErrRowCount, v.number)
	case checkMissing, checkRemoved:
		return fmt.Errorf("%w: %d keys (%s) are not in the target as they were staged", warehouse.ErrRowCount, v.number, v.check)
	case checkKeys:
		return fmt.Errorf("%w: %d of them have no value in a key", warehouse.ErrKeys, v.number)
	case checkDuplicates:
		return fmt.Errorf("%w: %d keys are staged more than once; name a column that tells the newest", warehouse.ErrKeys, v.number)
	case checkSwept:
		return fmt.Errorf("%w: want %d keys of the sweep, COPY brought %d", warehouse.ErrRowCount, load.Sweep.Rows, v.number)
	case checkSweptKeys:
		return fmt.Errorf("%w: %d rows of the sweep have no value in a key", warehouse.ErrKeys, v.number)
	case checkLock, checkLedger, checkRejected:
	}
	return fmt.Errorf("check %q did not hold (%d)", v.check, v.number)
}
