package extract

import (
	"math"

	"github.com/stagelift/stagelift/shared/postgres"
)

// cutting says how a table is cut into spans, and these into parts.
type cutting struct {
	// spanBlocks is how many blocks a span has at most.
	spanBlocks int64
	// parts is how many parts the spans are shared out to, evenly; 0 lets a
	// part grow over spans until it is large enough.
	parts int64
	// limit is the size at which a part is ended in any case.
	limit int64
}

const (
	// spanBytes bounds a span from above: it is what is read again when a
	// replica cancels a read, and what a run must still finish when its time is
	// over. smallestSpan bounds it from below, where a COPY's own cost begins to
	// show.
	spanBytes    = 64 << 20
	smallestSpan = 8 << 20
	// spansPerStream lets streams that finish early take over from slow ones.
	spansPerStream = 4
)

// cut plans the parts of a table of so many blocks. density is how many bytes,
// as they are stored in a part, a block makes; 0 when that is not known.
//
// With a known density all parts are planned at once and have about the same
// size: as many as make the size that is wanted, and, as long as they are few, a
// number that the streams share evenly, and a multiple of part_multiple. A part
// is cut short only when it grows to twice its size, because rows are not spread
// evenly.
func cut(blocks int64, density float64, p plan) cutting {
	if density <= 0 {
		return cutting{spanBlocks: spanBlocks(blocks, p.streams), limit: p.partBytes}
	}
	streams := int64(p.streams)
	parts := int64(math.Ceil(float64(blocks) * density / float64(p.partBytes)))
	if parts < streams*spansPerStream {
		parts = min(roundUp(parts, streams), max(1, blocks*postgres.BlockSize/smallestSpan))
	}
	if p.partMultiple > 0 {
		parts = roundUp(parts, p.partMultiple)
	}
	parts = max(1, min(parts, blocks))
	each := divideUp(blocks, parts)
	spans := divideUp(each*postgres.BlockSize, spanBytes)
	return cutting{spanBlocks: divideUp(each, spans), parts: parts, limit: 2 * p.partBytes}
}

// spanBlocks returns how many blocks a span of a table should have.
func spanBlocks(blocks int64, streams int) int64 {
	share := blocks / int64(streams*spansPerStream)
	return min(max(share, smallestSpan/postgres.BlockSize), spanBytes/postgres.BlockSize)
}

// chunks shares spans out to parts: runs of spans by their positions, of about
// the same number of blocks each. Without a number of parts each span is a
// chunk.
func (c cutting) chunks(spans []postgres.Span) [][]int {
	var total, before int64
	for _, span := range spans {
		total += span.Blocks
	}
	var chunks [][]int
	last := int64(-1)
	for i, span := range spans {
		part := int64(i)
		if c.parts > 0 {
			// By the middle, so that a span that lies across two goes to the one
			// that has more of it.
			part = (2*before + span.Blocks) * c.parts / max(1, 2*total)
		}
		if part != last {
			chunks, last = append(chunks, nil), part
		}
		chunks[len(chunks)-1] = append(chunks[len(chunks)-1], i)
		before += span.Blocks
	}
	return chunks
}

func divideUp(a, b int64) int64 { return (a + b - 1) / b }

func roundUp(n, multiple int64) int64 { return divideUp(n, multiple) * multiple }
