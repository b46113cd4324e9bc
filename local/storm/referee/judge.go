package referee

import (
	"maps"
	"slices"
	"time"
)

// Published is a receipt with what lies in its parts.
type Published struct {
	Name, Run string
	// At is when the receipt was written.
	At time.Time
	// Moment is what the receipt says; After and Before are moments that were
	// seen before the run was asked for and after its answer.
	Moment, After, Before Moment
	// Ranges is true when the receipt owns up to several moments, of which Moment
	// is the first; Sole when one invocation made the whole run.
	Ranges, Sole bool
	// Descends is true when what inherits from the table was read with it.
	Descends bool
	Columns  []Column
	// Chooses tells which of the table's columns are read, and Keep which rows;
	// nil is all.
	Chooses func(column string) bool
	Keep    func(Doc) bool
	// Window bounds the rows of an incremental run; nil is a full one.
	Window *Window
	// Append is how the rows are to be loaded; false is a merge by id, or a
	// replacement. Restart allows the windows of the table to begin anew.
	Append, Restart bool
	// Rows are what was read back.
	Rows []Doc
}

// Window is half-open: From less Lookback ≤ cursor < To.
type Window struct {
	Column, From, To string
	// Lookback is in the cursor's unit: a number, or microseconds.
	Lookback int64
}

// ends tells whether a row is beyond the window.
func (w *Window) ends(d Doc) bool {
	if w == nil {
		return false
	}
	at, known := cursorOf(d[w.Column])
	to, _ := cursorOf(w.To)
	return !known || at >= to
}

// begins tells whether a row is not before the window.
func (w *Window) begins(d Doc) bool {
	if w == nil {
		return true
	}
	at, _ := cursorOf(d[w.Column])
	from, bounded := cursorOf(w.From)
	return !bounded || at >= from-w.Lookback
}

// may tells whether a row of the table may be in p. One from before the window
// may, as one of a partition that is new: whether it came before is for
// JudgeSeries.
func (p Published) may(d Doc) bool { return !p.Window.ends(d) && (p.Keep == nil || p.Keep(d)) }

// must tells whether it has to be.
func (p Published) must(d Doc) bool { return p.may(d) && p.Window.begins(d) }

// Judge holds p against what its table was at its moment.
func (l *Log) Judge(p Published) []Finding {
	var findings []Finding
	if !p.Moment.Between(p.After, p.Before) {
		findings = p.finding(Mixed, "its moment is %s, which is not between %s and %s", p.Moment, p.After, p.Before)
	}
	content, known := l.At(p.Name, p.Moment, p.Descends)
	if !known {
		return append(findings, p.finding(Wrong, "at its moment there was no such table")...)
	}
	findings = append(findings, p.judgeColumns(content)...)
	findings = append(findings, p.judgeCursor(content)...)
	return append(findings, p.compare(l, content)...)
}

// judgeColumns holds the receipt's columns against the table's.
func (p Published) judgeColumns(content Content) []Finding {
	want := slices.DeleteFunc(slices.Clone(content.Columns), func(name string) bool { return p.Chooses != nil && !p.Chooses(name) })
	got := make([]string, len(p.Columns))
	for i, c := range p.Columns {
		got[i] = c.Name
	}
	if slices.Equal(want, got) {
		return nil
	}
	return p.finding(Wrong, "its columns are %v, and were %v", got, want)
}

// judgeCursor finds rows that no window can ever hold: such a table must not be
// published.
func (p Published) judgeCursor(content Content) []Finding {
	if p.Window == nil {
		return nil
	}
	var never []int64
	for _, d := range content.Rows {
		if at, known := cursorOf(d[p.Window.Column]); !known || at == 1<<63-1 {
			id := d.id()
			never = append(never, id)
		}
	}
	return p.rows(Lost, never, "the cursor is NULL or infinity, so they are in no window, and nothing says so")
}

// versions counts the images of each row.
type versions map[int64]map[string]int

func index(rows []Doc, columns []Column, wants func(Doc) bool) versions {
	all := versions{}
	for _, d := range rows {
		if wants != nil && !wants(d) {
			continue
		}
		id := d.id()
		if all[id] == nil {
			all[id] = map[string]int{}
		}
		all[id][image(d, columns)]++
	}
	return all
}

// compare finds what is missing and what is too much.
func (p Published) compare(l *Log, content Content) []Finding {
	truth, allowed := index(content.Rows, p.Columns, p.must), index(content.Rows, p.Columns, p.may)
	found := index(p.Rows, p.Columns, nil)
	var ever versions
	unsettled := map[int64]bool{}
	if p.Ranges {
		unsettled = l.changedAfter(p.Moment, content.Relations)
	}
	var lost, doubled, mixed, wrong []int64
	for _, id := range slices.Sorted(maps.Keys(join(truth, found))) {
		missing, surplus := differences(truth[id], found[id])
		if len(surplus) > 0 && ever == nil {
			ever = l.ever(p.Columns)
		}
		for _, image := range surplus {
			switch {
			case found[id][image] > max(1, truth[id][image]):
				doubled = append(doubled, id)
			case allowed[id][image] > 0:
			case ever[id][image] == 0:
				wrong = append(wrong, id)
			case !unsettled[id]:
				mixed = append(mixed, id)
			}
		}
		if missing > len(surplus) && !unsettled[id] {
			lost = append(lost, id)
		}
	}
	return slices.Concat(
		p.rows(Lost, lost, "not there"), p.rows(Doubled, doubled, "there more than once"),
		p.rows(Mixed, mixed, "of another moment or relation, or not asked for"), p.rows(Wrong, wrong, "never was so"))
}

func join(a, b versions) versions {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

// differences returns how many rows are missing of one id, and the images that
// are there too often.
func differences(truth, found map[string]int) (missing int, surplus []string) {
	for image, n := range truth {
		missing += max(0, n-found[image])
	}
	for image, n := range found {
		if n > truth[image] {
			surplus = append(surplus, image)
		}
	}
	return missing, surplus
}

// ever is every version that any row ever had.
func (l *Log) ever(columns []Column) versions {
	var all []Doc
	for _, c := range l.Changes {
		if c.Act == Set {
			all = append(all, c.parsed)
		}
	}
	return index(all, columns, nil)
}

// changedAfter tells which rows were changed by transactions that m does not see.
func (l *Log) changedAfter(m Moment, relations []uint32) map[int64]bool {
	changed := map[int64]bool{}
	cleared := map[uint32]bool{}
	for _, c := range l.Changes {
		if slices.Contains(relations, c.Rel) && !m.Sees(c.XID) {
			changed[c.ID] = true
			cleared[c.Rel] = cleared[c.Rel] || c.Act == Clear
		}
	}
	for _, c := range l.Changes {
		if cleared[c.Rel] {
			changed[c.ID] = true
		}
	}
	return changed
}
