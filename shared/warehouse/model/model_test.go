package model

import (
	"flag"
	"slices"
	"testing"

	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/warehouse"
)

var (
	histories = flag.Int("histories", 20_000, "how many histories are judged")
	seed      = flag.Uint64("seed", 1, "the seed of the first")
)

// However loads are delivered, the target is what the laws say.
func TestJudgementOfRandomHistories(t *testing.T) {
	t.Parallel()
	seen := map[string]int{}
	for n := range uint64(*histories) {
		w := Draw(*seed + n)
		l := &Ledger{Relevant: relevant, Seen: seen}
		deliver := func(r Receipt) (warehouse.State, error) { return l.Deliver(r, w.Fails()) }
		if err := w.Play(deliver, l.Target); err != nil {
			for _, r := range w.Receipts {
				t.Logf("run %s %s window %+v parity %d absent %v keys %v repairs %q rows %v", r.Load.Run, r.Load.Mode, r.Load.Window, r.Parity, r.Load.Absent, r.Keys, r.Load.Repairs, r.Rows)
			}
			for _, e := range l.entries {
				t.Logf("entry %+v", e)
			}
			t.Fatalf("history %d (go test -run RandomHistories ./shared/warehouse/model -seed %d -histories 1): %v", n, *seed+n, err)
		}
	}
	for _, what := range []string{"held", "doubles", "late", "under", "aside", "entered", "skipped", "abandoned", "again", "landed"} {
		if seen[what] == 0 && *histories > 1000 {
			t.Errorf("in no history a load was %s", what)
		}
	}
	t.Logf("%d histories: %v", *histories, seen)
}

// relevant are the entries that the warehouses' queries select.
func relevant(load warehouse.Load, entries []warehouse.Entry) []warehouse.Entry {
	var window, last int64
	var whole, replaced stage.RunID
	for _, e := range entries {
		last = max(last, e.Sequence)
		if e.To != "" && e.State != warehouse.Aside {
			window = max(window, e.Sequence)
		}
		if e.Mode == warehouse.Replace {
			replaced = max(replaced, e.Run)
		}
		if e.To == "" && e.State == warehouse.Loaded && e.Filter == "" {
			whole = max(whole, e.Run)
		}
	}
	return slices.DeleteFunc(slices.Clone(entries), func(e warehouse.Entry) bool {
		return e.Load != load.ID && e.Source == load.Source.String() && e.Run <= load.Run && e.Repairs != load.Run && e.State != warehouse.Abandoned &&
			(load.Repairs == "" || e.Run != load.Repairs) && e.Run != whole && e.Run != replaced && e.Sequence != window && e.Sequence != last
	})
}
