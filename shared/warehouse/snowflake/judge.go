package snowflake

import (
	"context"
	"fmt"

	"github.com/stagelift/stagelift/shared/warehouse"
)

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

// entry finds the load itself.
func (b book) entry(load warehouse.Load) (entry warehouse.Entry, done bool) {
	for _, e := range b.entries {
		if e.Load == load.ID {
			return e, true
		}
	}
	return warehouse.Entry{}, false
}

// withoutRows is the load of a window that is entered into the ledger and leaves
// the target as it is.
func withoutRows(load warehouse.Load) warehouse.Load {
	load.Parts, load.Rows = nil, 0
	return load
}
