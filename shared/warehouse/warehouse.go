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
// What becomes of a load is judged by the ledger, which knows of each load what it
// covered: its window, its filter, the columns that it left out, the run that read
// it. Every row that was published ends in the target, or a newer run has brought
// it newer, or the load that would bring it is held, with an error that says what
// to do. In particular:
//
//   - Windows come in order, merged or appended. A window begins where the last one
//     ended. One that begins later is ErrHeld, since a run between the two is not
//     loaded yet. One of an older run that lies behind is Skipped.
//   - What would be appended twice is ErrDoubles: a window that begins before the
//     last one ended, as after a watermark was lost; a first window beside rows of
//     the whole table, or the whole table beside windows. Whole tables are appended
//     as often as somebody asks.
//   - A merge of an older run is Skipped when a newer one has brought all that it
//     has: the whole table, or the same filter, and its columns. If newer ones have
//     brought something else of the table it goes under them: rows with their keys
//     stay as they are. Where that cannot be told it is ErrLate.
//   - What replaces is the table anew. What is older is Skipped, with columns that
//     the replacement left out ErrLate; a replacement that is older than what is
//     there is ErrLate.
//   - A window that is skipped, or that a person gave up (Load.Abandon), keeps its
//     place in the ledger without its rows: those after it go on.
//   - A load that reads once more what another one read (Load.Repairs) takes its
//     place.
//
// Columns that a merge did not stage stay as they are.
//
// Not guaranteed: the order of two runs of one second, whose names sort by chance;
// that rows which others write into the target at the same
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
	// Filter is the condition that left rows out when they were read, Absent are
	// columns of the source that were left out; both are empty when all was read.
	Filter string
	Absent []string
	// Sweep are the keys of all rows that the source had; nil when nobody asked.
	Sweep *Sweep
	// Repairs is the run whose rows are read once more by this one, in its place;
	// empty for most.
	Repairs stage.RunID
	// Abandon is why a person wants the load to be left out; empty for most. It
	// takes its place in the ledger without its rows.
	Abandon string
	// Under are loads of newer runs whose rows are to stay as they are, as Verdict
	// has it. A warehouse sets it when it has judged the load.
	Under []Load
	// Find gives the load that an entry of the ledger is of, with its parts, so that
	// the keys that it brought can be read once more. It is nil where none can be
	// found.
	Find func(ctx context.Context, entry Entry) (Load, error) `json:"-"`
	// Layout is used when the target is created.
	Layout TargetLayout
	// Options say how the target is treated.
	Options
}

// Options say how a load treats its target. Their zero value adds and widens
// columns where nothing can be lost, and replaces rows in place.
type Options struct {
	// Swap replaces by a new table that takes the target's name, in one
	// transaction; Recreate does so also when a column's type has changed in a
	// way that the target cannot follow.
	Swap, Recreate bool
	// Changes says what may become of the target's columns.
	Changes SchemaChanges
	// Names says how identifiers are spelled in a warehouse that folds them to
	// upper case.
	Names Names
	// AddRun and AddLoadedAt add the columns RunColumn and LoadedAtColumn.
	AddRun, AddLoadedAt bool
	// Grants are who may read the target: "ROLE reporting", "USER ann",
	// "GROUP analysts", checked by CheckGrant.
	Grants []string
	// Copy are options of COPY for objects without a receipt, by their
	// documented names, from the warehouse's own list.
	Copy map[string]string
	// BadRows is how many rows COPY may refuse before the load fails; what it
	// refused is in Outcome.Errors. Nil refuses the first.
	BadRows *int64
}

// Columns that a load may add to the target.
const (
	RunColumn       = stage.RunColumn
	LoadedAtColumn  = stage.LoadedAtColumn
	DeletedAtColumn = stage.DeletedAtColumn
)

// SchemaChanges says what a load may do to columns of its target.
type SchemaChanges string

// The policies.
const (
	// Evolve adds columns and widens those whose type grew; it is the default.
	Evolve SchemaChanges = "evolve"
	// AddOnly adds columns and refuses all else.
	AddOnly SchemaChanges = "add"
	// Freeze refuses every difference.
	Freeze SchemaChanges = "freeze"
)

// Names says how identifiers are spelled.
type Names string

// The spellings.
const (
	AsIs  Names = "as_is"
	Upper Names = "upper"
	Lower Names = "lower"
)

// Sweep are the keys of all rows of a source at the moment at which the load's
// rows were read: one column for each of the load's keys, in the load's format.
type Sweep struct {
	// Soft marks rows that the source no longer has, by DeletedAtColumn; else
	// they are deleted.
	Soft     bool
	Manifest string
	Parts    []Part
	Rows     int64
	// Filter is the condition on what was swept; rows outside of it stay. It is
	// in the words of the source and is no SQL of the warehouse: a sweep with a
	// filter needs it to be the load's own.
	Filter string
}

// Change is one difference between the source's columns and the target's, and
// what was done about it.
type Change struct {
	// Kind is "added", "gone", "renamed" (as it seems), "widened", "recreated".
	Kind   string `json:"kind"`
	Column string `json:"column"`
	// Was and Is are types, or for a rename the names.
	Was string `json:"was,omitempty"`
	Is  string `json:"is,omitempty"`
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
	// Abandoned means that a person has given the load up: its rows stay out of the
	// target, and those that it was in the way of go on.
	Abandoned State = "abandoned"
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
	// Reason is why the load was Skipped or Abandoned.
	Reason string
	// Updated and Deleted are how many rows of the target were replaced by the
	// load's, and how many were removed or marked; 0 where nothing tells.
	Updated, Deleted int64
	// Changes are differences of columns that were met, in the order of the
	// load's columns.
	Changes []Change
	// Warnings are what went wrong and changes no row: a comment or a grant that
	// was refused.
	Warnings []string
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
	// yet. The error says from where to where. Retry once it is. Errors of this and
	// the next two kinds are of type HeldError.
	ErrHeld = errors.New("an earlier run of this table is not loaded yet")
	// ErrDoubles means that rows which are appended are in the target already. Retry
	// changes nothing: begin the table anew, or abandon the load.
	ErrDoubles = errors.New("its rows would be in the target twice")
	// ErrLate means that newer runs have brought some of the rows, and it cannot be
	// told which. Read what it has once more, or abandon it.
	ErrLate = errors.New("newer runs have brought some of its rows, and it cannot be told which")
	// ErrKeys means that staged rows cannot be merged: two have equal keys and no
	// column decides between them, or a key is NULL.
	ErrKeys = errors.New("the staged rows' keys are not fit to merge by")
	// ErrColumn means that a column of the target cannot take the staged one
	// without losing values. The error names the column and both types.
	ErrColumn = errors.New("the target's column cannot take the staged one")
	// ErrBusy means that another load of this target is running. Retry.
	ErrBusy = errors.New("another load of this table is running")
)
