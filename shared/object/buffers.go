package object

import (
	"errors"
	"io"
	"sync"
)

// DefaultBufferSize is the size of a Store's buffers.
const DefaultBufferSize = 8 << 20

// Buffers is a pool of byte buffers of one size, for Writers to share. It never
// refuses: its memory is what the Writers use at their busiest, and is kept for
// the next ones. A Writer uses one part's worth while it fills, and one for each
// part in flight.
type Buffers struct {
	size int

	mu   sync.Mutex
	free [][]byte
}

// NewBuffers returns an empty pool. A size below 5 MiB, S3's smallest part,
// becomes 5 MiB.
func NewBuffers(size int) *Buffers { return &Buffers{size: max(size, minPart)} }

// get returns an empty buffer. The one used last comes first: it may still be
// in the processor's cache.
func (b *Buffers) get() []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	last := len(b.free) - 1
	if last < 0 {
		return make([]byte, 0, b.size)
	}
	buffer := b.free[last]
	b.free = b.free[:last]
	return buffer[:0]
}

func (b *Buffers) put(buffers [][]byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.free = append(b.free, buffers...)
}

// body reads slices in a row. It can be read again from the start, which is
// what a retry does.
type body struct {
	pieces [][]byte
	size   int64
	piece  int
	offset int
}

func newBody(pieces ...[]byte) *body {
	b := &body{pieces: pieces}
	for _, p := range pieces {
		b.size += int64(len(p))
	}
	return b
}

func (b *body) Read(p []byte) (int, error) {
	for b.piece < len(b.pieces) {
		if n := copy(p, b.pieces[b.piece][b.offset:]); n > 0 || len(p) == 0 {
			b.offset += n
			return n, nil
		}
		b.piece, b.offset = b.piece+1, 0
	}
	return 0, io.EOF
}

// Seek goes anywhere within the body, or to its end.
func (b *body) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		for _, p := range b.pieces[:b.piece] {
			offset += int64(len(p))
		}
		offset += int64(b.offset)
	case io.SeekEnd:
		offset += b.size
	}
	if offset < 0 || offset > b.size {
		return 0, errors.New("seeking outside of the body")
	}
	rest := offset
	for b.piece = 0; b.piece < len(b.pieces) && rest >= int64(len(b.pieces[b.piece])); b.piece++ {
		rest -= int64(len(b.pieces[b.piece]))
	}
	b.offset = int(rest)
	return offset, nil
}
