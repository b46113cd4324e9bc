package warehouse

import (
	"errors"
	"fmt"

	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/table"
)

// HeldError is that a load does not go ahead, although nothing is wrong with it: it
// waits for another one, or for a person's decision. Nothing was changed.
type HeldError struct {
	// Kind is ErrHeld, ErrDoubles or ErrLate.
	Kind error
	// Target, Source and Run are the load's.
	Target, Source table.Name
	Run            stage.RunID
	// Why says more.
	Why string
	// After is the run of the last window that is there, From where it ends: what
	// is in the way begins there. Both are empty when there is none, and where Kind
	// is another than ErrHeld.
	After stage.RunID
	From  string
	// Newer are the runs that have brought some of the rows, where Kind is ErrLate.
	Newer []stage.RunID
}

// Error says what the load waits for.
func (e *HeldError) Error() string {
	return fmt.Sprintf("loading %s, run %s: %v: %s; nothing was changed", e.Target, e.Run, e.Kind, e.Why)
}

// Unwrap returns the kind.
func (e *HeldError) Unwrap() error { return e.Kind }

// IsHeldFor reports whether an error is a HeldError of a kind.
func IsHeldFor(err, kind error) bool {
	held, is := errors.AsType[*HeldError](err)
	return is && held.Kind == kind //nolint:errorlint // a kind is one of three
}

func heldError(kind error, load Load, why string) *HeldError {
	return &HeldError{Kind: kind, Target: load.Target, Source: load.Source, Run: load.Run, Why: why}
}

func (b book) held(load Load) error {
	e := heldError(ErrHeld, load, fmt.Sprintf("it begins at %s, and the last one that was loaded ends at %s; load what lies between first",
		quoted(load.Window.From), orNothing(b.last.To)))
	e.After, e.From = b.last.Run, b.last.To
	return e
}

func (b book) doubles(load Load, why string) error { return heldError(ErrDoubles, load, why) }

func (b book) late(load Load, newer []Entry) error {
	why := fmt.Sprintf("run %s is loaded", newer[len(newer)-1].Run)
	if more := len(newer) - 1; more > 0 {
		why += fmt.Sprintf(", and %d more that are newer than this one", more)
	}
	e := heldError(ErrLate, load, why)
	for _, n := range newer {
		e.Newer = append(e.Newer, n.Run)
	}
	return e
}

func quoted(s string) string {
	if s == "" {
		return "the first row"
	}
	return fmt.Sprintf("%q", s)
}

func orNothing(to string) string {
	if to == "" {
		return "nothing"
	}
	return fmt.Sprintf("%q", to)
}
