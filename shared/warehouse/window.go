package warehouse

import (
	"fmt"

	"github.com/stagelift/stagelift/shared/stage"
)

// judgeWindow keeps the windows of a table in order, whether they are merged or
// appended: each begins where the last one ended. So nothing is missed, and what is
// appended is not there twice.
//
// A window that begins at the first row has begun anew. Merged, its rows are newer
// than what is there; appended, they are there twice, and what begins anew by
// append replaces. Windows that come after such a one follow it, wherever it ends.
func (b book) judgeWindow(load Load) (Verdict, error) {
	w := *load.Window
	if b.covering.Mode == Replace && b.covering.To != "" {
		return skipped("run %s, which is newer, has begun the table anew", b.covering.Run), nil
	}
	if w.From == b.last.To {
		return b.next(load)
	}
	gap, ahead, err := b.place(w)
	if err != nil {
		return Verdict{}, fmt.Errorf("loading %s: comparing the window of run %s with the ledger: %w", load.Target, load.Run, err)
	}
	switch {
	case gap:
		return Verdict{}, b.held(load)
	case load.Run <= b.last.place() && load.Repairs == "":
		return b.behind(load)
	case b.fills(load, ahead):
		return b.aside(load)
	case load.Mode == Merge && (w.From == "" || ahead):
		return b.under(load)
	case w.From == "" || ahead || load.Repairs != "":
		return Verdict{}, b.doubles(load, "windows up to "+quoted(b.last.To)+" of this table are there, and this one begins at "+quoted(w.From))
	}
	return Verdict{}, b.held(load)
}

// place tells whether a window leaves a gap behind the last one, and whether it ends
// after it.
func (b book) place(w stage.Window) (gap, ahead bool, err error) {
	if gap, err = precedes(w.Type, b.last.To, w.From); err != nil {
		return false, false, err
	}
	ahead, err = precedes(w.Type, b.last.To, w.To)
	return gap, ahead, err
}

// behind is a window of an older run that begins before the last one ended. Its rows
// are there, but for what was given up.
func (b book) behind(load Load) (Verdict, error) {
	w := *load.Window
	for _, e := range b.given {
		begun, err := precedes(w.Type, e.From, w.To)
		if err != nil {
			return Verdict{}, fmt.Errorf("loading %s: comparing the window of run %s with the ledger: %w", load.Target, load.Run, err)
		}
		open, err := precedes(w.Type, w.From, e.To)
		switch {
		case err != nil:
			return Verdict{}, fmt.Errorf("loading %s: comparing the window of run %s with the ledger: %w", load.Target, load.Run, err)
		case !begun || !open:
		case load.Mode == Merge:
			return b.aside(load)
		default:
			return Verdict{}, b.doubles(load, fmt.Sprintf("run %s was abandoned, and what it had may be there or not", e.Run))
		}
	}
	return skipped("its window ends at %q, and run %s, which is newer, has brought all up to %q, or begun anew", w.To, b.last.Run, b.last.To), nil
}

// fills reports whether the load reads once more a window behind which others are
// loaded. Merged, it does no harm wherever it lies; appended, its rows must have
// been left out on purpose, and no load of the whole table may have brought them.
func (b book) fills(load Load, ahead bool) bool {
	if load.Repairs == "" || ahead {
		return false
	}
	m := b.mended
	return load.Mode == Merge ||
		m.State == Abandoned && m.From == load.Window.From && m.To == load.Window.To && b.whole.Run == "" && b.replaced < m.Run
}

// aside lands a window in the gap that was left for it.
func (b book) aside(load Load) (Verdict, error) {
	verdict, err := b.landing(load)
	verdict.Aside = err == nil && verdict.State == ""
	return verdict, err
}

// next is a window in its order. One whose rows a newer run has brought keeps its
// place without them.
func (b book) next(load Load) (Verdict, error) {
	verdict, err := b.landing(load)
	verdict.Enter = verdict.State != ""
	return verdict, err
}

func (b book) landing(load Load) (Verdict, error) {
	switch {
	case b.covering.Run != "":
		return skipped("run %s, which is newer, has brought the whole table", b.covering.Run), nil
	case load.Mode == Merge:
		return b.under(load)
	case b.whole.Run > b.last.place(): // and so read rows that the last window had not
		return Verdict{}, b.doubles(load, fmt.Sprintf("run %s has brought the whole table, and rows of this window with it", b.whole.Run))
	}
	if late := b.newerMerges(); len(late) > 0 {
		return Verdict{}, b.late(load, late)
	}
	return Verdict{}, nil
}
