package snowflake

import (
	"context"
	"errors"
	"fmt"

	"github.com/stagelift/stagelift/shared/warehouse"
)

// explain finds out what a failed transaction means. Whatever it failed for, a
// load that is in the ledger is done: another request has done it.
func (w *Warehouse) explain(ctx context.Context, load warehouse.Load, failed *statementError) (warehouse.Outcome, error) {
	outcome := warehouse.Outcome{}
	if failed.handle != "" {
		outcome.Statements = []string{failed.handle}
	}
	if book, err := w.entry(ctx, load); err == nil && book.loaded {
		outcome.State, outcome.Rows = warehouse.AlreadyLoaded, book.rows
		return outcome, nil
	}
	v, checked := failed.verdict()
	switch {
	case checked && v.check == checkNewer:
		return w.skip(ctx, load, outcome)
	case checked && v.check == checkBehind:
		return w.behind(ctx, load, outcome)
	case checked:
		return outcome, fmt.Errorf("loading %s: %w; nothing was changed", load.Target, w.refusal(ctx, load, v))
	case failed.locked():
		return outcome, fmt.Errorf("loading %s: %w: it did not end within %s; nothing was changed", load.Target, warehouse.ErrBusy, w.config.LockWait)
	}
	outcome.Errors = failed.rowErrors(load)
	return outcome, fmt.Errorf("loading %s: %w; nothing was changed", load.Target, failed)
}

// skip answers for a load that is older than what the target holds. A window
// is noted in the ledger, or those after it would wait for it for ever.
func (w *Warehouse) skip(ctx context.Context, load warehouse.Load, outcome warehouse.Outcome) (warehouse.Outcome, error) {
	if load.Mode == warehouse.Merge && load.Window != nil {
		t, err := supersede(w.config, load)
		if err != nil {
			return outcome, fmt.Errorf("planning the load of %s: %w", load.Target, err)
		}
		return w.submit(ctx, load, t, superseded)
	}
	newest, err := w.value(ctx, newestRun(w.config, load))
	if err != nil {
		return outcome, fmt.Errorf("reading the ledger of %s: %w", load.Target, err)
	}
	outcome.State = warehouse.Skipped
	outcome.Reason = fmt.Sprintf("run %s is older than %s, which is loaded into %s", load.Run, newest, load.Target)
	return outcome, nil
}

func (w *Warehouse) behind(ctx context.Context, load warehouse.Load, outcome warehouse.Outcome) (warehouse.Outcome, error) {
	last, err := w.last(ctx, load)
	if err != nil {
		return outcome, err
	}
	outcome.State = warehouse.Skipped
	outcome.Reason = fmt.Sprintf("the window of %s ends at %s, %s is loaded up to %s", load.Window.Column, load.Window.To, load.Target, last)
	return outcome, nil
}

// last returns where the merged windows end; empty when there are none.
func (w *Warehouse) last(ctx context.Context, load warehouse.Load) (string, error) {
	statement, err := lastWindow(w.config, load)
	if err != nil {
		return "", err
	}
	last, err := w.value(ctx, statement)
	if err != nil {
		return "", fmt.Errorf("reading the ledger of %s: %w", load.Target, err)
	}
	return last, nil
}

// refusal says why a check that did not hold stopped the load.
func (w *Warehouse) refusal(ctx context.Context, load warehouse.Load, v verdict) error {
	switch v.check {
	case checkSource:
		other, err := w.value(ctx, otherSource(w.config, load))
		if err != nil || other == "" {
			other = "which is in its ledger"
		}
		return fmt.Errorf("from %s: %w, %s; give one of the two another target", load.Source, warehouse.ErrOtherSource, other)
	case checkHeld:
		last, err := w.last(ctx, load)
		if err == nil && last == "" {
			last = "its beginning"
		}
		return errors.Join(fmt.Errorf("%w: windows of %s are loaded up to %s, this one is from %s to %s; load the runs between them first",
			warehouse.ErrHeld, load.Window.Column, last, load.Window.From, load.Window.To), err)
	case checkRows:
		return fmt.Errorf("%w: want %d, COPY brought %d", warehouse.ErrRowCount, load.Rows, v.number)
	case checkTarget:
		return fmt.Errorf("%w: the target would have %d rows, which is not what was staged and was there; "+
			"did somebody else write into it?", warehouse.ErrRowCount, v.number)
	case checkMissing, checkRemoved:
		return fmt.Errorf("%w: %d keys (%s) are not in the target as they were staged", warehouse.ErrRowCount, v.number, v.check)
	case checkKeys:
		return fmt.Errorf("%d staged rows have no value in a key; such rows cannot be merged", v.number)
	case checkDuplicates:
		return fmt.Errorf("%d keys are staged more than once; name a column that tells the newest", v.number)
	case checkLock, checkLedger, checkNewer, checkBehind:
	}
	return fmt.Errorf("check %q did not hold (%d); begin again", v.check, v.number)
}

// value runs a query for one value; NULL is empty.
func (w *Warehouse) value(ctx context.Context, text string) (string, error) {
	rows, err := w.query(ctx, text)
	if err != nil {
		return "", err
	}
	if len(rows) != 1 || len(rows[0]) == 0 || rows[0][0] == nil {
		return "", nil
	}
	return *rows[0][0], nil
}
