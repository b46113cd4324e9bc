package stage

import (
	"errors"
	"fmt"
	"time"

	"github.com/stagelift/stagelift/shared/table"
)

// StateVersion is the version of the state that this code writes; it reads those
// before as well.
const StateVersion = 2

// State is how far the incremental runs of a table have come, and what it is the
// state of. It changes in two steps, each only over the very state that the run
// found, so that of two runs at once one wins: first the run writes down what it
// is about to publish, then the receipt, then the new watermark. Whoever finds the
// first step alone looks whether the receipt is there, and so knows the watermark.
type State struct {
	Version  int        `json:"version"`
	Database string     `json:"database"`
	Table    table.Name `json:"table"`
	// Column is the cursor, of PostgreSQL's type Type; Number is its own in the
	// table, which it keeps through all renames, 0 in states of version 1.
	Column string `json:"column"`
	Type   string `json:"type"`
	Number int16  `json:"number,omitempty"`
	// Origin is the table that was read; the zero value in states of version 1.
	Origin Origin `json:"origin,omitzero"`
	// Gone are relations that held rows of the table, and do no more.
	Gone []uint32 `json:"gone,omitempty"`
	// Filter, Only and Except are what the runs were asked for.
	Filter string   `json:"filter,omitempty"`
	Only   []string `json:"only,omitempty"`
	Except []string `json:"except,omitempty"`
	// Load is the mode by which the windows are loaded; empty is not known.
	Load string `json:"load,omitempty"`
	// Watermark is the exclusive upper bound of what is published; empty when
	// nothing is. Run published up to it.
	Watermark string `json:"watermark,omitempty"`
	Run       RunID  `json:"run,omitempty"`
	// Publishing is what a run is about to publish.
	Publishing *Publishing `json:"publishing,omitempty"`
	// Unfinished is a run that began with the rows beyond the watermark, and was
	// left; the next one goes on with it.
	Unfinished RunID `json:"unfinished,omitempty"`
	// ByBlock is true when the next run reads by blocks, and Rows bounds how many
	// rows it reads at once, since a run read in another way and came nowhere.
	ByBlock bool      `json:"by_block,omitempty"`
	Rows    int64     `json:"rows,omitempty"`
	At      time.Time `json:"at"`
}

// Publishing is a run's intent to publish.
type Publishing struct {
	Run RunID `json:"run"`
	// To is the watermark, once Receipt is there, and Relations those that hold
	// rows of the table then.
	To        string   `json:"to"`
	Relations []uint32 `json:"relations,omitempty"`
	Receipt   string   `json:"receipt"`
}

func (s State) check() error {
	var problems []error
	if s.Version < 1 || s.Version > StateVersion {
		problems = append(problems, fmt.Errorf("version is %d, want %d", s.Version, StateVersion))
	}
	if s.Column == "" || s.Type == "" || s.Watermark == "" && s.Publishing == nil && s.Unfinished == "" && s.Rows == 0 && !s.ByBlock {
		problems = append(problems, errors.New("cursor or watermark are missing"))
	}
	return errors.Join(problems...)
}

// Begun says that incremental runs of a table have begun. It is written with the
// first receipt and never again, so that a watermark that is gone is missed.
type Begun struct {
	Table table.Name `json:"table"`
	Run   RunID      `json:"run"`
	At    time.Time  `json:"at"`
}
