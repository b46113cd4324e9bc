// Package warehouse says what a load into a warehouse is, whichever warehouse
// it is. Each warehouse has a package below this one that carries it out.
//
// The contract: a load is one transaction. It checks the ledger of its target
// table, copies the parts into a staging table, counts what came, applies it
// and writes the load into the ledger; or it leaves the target as it was. A
// load whose id is in the ledger is done and is never done again, however
// often and however concurrently it is asked for.
package warehouse

import (
	"errors"

	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/table"
)

// Load is one receipt into one target table.
type Load struct {
	// ID names the load in the ledger: stage.LoadID of the receipt.
	ID string
	// Run is the run that staged the rows.
	Run stage.RunID
	// Source is the table that was extracted.
	Source table.Name
	// Target is the table that the rows go to.
	Target table.Name
	// Columns are the staged columns, in the order of the files.
	Columns []table.Column
	// Format says how the parts are written.
	Format stage.Format
	// Manifest is the URL of the manifest; empty when there are no rows.
	Manifest string
	// Rows is the number of rows that must arrive.
	Rows int64
}

// State says what became of a load.
type State string

const (
	// Loaded means that this call did the load.
	Loaded State = "loaded"
	// AlreadyLoaded means that the ledger had the load: nothing was changed.
	AlreadyLoaded State = "already_loaded"
)

// Outcome is how a load ended well.
type Outcome struct {
	State State
	// Rows is the number of rows that the load brought, now or back then.
	Rows int64
	// Statement is the warehouse's id of the transaction; empty when it was
	// another call's.
	Statement string
}

var (
	// ErrRowCount means that the warehouse counted other than Load.Rows.
	// Nothing was changed.
	ErrRowCount = errors.New("the warehouse counted another number of rows than was staged")
	// ErrOtherSource means that the target's ledger holds loads of another
	// source table. Nothing was changed.
	ErrOtherSource = errors.New("the target table is fed from another source table")
)
