package encode

import (
	"errors"
	"fmt"
	"slices"

	"github.com/stagelift/stagelift/shared/encode/copybinary"
	"github.com/stagelift/stagelift/shared/table"
)

// jsonl writes a row as an object of JSON (RFC 8259) on a line of its own, with
// its columns in their order. Everything between the values is made once.
type jsonl struct {
	lines
	binaryRow
	columns []jsonColumn
	end     string
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
	text, err := newLines(o.Compression)
	if err != nil {
		return nil, err
	}
	end := "}\n"
	if len(fields) == 0 {
		end = "{}\n"
	}
	return &jsonl{lines: text, binaryRow: newBinaryRow(fields, o.Key), columns: columns, end: end}, nil
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

func (j *jsonl) Write(row []byte) error {
	if err := copybinary.Split(row, j.values); err != nil {
		return err
	}
	// Without it, a wide row would be copied again and again as the buffer
	// grows.
	j.text = slices.Grow(j.text, len(row))
	for i, raw := range j.values {
		if err := j.columns[i].append(&j.text, raw); err != nil {
			return j.explain(i, err)
		}
	}
	j.text = append(j.text, j.end...)
	if len(j.text) < lineBuffer {
		return nil
	}
	return j.flush()
}

func (c *jsonColumn) append(text *[]byte, raw []byte) (err error) {
	*text = append(*text, c.before...)
	if raw == nil {
		*text = append(*text, "null"...)
		return nil
	}
	*text, err = c.printer(*text, raw)
	return err
}
