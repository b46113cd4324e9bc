// Package referee tells whether what an extraction published is what the source
// held. It does no I/O and knows nothing of how extract works.
//
// The truth is a [Log]: every change of every row that was ever made, each with
// the transaction that made it, and what relations a name stood for, likewise.
// Whoever changes a table writes it in the same transaction. A [Moment], which
// is what pg_current_snapshot() prints, tells which transactions count, so the
// log says what any name held at any moment.
//
// What was published is a list of [Published], one for each receipt, with the
// rows that were found in its parts. [Log.Judge] holds one against its moment,
// [Log.JudgeSeries] the windows of one table against each other and the end,
// [Agree] and [Sum] the tables of one run against each other.
//
// Promised: a row that is missing, there twice, of another moment, or that never
// was, is found, as long as rows can be told apart by "id" and no two versions of
// a row are equal. Not promised: anything about what was not published.
package referee

import (
	"fmt"
	"slices"
	"strings"
)

// Kind is how a published table differs from the truth.
type Kind string

// The kinds, worst first.
const (
	// Lost is a row that should be there and is not, in no version.
	Lost Kind = "lost"
	// Doubled is a row that is there more often than it should be.
	Doubled Kind = "doubled"
	// Mixed is a row, or a table, of another moment than the rest.
	Mixed Kind = "mixed"
	// Wrong is anything else: a value that never was, a sum that does not match,
	// a table that was none.
	Wrong Kind = "wrong"
)

// Finding is one difference.
type Finding struct {
	Kind  Kind
	Table string
	Run   string
	// What says what differs, of Rows rows, of which IDs are the first. Rows is
	// at least 1.
	What string
	Rows int
	IDs  []int64
}

// String is one line.
func (f Finding) String() string {
	s := fmt.Sprintf("%s: %s in run %s: %s", strings.ToUpper(string(f.Kind)), f.Table, f.Run, f.What)
	if len(f.IDs) > 0 {
		s += fmt.Sprintf(" (%d rows, id %s)", f.Rows, strings.Trim(fmt.Sprint(f.IDs), "[]"))
	}
	return s
}

// most is how many ids a finding names.
const most = 12

// rows makes a finding of ids, none when there are none.
func (p Published) rows(kind Kind, ids []int64, what string) []Finding {
	if len(ids) == 0 {
		return nil
	}
	slices.Sort(ids)
	return []Finding{{Kind: kind, Table: p.Name, Run: p.Run, What: what, Rows: len(ids), IDs: ids[:min(len(ids), most)]}}
}

func (p Published) finding(kind Kind, format string, args ...any) []Finding {
	return []Finding{{Kind: kind, Table: p.Name, Run: p.Run, What: fmt.Sprintf(format, args...), Rows: 1}}
}
