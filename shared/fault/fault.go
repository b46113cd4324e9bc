// Package fault is what goes wrong, under codes that stay: the vocabulary of
// answers, of what a run writes down, and of the errors that a state machine
// catches by.
//
// An [Error] says what happened, in words for a person, what that person can
// do, and a [Code] for a program. Codes are promised: none changes its meaning.
// Words are not. No word of an Error holds a value of a row, unless the request
// asked for such words.
package fault

import (
	"errors"
	"fmt"
	"strings"
)

// Code names a kind of failure. docs/errors.md explains each.
type Code string

// The codes of what keeps one table from being published. The others of the run
// are published all the same.
const (
	// NotFound: no table has that name, or fits that pattern.
	NotFound Code = "not_found"
	// NoPrivilege: a GRANT is missing.
	NoPrivilege Code = "no_privilege"
	// RowSecurity: row-level security would hide rows from us.
	RowSecurity Code = "row_security"
	// Unreadable: the server has no rows of it to give, as of an unlogged table
	// on a standby or a materialised view without data.
	Unreadable Code = "unreadable"
	// Locked: another session held the table exclusively for too long.
	Locked Code = "locked"
	// GaveWay: a statement that needs the table for itself waited for the run
	// for too long, and the run let it go first.
	GaveWay Code = "gave_way"
	// Changed: the table was swapped, dropped, truncated, rewritten, renamed or
	// redefined between the look at it and its reading.
	Changed Code = "changed"
	// TableRequest: what the request says of this table does not fit it.
	TableRequest Code = "table_request"
	// Filter: the condition is none, or names what there is not.
	Filter Code = "filter"
	// Cursor: rows could be missed by this cursor.
	Cursor Code = "cursor"
	// CursorNull: rows have no finite value in the cursor, and would never be
	// read.
	CursorNull Code = "cursor_null"
	// CursorBack: the sequence behind the cursor was set back.
	CursorBack Code = "cursor_back"
	// Writers: transactions that write to the table did not end in time.
	Writers Code = "writers"
	// StateDiffers: the watermark is that of another table, server, cursor or
	// request.
	StateDiffers Code = "state_differs"
	// StateLost: the watermark is gone, and so is what it could be found by.
	StateLost Code = "state_lost"
	// Publishing: another run is publishing this table, or has just done so.
	Publishing Code = "publishing"
	// Value: a value does not fit the format, or the server could not compute
	// it.
	Value Code = "value"
	// Conflict: a standby cancelled the read too often, to keep up with its
	// primary.
	Conflict Code = "standby_conflict"
	// Mismatch: rows sent, encoded and stored are not the same number.
	Mismatch Code = "mismatch"
	// SnapshotGone: the session that kept the moment of the run was ended.
	SnapshotGone Code = "snapshot_gone"
	// Source: the database failed otherwise.
	Source Code = "source"
	// Staging: the bucket failed, or refused.
	Staging Code = "staging"
	// NotReached: the run ended before it came to this table.
	NotReached Code = "not_reached"
)

// The codes of what ends a run before it has begun, and of a table that there is
// nothing to do for.
const (
	// Request: the request cannot be carried out as it is written.
	Request Code = "request"
	// Connect: the database could not be reached, or did not let us in.
	Connect Code = "connect"
	// TablesFailed: the run came to its end, and tables failed.
	TablesFailed Code = "tables_failed"
	// OutOfTime: the invocation's time was over before the run came any further.
	OutOfTime Code = "out_of_time"
	// NothingNew: no row is new that could be read for sure.
	NothingNew Code = "nothing_new"
	// NoColumns: the table has no columns.
	NoColumns Code = "no_columns"
	// Internal: a fault of ours.
	Internal Code = "internal"
)

// Type is the code as the name of an error's type, as TablesFailed, by which a
// state machine catches.
func (c Code) Type() string {
	var name strings.Builder
	for word := range strings.SplitSeq(string(c), "_") {
		name.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return name.String()
}

// Error is a failure with its code.
type Error struct {
	Code Code
	// Err says what happened.
	Err error
	// Mend says what a person can do; empty where Err says it, or where trying
	// again is all there is.
	Mend string
}

// New returns an Error; the words are those of fmt.Errorf.
func New(code Code, mend, format string, args ...any) *Error {
	return &Error{Code: code, Err: fmt.Errorf(format, args...), Mend: mend}
}

// Error returns what happened and what can be done, on one line.
func (e *Error) Error() string {
	if e.Mend == "" {
		return e.Err.Error()
	}
	return e.Err.Error() + "; " + e.Mend
}

// Unwrap returns what happened.
func (e *Error) Unwrap() error { return e.Err }

// CodeOf returns the code of the outermost Error in err's chain, or otherwise.
func CodeOf(err error, otherwise Code) Code {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return otherwise
}

// MendOf returns what the outermost Error in err's chain says can be done; empty
// without one.
func MendOf(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Mend
	}
	return ""
}

// Coded returns err with a code, unless it has one already; nil stays nil.
func Coded(err error, code Code) error {
	if err == nil {
		return nil
	}
	if _, coded := errors.AsType[*Error](err); coded {
		return err
	}
	return &Error{Code: code, Err: err}
}
