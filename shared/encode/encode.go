// Package encode turns the rows that COPY sends into the bytes of parts.
//
// An [Encoder] serves one stream and one table. It is given the messages of a
// COPY, each one row, and writes part after part, each complete by itself:
//
//	for each message:
//		row := encoder.Row(message)   // nil: the message holds no row
//		encoder.Begin(w)              // when no part is open
//		encoder.Write(row)
//		encoder.End()                 // when the part is large enough
//
// Rows come in COPY's binary format, and are decoded value by value into buffers
// that are used again. What each type becomes is table.Image's to say; a value
// that its column in the part cannot hold is a [RangeError] or NULL, as
// Options.Null says, never another value.
//
// CSV is what PostgreSQL's own COPY prints with FORMAT csv, byte by byte, for the
// same columns in the same settings: values, quotes and line ends, a row of one
// field with FORCE_QUOTE. Only the header's names are in quotes more often, so
// that no reader trims them, and a "char" past 127 is what version 15 prints, on
// older servers too. A value is written in pieces, so that a row takes no more
// room than in its message and the buffer.
//
// A line of JSON Lines is an object with the columns in their order, and with
// nothing between its parts. A row is held once in its message and once as a
// line, a wide one no longer than it takes to write it.
//
// Text that is not UTF-8 is an error that names column and row: in every format
// where nobody has checked it before (table.Image.Unchecked), in JSON Lines
// wherever it is.
//
// CSV and JSON Lines hold every value of every type, so they know no RangeError.
// Lines reach the compressor in pieces of 64 KiB or more.
//
// Not promised: that an encoder can go on after an error. Its part is then to
// be thrown away, and the encoder with it.
package encode

import (
	"errors"
	"io"

	"github.com/stagelift/stagelift/shared/encode/copybinary"
	"github.com/stagelift/stagelift/shared/encode/parquet"
	"github.com/stagelift/stagelift/shared/table"
)

// Encoder writes rows as parts. It is not safe for concurrent use.
type Encoder interface {
	// Row returns the row of one CopyData message without what COPY puts before
	// the first and after the last, nil when that is all there is. The row
	// shares its bytes with the message.
	Row(message []byte) ([]byte, error)
	// Begin starts a part, which is written to w.
	Begin(w io.Writer) error
	// Write adds a row to the part. It does not keep row.
	Write(row []byte) error
	// Buffered is about how many bytes of the part, as stored, have not
	// reached w yet; what a compressor holds back does not count.
	Buffered() int64
	// End completes the part. It does not close w.
	End() error
}

// Options say how rows are written.
type Options struct {
	// Format is "csv", "jsonl" or "parquet".
	Format string
	// Compression is "none", "gzip" or "zstd"; for Parquet "snappy" too.
	Compression string
	// CSV says how CSV is written.
	CSV CSVOptions
	// Null is what becomes of a value that its column cannot hold: NULL, or,
	// when false, a RangeError.
	Null bool
	// Key are the positions of the fields that tell one row from another, for
	// a RangeError and for errors that name the row; may be empty.
	Key []int
	// Repeats are the positions of the fields whose values repeat, so that a
	// dictionary in Parquet pays; may be empty.
	Repeats []int
	// Metadata is written into every Parquet part.
	Metadata map[string]string
}

// RangeError is a value that its column in the part cannot hold.
type RangeError = copybinary.RangeError

// ErrUnknown marks a format or compression that there is no encoder for.
var ErrUnknown = errors.New("not known here")

// New returns an encoder of rows with these fields. A field that the format has
// no place for is an error that names it.
func New(fields []table.Field, o Options) (Encoder, error) {
	if err := o.check(len(fields)); err != nil {
		return nil, err
	}
	switch o.Format {
	case "jsonl":
		return newJSONL(fields, o)
	case "parquet":
		return parquet.New(fields, parquet.Options{
			Compression: o.Compression, Null: o.Null, Key: o.Key, Repeats: o.Repeats, Metadata: o.Metadata,
		})
	default:
		return newCSV(fields, o)
	}
}
