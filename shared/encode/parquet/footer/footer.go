// Package footer reads what a Parquet file of anybody's says of itself at its
// end: the columns and the number of rows.
//
// Nothing of the rows is read. Two ranges are asked for: the last eight bytes,
// which say how long the footer is, and the footer, which is read no further
// than its row groups, since all known writers put schema and rows before them.
// A footer in any other order is read as well.
//
// A column gets the type of PostgreSQL whose values it holds, exactly: each
// value of the file is one of the type. What has no such type, and what is
// nested, is an error that names the column and says what to do. Whether a
// column may be NULL is left open: files of one table differ in it.
//
// Memory is bounded, whatever the file says: columns are at most MaxColumns,
// names at most some kilobytes, and all else is skipped as it comes.
//
// Not promised: that the rest of the file is sound, or that a warehouse reads
// it. Encrypted footers are refused.
package footer

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/stagelift/stagelift/shared/table"
)

// MaxColumns is how many columns a file may have, more than any warehouse
// takes.
const MaxColumns = 10_000

// maxBytes bounds a footer. Only files of a hundred thousand row groups come
// near it.
const maxBytes = 64 << 20

// tailBytes is the footer's length and the magic.
const tailBytes = 8

const (
	magic          = "PAR1"
	magicEncrypted = "PARE"
)

// ErrNotParquet means that the bytes are no Parquet file, or a broken one.
var ErrNotParquet = errors.New("it is not a Parquet file that can be read")

// File is what a footer says.
type File struct {
	// Columns are in the order of the file, all of them nullable.
	Columns []table.Column
	// Rows is the number of rows of the whole file.
	Rows int64
}

// Range opens length bytes of a file from offset. What it returns is closed
// before its end when the rest is of no interest.
type Range func(offset, length int64) (io.ReadCloser, error)

// Read reads the footer of a file of size bytes. The error is ErrNotParquet,
// or names the columns that have no type, or is open's own.
func Read(size int64, open Range) (File, error) {
	if size < int64(len(magic))+tailBytes {
		return File{}, fmt.Errorf("%w: it has %d bytes", ErrNotParquet, size)
	}
	length, err := footerLength(size, open)
	if err != nil {
		return File{}, err
	}
	body, err := open(size-tailBytes-length, length)
	if err != nil {
		return File{}, err
	}
	defer func() { _ = body.Close() }() // read only
	f, err := decode(body, length)
	if err != nil {
		return File{}, err
	}
	return f.file()
}

func footerLength(size int64, open Range) (int64, error) {
	body, err := open(size-tailBytes, tailBytes)
	if err != nil {
		return 0, err
	}
	defer func() { _ = body.Close() }() // read only
	var tail [tailBytes]byte
	if _, err := io.ReadFull(body, tail[:]); err != nil {
		return 0, fmt.Errorf("reading its last bytes: %w", err)
	}
	length := int64(binary.LittleEndian.Uint32(tail[:]))
	switch end := string(tail[4:]); {
	case end == magicEncrypted:
		return 0, errors.New("its footer is encrypted; write it with a plain footer, or give the columns yourself")
	case end != magic:
		return 0, fmt.Errorf("%w: it ends in %q, not in %q", ErrNotParquet, end, magic)
	case length > maxBytes:
		return 0, fmt.Errorf("its footer has %d bytes, more than the %d that are read here; write fewer row groups, or give the columns yourself", length, maxBytes)
	case length > size-tailBytes-int64(len(magic)):
		return 0, fmt.Errorf("%w: it says that its footer has %d bytes, and has %d altogether", ErrNotParquet, length, size)
	}
	return length, nil
}

// metadata is the part of FileMetaData that is read (Parquet format,
// FileMetaData).
type metadata struct {
	elements []element
	rows     int64
	has      struct{ elements, rows bool }
}

func decode(body io.Reader, length int64) (metadata, error) {
	r := &reader{in: bufio.NewReader(io.LimitReader(body, length))}
	var m metadata
	r.structure(0, func(number int, kind byte) bool {
		switch {
		case number == 2 && kind == kindList:
			m.elements, m.has.elements = r.schema(), true
		case number == 3 && kind == kindI64:
			m.rows, m.has.rows = r.varint(), true
		default:
			r.skip(kind, 1)
		}
		return !m.has.elements || !m.has.rows
	})
	switch {
	case r.err != nil && r.broken():
		return metadata{}, fmt.Errorf("%w: its footer: %w", ErrNotParquet, r.err)
	case r.err != nil:
		return metadata{}, fmt.Errorf("reading its footer: %w", r.err)
	case !m.has.elements || !m.has.rows || m.rows < 0:
		return metadata{}, fmt.Errorf("%w: its footer does not tell columns and rows", ErrNotParquet)
	}
	return m, nil
}
