package snowflake

import (
	"context"
	"fmt"

	"github.com/stagelift/stagelift/shared/warehouse"
)

// finish reads what the statements of a load that was committed tell, and compares
// what COPY says that it loaded with what was staged. The transaction has counted
// the same rows before it committed; a report that cannot be read any more changes
// nothing.
func (w *Warehouse) finish(ctx context.Context, t task, at step, a answer) (warehouse.Outcome, error) {
	outcome := at.outcome(warehouse.Outcome{State: warehouse.Loaded, Rows: max(t.Rows, 0), Statements: append([]string{a.Handle}, a.Handles...)})
	var report copyReport
	known := len(a.Handles) > 0 && len(a.Handles) == at.Tell.Statements
	if known {
		for _, number := range at.Tell.Copies {
			if err := w.readReport(ctx, a.Handles[number], &report); err != nil {
				known = false
				break
			}
		}
	}
	if !known {
		return w.counted(ctx, t, outcome)
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
	c := changed{w: w, handles: a.Handles, told: map[int]answer{}}
	outcome.Updated = c.count(ctx, at.Tell.Updated, "number of rows updated")
	outcome.Deleted = c.count(ctx, at.Tell.Deleted, "number of rows deleted") + c.count(ctx, at.Tell.Marked, "number of rows updated")
	if problem := report.check(t.Load); problem != nil {
		return outcome, fmt.Errorf("loading %s: %w: %w; the transaction counted %d rows and is committed: look at the target",
			t.Target, warehouse.ErrRowCount, problem, outcome.Rows)
	}
	return outcome, nil
}

// changed reads what statements tell of the rows that they changed, each once.
type changed struct {
	w       *Warehouse
	handles []string
	told    map[int]answer
}

// count adds up a column of statements' answers. What cannot be read any more
// counts as nothing.
func (c changed) count(ctx context.Context, places []int, column string) (total int64) {
	for _, place := range places {
		told, known := c.told[place]
		if !known {
			told, _ = c.w.api.status(ctx, c.handles[place])
			c.told[place] = told
		}
		at := told.column(column)
		if at < 0 || len(told.Data) != 1 || at >= len(told.Data[0]) {
			continue
		}
		if n, err := number(told.Data[0][at]); err == nil {
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
