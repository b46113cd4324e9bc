package warehouse

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"strings"

	"github.com/stagelift/stagelift/shared/stage"
)

// Entry is one row of a target's ledger: a load that is done, or that takes its
// place in the order without its rows.
type Entry struct {
	// Sequence counts the loads of the target in the order of their commits,
	// from 1.
	Sequence int64
	// Load is the load's id, Source its source as table.Name prints it.
	Load, Source string
	Run          stage.RunID
	Mode         Mode
	// From and To are those of the load's window; To is empty when it had none.
	From, To string
	Rows     int64
	// Filter is what FilterMark gives of the load's filter; empty when no rows were
	// left out. UnknownFilter is that of an entry by an earlier version.
	Filter string
	// Absent are columns that the source had then and the load had not.
	Absent []string
	// Swept is true when rows were removed, or marked, whose keys the source did
	// not have any more.
	Swept bool
	// Repairs is the run whose rows were read once more; empty for most.
	Repairs stage.RunID
	// State is Loaded, which empty is too; Aside of a window that was loaded out of
	// its order, into a gap that was left on purpose; Skipped and Abandoned of one
	// that has its place in the order without its rows.
	State State
}

// Aside is the state of a Entry, and of nothing else.
const Aside State = "aside"

// UnknownFilter is the Filter of an entry of which nobody knows what it left out.
const UnknownFilter = "?"

// Enter is the entry of a load that a verdict lets into the ledger. Sequence and
// Rows are left to the warehouse.
func Enter(load Load, v Verdict) Entry {
	e := Entry{
		Load: load.ID, Source: load.Source.String(), Run: load.Run, Mode: load.Mode, Rows: load.Rows,
		Filter: FilterMark(load.Filter), Absent: load.Absent, Swept: load.Sweep != nil, Repairs: load.Repairs, State: v.enterAs(),
	}
	if load.Window != nil {
		e.From, e.To = load.Window.From, load.Window.To
	}
	if v.Since != "" {
		e.From = v.Since
	}
	if v.Enter {
		e.Rows, e.Swept = 0, false
	}
	return e
}

// enterAs is the state that the ledger keeps.
func (v Verdict) enterAs() State {
	switch {
	case v.Enter:
		return v.State
	case v.Aside:
		return Aside
	}
	return Loaded
}

// brought reports whether the load's rows are in the target, or were.
func (e Entry) brought() bool { return e.State == "" || e.State == Loaded || e.State == Aside }

// place is the run that an entry stands for: what it repairs is older than its rows.
func (e Entry) place() stage.RunID {
	if e.Repairs != "" {
		return e.Repairs
	}
	return e.Run
}

// FilterMark is a filter as ledgers keep it: its digest, since a filter may be
// longer than a column, and every warehouse quotes differently.
func FilterMark(filter string) string {
	if filter == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(filter))
	return hex.EncodeToString(sum[:])
}

// absentLimit is how long a list of columns may be in a ledger.
const absentLimit = 60_000

// ManyAbsent stands for a list of columns that is too long to be kept. It is as if
// all were absent.
const ManyAbsent = "*"

// AbsentMark writes a list of columns as ledgers keep it: percent-escaped, so that
// no warehouse's quoting changes it, with commas between.
func AbsentMark(columns []string) string {
	list := make([]string, len(columns))
	for i, column := range columns {
		list[i] = url.QueryEscape(column)
	}
	if text := strings.Join(list, ","); len(text) <= absentLimit {
		return text
	}
	return ManyAbsent
}

// AbsentColumns reads what AbsentMark wrote.
func AbsentColumns(mark string) []string {
	if mark == "" {
		return nil
	}
	list := strings.Split(mark, ",")
	for i, name := range list {
		if plain, err := url.QueryUnescape(name); err == nil {
			list[i] = plain
		}
	}
	return list
}

// Given is a load that a person gave up with no more than the ledger needs of it:
// nothing of its columns or files may stand in the way of the decision. Any other
// load is as it was.
func Given(load Load) Load {
	if load.Abandon == "" {
		return load
	}
	load.Columns, load.Keys, load.Newest, load.Deleted, load.Sweep = nil, nil, "", "", nil
	load.Manifest, load.Parts, load.Rows = "", nil, 0
	load.Layout, load.Options = TargetLayout{}, Options{Names: load.Names}
	return load
}
