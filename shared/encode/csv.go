package encode

import (
	"encoding/binary"
	"errors"
	"io"

	"github.com/stagelift/stagelift/shared/encode/copybinary"
	"github.com/stagelift/stagelift/shared/table"
)

// csv writes a row as COPY writes it with FORMAT csv, byte by byte. The only
// field of a row is always in quotes, since an empty text would be an empty line
// without them.
type csv struct {
	lines
	binaryRow
	header  []byte
	columns []csvColumn
	quotes  quotes
	// null is NULL with the delimiter behind it.
	null string
}

func newCSV(fields []table.Field, o Options) (*csv, error) {
	c := &csv{
		binaryRow: newBinaryRow(fields, o.Key), columns: make([]csvColumn, len(fields)),
		quotes: newQuotes(o.CSV, len(fields) == 1), null: o.CSV.Null + o.CSV.Delimiter,
	}
	names := make([]string, len(fields))
	var problems []error
	for i, field := range fields {
		var err error
		if c.columns[i], err = c.quotes.column(field); err != nil {
			problems = append(problems, err)
		}
		names[i] = field.Name
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	if o.CSV.Header {
		c.header = o.CSV.header(names)
	}
	var err error
	c.lines, err = newLines(o.Compression)
	return c, err
}

func (c *csv) Begin(w io.Writer) error {
	c.text = append(c.text[:0], c.header...)
	return c.lines.Begin(w)
}

func (c *csv) Write(row []byte) error {
	if len(row) < 2 || int(binary.BigEndian.Uint16(row)) != len(c.columns) {
		return copybinary.Split(row, c.values)
	}
	rest := row[2:]
	for i := range c.columns {
		raw, behind, ok := copybinary.Next(rest)
		if !ok {
			return copybinary.Split(row, c.values)
		}
		if rest = behind; raw == nil {
			c.text = append(c.text, c.null...)
			continue
		}
		if err := c.append(&c.columns[i], raw); err != nil {
			return c.explainIn(row, i, err)
		}
		c.text = append(c.text, c.quotes.delimiter)
	}
	if len(rest) > 0 {
		return copybinary.Split(row, c.values)
	}
	if len(c.columns) > 0 {
		c.text = c.text[:len(c.text)-1] // the last delimiter
	}
	c.text = append(c.text, '\n')
	if len(c.text) < lineBuffer {
		return nil
	}
	return c.flush()
}

// explainIn is explain for a row that was not split.
func (c *csv) explainIn(row []byte, i int, err error) error {
	if malformed := copybinary.Split(row, c.values); malformed != nil {
		return malformed
	}
	return c.explain(i, err)
}
