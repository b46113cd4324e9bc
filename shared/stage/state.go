package stage

import (
	"errors"
	"fmt"
	"time"

	"github.com/stagelift/stagelift/shared/table"
)

// StateVersion is the version of the state that this code writes and reads.
const StateVersion = 1

// State is how far the incremental runs of a table have come. It changes in two
// steps, each only over the very state that the run found (If-Match), so that
// of two runs at once one wins: first the run writes down what it is about to
// publish, then the receipt, then the new watermark. Whoever finds the first
// step alone looks whether the receipt is there, and so knows the watermark.
type State struct {
	Version  int        `json:"version"`
	Database string     `json:"database"`
	Table    table.Name `json:"table"`
	// Column is the cursor, of PostgreSQL's type Type.
	Column string `json:"column"`
	Type   string `json:"type"`
	// Watermark is the exclusive upper bound of what is published; empty when
	// nothing is. Run published up to it.
	Watermark string `json:"watermark,omitempty"`
	Run       RunID  `json:"run,omitempty"`
	// Publishing is what a run is about to publish.
	Publishing *Publishing `json:"publishing,omitempty"`
	At         time.Time   `json:"at"`
}

// Publishing is a run's intent to publish.
type Publishing struct {
	Run RunID `json:"run"`
	// To is the watermark, once Receipt is there.
	To      string `json:"to"`
	Receipt string `json:"receipt"`
}

// Encode returns the state as it is stored.
func (s State) Encode() ([]byte, error) { return encode(s) }

// DecodeState reads a state, which must be that of the table.
func DecodeState(data []byte, database string, name table.Name) (State, error) {
	var s State
	if err := decode(data, &s); err != nil {
		return State{}, fmt.Errorf("decoding the state of %s: %w", name, err)
	}
	var problems []error
	if s.Version != StateVersion {
		problems = append(problems, fmt.Errorf("version is %d, want %d", s.Version, StateVersion))
	}
	if s.Database != database || s.Table != name {
		problems = append(problems, fmt.Errorf("it is of table %s in database %q", s.Table, s.Database))
	}
	if s.Column == "" || s.Type == "" || s.Watermark == "" && s.Publishing == nil {
		problems = append(problems, errors.New("cursor or watermark are missing"))
	}
	if err := errors.Join(problems...); err != nil {
		return State{}, fmt.Errorf("checking the state of %s: %w", name, err)
	}
	return s, nil
}
