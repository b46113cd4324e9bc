package object

import (
	"cmp"
	"slices"
)

// choice is the cheapest known way to copy a middle of one span, all before it
// decided. Choices form chains through previous.
type choice struct {
	span int
	// skipped is how many bytes at the span's start are not copied, because the
	// part before would be too small without them.
	skipped int64
	// cost is how many bytes are downloaded for everything before the copy.
	cost     int64
	previous *choice
	// taken is how many bytes at the end of the previous span are not copied.
	taken int64
}

// chooser finds the copies that leave the fewest bytes to download.
//
// Between two copies lies a gap. If it is empty, the copies touch, and nothing is
// to be done. If it has fewer bytes than a part needs, the missing ones are taken
// from the copies on its two sides. First from the left one, as much as it can
// spare: it has no other use for them, while the right one may need its own for
// the next gap. Whether a span is better not copied at all is decided by trying.
//
// A gap of the best plan skips at most two spans that could be copied: a third
// would have enough bytes on both of its sides to be copied for nothing. So three
// predecessors of each span are enough to look at.
type chooser struct {
	spans                   []Span
	smallest, minCopySource int64
	// bytes and source are sums over the spans before each index.
	bytes, source []int64
}

// lookBack is the number of predecessors that are looked at.
const lookBack = 3

// chooseCopies returns the ranges to copy, in order.
func chooseCopies(spans []Span, smallest, minCopySource int64) []Piece {
	c := chooser{spans: spans, smallest: smallest, minCopySource: minCopySource, bytes: make([]int64, len(spans)+1), source: make([]int64, len(spans)+1)}
	for i, s := range spans {
		c.bytes[i+1], c.source[i+1] = c.bytes[i]+s.Length, c.source[i]
		if s.Source {
			c.source[i+1] += s.Length
		}
	}
	var best *choice
	cheapest := c.source[len(spans)]
	var candidates [][]*choice
	for i, s := range spans {
		if !s.Source || s.Length == 0 || s.SourceSize <= minCopySource && !s.Whole {
			continue
		}
		found := c.choices(i, candidates)
		for _, f := range found {
			if cost := f.cost + c.source[len(spans)] - c.source[i+1]; cost < cheapest {
				best, cheapest = f, cost
			}
		}
		if s.Length >= smallest {
			candidates = append(candidates, found)
		}
	}
	return c.pieces(best)
}

// choices returns the ways to copy span i that may turn out best: among them,
// none is both dearer and shorter than another.
func (c *chooser) choices(i int, candidates [][]*choice) []*choice {
	var all []*choice
	if skipped := c.missing(0, i); c.fits(i, skipped) {
		all = append(all, &choice{span: i, skipped: skipped, cost: c.source[i] + skipped})
	}
	for _, predecessors := range candidates[max(0, len(candidates)-lookBack):] {
		for _, p := range predecessors {
			missing := c.missing(p.span+1, i)
			taken := min(missing, c.spare(p))
			if skipped := missing - taken; c.fits(i, skipped) {
				cost := p.cost + missing + c.source[i] - c.source[p.span+1]
				all = append(all, &choice{span: i, skipped: skipped, cost: cost, previous: p, taken: taken})
			}
		}
	}
	slices.SortFunc(all, func(a, b *choice) int {
		return cmp.Or(cmp.Compare(a.cost, b.cost), cmp.Compare(a.skipped, b.skipped))
	})
	kept := all[:0]
	for _, choice := range all {
		if len(kept) == 0 || choice.skipped < kept[len(kept)-1].skipped {
			kept = append(kept, choice)
		}
	}
	return kept
}

// spare returns how many bytes a copy can do without at its end.
func (c *chooser) spare(p *choice) int64 {
	if c.spans[p.span].SourceSize <= c.minCopySource {
		return 0 // it is copied whole, or not at all
	}
	return c.spans[p.span].Length - p.skipped - c.smallest
}

// missing returns how many bytes the spans from first up to end lack to fill a
// part; none if there are no bytes at all.
func (c *chooser) missing(first, end int) int64 {
	gap := c.bytes[end] - c.bytes[first]
	if gap == 0 {
		return 0
	}
	return max(0, c.smallest-gap)
}

// fits reports whether enough is left to copy. The last part may have any size.
func (c *chooser) fits(i int, skipped int64) bool {
	needed := c.smallest
	if c.bytes[i+1] == c.bytes[len(c.spans)] {
		needed = 1
	}
	if c.spans[i].SourceSize <= c.minCopySource && skipped > 0 {
		return false // it is copied whole, or not at all
	}
	return c.spans[i].Length-skipped >= needed
}

// pieces follows a chain from its end.
func (c *chooser) pieces(last *choice) []Piece {
	var pieces []Piece
	var taken int64
	for choice := last; choice != nil; choice = choice.previous {
		length := c.spans[choice.span].Length - choice.skipped - taken
		pieces = append(pieces, Piece{choice.span, choice.skipped, length})
		taken = choice.taken
	}
	slices.Reverse(pieces)
	return pieces
}
