// Package warehouse says what a load into a warehouse is, whichever warehouse
// it is. Each warehouse has a package below this one that carries it out.
//
// The contract: a load is one transaction with its ledger row in it. It takes
// its turn at the target, checks the ledger, copies the parts into a staging
// table, counts what came, applies it, counts what the target gained, and
// writes the load into the ledger; or it leaves the target as it was. A load
// whose id is in the ledger is done and is never done again, however often and
// however concurrently it is asked for.
//
// Outside the transaction there is only DDL that is safe to repeat: the target
// and its ledger are created, new columns are added, text columns are widened
// where nothing can be lost by it. Any other difference between the target's
// columns and the staged ones is ErrColumn.
//
// What must come in order:
//
//   - Windows that are merged. A window begins where the last one ended: the
//     ledger knows. One that begins later is ErrHeld, since a run between the
//     two is not loaded yet; one that ends at or before it is Skipped. So is
//     one of a run older than the newest that replaced or merged the whole
//     table; it takes its place in the order all the same, without its rows.
//   - Replacements, and merges of whole tables. A run older than the newest one
//     that was loaded into the target is Skipped.
//
// What is appended needs no order, and comes once; of a run older than the newest
// that replaced the table it is Skipped.
//
// Not guaranteed: that rows which others write into the target at the same
// time are told from ours. A load that finds more or fewer rows in its target
// than it has put there fails, and can be repeated.
package warehouse

import (
	"context"
	"errors"

	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/table"
)

// Mode says what a load does to its target.
type Mode string

// The modes. A receipt spells them the same way.
const (
	// Append adds the staged rows.
	Append Mode = "append"
	// Replace puts the staged rows in the place of all that is there. Readers
	// see the old rows or the new ones.
	Replace Mode = "replace"
	// Merge puts each staged row in the place of the one with the same keys, or
	// adds it where there is none.
	Merge Mode = "merge"
)

// Load is one receipt into one target table.
type Load struct {
	// ID names the load in the ledger: stage.LoadID of the receipt, or the
	// digest of what an object without a receipt is.
	ID string
	// Run is the run that staged the rows. Runs sort by time.
	Run stage.RunID
	// Source is the table that was extracted; Target is where the rows go.
	Source, Target table.Name
	Mode           Mode
	// Keys are the columns that tell rows apart in a merge; nil otherwise.
	Keys []string
	// Newest is the column that decides between staged rows with equal keys:
	// the largest wins. Empty when no two staged rows have equal keys; two that
	// have are an error then.
	Newest string
	// Deleted is a boolean column of the staged rows, or empty: where it is
	// true, a merge removes the row from the target.
	Deleted string
	// Columns are the staged columns, in the order of the files.
	Columns []table.Column
	// Format says how the parts are written.
	Format stage.Format
	// Bucket holds the parts and the manifest.
	Bucket string
	// Manifest is the s3:// URL of the manifest; empty when there are no rows.
	Manifest string
	// Parts are the objects to load, in the order of the manifest.
	Parts []Part
	// Rows is the number of rows that must arrive; negative when nobody has
	// counted them, as for objects without a receipt.
	Rows int64
	// Window bounds the rows of an incremental run; nil when all were read.
	Window *stage.Window
	// Layout is used when the target is created.
	Layout TargetLayout
}

// Part is one object of a load.
type Part struct {
	// Key is the object's key in the load's bucket.
	Key string
	// Rows and Bytes are what the receipt says of it. Rows is negative where
	// nobody has counted.
	Rows, Bytes int64
}

// TargetLayout says how a new target keeps its rows. A warehouse leaves out
// what it does not know.
type TargetLayout struct {
	// DistKey is the column that spreads rows over Redshift's slices; empty
	// leaves it to Redshift.
	DistKey string
	// SortKeys are the columns that Redshift sorts by, ClusterBy those that
	// Snowflake clusters by.
	SortKeys, ClusterBy []string
}

// State says how a load stands.
type State string

// The states.
const (
	// Running means that the warehouse is at it; ask again with the handle.
	Running State = "running"
	// Loaded means that the rows are in the target by this load's transaction,
	// which the caller or an earlier invocation began.
	Loaded State = "loaded"
	// AlreadyLoaded means that the ledger had the load: nothing was changed.
	AlreadyLoaded State = "already_loaded"
	// Skipped means that the target holds newer rows: nothing was changed.
	Skipped State = "skipped"
)

// Outcome is how a load stands, or how it ended.
type Outcome struct {
	State State
	// Handle names what is running, for Poll, in this or another invocation;
	// empty unless Running. It holds no secret.
	Handle string
	// Rows is the number of rows that the load brought, now or back then.
	Rows int64
	// Statements are the warehouse's ids of what was run.
	Statements []string
	// Reason is why the load was Skipped.
	Reason string
	// Errors are what the warehouse says of rows that it could not take. They
	// come beside an error.
	Errors []RowError
}

// RowError is what a warehouse says of one row that it could not take. It
// holds no values of the row.
type RowError struct {
	// File is the object's URL, Line counts from 1; 0 is not told.
	File string `json:"file"`
	Line int64  `json:"line,omitempty"`
	// Column is as the warehouse calls it.
	Column  string `json:"column,omitempty"`
	Code    string `json:"code,omitempty"`
	Message string `json:"message"`
}

// Warehouse carries loads out. Its methods are safe to repeat, late, beside
// themselves and after an answer that got lost.
type Warehouse interface {
	// Begin submits the load, unless the ledger has it, or finds it under way.
	// It does not wait for the load: its outcome is mostly Running.
	Begin(ctx context.Context, load Load) (Outcome, error)
	// Poll asks once how a load stands that Begin, in this or an earlier
	// invocation, has begun. It may take the next step of the load.
	Poll(ctx context.Context, load Load, handle string) (Outcome, error)
	// Columns are those of a table, each as a column whose every value it takes
	// without being changed; nil when there is no such table. A column that no
	// type fits is an error that names it.
	Columns(ctx context.Context, target table.Name) ([]table.Column, error)
}

// All of them leave the target as it was.
var (
	// ErrRowCount means that the warehouse counted other than it should: the
	// rows that came, or those that the target gained.
	ErrRowCount = errors.New("the warehouse counted another number of rows than was staged")
	// ErrOtherSource means that the target's ledger holds loads of another
	// source table.
	ErrOtherSource = errors.New("the target table is fed from another source table")
	// ErrHeld means that an earlier run of an incremental table is not loaded
	// yet. The error says from where to where. Retry once it is.
	ErrHeld = errors.New("an earlier run of this table is not loaded yet")
	// ErrKeys means that staged rows cannot be merged: two have equal keys and no
	// column decides between them, or a key is NULL.
	ErrKeys = errors.New("the staged rows' keys are not fit to merge by")
	// ErrColumn means that a column of the target cannot take the staged one
	// without losing values. The error names the column and both types.
	ErrColumn = errors.New("the target's column cannot take the staged one")
	// ErrBusy means that another load of this target is running. Retry.
	ErrBusy = errors.New("another load of this table is running")
)
