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

// PartialVersion is the version of the record that this code writes and reads.
const PartialVersion = 1

// Partial is what an invocation leaves when its time is over before its run is:
// all that the next one needs to go on.
type Partial struct {
	Version  int    `json:"version"`
	Database string `json:"database"`
	Run      RunID  `json:"run"`
	// Step counts the run's invocations so far.
	Step int `json:"step"`
	// Request is what the run was asked for.
	Request json.RawMessage `json:"request"`
	// Snapshot is the moment of the first invocation.
	Snapshot Snapshot       `json:"snapshot"`
	Tables   []PartialTable `json:"tables"`
	At       time.Time      `json:"at"`
}

// PartialTable is one table of a run.
type PartialTable struct {
	Table table.Name `json:"table"`
	// Receipt is the key of the table's receipt, and Parts, Rows and Bytes what
	// it says; empty when the table is not published. Then the rest counts.
	Receipt string `json:"receipt,omitempty"`
	Rows    int64  `json:"rows,omitempty"`
	Bytes   int64  `json:"bytes,omitempty"`

	Columns []table.Column `json:"columns,omitempty"`
	// Snapshot is the moment at which the table was begun.
	Snapshot    Snapshot `json:"snapshot,omitzero"`
	Consistency string   `json:"consistency,omitempty"`
	Parts       []Part   `json:"parts,omitempty"`
	// NextPart is the number of the next part.
	NextPart int `json:"next_part"`
	// Copied is how many rows the server sent so far.
	Copied int64 `json:"copied,omitempty"`
	// Density is the bytes of a part, as stored, to a block; 0 when not known.
	Density float64 `json:"density,omitempty"`
	// Ranges are left to be read; nil when the table was not begun.
	Ranges []Range `json:"ranges,omitempty"`
	// Window and StateETag belong to an incremental run; StateETag is empty
	// when there was no state.
	Window    *Window `json:"window,omitempty"`
	StateETag string  `json:"state_etag,omitempty"`
}

// Range is a half-open range of heap blocks.
type Range struct {
	Relation table.Name `json:"relation"`
	// File is the relation's file in the database, which a rewrite changes; 0
	// where there is none.
	File uint32 `json:"file,omitempty"`
	// From and To bound the blocks; To 0 is to the end.
	From int64 `json:"from"`
	To   int64 `json:"to,omitempty"`
}

// Continuation names the record for a request: "<run>.<step>".
func (p Partial) Continuation() string { return string(p.Run) + "." + strconv.Itoa(p.Step) }

// ParseContinuation reads what Continuation wrote.
func ParseContinuation(s string) (RunID, int, error) {
	id, digits, dotted := strings.Cut(s, ".")
	run, err := ParseRunID(id)
	step, malformed := strconv.Atoi(digits)
	if err != nil || malformed != nil || !dotted || step < 1 || strconv.Itoa(step) != digits {
		return "", 0, fmt.Errorf("continuation %q: want what an answer gave, such as 20261121T003000Z-7f3a91c2.1", s)
	}
	return run, step, nil
}

// Encode returns the record as it is stored.
func (p Partial) Encode() ([]byte, error) { return encode(p) }

// DecodePartial reads a record, which must be of that run and step.
func DecodePartial(data []byte, database string, run RunID, step int) (Partial, error) {
	var p Partial
	if err := decode(data, &p); err != nil {
		return Partial{}, fmt.Errorf("decoding what run %s left: %w", run, err)
	}
	if p.Version != PartialVersion || p.Database != database || p.Run != run || p.Step != step {
		return Partial{}, fmt.Errorf("checking what run %s left: it is version %d, of run %s in database %q, step %d, want version %d, database %q, step %d",
			run, p.Version, p.Run, p.Database, p.Step, PartialVersion, database, step)
	}
	if len(p.Tables) == 0 {
		return Partial{}, fmt.Errorf("checking what run %s left: %w", run, errors.New("it names no tables"))
	}
	return p, nil
}
