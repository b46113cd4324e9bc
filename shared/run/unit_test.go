package run

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/shared/postgres"
	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/table"
)

// mib is the blocks of a MiB.
const mib = 1 << 20 / postgres.BlockSize

func TestUnitsMakePartsOfTheSizeThatIsWanted(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name              string
		blocks, each      int64
		density           float64
		streams, multiple int
		units             int64
		parts             bool
	}{
		{"empty", 0, 8192, 0, 2, 0, 0, false},
		{"small, density not known", 3, 8192, 0, 64, 0, 1, false},
		{"middling, density not known", 256 * mib, 8192, 0, 2, 0, 8, false},
		{"large, density not known", 10_000 * mib, 8192, 0, 2, 0, 157, false},
		{"large, much beside its rows", 100 * mib, 81920, 0, 2, 0, 16, false},
		{"one part would do, two streams share", 100 * mib, 8192, 8192, 2, 0, 2, true},
		{"too small to be shared", 7 * mib, 8192, 8192, 2, 0, 1, true},
		{"three parts, two streams", 3 * 128 * mib, 8192, 8192, 2, 0, 4, true},
		{"many parts", 100 * 128 * mib, 8192, 8192, 2, 0, 100, true},
		{"compressed to a quarter", 100 * 128 * mib, 8192, 2048, 2, 0, 25, true},
		{"compressed to a hundredth", 100 * 128 * mib, 8192, 82, 2, 0, 13, false},
		{"slices of a cluster", 100 * 128 * mib, 8192, 8192, 2, 16, 112, true},
		{"few slices, small table", 20 * mib, 8192, 8192, 2, 16, 16, true},
		{"fewer blocks than slices", 5, 8192, 8192, 2, 16, 5, true},
		{"wide rows", 10 * mib, 8192, 1 << 20, 2, 0, 10, true},
	} {
		s := &settings{streams: c.streams, partBytes: 128 << 20, partMultiple: int64(c.multiple)}
		got := cut(size{blocks: c.blocks, bytes: c.blocks * c.each, density: c.density}, s)
		if units := divideUp(c.blocks, got.blocks); units != c.units || got.parts != c.parts {
			t.Errorf("%s: %d units of %d blocks, parts %v; want %d, %v", c.name, units, got.blocks, got.parts, c.units, c.parts)
		}
		if got.blocks < 1 || got.blocks*c.each > largestUnit {
			t.Errorf("%s: units of %d blocks", c.name, got.blocks)
		}
	}
}

// Units cover every block of every relation exactly once, and the last of each
// that is open at its end is open too; what they leave when some are read is what
// was not read.
func TestUnitsCoverEveryBlockOnce(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3000) {
		random := rand.New(rand.NewPCG(seed, 5))
		task := &task{Table: &postgres.Table{Relations: []postgres.Relation{
			{OID: 1, Name: table.Name{Schema: "s", Table: "a"}, File: 11, Blocks: random.Int64N(500), ByBlock: true},
			{OID: 2, Name: table.Name{Schema: "s", Table: "b"}, File: 12, Blocks: random.Int64N(50), ByBlock: random.IntN(2) == 0},
		}}}
		if random.IntN(3) == 0 { // as an invocation before has left it
			task.open = []stage.Unit{{Ranges: []stage.Range{{Relation: 1, File: 11, From: 3, To: 10}, {Relation: 1, File: 11, From: 40}, {Relation: 2, File: 12}}}}
		}
		ranges := task.ranges()
		var read, rest []stage.Range
		for _, u := range task.units(ranges, cutting{blocks: 1 + random.Int64N(60)}) {
			if g := (stage.Range{Relation: u.Relation.OID, File: u.Relation.File, From: u.From, To: u.To}); random.IntN(2) == 0 {
				read = append(read, g)
			} else {
				rest = append(rest, g)
			}
		}
		const blocks = 600
		count := func(lists ...[]stage.Range) (times [3][blocks]int) {
			for _, list := range lists {
				for _, g := range list {
					end := g.To
					if end == 0 {
						end = blocks
					}
					for i := g.From; i < end; i++ {
						times[g.Relation][i]++
					}
				}
			}
			return times
		}
		if diff := cmp.Diff(count(ranges), count(read, rest)); diff != "" {
			t.Fatalf("seed %d: blocks of units (-want +got):\n%s", seed, diff)
		}
		random.Shuffle(len(read), func(i, j int) { read[i], read[j] = read[j], read[i] })
		if diff := cmp.Diff(count(rest), count(without(ranges, read))); diff != "" {
			t.Fatalf("seed %d: blocks that are left (-want +got):\n%s", seed, diff)
		}
		if left := without(ranges, append(read, rest...)); len(left) > 0 {
			t.Fatalf("seed %d: all was read, and %v is left", seed, left)
		}
	}
}

// A window is published up to the last slice that is whole, and never with rows of
// one beyond.
func TestSlicesArePublishedAsFarAsTheyAreWhole(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3000) {
		random := rand.New(rand.NewPCG(seed, 6))
		relations, slices := 1+random.IntN(3), 1+random.IntN(6)
		var tally tally
		stored := map[int]int{} // units by slice
		var open *group
		for s := 1; s <= slices; s++ {
			for range relations {
				if open == nil {
					open = &group{parts: []int{tally.startPart()}}
					open.closing.Add(1)
				}
				open.add(unit{slice: s}, true, 1)
				if random.IntN(2) == 0 {
					continue // the next one goes to the same part
				}
				if random.IntN(6) > 0 {
					tally.close(open, open.parts[0], stage.Part{Rows: int64(len(open.slices))}, nil)
					for _, s := range open.slices {
						stored[s]++
					}
				}
				tally.end(open)
				open = nil
			}
		}
		last := tally.lastSlice(relations)
		copied, parts, _ := tally.stored(last)
		var rows int64
		for _, p := range parts {
			rows += p.Rows
		}
		if last == 0 {
			continue
		}
		if want := int64(last * relations); copied != want || rows != want {
			t.Fatalf("seed %d: up to slice %d there are %d rows in parts of %d, want %d", seed, last, copied, rows, want)
		}
		for s := 1; s <= last; s++ {
			if stored[s] != relations {
				t.Fatalf("seed %d: slice %d of %d is not whole", seed, s, last)
			}
		}
	}
}
