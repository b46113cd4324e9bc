// Package bzip2 compresses into the bzip2 format, which the standard library only
// reads.
//
// It exists for headers: a stream of some hundred bytes that stands in front of
// others, since a bzip2 file is a series of streams. It also serves to compress a
// whole object again, at a few megabytes a second.
//
// Promised: one stream for all that is written, with blocks of 900,000 bytes, which
// every reader of the format takes; the same bytes for the same input. Memory is
// bounded, about 25 MB while a full block is compressed.
//
// Not promised: the smallest output. All groups of a block share one Huffman code,
// where the reference implementation chooses among up to six.
package bzip2

import (
	"errors"
	"fmt"
	"io"
	"math/bits"
)

const (
	level = 9
	// blockSize is how many bytes a block holds at most, runs shortened. Readers
	// allow level × 100,000; the reference implementation stays 19 below.
	blockSize = level*100_000 - 19
	// A run of four is followed by a count of up to 251 more.
	runStart, runMax = 4, 255

	blockMagic = 0x314159265359 // of pi
	endMagic   = 0x177245385090 // of its square root
)

// errClosed is what a closed Writer answers.
var errClosed = errors.New("the bzip2 writer is closed")

// Writer compresses what is written to it. It must be closed, which does not
// close what it writes to.
type Writer struct {
	out    *bitWriter
	block  []byte
	sorter sorter

	last  byte // of the run under way
	run   int
	crc   uint32
	all   uint32 // the blocks' checksums together
	begun bool
	err   error
}

// NewWriter returns a Writer of one stream to w.
func NewWriter(w io.Writer) *Writer {
	return &Writer{out: &bitWriter{w: w}, crc: ^uint32(0)}
}

// Write takes all of p. An error is final.
func (w *Writer) Write(p []byte) (int, error) {
	for i, b := range p {
		if w.err != nil {
			return i, w.err
		}
		if w.run > 0 && (b != w.last || w.run == runMax) {
			w.endRun()
		}
		w.last, w.run = b, w.run+1
		w.crc = w.crc<<8 ^ crcTable[byte(w.crc>>24)^b]
	}
	return len(p), w.err
}

// endRun puts a run into the block, and the block out when the next might not
// fit.
func (w *Writer) endRun() {
	for range min(w.run, runStart) {
		w.block = append(w.block, w.last)
	}
	if w.run >= runStart {
		w.block = append(w.block, byte(w.run-runStart)) //nolint:gosec // 251 at most
	}
	w.run = 0
	if len(w.block) > blockSize-runStart-1 {
		w.endBlock()
	}
}

func (w *Writer) endBlock() {
	w.begin()
	sum := ^w.crc
	w.all = bits.RotateLeft32(w.all, 1) ^ sum
	w.out.write(48, blockMagic)
	w.out.write(32, uint64(sum))
	w.out.write(1, 0) // not randomised
	last, origin := w.sorter.transform(w.block)
	w.out.write(24, uint64(origin)) //nolint:gosec // an index of the block
	writeSymbols(w.out, last)
	w.block, w.crc = w.block[:0], ^uint32(0)
	w.err = w.out.err
}

func (w *Writer) begin() {
	if !w.begun {
		w.begun = true
		w.out.write(32, 'B'<<24|'Z'<<16|'h'<<8|'0'+level)
	}
}

// Close ends the stream.
func (w *Writer) Close() error {
	if w.err != nil {
		return w.err
	}
	w.endRun()
	if len(w.block) > 0 {
		w.endBlock()
	}
	w.begin()
	w.out.write(48, endMagic)
	w.out.write(32, uint64(w.all))
	w.out.flush()
	w.err = errClosed
	return w.out.err
}

// crcTable is of CRC-32 with the highest bit first, as bzip2 has it.
var crcTable = func() (table [256]uint32) {
	for i := range table {
		c := uint32(i) << 24
		for range 8 {
			carry := c >> 31
			c = c<<1 ^ carry*0x04c11db7
		}
		table[i] = c
	}
	return table
}()

// bitWriter writes bits, the highest first.
type bitWriter struct {
	w       io.Writer
	pending uint64 // the lowest count bits are to be written
	count   uint
	buffer  []byte
	err     error
}

// write writes the lowest n bits of v; n is 48 at most.
func (b *bitWriter) write(n uint, v uint64) {
	b.pending = b.pending<<n | v
	b.count += n
	for b.count >= 8 {
		b.count -= 8
		b.buffer = append(b.buffer, byte(b.pending>>b.count)) //nolint:gosec // the lowest eight are meant
	}
	if len(b.buffer) >= 32<<10 {
		b.drain()
	}
}

// flush fills the last byte up and writes all.
func (b *bitWriter) flush() {
	if b.count > 0 {
		b.write(8-b.count, 0)
	}
	b.drain()
}

func (b *bitWriter) drain() {
	if b.err == nil {
		if _, err := b.w.Write(b.buffer); err != nil {
			b.err = fmt.Errorf("writing bzip2: %w", err)
		}
	}
	b.buffer = b.buffer[:0]
}
