package encode

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/stagelift/stagelift/shared/encode/copybinary"
	"github.com/stagelift/stagelift/shared/table"
)

const (
	// lineBuffer is how much is given to the compressor at once, or a row more.
	lineBuffer = 64 << 10
	// lineBufferKept is the largest buffer that is kept for the next lines. One
	// that a wide row has made larger is let go.
	lineBufferKept = 1 << 20
)

// jsonl writes a row as an object of JSON (RFC 8259) on a line of its own, with
// its columns in their order. Everything between the values is made once.
type jsonl struct {
	compressor Compressor
	fields     []table.Field
	columns    []jsonColumn
	end        string
	key        []int
	values     [][]byte
	lines      []byte
}

type jsonColumn struct {
	// before is the name with all that stands between the last value and this
	// one.
	before  []byte
	printer jsonPrinter
}

func newJSONL(fields []table.Field, o Options) (*jsonl, error) {
	columns, err := jsonColumns(fields)
	if err != nil {
		return nil, err
	}
	compressor, err := NewCompressor(o.Compression)
	if err != nil {
		return nil, err
	}
	end := "}\n"
	if len(fields) == 0 {
		end = "{}\n"
	}
	return &jsonl{
		compressor: compressor, fields: fields, columns: columns, end: end, key: o.Key,
		values: make([][]byte, len(fields)), lines: make([]byte, 0, lineBuffer),
	}, nil
}

func jsonColumns(fields []table.Field) ([]jsonColumn, error) {
	columns := make([]jsonColumn, len(fields))
	var problems []error
	for i, field := range fields {
		before := []byte{','}
		if i == 0 {
			before = []byte{'{'}
		}
		before, err := appendJSONString(before, []byte(field.Name))
		if err != nil {
			problems = append(problems, fmt.Errorf("name of column %s: %w", table.Quote(field.Name), err))
		}
		printer, known := jsonPrinters[field.JSON][field.Wire]
		if !known {
			problems = append(problems, fmt.Errorf("column %s: JSON Lines has no form %d of wire %d", table.Quote(field.Name), field.JSON, field.Wire))
		}
		columns[i] = jsonColumn{before: append(before, ':'), printer: printer}
	}
	return columns, errors.Join(problems...)
}

func (j *jsonl) Row(message []byte) ([]byte, error) { return copybinary.Row(message) }

func (j *jsonl) Begin(w io.Writer) error {
	j.compressor.Reset(w)
	return nil
}

func (j *jsonl) Write(row []byte) error {
	if err := copybinary.Split(row, j.values); err != nil {
		return err
	}
	// Without it, a wide row would be copied again and again as the buffer
	// grows.
	j.lines = slices.Grow(j.lines, len(row))
	for i, raw := range j.values {
		if err := j.columns[i].append(&j.lines, raw); err != nil {
			return j.explain(i, err)
		}
	}
	j.lines = append(j.lines, j.end...)
	if len(j.lines) < lineBuffer {
		return nil
	}
	return j.flush()
}

func (c *jsonColumn) append(lines *[]byte, raw []byte) (err error) {
	*lines = append(*lines, c.before...)
	if raw == nil {
		*lines = append(*lines, "null"...)
		return nil
	}
	*lines, err = c.printer(*lines, raw)
	return err
}

// explain names the column and the row of an error.
func (j *jsonl) explain(i int, err error) error {
	if len(j.key) == 0 {
		return fmt.Errorf("encoding column %s: %w", table.Quote(j.fields[i].Name), err)
	}
	key := copybinary.Key(j.fields, j.values, j.key)
	return fmt.Errorf("encoding column %s in the row %s: %w", table.Quote(j.fields[i].Name), key, err)
}

func (j *jsonl) flush() error {
	_, err := j.compressor.Write(j.lines)
	if j.lines = j.lines[:0]; cap(j.lines) > lineBufferKept {
		j.lines = make([]byte, 0, lineBuffer)
	}
	return err
}

func (j *jsonl) Buffered() int64 { return int64(len(j.lines)) }

func (j *jsonl) End() error {
	if err := j.flush(); err != nil {
		return err
	}
	return j.compressor.Close()
}
