package referee_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stagelift/stagelift/local/storm/referee"
)

// window is the n-th window of a table, by id.
func window(t *testing.T, n int, from, to string, rows []referee.Doc) referee.Published {
	t.Helper()
	p := published(t, "s.b", filled, rows)
	p.Run, p.Append, p.At = fmt.Sprint("run", n), true, time.Unix(int64(n), 0)
	p.Window = &referee.Window{Column: "id", From: from, To: to}
	return p
}

func TestWindowsThatMeetAreLeftAlone(t *testing.T) {
	t.Parallel()
	log := setup(t, func(s *source) { s.name(40, "s.b", 2) })
	wantKinds(t, log.JudgeSeries(nil, false), nil)
	wantKinds(t, log.JudgeSeries([]referee.Published{
		window(t, 3, "14", "15", rows(14)), window(t, 1, "", "13", rows(11, 12)), window(t, 2, "13", "14", rows(13)),
	}, false), nil)
}

func TestWindowsThatDoNotAddUpAreFound(t *testing.T) {
	t.Parallel()
	first := func() referee.Published { return window(t, 1, "", "13", rows(11, 12)) }
	// second is the next one, spoilt.
	second := func(spoil func(*referee.Published)) referee.Published {
		p := window(t, 2, "13", "16", rows(13, 14, 15))
		spoil(&p)
		return p
	}
	for name, c := range map[string]struct {
		windows []referee.Published
		want    map[referee.Kind]int
	}{
		"a row is in none": {
			[]referee.Published{first(), second(func(p *referee.Published) { p.Rows = rows(13, 15) })}, map[referee.Kind]int{referee.Lost: 1},
		},
		"a row came late": {
			[]referee.Published{window(t, 1, "", "13", rows(11)), second(func(*referee.Published) {})}, map[referee.Kind]int{referee.Lost: 1},
		},
		"the last version is in none": {
			[]referee.Published{first(), second(func(p *referee.Published) { p.Rows = append(rows(13, 14), row(15, "old")) })},
			map[referee.Kind]int{referee.Lost: 1},
		},
		"a row is in two": {
			[]referee.Published{first(), second(func(p *referee.Published) { p.Rows = rows(12, 13, 14, 15) })}, map[referee.Kind]int{referee.Doubled: 1},
		},
		"there is a gap between two": {
			[]referee.Published{first(), second(func(p *referee.Published) { p.Window.From = "14" })}, map[referee.Kind]int{referee.Lost: 1},
		},
		"one goes back": {
			[]referee.Published{first(), second(func(p *referee.Published) { p.Window.From = "12" })}, map[referee.Kind]int{referee.Doubled: 1},
		},
		"one begins anew for no reason": {
			[]referee.Published{first(), second(func(*referee.Published) {}), window(t, 3, "", "16", nil)}, map[referee.Kind]int{referee.Doubled: 1},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log := setup(t, func(s *source) { s.name(40, "s.b", 2) })
			wantKinds(t, log.JudgeSeries(c.windows, false), c.want)
		})
	}
}

// A merge may bring a row again, and the last version counts.
func TestMergedWindowsKeepTheLastVersion(t *testing.T) {
	t.Parallel()
	log := setup(t)
	merge := func(n int, from, to, at string, rows []referee.Doc) referee.Published {
		p := window(t, n, from, to, rows)
		p.Append, p.Moment = false, moment(t, at)
		return p
	}
	old, fresh := rows(1, 2, 3, 4, 5), []referee.Doc{row(3, "second"), row(6, "new")}
	wantKinds(t, log.JudgeSeries([]referee.Published{merge(1, "", "6", filled, old), merge(2, "6", "7", renamed, fresh)}, false), nil)
	wantKinds(t, log.JudgeSeries([]referee.Published{merge(1, "", "6", filled, old), merge(2, "6", "7", renamed, fresh[1:])}, false),
		map[referee.Kind]int{referee.Lost: 1})
}

// Where the name means another table, windows may begin anew; where a restart
// was asked for, what came before does not count.
func TestWindowsMayBeginAnew(t *testing.T) {
	t.Parallel()
	log := setup(t)
	before := window(t, 1, "", "16", rows(11, 12, 13, 14, 15))
	after := window(t, 2, "", "7", append(rows(1, 2, 4), row(3, "second"), row(6, "new")))
	after.Moment = moment(t, renamed)
	wantKinds(t, log.JudgeSeries([]referee.Published{before, after}, false), nil)

	copied := setup(t, func(s *source) {
		s.name(40, "s.b", 3)
		s.set(40, 3, 11, "first")
	})
	after = window(t, 2, "", "16", rows(11))
	after.Moment = moment(t, "45:45:")
	wantKinds(t, copied.JudgeSeries([]referee.Published{before, after}, false), map[referee.Kind]int{referee.Doubled: 1})

	// A refusal answers for the other table alone.
	other := setup(t, func(s *source) {
		s.name(40, "s.b", 3)
		s.set(40, 3, 11, "another")
	})
	wantKinds(t, other.JudgeSeries([]referee.Published{before}, false), map[referee.Kind]int{referee.Lost: 1})
	wantKinds(t, other.JudgeSeries([]referee.Published{before}, true), nil)

	again := window(t, 2, "", "16", before.Rows)
	again.Restart = true
	same := setup(t, func(s *source) { s.name(40, "s.b", 2) })
	wantKinds(t, same.JudgeSeries([]referee.Published{before, again}, false), nil)
	again.Rows = without(again.Rows, "11")
	wantKinds(t, same.JudgeSeries([]referee.Published{before, again}, true), map[referee.Kind]int{referee.Lost: 1})
	wantKinds(t, same.JudgeSeries([]referee.Published{before, again}, false), map[referee.Kind]int{referee.Lost: 1})
}

// What a later change of the columns did to old rows is not in old windows.
func TestChangedColumnsAreNotMissedInOldWindows(t *testing.T) {
	t.Parallel()
	for name, doc := range map[string]string{
		"id at v extra": `{"id": 11, "v": "first", "at": "2026-01-01T00:00:11+00:00", "extra": 7}`,
		"id at":         `{"id": 11, "at": "2026-01-01T00:00:11+00:00"}`,
	} {
		log := setup(t, func(s *source) {
			s.name(40, "s.b", 2)
			s.Names[len(s.Names)-1].Columns = strings.Fields(name)
			s.add(referee.Change{XID: 40, Rel: 2, Act: referee.Clear})
			s.add(referee.Change{XID: 40, Rel: 2, Act: referee.Set, ID: 11, Doc: doc})
		})
		wantKinds(t, log.JudgeSeries([]referee.Published{window(t, 1, "", "16", rows(11))}, false), nil)
	}
}
