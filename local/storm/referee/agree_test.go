package referee_test

import (
	"fmt"
	"testing"

	"github.com/stagelift/stagelift/local/storm/referee"
)

func TestTablesOfOneRunMustBeOfOneMoment(t *testing.T) {
	t.Parallel()
	a, b := published(t, "s.a", filled, nil), published(t, "s.b", filled, nil)
	wantKinds(t, referee.Agree([]referee.Published{a, b}), nil)
	b.Moment = moment(t, changed)
	wantKinds(t, referee.Agree([]referee.Published{a, b}), map[referee.Kind]int{referee.Mixed: 1})
	b.Sole = false // it took several invocations
	wantKinds(t, referee.Agree([]referee.Published{a, b}), nil)
	b.Sole, b.Run = true, "another"
	wantKinds(t, referee.Agree([]referee.Published{a, b}), nil)
}

func TestAccountsMustAddUp(t *testing.T) {
	t.Parallel()
	account := func(name, at, amount string) referee.Published {
		return published(t, name, at, []referee.Doc{{"id": "1", "amount": amount}, {"id": "2", "amount": "-5"}})
	}
	names := []string{"s.a", "s.b"}
	log := setup(t, func(s *source) {
		holds := func(xid uint64, rel uint32, amount int) {
			s.add(referee.Change{XID: xid, Rel: rel, Act: referee.Set, ID: 1, Doc: fmt.Sprintf(`{"id": 1, "amount": %d}`, amount)})
		}
		holds(12, 1, 60)
		holds(12, 2, 40)
		holds(20, 1, 59) // to be added to a table that is another by then
	})
	for name, c := range map[string]struct {
		list    []referee.Published
		checked int
		want    map[referee.Kind]int
	}{
		"they do":             {[]referee.Published{account("s.a", filled, "60"), account("s.b", filled, "50")}, 1, nil},
		"they do not":         {[]referee.Published{account("s.a", filled, "60"), account("s.b", filled, "51")}, 1, map[referee.Kind]int{referee.Mixed: 1}},
		"one is missing":      {[]referee.Published{account("s.a", filled, "60")}, 0, nil},
		"of another moment":   {[]referee.Published{account("s.a", filled, "60"), account("s.b", changed, "51")}, 0, nil},
		"one was not filled":  {[]referee.Published{account("s.a", filled, "110"), published(t, "s.b", filled, nil)}, 1, map[referee.Kind]int{referee.Mixed: 1}},
		"not in truth either": {[]referee.Published{account("s.a", changed, "64"), account("s.b", changed, "45")}, 0, nil},
		"one is of no column": {[]referee.Published{account("s.a", filled, "60"), {Name: "s.b", Run: "run", Moment: moment(t, filled), Chooses: func(string) bool { return false }}}, 0, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			findings, checked := log.Sum(c.list, names, "amount", 100)
			if checked != c.checked {
				t.Errorf("%d moments were checked, want %d", checked, c.checked)
			}
			wantKinds(t, findings, c.want)
		})
	}
}
