package run

import (
	"cmp"
	"math"
	"slices"

	"github.com/stagelift/stagelift/shared/postgres"
	"github.com/stagelift/stagelift/shared/stage"
)

// unit is what is read once: blocks of a relation, all of one, or a slice of a
// window.
type unit struct {
	postgres.Span
	// slice is the place of a slice in its window, from 1; 0 is none.
	slice int
}

const (
	// largestUnit bounds a unit in bytes of the source, with all that is stored
	// apart from its rows: it is what an attempt that dies has read for nothing.
	largestUnit = 1 << 30
	// largestSpan bounds a span from above, in which a COPY's own cost shows no
	// more, and smallestSpan from below; filteredUnit bounds a unit of which it is
	// not known how long it takes.
	largestSpan  = 256 << 20
	smallestSpan = 8 << 20
	filteredUnit = 64 << 20
	// unitsPerStream lets streams that finish early take over from slow ones.
	unitsPerStream = 4
)

// cutting is what a table is cut by.
type cutting struct {
	// blocks is how many blocks a unit has.
	blocks int64
	// parts is true when each unit is to make a part of its own.
	parts bool
	// limit is the size at which a part is ended in any case.
	limit int64
}

// size is what is known of a table before it is cut.
type size struct {
	// Blocks and bytes are what is left to read of it.
	blocks, bytes int64
	// density is how many bytes, as they are stored in a part, a block makes; 0
	// when that is not known.
	density float64
}

// each is how many bytes of the source a block stands for.
func (z size) each() int64 { return max(postgres.BlockSize, z.bytes/max(1, z.blocks)) }

// cut plans the units of a table.
//
// With a known density each makes a part, and all of them about the same size: as
// many as make the size that is wanted, and, as long as they are few, a number
// that the streams share evenly, and a multiple of part_multiple. A part is cut
// short only when it grows to twice its size, because rows are not spread evenly.
// Where a part takes more blocks than a unit may have, and where the density is
// not known, parts grow over units until they are large enough.
func cut(z size, s *settings) cutting {
	each := z.each()
	most := max(1, largestUnit/each)
	streams := int64(s.streams)
	if z.density <= 0 {
		share := z.blocks / (streams * unitsPerStream)
		return cutting{blocks: min(max(share, smallestSpan/each, 1), max(1, filteredUnit/each)), limit: s.partBytes}
	}
	parts := int64(math.Ceil(float64(z.blocks) * z.density / float64(s.partBytes)))
	if parts < streams*unitsPerStream {
		parts = min(roundUp(parts, streams), max(1, z.blocks*each/smallestSpan))
	}
	if s.partMultiple > 0 {
		parts = roundUp(parts, s.partMultiple)
	}
	blocks := divideUp(z.blocks, max(1, min(parts, z.blocks)))
	if blocks > most {
		return cutting{blocks: most, limit: s.partBytes}
	}
	return cutting{blocks: blocks, parts: true, limit: 2 * s.partBytes}
}

func divideUp(a, b int64) int64 { return (a + b - 1) / b }

func roundUp(n, multiple int64) int64 { return divideUp(n, multiple) * multiple }

// whole are the ranges that cover a table: one of each relation, to its end.
func (t *task) whole() []stage.Range {
	list := make([]stage.Range, len(t.Relations))
	for i, r := range t.Relations {
		list[i] = stage.Range{Relation: r.OID, File: r.File}
	}
	return list
}

// ranges are what is left to read of a table.
func (t *task) ranges() []stage.Range {
	if t.open == nil {
		return t.whole()
	}
	list := []stage.Range{}
	for _, u := range t.open {
		if len(u.Ranges) == 0 {
			return t.whole()
		}
		list = append(list, u.Ranges...)
	}
	return list
}

// units cuts ranges into units. The last of a range that is open at its end is
// open as well, so that a relation that grew is still read whole.
func (t *task) units(ranges []stage.Range, c cutting) []unit {
	var list []unit
	for _, g := range ranges {
		relation := t.Relation(g.Relation)
		span := postgres.Span{Relation: relation, From: g.From, To: g.To}
		if t.window != nil {
			span.Window = t.window.of(relation)
		}
		if !relation.ByBlock {
			list = append(list, unit{Span: span})
			continue
		}
		end := g.To
		if end == 0 {
			end = relation.Blocks
		}
		for from := g.From; from == g.From || from < end; from += c.blocks {
			u := unit{Span: span}
			if u.From = from; from+c.blocks < end {
				u.To = from + c.blocks
			}
			list = append(list, u)
		}
	}
	return list
}

// remaining is what of a size ranges leave to be read.
func (t *task) remaining(ranges []stage.Range) (z size) {
	z.density = t.density
	for _, g := range ranges {
		r := t.Relation(g.Relation)
		blocks := max(0, r.Blocks-g.From)
		if g.To > 0 {
			blocks = g.To - g.From
		}
		z.blocks += blocks
		z.bytes += int64(float64(r.Bytes) / float64(max(1, r.Blocks)) * float64(blocks))
	}
	return z
}

// without takes what was read away from ranges. What is read lies within them.
func without(ranges, read []stage.Range) []stage.Range {
	left := []stage.Range{}
	for _, g := range ranges {
		from := g.From
		inside := slices.DeleteFunc(slices.Clone(read), func(d stage.Range) bool {
			return d.Relation != g.Relation || d.From < g.From || g.To > 0 && (d.To == 0 || d.To > g.To)
		})
		slices.SortFunc(inside, func(a, b stage.Range) int { return cmp.Compare(a.From, b.From) })
		open := true
		for _, d := range inside {
			if d.From > from {
				left = append(left, stage.Range{Relation: g.Relation, File: g.File, From: from, To: d.From})
			}
			if from, open = d.To, d.To > 0; !open {
				break
			}
		}
		if open && (g.To == 0 || from < g.To) {
			left = append(left, stage.Range{Relation: g.Relation, File: g.File, From: from, To: g.To})
		}
	}
	return left
}
