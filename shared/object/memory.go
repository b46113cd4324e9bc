package object

import (
	"context"
	"sync"

	"golang.org/x/sync/semaphore"
)

// What Compose holds in memory, for all its calls on one Store: two parts of
// the largest size that is made as long as parts are not too many.
const (
	heldPart = 2 * minPart
	heldSum  = 2 * heldPart
)

// memory lends the buffers that parts are put together in. Whoever asks for more
// than there is waits, so that the memory of all compositions together does not
// depend on their number or size. A part larger than the whole, which only an
// object of more than 10,000 parts has, is lent alone.
type memory struct {
	tokens *semaphore.Weighted

	mu   sync.Mutex
	free [][]byte
}

func newMemory() *memory { return &memory{tokens: semaphore.NewWeighted(heldSum)} }

// take returns a buffer of the given size. It must be given back.
func (m *memory) take(ctx context.Context, size int64) ([]byte, error) {
	if err := m.tokens.Acquire(ctx, weight(size)); err != nil {
		return nil, context.Cause(ctx)
	}
	if size > heldPart {
		return make([]byte, size), nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	last := len(m.free) - 1
	if last < 0 {
		return make([]byte, size, heldPart), nil
	}
	buffer := m.free[last]
	m.free = m.free[:last]
	return buffer[:size], nil
}

// give takes a buffer back.
func (m *memory) give(buffer []byte) {
	if cap(buffer) == heldPart {
		m.mu.Lock()
		m.free = append(m.free, buffer)
		m.mu.Unlock()
	}
	m.tokens.Release(weight(int64(len(buffer))))
}

// weight is what a buffer counts: those that are kept count whole.
func weight(size int64) int64 { return min(max(size, heldPart), heldSum) }
