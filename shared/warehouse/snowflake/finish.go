package snowflake

import (
	"context"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/stagelift/stagelift/shared/warehouse"
)

// finish reads what the statements of a load that was committed tell, and compares
// what COPY says that it loaded with what was staged. The transaction has counted
// the same rows before it committed; a report that cannot be read any more changes
// nothing.
func (w *Warehouse) finish(ctx context.Context, t task, at step, a answer) (warehouse.Outcome, error) {
	outcome := at.outcome(warehouse.Outcome{State: warehouse.Loaded, Rows: max(t.Rows, 0), Statements: append([]string{a.Handle}, a.Handles...)})
	if len(a.Handles) == 0 || len(a.Handles) != at.Tell.Statements {
		return w.counted(ctx, t, outcome)
	}
	told := w.hear(ctx, a.Handles, slices.Concat(at.Tell.Copies, at.Tell.Updated, at.Tell.Deleted, at.Tell.Marked))
	var report copyReport
	for _, place := range at.Tell.Copies {
		if err := report.add(told[place].answer, told[place].rows); err != nil {
			return w.counted(ctx, t, outcome)
		}
	}
	if t.Rows < 0 || t.forgiving() {
		outcome.Rows = report.rows
	}
	for _, place := range at.Tell.Rejected {
		list, err := w.rejected(ctx, t, a.Handles[place])
		if err != nil {
			outcome.Warnings = append(outcome.Warnings, "which rows COPY refused could not be read any more: "+err.Error())
		}
		outcome.Errors = append(outcome.Errors, list...)
	}
	outcome.Updated = told.count(at.Tell.Updated, "number of rows updated")
	outcome.Deleted = told.count(at.Tell.Deleted, "number of rows deleted") + told.count(at.Tell.Marked, "number of rows updated")
	if problem := report.check(t.Load); problem != nil {
		return outcome, fmt.Errorf("loading %s: %w: %w; the transaction counted %d rows and is committed: look at the target",
			t.Target, warehouse.ErrRowCount, problem, outcome.Rows)
	}
	return outcome, nil
}

// told is what statements have answered, by their numbers.
type told map[int]heard

type heard struct {
	answer *answer
	rows   [][]*string
}

// hearAtOnce bounds how many answers are asked for beside one another.
const hearAtOnce = 8

// hear asks for the answers of statements that are done. What cannot be read any
// more is empty.
func (w *Warehouse) hear(ctx context.Context, handles []string, places []int) told {
	slices.Sort(places)
	places = slices.Compact(places)
	list := make([]heard, len(places))
	var asking errgroup.Group
	asking.SetLimit(hearAtOnce)
	for i, place := range places {
		asking.Go(func() error {
			a, err := w.api.status(ctx, handles[place])
			list[i].answer = &a
			if err == nil {
				list[i].rows, _ = w.api.rows(ctx, a) // none tells nothing
			}
			return nil
		})
	}
	_ = asking.Wait() // none fails
	all := told{}
	for i, place := range places {
		all[place] = list[i]
	}
	return all
}

// count adds up a column of statements' answers.
func (t told) count(places []int, column string) (total int64) {
	for _, place := range places {
		at := t[place].answer.column(column)
		if rows := t[place].rows; at >= 0 && len(rows) == 1 {
			n, _ := number(rows[0][at]) // what is no number counts as nothing
			total += n
		}
	}
	return total
}

// counted fills in a number of rows that only the ledger knows.
func (w *Warehouse) counted(ctx context.Context, t task, outcome warehouse.Outcome) (warehouse.Outcome, error) {
	if t.Rows >= 0 {
		return outcome, nil
	}
	b, err := w.readLedger(ctx, t.Load)
	entry, _ := b.entry(t.Load)
	outcome.Rows = entry.Rows
	return outcome, err
}
