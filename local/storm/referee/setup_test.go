package referee_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stagelift/stagelift/local/storm/referee"
)

// The made-up source: table a is relation 1, table b relation 2, view v shows
// both. Transaction 10 fills them; 20 changes a; 30 exchanges their names.
const (
	filled   = "15:15:"
	changed  = "25:25:"
	renamed  = "35:35:"
	inFlight = "20:25:20"
)

var columns = []referee.Column{{Name: "id", Type: "bigint"}, {Name: "at", Type: "timestamp with time zone"}, {Name: "v", Type: "text"}}

type source struct {
	*referee.Log
	seq int64
}

func (s *source) set(xid uint64, rel uint32, id int64, v string) {
	s.add(referee.Change{
		XID: xid, Rel: rel, Act: referee.Set, ID: id,
		Doc: fmt.Sprintf(`{"id": %d, "v": %q, "at": "2026-01-01T00:00:%02d+00:00"}`, id, v, id),
	})
}

func (s *source) add(c referee.Change) {
	s.seq++
	c.Seq = s.seq
	s.Changes = append(s.Changes, &c)
}

func (s *source) name(xid uint64, name string, parts ...uint32) {
	s.seq++
	n := referee.Naming{Seq: s.seq, XID: xid, Name: name, Parts: parts, Columns: []string{"id", "at", "v"}}
	if len(parts) == 1 {
		n.Alone = parts
	}
	s.Names = append(s.Names, n)
}

// setup makes the source.
func setup(t *testing.T, more ...func(*source)) *referee.Log {
	t.Helper()
	s := &source{Log: &referee.Log{}}
	s.name(5, "s.a", 1)
	s.name(5, "s.b", 2)
	s.name(5, "s.v", 1, 2)
	for id := range int64(5) {
		s.set(10, 1, id+1, "first")
		s.set(10, 2, id+11, "first")
	}
	s.set(20, 1, 3, "second")
	s.add(referee.Change{XID: 20, Rel: 1, Act: referee.Drop, ID: 5})
	s.set(20, 1, 6, "new")
	s.name(30, "s.a", 2)
	s.name(30, "s.b", 1)
	for _, change := range more {
		change(s)
	}
	if err := s.Sort(); err != nil {
		t.Fatal(err)
	}
	return s.Log
}

func moment(t *testing.T, text string) referee.Moment {
	t.Helper()
	m, err := referee.ParseMoment(text)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func row(id int64, v string) referee.Doc {
	return referee.Doc{"id": fmt.Sprint(id), "v": v, "at": fmt.Sprintf("2026-01-01 00:00:%02d+00", id)}
}

// rows are the versions of a that are the first.
func rows(ids ...int64) []referee.Doc {
	var list []referee.Doc
	for _, id := range ids {
		list = append(list, row(id, "first"))
	}
	return list
}

// published is a right answer for a at a moment, to be spoilt.
func published(t *testing.T, name, at string, rows []referee.Doc) referee.Published {
	t.Helper()
	return referee.Published{
		Name: name, Run: "run", Moment: moment(t, at), Before: referee.Latest, Sole: true, Columns: columns, Rows: rows,
	}
}

// wantKinds checks what was found: by kind, how many rows.
func wantKinds(t *testing.T, findings []referee.Finding, want map[referee.Kind]int) {
	t.Helper()
	got := map[referee.Kind]int{}
	for _, f := range findings {
		got[f.Kind] += f.Rows
	}
	for _, kind := range []referee.Kind{referee.Lost, referee.Doubled, referee.Mixed, referee.Wrong} {
		if got[kind] != want[kind] {
			t.Errorf("%d rows are %s, want %d; found %v", got[kind], kind, want[kind], findings)
		}
	}
}

// without returns rows without those of some ids.
func without(rows []referee.Doc, id string) []referee.Doc {
	return slices.DeleteFunc(slices.Clone(rows), func(d referee.Doc) bool { return d["id"] == id })
}
