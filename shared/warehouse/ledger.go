package warehouse

import (
	"fmt"

	"github.com/stagelift/stagelift/shared/stage"
)

// Entry is one row of a target's ledger: a load that is done.
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
}

// Verdict is what a ledger says of a load that is to be done.
type Verdict struct {
	// State is AlreadyLoaded or Skipped, or empty when the load is to go ahead.
	State State
	// Rows is how many rows the load brought when it is AlreadyLoaded.
	Rows int64
	// Reason is why it is Skipped.
	Reason string
	// Enter is true when the load is Skipped and still takes its place in the
	// ledger, as one that brought no rows: it is a window, and those after it
	// would wait for it for ever.
	Enter bool
}

// Judge decides by the entries of a target's ledger what is to become of a load.
// Of the ledger it needs the entry of the load itself, one of each other source,
// the one with the newest run, the one with the newest run of those that replaced
// or merged a whole table, that of those that replaced anything, and the last one
// with a window; more of them do no harm, and their order means nothing. The error
// is ErrOtherSource or ErrHeld.
//
// What replaces is followed by all that is newer, and has all that is older: a run
// that begins anew replaces with its first window, and those after it go on from
// there.
//
// A verdict holds as long as the ledger stays as it is. Whoever acts on it makes
// sure of that in the transaction that does the load.
func Judge(load Load, ledger []Entry) (Verdict, error) {
	var newest, whole, replaced, last Entry
	for _, e := range ledger {
		if e.Load == load.ID {
			return Verdict{State: AlreadyLoaded, Rows: e.Rows}, nil
		}
		if e.Run > newest.Run {
			newest = e
		}
		if e.Run > whole.Run && e.To == "" && e.Mode != Append {
			whole = e
		}
		if e.Run > replaced.Run && e.Mode == Replace {
			replaced = e
		}
		if e.To != "" && e.Sequence > last.Sequence {
			last = e
		}
	}
	for _, e := range ledger {
		if e.Source != load.Source.String() {
			return Verdict{}, fmt.Errorf("loading %s from %s: %w, %s; give one of the two another target; nothing was changed",
				load.Target, load.Source, ErrOtherSource, e.Source)
		}
	}
	switch {
	case load.Mode == Append && replaced.Run > load.Run:
		return Verdict{State: Skipped, Reason: fmt.Sprintf("run %s, which is newer, has replaced the table", replaced.Run)}, nil
	case load.Mode == Append:
		return Verdict{}, nil
	case load.Mode == Merge && load.Window != nil:
		return judgeWindow(load, last, whole)
	case newest.Run > load.Run:
		return Verdict{State: Skipped, Reason: fmt.Sprintf("run %s, which is newer, was loaded before", newest.Run)}, nil
	}
	return Verdict{}, nil
}

// judgeWindow keeps the windows of a table in order. A window that begins before
// the last one ended and ends after it is of a run that read some rows once
// more; it leaves no gap, and its rows are newer. A window of a run that is older
// than the newest one of a whole table has rows that the target has newer, or
// that are deleted by then.
func judgeWindow(load Load, last, whole Entry) (Verdict, error) {
	w := *load.Window
	if w.From != last.To {
		gap, err := precedes(w.Type, last.To, w.From)
		if err != nil {
			return Verdict{}, fmt.Errorf("loading %s: comparing the window of run %s with the ledger: %w", load.Target, load.Run, err)
		}
		if gap {
			return Verdict{}, fmt.Errorf("loading %s, run %s: %w: it begins at %q, and the last one that was loaded ends at %s; load what lies between first; nothing was changed",
				load.Target, load.Run, ErrHeld, w.From, orNothing(last.To))
		}
		ahead, err := precedes(w.Type, last.To, w.To)
		if err != nil {
			return Verdict{}, fmt.Errorf("loading %s: comparing the window of run %s with the ledger: %w", load.Target, load.Run, err)
		}
		if !ahead {
			return Verdict{State: Skipped, Reason: fmt.Sprintf("its window ends at %q, and run %s has brought all up to %q", w.To, last.Run, last.To)}, nil
		}
	}
	if whole.Run > load.Run {
		return Verdict{State: Skipped, Enter: true, Reason: fmt.Sprintf("run %s, which is newer, has brought the whole table", whole.Run)}, nil
	}
	return Verdict{}, nil
}

func orNothing(to string) string {
	if to == "" {
		return "nothing"
	}
	return fmt.Sprintf("%q", to)
}
