package postgres

import (
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/stagelift/stagelift/shared/table"
)

// What stands round our words in an error that a value is made to raise. The
// server puts its own words, in its own language, round them.
const misfitOpen, misfitClose = "<stagelift:", ":stagelift>"

// narrow asks for a numeric as numeric(p,s), unchanged or not at all. A plain
// cast would round digits off after the point. NaN and the infinities are not
// below any bound and so fit nothing.
//
// A query cannot raise an error of its own. The text that says what does not fit
// is cast to numeric instead; it depends on the row, or the planner would cast
// it before any row is read.
func (q Query) narrow(field table.Field, kind table.Type, span Span) (string, error) {
	if kind.Name != "numeric" || kind.Array || len(kind.Modifiers) != 2 {
		return "", fmt.Errorf("%s cannot be narrowed to %s, only to numeric(precision,scale)", field.Source, field.Type)
	}
	column := table.Quote(field.Name)
	precision, scale := kind.Modifiers[0], kind.Modifiers[1]
	fits := fmt.Sprintf("abs(%[1]s) < 1e%[2]d::numeric AND trunc(%[1]s, %[3]d) = %[1]s", column, precision-scale, scale)
	narrowed := "CASE WHEN " + fits + " THEN " + column + "::" + field.Type
	if !q.NullOutOfRange {
		narrowed += " WHEN " + column + " IS NOT NULL THEN (" + q.misfit(field, span) + ")::numeric"
	}
	return "(" + narrowed + " END)", nil
}

// misfit is an SQL expression of the text that names a value by table, column
// and row.
func (q Query) misfit(field table.Field, span Span) string {
	what := fmt.Sprintf("%scolumn %s of %s holds a value that does not fit %s exactly",
		misfitOpen, table.Quote(field.Name), span.Relation, field.Type)
	text := []string{escapeString(what), "left(" + table.Quote(field.Name) + "::text, 0)"}
	key := q.Key
	if len(key) == 0 && span.Heap {
		key = []string{"ctid"}
	}
	for i, name := range key {
		joint := ", in the row with "
		if i > 0 {
			joint = " and "
		}
		text = append(text, escapeString(joint+table.Quote(name)+" "), "format('%s', "+table.Quote(name)+")")
	}
	return strings.Join(append(text, escapeString(misfitClose)), " || ")
}

// explainMisfit returns our own words from the error of a value that does not
// fit; empty for any other error.
func explainMisfit(err *pgconn.PgError) string {
	_, rest, begun := strings.Cut(err.Message, misfitOpen)
	end := strings.LastIndex(rest, misfitClose)
	if err.Code != "22P02" || !begun || end < 0 {
		return ""
	}
	return rest[:end]
}
