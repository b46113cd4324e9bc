package snowflake

import (
	"context"
	"errors"
	"fmt"

	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// book is what a ledger says, as far as it was asked.
type book struct {
	entries []warehouse.Entry
	// last is the number of the last entry; 0 when there is none.
	last int64
	// lockable is true when the row that loads lock is there.
	lockable bool
}

// ledgerStatement selects what warehouse.Judge needs, the last entry, and the row
// that loads lock: it has no source, so its source is another one.
func ledgerStatement(c Config, load warehouse.Load) string {
	from := " FROM " + ledger(c, load).SQL()
	return "SELECT sequence, load_id, source, run, mode, window_from, window_to, row_count" + from +
		" WHERE load_id = " + quote(load.ID) + " OR source <> " + quote(load.Source.String()) +
		" OR sequence = (SELECT MAX(sequence)" + from + ")" +
		" OR run = (SELECT MAX(run)" + from + ")" +
		" OR run = (SELECT MAX(run)" + from + " WHERE window_to IS NULL AND mode <> 'append')" +
		" OR run = (SELECT MAX(run)" + from + " WHERE mode = 'replace')" +
		" OR sequence = (SELECT MAX(sequence)" + from + " WHERE window_to IS NOT NULL)"
}

// readLedger reads the ledger, which must be there.
func (w *Warehouse) readLedger(ctx context.Context, load warehouse.Load) (book, error) {
	rows, err := w.ask(ctx, ledgerStatement(w.config, load))
	if err == nil {
		var found book
		if found, err = parseLedger(rows); err == nil {
			return found, nil
		}
	}
	return book{}, fmt.Errorf("reading the ledger of %s: %w", load.Target, err)
}

// parseLedger reads the rows of ledgerStatement.
func parseLedger(rows [][]*string) (book, error) {
	var found book
	for _, row := range rows {
		if len(row) != 8 {
			return book{}, fmt.Errorf("a row has %d columns, want 8", len(row))
		}
		text := make([]string, len(row))
		for i, value := range row {
			if value != nil {
				text[i] = *value
			}
		}
		sequence, err := number(row[0])
		count, countErr := number(row[7])
		if err := errors.Join(err, countErr); err != nil {
			return book{}, err
		}
		if text[1] == "" {
			found.lockable = true
			continue
		}
		found.last = max(found.last, sequence)
		found.entries = append(found.entries, warehouse.Entry{
			Sequence: sequence, Load: text[1], Source: text[2], Run: stage.RunID(text[3]), Mode: warehouse.Mode(text[4]),
			From: text[5], To: text[6], Rows: count,
		})
	}
	return found, nil
}

// entry finds the load itself.
func (b book) entry(load warehouse.Load) (entry warehouse.Entry, done bool) {
	for _, e := range b.entries {
		if e.Load == load.ID {
			return e, true
		}
	}
	return warehouse.Entry{}, false
}

// unchanged fails unless the ledger still says of the load what it said when it
// was judged. What is appended needs no order: other loads of its source change
// nothing for it, so it need not be judged again after each.
func unchanged(c Config, load warehouse.Load, last int64) string {
	this := "load_id = " + quote(load.ID)
	condition := fmt.Sprintf("MAX(sequence) = %d AND COUNT(CASE WHEN %s THEN 1 END) = 0", last, this)
	if load.Mode == warehouse.Append {
		condition = "COUNT(CASE WHEN " + this + " OR load_id <> '' AND source <> " + quote(load.Source.String()) + " THEN 1 END) = 0"
	}
	return ensure(checkLedger, condition, ledger(c, load).SQL())
}

// enter writes the load into the ledger, whose lock the transaction holds.
func enter(c Config, load warehouse.Load) string {
	rows := "0"
	if len(load.Parts) > 0 {
		rows = "(SELECT COUNT(*) FROM " + stagingTable(c, load) + ")"
	}
	from, to := "NULL", "NULL"
	if load.Window != nil {
		from, to = quote(load.Window.From), quote(load.Window.To)
	}
	name := ledger(c, load).SQL()
	return fmt.Sprintf("INSERT INTO %s (sequence, load_id, source, run, mode, window_from, window_to, row_count, loaded_at) "+
		"SELECT (SELECT MAX(sequence) + 1 FROM %s), %s, %s, %s, %s, %s, %s, %s, CURRENT_TIMESTAMP()",
		name, name, quote(load.ID), quote(load.Source.String()), quote(string(load.Run)), quote(string(load.Mode)), from, to, rows)
}

// withoutRows is the load of a window that is entered into the ledger and leaves
// the target as it is.
func withoutRows(load warehouse.Load) warehouse.Load {
	load.Parts, load.Rows = nil, 0
	return load
}
