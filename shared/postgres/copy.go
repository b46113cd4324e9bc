package postgres

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/stagelift/stagelift/shared/table"
)

// Span is a part of a table that one COPY reads: a half-open range of heap
// blocks of a relation, or all of it.
type Span struct {
	// Relation holds the rows: the table itself, or a leaf of a partitioned one.
	Relation table.Name
	// From and To bound the blocks; To 0 means to the end. Both 0 is all of it.
	From, To int64
	// Blocks is the number of blocks that the span is expected to hold.
	Blocks int64
	// descend is true where ONLY would leave rows out or is not allowed.
	descend bool
}

// CSVOptions say how COPY prints CSV.
type CSVOptions struct {
	// Null is the unquoted text that stands for NULL.
	Null string
	// Delimiter is one byte.
	Delimiter string
}

// CopyCSV returns the statement that prints a span of a table as CSV.
func CopyCSV(columns []table.Column, span Span, o CSVOptions) (string, error) {
	list := make([]string, len(columns))
	for i, column := range columns {
		image, err := table.ImageOf(column)
		if err != nil {
			return "", fmt.Errorf("reading %s: %w", span.Relation, err)
		}
		list[i] = expression(column, image)
	}
	options := "FORMAT csv, NULL " + escapeString(o.Null) + ", DELIMITER " + escapeString(o.Delimiter)
	if len(columns) == 1 {
		// A lone empty string would print as an empty line, which readers skip.
		options += ", FORCE_QUOTE *"
	}
	return "COPY (SELECT " + strings.Join(list, ", ") + " FROM " + span.from() + ") TO STDOUT WITH (" + options + ")", nil
}

func expression(column table.Column, image table.Image) string {
	if image.Printed == table.FormHex {
		return "encode(" + table.Quote(column.Name) + ", 'hex')"
	}
	return table.Quote(column.Name)
}

// from names the relation and bounds its blocks. ONLY keeps out the rows of
// tables that inherit from it, which are tables of their own.
func (s Span) from() string {
	clause := "ONLY " + s.Relation.SQL()
	if s.descend {
		clause = s.Relation.SQL()
	}
	var bounds []string
	if s.From > 0 {
		bounds = append(bounds, "ctid >= '("+strconv.FormatInt(s.From, 10)+",0)'::tid")
	}
	if s.To > 0 {
		bounds = append(bounds, "ctid < '("+strconv.FormatInt(s.To, 10)+",0)'::tid")
	}
	if len(bounds) > 0 {
		clause += " WHERE " + strings.Join(bounds, " AND ")
	}
	return clause
}

// escapeString returns s as an E string literal, which reads the same whatever
// standard_conforming_strings says.
func escapeString(s string) string {
	return "E'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}

// BlockSize is the size of a heap block in bytes. RDS offers no other.
const BlockSize = 8192

// Spans cuts the table into spans of at most target blocks. The last span of
// each relation is open-ended, so a relation that grew is still read whole.
func (t Table) Spans(target int64) []Span {
	var spans []Span
	for _, leaf := range t.leaves {
		whole := Span{Relation: leaf.name, Blocks: leaf.blocks, descend: leaf.descend}
		if !leaf.byBlock || target < 1 {
			spans = append(spans, whole)
			continue
		}
		for from := int64(0); from == 0 || from < leaf.blocks; from += target {
			span := whole
			span.From, span.To, span.Blocks = from, from+target, min(target, leaf.blocks-from)
			if span.To >= leaf.blocks {
				span.To = 0
			}
			spans = append(spans, span)
		}
	}
	return spans
}
