package stage

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/stagelift/stagelift/shared/table"
)

// PlanVersion is the version of plans, units and records that this code writes
// and reads.
const PlanVersion = 1

// Plan is what a run does, written once, by whoever leaves the run before it is
// done: all that another needs to go on.
type Plan struct {
	Version  int    `json:"version"`
	Database string `json:"database"`
	Run      RunID  `json:"run"`
	// Request is what the run was asked for.
	Request json.RawMessage `json:"request"`
	// Snapshot is the moment of the run.
	Snapshot Snapshot       `json:"snapshot"`
	Tables   []PlannedTable `json:"tables"`
	At       time.Time      `json:"at"`
}

// PlannedTable is a table of a run. Of one that was published before the run was
// left its name is all there is.
type PlannedTable struct {
	Table   table.Name     `json:"table"`
	Columns []table.Column `json:"columns,omitempty"`
	// Window belongs to an incremental run.
	Window *Window `json:"window,omitempty"`
	// Density is the bytes of a part, as stored, to a block; 0 when not known.
	Density float64 `json:"density,omitempty"`
	Origin  Origin  `json:"origin,omitzero"`
}

// Origin is what a table was when it was read: names can be given to another.
type Origin struct {
	// Server is the number of the database's cluster, which copies of it share;
	// empty where the server does not tell. Major is its version, Host its name.
	Server string `json:"server,omitempty"`
	Major  int    `json:"major,omitempty"`
	Host   string `json:"host,omitempty"`
	// OID is the table's, and Relations those of what holds its rows.
	OID       uint32   `json:"oid,omitempty"`
	Relations []uint32 `json:"relations,omitempty"`
}

// Unit is a part of a run that is read once: ranges of blocks of one table, or
// all of it. It is read by one attempt at a time as far as is known, and by two at
// once as far as is not; its record says whose parts count.
type Unit struct {
	// ID is the unit's own in its run. What is left of unit 3 is unit 3.1, of that
	// 3.2 and so on.
	ID    string     `json:"id"`
	Table table.Name `json:"table"`
	// Keys is true when the keys are read for a sweep, and not the rows.
	Keys bool `json:"keys,omitempty"`
	// Ranges are what is read; none is all of the table.
	Ranges []Range `json:"ranges,omitempty"`
}

// Range is a half-open range of heap blocks.
type Range struct {
	// Relation holds the blocks, in File, which a rewrite changes; 0 where there
	// is none.
	Relation uint32 `json:"relation"`
	File     uint32 `json:"file,omitempty"`
	// From and To bound the blocks; To 0 is to the end.
	From int64 `json:"from"`
	To   int64 `json:"to,omitempty"`
}

// Units are those that a plan has from the beginning.
type Units struct {
	Units []Unit `json:"units"`
}

// Record is what one attempt made of units, written once, if there is none. What
// other attempts at them made is nobody's.
type Record struct {
	Version int `json:"version"`
	// Units are those that were read, or begun, by their IDs; the record lies
	// under the first.
	Units []string   `json:"units"`
	Table table.Name `json:"table"`
	// Keys is that of the units.
	Keys bool `json:"keys,omitempty"`
	// Snapshot is the moment at which they were read.
	Snapshot Snapshot `json:"snapshot"`
	// Copied is how many rows the server sent, Parts are where they are.
	Copied int64  `json:"copied"`
	Parts  []Part `json:"parts"`
	// Left is what was not read of them.
	Left []Unit    `json:"left,omitempty"`
	At   time.Time `json:"at"`
}

func (p Plan) check() error {
	switch {
	case p.Version != PlanVersion:
		return fmt.Errorf("the plan is version %d, want %d", p.Version, PlanVersion)
	case len(p.Tables) == 0:
		return errors.New("the plan names no tables")
	}
	return nil
}

func (r Record) check() error {
	if r.Version != PlanVersion || len(r.Units) == 0 {
		return fmt.Errorf("the record is version %d of %d units, want version %d of one or more", r.Version, len(r.Units), PlanVersion)
	}
	return nil
}

// Open returns the units that have no record: those of the plan, and those that
// records left.
func Open(units []Unit, records []Record) []Unit {
	done := map[string]bool{}
	all := units
	for _, r := range records {
		for _, id := range r.Units {
			done[id] = true
		}
		all = append(all, r.Left...)
	}
	open := []Unit{}
	for _, u := range all {
		if !done[u.ID] {
			open = append(open, u)
		}
	}
	return open
}

// ParseContinuation reads what an answer named a run by that can be gone on with.
// A step behind a dot, which answers once had, means nothing any more.
func ParseContinuation(s string) (RunID, error) {
	id, step, dotted := strings.Cut(s, ".")
	run, err := ParseRunID(id)
	if _, malformed := strconv.Atoi(step); err != nil || dotted && malformed != nil {
		return "", fmt.Errorf("continuation %q: want what an answer gave, such as 20261121T003000Z-7f3a91c2", s)
	}
	return run, nil
}
