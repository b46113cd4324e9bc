package referee_test

import (
	"testing"

	"github.com/stagelift/stagelift/local/storm/referee"
)

// What is right at its moment is right, whatever came later.
func TestRightOutputIsLeftAlone(t *testing.T) {
	t.Parallel()
	log := setup(t)
	second := append(without(without(rows(1, 2, 3, 4), "3"), "5"), row(3, "second"), row(6, "new"))
	for name, p := range map[string]referee.Published{
		"before the change":               published(t, "s.a", filled, rows(5, 4, 3, 2, 1)),
		"while the change is under way":   published(t, "s.a", inFlight, rows(1, 2, 3, 4, 5)),
		"after the change":                published(t, "s.a", changed, second),
		"under the name's other relation": published(t, "s.a", renamed, rows(11, 12, 13, 14, 15)),
		"a view":                          published(t, "s.v", filled, rows(1, 2, 3, 4, 5, 11, 12, 13, 14, 15)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantKinds(t, log.Judge(p), nil)
		})
	}
}

func TestWrongOutputIsFound(t *testing.T) {
	t.Parallel()
	right := rows(1, 2, 3, 4, 5)
	for name, c := range map[string]struct {
		at    string
		spoil func(*referee.Published)
		want  map[referee.Kind]int
	}{
		"a row is lost":    {filled, func(p *referee.Published) { p.Rows = without(right, "2") }, map[referee.Kind]int{referee.Lost: 1}},
		"all rows are":     {filled, func(p *referee.Published) { p.Rows = nil }, map[referee.Kind]int{referee.Lost: 5}},
		"a row is doubled": {filled, func(p *referee.Published) { p.Rows = append(rows(2), right...) }, map[referee.Kind]int{referee.Doubled: 1}},
		"a row is older than the rest": {changed, func(p *referee.Published) {
			p.Rows = append(rows(1, 2, 3, 4), row(6, "new"))
		}, map[referee.Kind]int{referee.Mixed: 1}},
		"a row is newer than the rest": {filled, func(p *referee.Published) {
			p.Rows = append(rows(1, 2, 4, 5), row(3, "second"))
		}, map[referee.Kind]int{referee.Mixed: 1}},
		"a row moved and is there in both versions": {filled, func(p *referee.Published) {
			p.Rows = append(rows(1, 2, 3, 4, 5), row(3, "second"))
		}, map[referee.Kind]int{referee.Mixed: 1}},
		"a row came later":           {filled, func(p *referee.Published) { p.Rows = append(rows(1, 2, 3, 4, 5), row(6, "new")) }, map[referee.Kind]int{referee.Mixed: 1}},
		"a deleted row is there":     {changed, func(p *referee.Published) { p.Rows = append(rows(1, 2, 4, 5), row(3, "second"), row(6, "new")) }, map[referee.Kind]int{referee.Mixed: 1}},
		"a value never was":          {filled, func(p *referee.Published) { p.Rows = append(rows(1, 2, 3, 4), row(5, "")) }, map[referee.Kind]int{referee.Wrong: 1}},
		"it is another relation":     {filled, func(p *referee.Published) { p.Rows = rows(11, 12, 13, 14, 15) }, map[referee.Kind]int{referee.Lost: 5, referee.Mixed: 5}},
		"it was no table":            {filled, func(p *referee.Published) { p.Name = "s.nothing" }, map[referee.Kind]int{referee.Wrong: 1}},
		"it is older than the run":   {filled, func(p *referee.Published) { p.After = moment(t, changed) }, map[referee.Kind]int{referee.Mixed: 1}},
		"it is newer than the end":   {filled, func(p *referee.Published) { p.Before = moment(t, "12:12:") }, map[referee.Kind]int{referee.Mixed: 1}},
		"a column is missing":        {filled, func(p *referee.Published) { p.Columns = columns[:2] }, map[referee.Kind]int{referee.Wrong: 1}},
		"a column was not chosen":    {filled, func(p *referee.Published) { p.Chooses = func(name string) bool { return name != "v" } }, map[referee.Kind]int{referee.Wrong: 1}},
		"a filter let a row through": {filled, func(p *referee.Published) { p.Keep = func(d referee.Doc) bool { return d["id"] != "4" } }, map[referee.Kind]int{referee.Mixed: 1}},
		"a filter kept a row back": {filled, func(p *referee.Published) {
			p.Keep, p.Rows = func(d referee.Doc) bool { return d["id"] != "4" }, rows(1, 2, 3)
		}, map[referee.Kind]int{referee.Lost: 1}},
		"a window's end came along": {filled, func(p *referee.Published) {
			p.Window = &referee.Window{Column: "id", From: "2", To: "5"}
			p.Rows = rows(2, 3, 4, 5)
		}, map[referee.Kind]int{referee.Mixed: 1}},
		"a window brought what may be of a new partition": {filled, func(p *referee.Published) {
			p.Window = &referee.Window{Column: "id", From: "3", To: "5"}
			p.Rows = rows(2, 3, 4)
		}, nil},
		"a window brought it twice": {filled, func(p *referee.Published) {
			p.Window = &referee.Window{Column: "id", From: "3", To: "5"}
			p.Rows = rows(2, 2, 3, 4)
		}, map[referee.Kind]int{referee.Doubled: 1}},
		"a window's begin did not": {filled, func(p *referee.Published) {
			p.Window = &referee.Window{Column: "at", From: "2026-01-01 00:00:02+00", To: "2026-01-01 00:00:05+00"}
			p.Rows = rows(3, 4)
		}, map[referee.Kind]int{referee.Lost: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := published(t, "s.a", c.at, right)
			c.spoil(&p)
			wantKinds(t, setup(t).Judge(p), c.want)
		})
	}
}

// A table that others inherit from is read alone, or with them.
func TestTableMayBeReadWithWhatInherits(t *testing.T) {
	t.Parallel()
	log := setup(t, func(s *source) {
		s.name(5, "s.parent", 1, 2)
		s.Names[len(s.Names)-1].Alone = []uint32{1}
	})
	p := published(t, "s.parent", filled, rows(1, 2, 3, 4, 5))
	wantKinds(t, log.Judge(p), nil)
	p.Descends = true
	wantKinds(t, log.Judge(p), map[referee.Kind]int{referee.Lost: 5})
	p.Rows = rows(1, 2, 3, 4, 5, 11, 12, 13, 14, 15)
	wantKinds(t, log.Judge(p), nil)
}

// TRUNCATE takes all rows that there were, and none that come after it.
func TestClearedRelationHasOnlyWhatCameAfter(t *testing.T) {
	t.Parallel()
	log := setup(t, func(s *source) {
		s.add(referee.Change{XID: 40, Rel: 2, Act: referee.Clear})
		s.set(40, 2, 19, "after")
	})
	wantKinds(t, log.Judge(published(t, "s.a", "45:45:", []referee.Doc{row(19, "after")})), nil)
	wantKinds(t, log.Judge(published(t, "s.a", "40:45:40", nil)), map[referee.Kind]int{referee.Lost: 5})
}

// Who owns up to several moments may lose rows that changed in between, and no
// others.
func TestRangesExcuseOnlyRowsThatChanged(t *testing.T) {
	t.Parallel()
	log := setup(t)
	p := published(t, "s.a", filled, append(rows(1, 2, 4), row(3, "second"), row(6, "new")))
	p.Ranges = true
	wantKinds(t, log.Judge(p), nil)
	p.Rows = without(p.Rows, "1")
	wantKinds(t, log.Judge(p), map[referee.Kind]int{referee.Lost: 1})
	p.Rows = append(rows(1, 2, 2, 4), row(6, "never"))
	wantKinds(t, log.Judge(p), map[referee.Kind]int{referee.Doubled: 1, referee.Wrong: 1})
}

func TestNullIsNoEmptyText(t *testing.T) {
	t.Parallel()
	log := setup(t, func(s *source) {
		s.add(referee.Change{XID: 10, Rel: 1, Act: referee.Set, ID: 7, Doc: `{"id": 7, "v": null, "at": "2026-01-01T00:00:07+00:00"}`})
	})
	null := row(7, "")
	delete(null, "v")
	wantKinds(t, log.Judge(published(t, "s.a", filled, append(rows(1, 2, 3, 4, 5), null))), nil)
	wantKinds(t, log.Judge(published(t, "s.a", filled, append(rows(1, 2, 3, 4, 5), row(7, "")))), map[referee.Kind]int{referee.Wrong: 1})
}

// Rows that no window can ever hold are lost with the first.
func TestCursorWithoutAPlaceIsFound(t *testing.T) {
	t.Parallel()
	log := setup(t, func(s *source) {
		s.add(referee.Change{XID: 10, Rel: 1, Act: referee.Set, ID: 7, Doc: `{"id": 7, "v": "x", "at": null}`})
		s.add(referee.Change{XID: 10, Rel: 1, Act: referee.Set, ID: 8, Doc: `{"id": 8, "v": "x", "at": "infinity"}`})
	})
	p := published(t, "s.a", filled, rows(1, 2, 3, 4, 5))
	p.Window = &referee.Window{Column: "at", To: "2026-01-02 00:00:00+00"}
	wantKinds(t, log.Judge(p), map[referee.Kind]int{referee.Lost: 2})
}
