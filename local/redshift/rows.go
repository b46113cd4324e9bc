package redshift

import (
	"bytes"
	"errors"
	"io"

	"github.com/stagelift/stagelift/local/redshift/copycsv"
	"github.com/stagelift/stagelift/local/redshift/grammar"
)

// rows are those of one file.
type rows interface {
	// read returns the next row, or io.EOF after the last. The cells are good
	// until the next read.
	read() ([]cell, error)
	// line tells where the row read last began, from 1.
	line() int
}

// cell is a value as text, in the notation that the columns' converters read.
type cell struct {
	text []byte
	null bool
}

// csvRows reads CSV. A quoted field is never NULL by its text, but an empty one
// is, quoted or not, in a column that is not of characters, and under
// EMPTYASNULL ("Data conversion parameters").
type csvRows struct {
	in      *copycsv.Reader
	copy    *grammar.Copy
	columns []column
	cells   []cell
}

func newCSVRows(in io.Reader, c *grammar.Copy, columns []column) (*csvRows, error) {
	r := &csvRows{in: copycsv.NewReader(in, c.Quote, c.Delimiter), copy: c, columns: columns}
	for range c.IgnoreHeader {
		if err := r.in.SkipLine(); err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
	}
	return r, nil
}

func (r *csvRows) line() int { return r.in.Line() }

func (r *csvRows) read() ([]cell, error) {
	fields, err := r.in.Read()
	for err == nil && r.copy.IgnoreBlankLines && r.in.Blank() {
		fields, err = r.in.Read()
	}
	if err != nil {
		return nil, err
	}
	r.cells = r.cells[:0]
	for i, f := range fields {
		null := !f.Quoted && string(f.Text) == r.copy.Null
		if i < len(r.columns) {
			null = null || r.isNull(&r.columns[i], f.Text)
		}
		r.cells = append(r.cells, cell{f.Text, null})
	}
	return r.cells, nil
}

// isNull tells what is NULL by being empty or blank. In columns that are not of
// characters both always are.
func (r *csvRows) isNull(c *column, text []byte) bool {
	switch {
	case len(text) == 0:
		return !c.characters || r.copy.EmptyAsNull
	case len(bytes.TrimSpace(text)) == 0:
		return !c.characters || r.copy.BlanksAsNull
	}
	return false
}
