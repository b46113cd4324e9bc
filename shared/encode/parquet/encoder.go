package parquet

import (
	"errors"
	"fmt"
	"io"

	"github.com/stagelift/stagelift/shared/encode/copybinary"
)

const magic = "PAR1"

// Row returns the row of one CopyData message without what COPY puts before
// the first and after the last, nil when that is all there is. The row shares
// its bytes with the message.
func (e *Encoder) Row(message []byte) ([]byte, error) { return copybinary.Row(message) }

// Begin starts a file, which is written to w.
func (e *Encoder) Begin(w io.Writer) error {
	e.w, e.written, e.total, e.groups = w, 0, 0, 0
	e.footer.reset()
	return e.write([]byte(magic))
}

// Write adds a row to the file. It does not keep row.
func (e *Encoder) Write(row []byte) error {
	if err := copybinary.Split(row, e.fields); err != nil {
		return fmt.Errorf("encoding Parquet: %w", err)
	}
	for i, value := range e.fields {
		if err := e.columns[i].add(value); err != nil {
			return e.explain(err, &e.columns[i])
		}
	}
	e.rows++
	e.unmeasured += int64(len(row))
	if e.unmeasured+e.pages.expanded < e.interval {
		return nil
	}
	return e.measure()
}

// Buffered is about how many bytes of the file, as stored, have not reached w
// yet. Open pages are taken to compress as well as those before them.
func (e *Encoder) Buffered() int64 {
	return e.pages.store.size + int64(float64(e.open+e.unmeasured)*e.pages.ratio())
}

// End completes the file. It does not close w.
func (e *Encoder) End() error {
	if err := e.closeGroup(); err != nil {
		return err
	}
	e.end.reset()
	e.describe(&e.end)
	if err := e.write(e.end.tail()); err != nil {
		return err
	}
	e.w = nil
	return nil
}

// measure closes the pages that are full, and the row group when it is.
func (e *Encoder) measure() error {
	e.unmeasured, e.pages.expanded, e.open = 0, 0, 0
	for i := range e.columns {
		c := &e.columns[i]
		if c.size() >= e.pageSize || c.levels.n >= maxPageRows {
			if err := c.closePage(); err != nil {
				return err
			}
		}
		e.open += int64(c.size() + c.dictionary.size())
	}
	if e.pages.store.size+e.open >= e.groupSize || e.rows >= maxGroupRows {
		return e.closeGroup()
	}
	return nil
}

// explain says in which column and row a value is wrong.
func (e *Encoder) explain(err error, c *column) error {
	key := copybinary.Key(e.described, e.fields, e.options.Key)
	beyond, is := errors.AsType[*misfitError](err)
	if !is {
		row := ""
		if key != "" {
			row = " in the row " + key
		}
		return fmt.Errorf("encoding column %q as Parquet%s: %w", c.field.Name, row, err)
	}
	words := string(beyond.misfit)
	if e.options.Null {
		words += ", and is NOT NULL,"
	}
	return &copybinary.RangeError{Column: c.field.Name, Value: words, Key: key}
}

func (e *Encoder) write(b []byte) error {
	n, err := e.w.Write(b)
	e.written += int64(n)
	return err
}
