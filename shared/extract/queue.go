package extract

import (
	"slices"
	"sync"
)

// queue hands out the chunks of tables. A stream stays with its table while
// chunks are left, so that its part can grow across them.
type queue struct {
	mu     sync.Mutex
	tables []*progress // largest first, so that no large one is left for last
}

func newQueue(tables []*progress) *queue {
	ordered := slices.Clone(tables)
	slices.SortStableFunc(ordered, func(a, b *progress) int { return int(min(max(b.Blocks-a.Blocks, -1), 1)) })
	return &queue{tables: ordered}
}

// join returns a table that has something left, or nil when none has. The
// caller must leave it.
func (q *queue) join() *progress {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, t := range q.tables {
		if !t.cut || t.next < len(t.chunks) {
			t.readers++
			return t
		}
	}
	return nil
}

// take returns the next chunk of t, positions of spans; false when none is
// left.
func (q *queue) take(t *progress) ([]int, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if t.next == len(t.chunks) {
		return nil, false
	}
	t.next++
	return t.chunks[t.next-1], true
}

// share makes the chunks of t known.
func (q *queue) share(t *progress, chunks [][]int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	t.chunks, t.cut = chunks, true
}

// leave reports whether the caller was the last reader of a table with nothing
// left, and so is the one to publish it. It is called after the caller's part
// was closed.
func (q *queue) leave(t *progress) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	t.readers--
	return t.readers == 0 && t.cut && t.next == len(t.chunks)
}
