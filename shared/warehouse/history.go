package warehouse

import (
	"context"
	"encoding/json"
	"time"

	"github.com/stagelift/stagelift/shared/fault"
)

// HistoryTable is the table in the schema of the ledgers that has a row for every
// load, skip, hold and refusal. It is only ever inserted into: by the transaction
// of a load as long before its end as can be, since a row holds the table until the
// commit, and by Recorder for what has no transaction. No load reads it.
const HistoryTable = "loads"

// HistoryColumn is a column of HistoryTable. Kind is Text of up to Length
// characters, or one of the other two.
type HistoryColumn struct {
	Name   string
	Kind   HistoryKind
	Length int
}

// HistoryKind is a type that every warehouse has.
type HistoryKind int

// The kinds.
const (
	Text HistoryKind = iota
	Integer
	Double
)

// HistoryColumns are those of HistoryTable but the first, "at", a timestamp that
// defaults to now.
var HistoryColumns = []HistoryColumn{
	{"load_id", Text, 64},
	{"source", Text, 512},
	{"target", Text, 512},
	{"run", Text, 32},
	{"mode", Text, 16},
	{"state", Text, 16},
	{"window_from", Text, 512},
	{"window_to", Text, 512},
	{"rows_in", Integer, 0},
	{"rows_updated", Integer, 0},
	{"rows_deleted", Integer, 0},
	{"bytes", Integer, 0},
	{"changes", Text, 8192},
	{"seconds", Double, 0},
	{"statements", Text, 4096},
	{"error_code", Text, 64},
	{"reason", Text, 8192},
}

// Record is one row of the history.
type Record struct {
	Load    Load
	Outcome Outcome
	// State is how it ended: one of this package's, "failed" or "held".
	State State
	// Took is how long it took.
	Took time.Duration
	// Code is of what failed or is held; empty otherwise. Reason says why, in words.
	Code   fault.Code
	Reason string
	// At is when it ended.
	At time.Time
}

// Recorder keeps what ended without a transaction of its own.
type Recorder interface {
	// Record adds a row to the history. What was recorded before may be so again: a
	// load that is delivered three times has three rows. It does not wait for the
	// warehouse.
	Record(ctx context.Context, record Record) error
}

// Values are the record's, in the order of HistoryColumns: strings, int64,
// float64, or nil for what nobody knows. Texts are cut to their columns.
func (r Record) Values() []any {
	l, o := r.Load, r.Outcome
	var from, to string
	if l.Window != nil {
		from, to = l.Window.From, l.Window.To
	}
	changes, _ := json.Marshal(o.Changes) // plain values, which all encode
	statements, _ := json.Marshal(o.Statements)
	values := []any{
		l.ID, l.Source.String(), l.Target.String(), string(l.Run), string(l.Mode), string(r.State), from, to,
		o.Rows, o.Updated, o.Deleted, l.bytes(), text(changes), r.Took.Seconds(), text(statements), string(r.Code), r.Reason,
	}
	for i, column := range HistoryColumns {
		if s, is := values[i].(string); is {
			values[i] = cut(s, column.Length)
		}
	}
	return values
}

func text(list []byte) string {
	if string(list) == "null" {
		return ""
	}
	return string(list)
}

func (l Load) bytes() int64 {
	var sum int64
	for _, part := range l.Parts {
		sum += part.Bytes
	}
	return sum
}

// cut shortens to so many bytes, at the border of a character.
func cut(s string, bytes int) string {
	if len(s) <= bytes {
		return s
	}
	for bytes > 0 && s[bytes]&0xC0 == 0x80 {
		bytes--
	}
	return s[:bytes]
}

// Planned is the record that a transaction makes of its own load, with what is
// known before it is run.
func Planned(load Load, entry Entry) Record {
	state := entry.State
	if state == Aside {
		state = Loaded
	}
	return Record{Load: load, Outcome: Outcome{Rows: entry.Rows}, State: state, Reason: load.Abandon}
}
