// Package parquet writes the rows of a binary COPY as Apache Parquet files.
//
// An [Encoder] serves one stream and one table, and writes file after file with
// the same buffers:
//
//	for each message:
//		row := encoder.Row(message)   // nil: the message holds no row
//		encoder.Begin(w)              // when no file is open
//		encoder.Write(row)
//		encoder.End()                 // when the file is large enough
//
// What a column is called, and which type it has, is table.Field's to say.
// Columns that PostgreSQL holds NOT NULL are required, all others optional.
// Values are exact: numeric becomes the two's complement of its digits at the
// column's scale, dates and times are counted from 1970. What a column cannot
// hold (NaN and the infinities in a decimal, more digits than it has, infinite
// dates and timestamps, timestamps beyond 64 bits of microseconds since 1970,
// 24:00:00) is a RangeError or, with Options.Null, NULL. A required column
// has no NULL, so there it is a RangeError always.
//
// # The file
//
// Files are of version 1 of the format, which is what every reader knows and all
// that Redshift's documentation takes (Data files for queries in Amazon Redshift
// Spectrum: "Apache Parquet v1"): data pages of version 1; PLAIN values, or
// PLAIN_DICTIONARY; RLE for definition levels; legacy types beside the logical
// ones. The delta encodings are of version 2. There are no page checksums, since
// readers mostly ignore them and the object has its own, no page index and no
// bloom filters. The same rows give the same bytes.
//
// Whether a column has a dictionary is decided in each row group, from its first
// page: it must be clearly smaller than the values. A column of which nobody says
// that it repeats (Options.Repeats) is judged by its first 4,096 values already.
// The first page also decides how closely snappy looks for what repeats.
//
// Each row group has, for each column, how many NULLs it has and its least and
// largest value. Those two are left out where they would mislead: where a
// floating-point column holds NaN, which readers order differently, and where
// one of them is text or bytes longer than 64 bytes.
//
// # Memory
//
// Pages are compressed as they fill and kept until their row group is written,
// which is when kept and open pages together reach Options.RowGroupBytes. An
// encoder so holds about 1.3 times RowGroupBytes, and whatever the rows are no
// more than twice that and 4 MiB; a compressor's own memory comes on top. A row that is larger than a page by itself is the
// exception: it is held about four times, and let go with its row group.
//
// Not promised: that an encoder can go on after an error. Its file is then to
// be thrown away, and the encoder with it.
package parquet

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/stagelift/stagelift/shared/table"
)

// Options say how files are written.
type Options struct {
	// Compression is "snappy", "zstd", "gzip" or "none".
	Compression string
	// Null makes NULL of a value that its column cannot hold; false is a
	// RangeError.
	Null bool
	// Key are the positions of the fields that tell one row from another, for
	// a RangeError; may be empty.
	Key []int
	// Repeats are the positions of the fields whose values are known to repeat,
	// which are given a whole page to show it. A dictionary that grows too large
	// is given up for the rest of its row group. Booleans are smaller without and
	// never have one.
	Repeats []int
	// Metadata is written into every file.
	Metadata map[string]string
	// RowGroupBytes is how many bytes of pages, compressed where they are
	// whole, make a row group; 0 is 32 MiB.
	RowGroupBytes int64
}

const (
	// The default makes row groups of about 60 MB of rows, enough for a reader
	// to be busy with, and lets two encoders and the buffers of their uploads
	// live in 256 MiB.
	defaultRowGroupBytes = 32 << 20
	// maxPageBytes is the size of a page that the format recommends. It is less
	// where there are many columns, so that open pages are never more than a
	// quarter of a row group.
	maxPageBytes = 1 << 20
	minPageBytes = 1 << 10
	// Readers count a page's and a row group's values in 32 bits.
	maxPageRows  = 1 << 20
	maxGroupRows = 1 << 26
)

// Encoder writes rows as files. It is not safe for concurrent use.
type Encoder struct {
	options   Options
	columns   []column
	described []table.Field
	fields    [][]byte // of the row that is written
	pages     pages
	groupSize int64
	pageSize  int
	// interval is how many bytes of rows may come before pages are measured;
	// unmeasured is how many have.
	interval, unmeasured int64
	// open is how many bytes the open pages had when they were measured.
	open int64

	w       io.Writer
	written int64
	rows    int64 // of the row group
	total   int64 // of the file
	groups  int
	footer  thrift // the row groups written so far
	end     thrift
}

// New returns an encoder of rows with these fields. All that is wrong with
// fields and options is told at once.
func New(fields []table.Field, o Options) (*Encoder, error) {
	codec, err := newCodec(o.Compression)
	errs := []error{err}
	if len(fields) == 0 {
		errs = append(errs, errors.New("a Parquet file needs a column, and there is none"))
	}
	if o.RowGroupBytes < 0 {
		errs = append(errs, fmt.Errorf("row groups of %d bytes: want a positive number, or 0 for the default", o.RowGroupBytes))
	}
	for _, position := range slices.Concat(o.Key, o.Repeats) {
		if position < 0 || position >= len(fields) {
			errs = append(errs, fmt.Errorf("field %d of %d does not exist", position, len(fields)))
		}
	}
	e := &Encoder{options: o, described: slices.Clone(fields), fields: make([][]byte, len(fields)), columns: make([]column, len(fields))}
	e.size(len(fields))
	e.pages.codec = codec
	if o.Compression == "snappy" {
		e.pages.thorough = snappiedClosely{}
	}
	for i, field := range fields {
		repeats := slices.Contains(o.Repeats, i)
		errs = append(errs, e.columns[i].init(field, &e.pages, e.pageSize, o.Null, repeats))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("encoding Parquet: %w", err)
	}
	return e, nil
}

func (e *Encoder) size(columns int) {
	e.groupSize = e.options.RowGroupBytes
	if e.groupSize == 0 {
		e.groupSize = defaultRowGroupBytes
	}
	e.pageSize = int(min(max(e.groupSize/int64(4*max(columns, 1)), minPageBytes), maxPageBytes))
	e.interval = int64(e.pageSize / 8)
}
