package object

import (
	"context"
	"errors"
	"io"
	"sync"
)

// DefaultBufferSize is the size of a Store's buffers.
const DefaultBufferSize = 8 << 20

// Buffers is a pool of byte buffers of one size, for Writers to share. It keeps
// what it was given back for the next ones. A Writer uses one part's worth while
// it fills, and one for each part in flight.
//
// A pool with a limit never hands out more at one time: a Writer waits until a
// part has arrived. So that those who wait are never waiting for each other,
// each part is one buffer then, which does not grow, and only one of the Writers
// that share the pool may be written to at a time, while others are closed.
type Buffers struct {
	size  int
	slots chan struct{} // holds a token for each buffer out; nil without a limit

	mu   sync.Mutex
	free [][]byte
	made int
}

// NewBuffers returns an empty pool. A size below 5 MiB, S3's smallest part,
// becomes 5 MiB. A limit of 0 is none; else it is 2 at least.
func NewBuffers(size, limit int) *Buffers {
	b := &Buffers{size: max(size, minPart)}
	if limit > 0 {
		b.slots = make(chan struct{}, max(limit, 2))
	}
	return b
}

// get returns an empty buffer, waiting for one where there is a limit. All that
// the limit allows are made before one is used again, so that the memory that a
// process will hold shows early and stays.
func (b *Buffers) get(ctx context.Context) ([]byte, error) {
	if b.slots != nil {
		select {
		case b.slots <- struct{}{}:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	last := len(b.free) - 1
	if last < 0 || b.made < cap(b.slots) {
		b.made++
		return make([]byte, 0, b.size), nil
	}
	buffer := b.free[last]
	b.free = b.free[:last]
	return buffer[:0], nil
}

func (b *Buffers) put(buffers [][]byte) {
	b.mu.Lock()
	b.free = append(b.free, buffers...)
	b.mu.Unlock()
	if b.slots != nil {
		for range buffers {
			<-b.slots
		}
	}
}

// partSize returns the size of part number n of a Writer with these buffers.
func (b *Buffers) partSize(n int) int64 {
	if b.slots != nil {
		return int64(b.size)
	}
	return partSize(n, int64(b.size))
}

// maxOutput returns the longest output of a Writer with these buffers.
func (b *Buffers) maxOutput() int64 {
	if b.slots != nil {
		return maxParts * int64(b.size)
	}
	return maxOutput(int64(b.size))
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
