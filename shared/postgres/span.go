package postgres

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/stagelift/stagelift/shared/table"
)

// Span is a part of a table that one COPY reads: a half-open range of heap
// blocks of a relation, or all of it. It survives a way through JSON.
type Span struct {
	// Relation holds the rows: the table itself, or a leaf of a partitioned one.
	Relation table.Name `json:"relation"`
	// File is the relation's file in the database, which changes when the
	// relation is rewritten; 0 where there is none.
	File uint32 `json:"file,omitempty"`
	// From and To bound the blocks; To 0 means to the end. Both 0 is all of it.
	From int64 `json:"from,omitempty"`
	To   int64 `json:"to,omitempty"`
	// Blocks is the number of blocks that the span is expected to hold.
	Blocks int64 `json:"blocks,omitempty"`
	// Heap is true where rows have a ctid and a range of it can be read by its
	// blocks alone. All other relations are one span.
	Heap bool `json:"heap,omitempty"`
	// Descend is true where ONLY would leave rows out or is not allowed.
	Descend bool `json:"descend,omitempty"`
}

// ByBlock tells whether the span can be cut further.
func (s Span) ByBlock() bool { return s.Heap }

// String names the relation and the blocks: "public.orders, blocks 0 to 8191".
func (s Span) String() string {
	switch {
	case s.From == 0 && s.To == 0:
		return s.Relation.String()
	case s.To == 0:
		return fmt.Sprintf("%s, from block %d", s.Relation, s.From)
	}
	return fmt.Sprintf("%s, blocks %d to %d", s.Relation, s.From, s.To-1)
}

// from names the relation. ONLY keeps out the rows of tables that inherit from
// it, which are tables of their own.
func (s Span) from() string {
	if s.Descend {
		return s.Relation.SQL()
	}
	return "ONLY " + s.Relation.SQL()
}

// bounds are the conditions that the blocks put on a row.
func (s Span) bounds() []string {
	var bounds []string
	if s.From > 0 {
		bounds = append(bounds, "ctid >= '("+strconv.FormatInt(s.From, 10)+",0)'::tid")
	}
	if s.To > 0 {
		bounds = append(bounds, "ctid < '("+strconv.FormatInt(s.To, 10)+",0)'::tid")
	}
	return bounds
}

// BlockSize is the size of a heap block in bytes. RDS offers no other.
const BlockSize = 8192

// Spans cuts the table into spans of at most target blocks; a target below 1
// cuts nothing. The last span of each relation is open-ended, so a relation
// that grew is still read whole.
func (t Table) Spans(target int64) []Span {
	var spans []Span
	for _, leaf := range t.leaves {
		whole := Span{Relation: leaf.name, File: leaf.file, Blocks: leaf.blocks, Heap: leaf.byBlock, Descend: leaf.descend}
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

// escapeString returns s as an E string literal, which reads the same whatever
// standard_conforming_strings says.
func escapeString(s string) string {
	return "E'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}
