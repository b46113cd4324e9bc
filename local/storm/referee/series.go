package referee

import (
	"cmp"
	"slices"
)

// JudgeSeries holds the windows of one table, each of which Judge was given
// before, against each other and against the table at the end. At the end every
// row below the last window's end must have come in its last version; what is
// above is for a later run. Refused tells that the last run which was asked for the
// table refused it: where the name stands for other relations by then, nothing is
// said of their rows.
func (l *Log) JudgeSeries(windows []Published, refused bool) []Finding {
	if len(windows) == 0 {
		return nil
	}
	windows = slices.Clone(windows)
	slices.SortStableFunc(windows, func(a, b Published) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Window.To, b.Window.To)) })
	s := series{log: l}
	for _, p := range windows {
		s.add(p)
	}
	last := windows[len(windows)-1]
	if refused && s.stoodForOthers(last) {
		return s.findings
	}
	return append(s.findings, s.finish(last)...)
}

// series is what the windows add up to.
type series struct {
	log      *Log
	findings []Finding
	before   *Published
	// loaded is the last version of each row, with the columns that it came
	// with; seen counts the versions that came.
	loaded map[int64]loadedRow
	seen   versions
}

type loadedRow struct {
	doc     Doc
	columns []Column
}

func (s *series) add(p Published) {
	if s.before == nil || p.Window.From == "" && p.Restart {
		s.loaded, s.seen = map[int64]loadedRow{}, versions{}
	} else if s.before.Window.To != p.Window.From && !s.isAnother(p) {
		s.findings = append(s.findings, s.gap(p)...)
	}
	var again []int64
	for id, images := range index(p.Rows, p.Columns, nil) {
		if s.seen[id] == nil {
			s.seen[id] = map[string]int{}
		}
		for image, n := range images {
			s.seen[id][image] += n
			if n == 1 && s.seen[id][image] > 1 {
				again = append(again, id)
			}
		}
	}
	if p.Append && p.Window.Lookback == 0 {
		s.findings = append(s.findings, p.rows(Doubled, again, "came in an earlier window too, and the load appends")...)
	}
	for _, d := range p.Rows {
		id := d.id()
		s.loaded[id] = loadedRow{d, p.Columns}
	}
	s.before = &p
}

// isAnother tells whether the windows begin anew because the name stands for
// other relations than it did. What came before has been loaded all the same.
func (s *series) isAnother(p Published) bool {
	before, _ := s.log.At(s.before.Name, s.before.Moment, s.before.Descends)
	now, _ := s.log.At(p.Name, p.Moment, p.Descends)
	return p.Window.From == "" && !slices.Equal(before.Relations, now.Relations)
}

// stoodForOthers tells whether none of the relations that the name stands for in
// the end was read.
func (s *series) stoodForOthers(last Published) bool {
	then, _ := s.log.At(last.Name, last.Moment, last.Descends)
	now, _ := s.log.At(last.Name, Latest, last.Descends)
	return !slices.ContainsFunc(now.Relations, func(r uint32) bool { return slices.Contains(then.Relations, r) })
}

// gap says how two windows do not meet.
func (s *series) gap(p Published) []Finding {
	to, _ := cursorOf(s.before.Window.To)
	from, known := cursorOf(p.Window.From)
	if known && to < from {
		return p.finding(Lost, "the window begins at %s, and the one before ended at %s", p.Window.From, s.before.Window.To)
	}
	return p.finding(Doubled, "the window begins at %q, and the one before ended at %s", p.Window.From, s.before.Window.To)
}

// finish holds what was loaded against the table at the end.
func (s *series) finish(last Published) []Finding {
	content, known := s.log.At(last.Name, Latest, last.Descends)
	if !known {
		return nil // the name is gone, and with it what should be in the windows
	}
	end, _ := cursorOf(last.Window.To)
	var never, stale []int64
	for _, d := range content.Rows {
		at, readable := cursorOf(d[last.Window.Column])
		if !readable || at >= end || last.Keep != nil && !last.Keep(d) {
			continue
		}
		id := d.id()
		got, there := s.loaded[id]
		common := slices.DeleteFunc(slices.Clone(got.columns), func(c Column) bool { return !slices.Contains(content.Columns, c.Name) })
		switch {
		case !there:
			never = append(never, id)
		case image(got.doc, common) != image(d, common):
			stale = append(stale, id)
		}
	}
	return slices.Concat(
		last.rows(Lost, never, "in no window, and below the end of the last one, "+last.Window.To),
		last.rows(Lost, stale, "their last version is in no window, and below the end of the last one, "+last.Window.To))
}
