package warehouse

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/table"
)

// Verdict is what a ledger says of a load that is to be done.
type Verdict struct {
	// State is AlreadyLoaded, Skipped or Abandoned, or empty when the load is to
	// go ahead.
	State State
	// Rows is how many rows the load brought when it is AlreadyLoaded.
	Rows int64
	// Reason is why it is Skipped or Abandoned.
	Reason string
	// Enter is true when the load is Skipped or Abandoned and still takes its place
	// in the ledger, as one that brought no rows: those after it would wait for it
	// for ever.
	Enter bool
	// Since is where the window begins that is Abandoned, if elsewhere than it says:
	// what lies before is there.
	Since string
	// Aside is true when the load goes ahead and its window is entered as Aside:
	// what comes next in the order does not follow it.
	Aside bool
	// Under are loads of newer runs that are done and have brought some of the same
	// rows, perhaps, oldest first. Rows with their keys are newer than this load's:
	// it leaves them as they are, and its sweep spares them.
	Under []Entry
	// Warning is what a person should know of a load that goes ahead.
	Warning string
}

// mostUnder is how many newer loads a load may go under. The keys of each are
// read from S3 again.
const mostUnder = 8

// Judge decides by the entries of a target's ledger what is to become of a load.
// The order of the entries means nothing. Of the ledger it needs:
//
//   - the entry of the load itself, one of each other source, and those of runs that
//     repair the load's, or that the load repairs;
//   - those of all runs that are newer than the load's, and those that are Abandoned;
//   - of those with a window that are not Aside the last one by sequence, and of
//     those that loaded all rows, and those that replaced the table, that of the
//     newest run each.
//
// More of them do no harm. The error is ErrOtherSource, ErrHeld, ErrDoubles or
// ErrLate.
//
// A verdict holds as long as the ledger stays as it is. Whoever acts on it makes
// sure of that in the transaction that does the load.
func Judge(load Load, ledger []Entry) (Verdict, error) {
	for _, e := range ledger {
		if e.Load == load.ID {
			return alreadyIn(e), nil
		}
	}
	for _, e := range ledger {
		if e.Source != load.Source.String() {
			return Verdict{}, fmt.Errorf("loading %s from %s: %w, %s; give one of the two another target; nothing was changed",
				load.Target, load.Source, ErrOtherSource, e.Source)
		}
	}
	b := read(load, ledger)
	verdict, err := b.judge(load)
	if load.Abandon == "" || verdict.State != "" || IsHeldFor(err, ErrHeld) {
		return verdict, err
	}
	given := Verdict{State: Abandoned, Enter: !verdict.Aside, Reason: load.Abandon}
	if load.Window != nil && given.Enter {
		given.Since = b.last.To
	}
	return given, nil
}

func alreadyIn(e Entry) Verdict {
	switch {
	case e.brought():
		return Verdict{State: AlreadyLoaded, Rows: e.Rows}
	case e.State == Abandoned:
		return Verdict{State: Skipped, Reason: fmt.Sprintf("run %s was abandoned", e.Run)}
	}
	return Verdict{State: AlreadyLoaded, Reason: fmt.Sprintf("newer runs had brought all of run %s", e.Run)}
}

// book is what a load has to know of its target's ledger.
type book struct {
	// last is the last window in the order, whole the newest run that loaded all
	// rows; zero where there is none.
	last, whole Entry
	// replaced is the newest run that replaced the table, whole or by windows.
	replaced stage.RunID
	// newer are the loads of newer runs that brought or removed rows, oldest first.
	newer []Entry
	// covering is the newest of them that has all that the load has, or zero.
	covering Entry
	// given are windows that were abandoned.
	given []Entry
	// repaired is the load that has read once more what this one has, or zero;
	// mended is the one that this one would read once more.
	repaired, mended Entry
}

func read(load Load, ledger []Entry) book {
	var b book
	for _, e := range ledger {
		if e.To != "" && e.State != Aside && e.Sequence > b.last.Sequence {
			b.last = e
		}
		if load.Repairs != "" && e.Run == load.Repairs {
			b.mended = e
		}
		if e.To != "" && e.State == Abandoned {
			b.given = append(b.given, e)
		}
		if e.brought() {
			b.add(load, e)
		}
	}
	slices.SortFunc(b.newer, func(a, c Entry) int { return cmp.Compare(a.Run, c.Run) })
	return b
}

// add takes in an entry whose rows are in the target, or were.
func (b *book) add(load Load, e Entry) {
	if e.Repairs != "" && e.Repairs == load.Run {
		b.repaired = e
	}
	if e.Mode == Replace {
		b.replaced = max(b.replaced, e.Run)
	}
	if e.To == "" && e.Filter == "" && e.Run > b.whole.Run {
		b.whole = e
	}
	if e.Run <= load.Run {
		return
	}
	if e.covers(load) && e.Run > b.covering.Run {
		b.covering = e
	}
	if e.Rows != 0 || e.Swept || e.Mode == Replace {
		b.newer = append(b.newer, e)
	}
}

// covers reports whether a load of a newer run has all rows that a load has, newer
// or gone by now. What replaces is the table anew, whatever it left out: what is
// older than it would be gone.
func (e Entry) covers(load Load) bool {
	if !e.hasColumns(load) {
		return false
	}
	if e.Mode == Replace {
		return true
	}
	return e.Mode == Merge && e.To == "" && (e.Filter == "" || e.Filter == FilterMark(load.Filter))
}

// hasColumns reports whether none of a load's columns was left out. A column that
// the source does not have any more was not.
func (e Entry) hasColumns(load Load) bool {
	if slices.Contains(e.Absent, ManyAbsent) {
		return false
	}
	return !slices.ContainsFunc(load.Columns, func(c table.Column) bool { return slices.Contains(e.Absent, c.Name) })
}

func (b book) judge(load Load) (Verdict, error) {
	switch {
	case b.repaired.Run != "":
		return skipped("run %s has read the same once more", b.repaired.Run), nil
	case load.Mode == Append && b.mended.Run != "" && b.mended.brought():
		return skipped("run %s, which it repairs, is loaded by now", b.mended.Run), nil
	case load.Window != nil && load.Mode != Replace:
		return b.judgeWindow(load)
	case b.covering.Run != "":
		return skipped("run %s, which is newer, has brought all of it", b.covering.Run), nil
	case load.Mode == Append:
		return b.judgeAppend(load)
	}
	return b.under(load)
}

func skipped(format string, args ...any) Verdict {
	return Verdict{State: Skipped, Reason: fmt.Sprintf(format, args...)}
}

// judgeAppend: what is appended needs no order among what is appended. Whole tables
// are added as often as somebody asks; not beside windows, whose rows they have.
func (b book) judgeAppend(load Load) (Verdict, error) {
	if load.Filter == "" && b.last.To != "" && b.whole.Run <= b.last.place() {
		return Verdict{}, b.doubles(load, "windows up to "+quoted(b.last.To)+" of this table are there")
	}
	if late := b.newerMerges(); len(late) > 0 {
		return Verdict{}, b.late(load, late)
	}
	verdict := Verdict{}
	if load.Filter == "" && b.whole.Run != "" {
		verdict.Warning = fmt.Sprintf("run %s had brought the whole table before; its rows are there once more", b.whole.Run)
	}
	return verdict, nil
}

// newerMerges are newer loads that are not of rows appended.
func (b book) newerMerges() []Entry {
	return slices.DeleteFunc(slices.Clone(b.newer), func(e Entry) bool { return e.Mode == Append })
}

// under lets a merge land below newer loads that may have some of its rows. It
// cannot where their keys do not tell which, and what replaces cannot at all.
func (b book) under(load Load) (Verdict, error) {
	if len(b.newer) == 0 {
		return Verdict{}, nil
	}
	told := load.Mode == Merge && len(b.newer) <= mostUnder && load.Find != nil
	for _, e := range b.newer {
		// A row that a sweep would have removed, and a newer run has brought in part,
		// would keep the rest of its former self.
		whole := load.Sweep == nil || len(e.Absent) == 0
		told = told && e.hasColumns(load) && whole && !e.Swept && e.Mode != Replace
	}
	if !told {
		return Verdict{}, b.late(load, b.newer)
	}
	return Verdict{Under: b.newer}, nil
}
