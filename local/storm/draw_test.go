package storm

import (
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSeedDrawsTheSameRounds(t *testing.T) {
	t.Parallel()
	for round := 1; round <= 50; round++ {
		if diff := cmp.Diff(draw(7, round), draw(7, round)); diff != "" {
			t.Fatalf("round %d (-first +second):\n%s", round, diff)
		}
	}
	if cmp.Equal(draw(7, 1).Tables, draw(8, 1).Tables) && cmp.Equal(draw(7, 2).Tables, draw(8, 2).Tables) {
		t.Error("two seeds draw the same")
	}
}

// What can happen happens, and what is drawn can be done.
func TestEverythingIsDrawn(t *testing.T) {
	t.Parallel()
	known := slices.Concat(slices.Collect(maps.Keys(alterations)), slices.Collect(maps.Keys(single)), slices.Collect(maps.Keys(acts)),
		slices.Collect(maps.Keys(failures)), slices.Collect(maps.Keys(victims)), slices.Collect(maps.Keys(filters)),
		[]string{"function", "detach concurrently", "detach cancelled"})
	drawn := map[string]int{}
	for round := 1; round <= 3000; round++ {
		s := draw(1, round)
		for _, c := range s.Changes {
			drawn[c.Kind]++
			s.table(c.Table)
		}
		for _, k := range s.Kills {
			drawn[k.What]++
		}
		for _, f := range s.Faults {
			drawn[f.Kind]++
		}
		for _, table := range s.Tables {
			drawn[table.Treatment.Filter]++
		}
		for _, w := range s.Writers {
			for _, act := range w.Acts {
				drawn[act]++
			}
			for _, name := range w.Tables {
				if !s.table(name).writable() {
					t.Errorf("round %d: %s is written to", round, name)
				}
			}
		}
		for _, c := range s.Calls {
			if len(c.Tables) == 0 {
				t.Errorf("round %d: nothing is asked for", round)
			}
		}
	}
	for _, what := range known {
		if drawn[what] == 0 {
			t.Errorf("%q is never drawn", what)
		}
		delete(drawn, what)
	}
	if len(drawn) > 0 {
		t.Errorf("%v are drawn, and nobody knows how to do them", drawn)
	}
}

// Reasons are counted without the names and numbers in them.
func TestReasonsAreCountedTogether(t *testing.T) {
	t.Parallel()
	for _, reason := range []string{
		`joinError: run 20261128T001423Z-e49d095e stopped with 0 of 2 tables published (done: none; not done: storm1.a, storm1.b): extracting storm1.a: table storm1."a" is 5 rows short`,
		`joinError: run 20261128T001424Z-00000000 stopped with 1 of 2 tables published (done: storm2.a; not done: storm2.b): extracting storm2.b: table storm2.b is 17 rows short`,
	} {
		if got, want := general(reason), "extracting T: table T is N rows short"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
