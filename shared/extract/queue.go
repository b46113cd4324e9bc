package extract

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/stagelift/stagelift/shared/postgres"
	"github.com/stagelift/stagelift/shared/stage"
)

// progress is one table of a run, on its way.
type progress struct {
	postgres.Table
	folder stage.Folder
	spans  []postgres.Span
	header []byte

	// next and readers belong to the queue.
	next    int
	readers int

	mu     sync.Mutex
	parts  []stage.Part // by number; filled as parts are closed
	copied int64        // rows that the server says it sent

	rows, blocks atomic.Int64 // so far, for those who watch
	publishedAs  atomic.Pointer[Published]
}

const (
	// spanBytes bounds a span from above: a stream that loses its span to a
	// failure loses this much work. smallestSpan bounds it from below, where a
	// COPY's own cost begins to show.
	spanBytes    = 64 << 20
	smallestSpan = 8 << 20
	// spansPerStream lets streams that finish early take over from slow ones.
	spansPerStream = 4
)

// spanBlocks returns how many blocks a span of a table should have.
func spanBlocks(blocks int64, streams int) int64 {
	share := blocks / int64(streams*spansPerStream)
	return min(max(share, smallestSpan/postgres.BlockSize), spanBytes/postgres.BlockSize)
}

// startPart reserves the next part number.
func (p *progress) startPart() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.parts = append(p.parts, stage.Part{})
	return len(p.parts) - 1
}

func (p *progress) finishPart(number int, part stage.Part) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.parts[number] = part
}

func (p *progress) finishSpan(span postgres.Span, copied int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.copied += copied
	p.blocks.Add(span.Blocks)
}

// queue hands out spans. A stream stays with its table while spans are left,
// so that its part can grow across them.
type queue struct {
	mu     sync.Mutex
	tables []*progress // largest first, so that no large one is left for last
}

func newQueue(tables []*progress) *queue {
	ordered := slices.Clone(tables)
	slices.SortStableFunc(ordered, func(a, b *progress) int { return int(min(max(b.Blocks-a.Blocks, -1), 1)) })
	return &queue{tables: ordered}
}

// join returns a table that has spans left, or nil when none has. The caller
// must leave it.
func (q *queue) join() *progress {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, t := range q.tables {
		if t.next < len(t.spans) {
			t.readers++
			return t
		}
	}
	return nil
}

// take returns the next span of t; false when none is left.
func (q *queue) take(t *progress) (postgres.Span, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if t.next == len(t.spans) {
		return postgres.Span{}, false
	}
	t.next++
	return t.spans[t.next-1], true
}

// leave reports whether the caller was the last reader of a table with no span
// left, and so is the one to publish it. It is called after the caller's part
// was closed.
func (q *queue) leave(t *progress) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	t.readers--
	return t.readers == 0 && t.next == len(t.spans)
}
