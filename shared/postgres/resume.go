package postgres

import (
	"context"
	"fmt"

	"github.com/stagelift/stagelift/shared/table"
)

// Adopt returns a span of another snapshot's description of the table as one of
// this. Its blocks are the same only as long as the relation was not rewritten,
// which is refused. Of span only Relation, File, From and To count.
func (t Table) Adopt(span Span) (Span, error) {
	for _, leaf := range t.leaves {
		if leaf.name != span.Relation {
			continue
		}
		if leaf.file != span.File {
			return Span{}, fmt.Errorf("%s was rewritten since its blocks %d and on were left to be read; start a new run", leaf.name, span.From)
		}
		span.Heap, span.Descend = leaf.byBlock, leaf.descend
		span.Blocks = max(0, leaf.blocks-span.From)
		if span.To > 0 {
			span.Blocks = span.To - span.From
		}
		return span, nil
	}
	return Span{}, fmt.Errorf("%s is no part of %s any more; start a new run", span.Relation, t.Name)
}

// Whole returns the table as one whose relations are not cut into ranges of
// blocks, so that the server may find the rows by an index.
func (t Table) Whole() Table {
	leaves := make([]leaf, len(t.leaves))
	for i, leaf := range t.leaves {
		leaf.byBlock = false
		leaves[i] = leaf
	}
	t.leaves = leaves
	return t
}

// Precedes tells whether a comes before b as values of the cursor. Bounds of
// integers can lie beyond the column's own type.
func (s *Snapshot) Precedes(ctx context.Context, cursor table.Column, a, b string) (bool, error) {
	var precedes bool
	as := cursor.Type
	switch kindOf(cursor) {
	case kindUnknown:
		return false, fmt.Errorf("column %s of type %s cannot be a cursor", table.Quote(cursor.Name), cursor.Type)
	case kindInteger:
		as = "bigint"
	case kindTime:
	}
	query := "SELECT " + quoteString(a) + "::" + as + " < " + quoteString(b) + "::" + as
	if err := s.conn.QueryRow(ctx, query).Scan(&precedes); err != nil {
		return false, fmt.Errorf("comparing %q and %q of cursor %s: %w", a, b, table.Quote(cursor.Name), err)
	}
	return precedes, nil
}
