package extract

import (
	"math/rand/v2"
	"testing"

	"github.com/stagelift/stagelift/shared/postgres"
)

func TestSpansAreNeitherTinyNorHuge(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		blocks  int64
		streams int
		want    int64
	}{
		{"empty table", 0, 2, 8 * mib},
		{"small table", 3, 64, 8 * mib},
		{"just above the smallest", 65 * mib, 2, 65 * mib / 8},
		{"middling table", 256 * mib, 2, 32 * mib},
		{"large table", 10_000 * mib, 2, 64 * mib},
		{"large table, many streams", 10_000 * mib, 64, 10_000 * mib / 256},
		{"largest relation", 1<<32 - 1, 1, 64 * mib},
	} {
		if got := spanBlocks(c.blocks, c.streams); got != c.want {
			t.Errorf("%s: %d blocks, want %d", c.name, got, c.want)
		}
	}
}

// mib is the blocks of a MiB.
const mib = 1 << 20 / postgres.BlockSize

func TestPartsArePlannedByTheSizeThatIsWanted(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name              string
		blocks            int64
		density           float64
		streams, multiple int
		want              int64
	}{
		{"density not known", 10_000 * mib, 0, 2, 0, 0},
		{"one part would do, two streams share", 100 * mib, 8192, 2, 0, 2},
		{"too small to be shared", 7 * mib, 8192, 2, 0, 1},
		{"three parts, two streams", 3 * 128 * mib, 8192, 2, 0, 4},
		{"many parts", 100 * 128 * mib, 8192, 2, 0, 100},
		{"compressed to a quarter", 100 * 128 * mib, 2048, 2, 0, 25},
		{"slices of a cluster", 100 * 128 * mib, 8192, 2, 16, 112},
		{"few slices, small table", 20 * mib, 8192, 2, 16, 16},
		{"fewer blocks than slices", 5, 8192, 2, 16, 5},
		{"wide rows", 10 * mib, 1 << 20, 2, 0, 10},
	} {
		got := cut(c.blocks, c.density, plan{streams: c.streams, partBytes: 128 << 20, partMultiple: int64(c.multiple)})
		if got.parts != c.want {
			t.Errorf("%s: %d parts, want %d", c.name, got.parts, c.want)
		}
		if got.spanBlocks < 1 || got.spanBlocks > 64*mib {
			t.Errorf("%s: spans of %d blocks", c.name, got.spanBlocks)
		}
	}
}

// Whatever the relations are that a table consists of: every span is in one
// chunk, in order, there are as many chunks as were planned or fewer, and none
// has much more than its share.
func TestChunksShareTheSpansEvenly(t *testing.T) {
	t.Parallel()
	for seed := range uint64(2000) {
		random := rand.New(rand.NewPCG(seed, 7))
		var spans []postgres.Span
		var total, largest int64
		c := cutting{spanBlocks: 1 + random.Int64N(100), parts: random.Int64N(20)}
		for range 1 + random.IntN(5) {
			blocks := random.Int64N(1000)
			for from := int64(0); from == 0 || from < blocks; from += c.spanBlocks {
				spans = append(spans, postgres.Span{From: from, Blocks: min(c.spanBlocks, blocks-from)})
			}
		}
		for _, span := range spans {
			total += span.Blocks
			largest = max(largest, span.Blocks)
		}
		chunks := c.chunks(spans)
		next := 0
		for _, chunk := range chunks {
			var blocks int64
			for _, i := range chunk {
				if i != next {
					t.Fatalf("seed %d: span %d comes where %d should", seed, i, next)
				}
				next++
				blocks += spans[i].Blocks
			}
			if c.parts > 0 && blocks > divideUp(total, c.parts)+largest {
				t.Errorf("seed %d: a chunk of %d blocks, where each of %d should have %d", seed, blocks, c.parts, total/c.parts)
			}
		}
		if next != len(spans) || c.parts > 0 && int64(len(chunks)) > max(1, c.parts) {
			t.Errorf("seed %d: %d spans in %d chunks, want %d in %d", seed, next, len(chunks), len(spans), c.parts)
		}
	}
}
