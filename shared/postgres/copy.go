package postgres

import (
	"fmt"
	"slices"
	"strings"

	"github.com/stagelift/stagelift/shared/table"
)

// Query is how the rows of a table are read, but for the span.
type Query struct {
	// Fields are the columns to read, with the image that each becomes.
	Fields []table.Field
	// Where keeps only the rows for which it is true; empty keeps all. It must
	// have passed Snapshot.CheckFilter.
	Where string
	// Window keeps only rows of an incremental run; nil keeps all.
	Window *Window
	// NullOutOfRange reads a value that does not fit a narrowed column as NULL.
	// Otherwise such a value ends the read with an error that names its row.
	NullOutOfRange bool
	// Key are the columns that name a row in such an error. They must be
	// readable. Without them the row is named by its ctid, where it has one.
	Key []string
}

// Copy returns the statement that reads a span. It sends COPY's binary format,
// each field in its Sent form.
func (q Query) Copy(span Span) (string, error) {
	if len(q.Fields) == 0 {
		return "", fmt.Errorf("reading %s: it has no columns to read", span.Relation)
	}
	list := make([]string, len(q.Fields))
	for i, field := range q.Fields {
		var err error
		if list[i], err = q.expression(field, span); err != nil {
			return "", fmt.Errorf("reading %s: column %s: %w", span.Relation, table.Quote(field.Name), err)
		}
	}
	where, err := q.where(span)
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", span.Relation, err)
	}
	return "COPY (SELECT " + strings.Join(list, ", ") + " FROM " + span.from() + where + ") TO STDOUT WITH (FORMAT binary)", nil
}

// where joins the conditions. The filter stands on lines of its own, so that a
// comment at its end ends there.
func (q Query) where(span Span) (string, error) {
	conditions := span.bounds()
	if q.Window != nil {
		window, err := q.Window.conditions()
		if err != nil {
			return "", err
		}
		conditions = append(conditions, window...)
	}
	if q.Where != "" {
		conditions = append(conditions, "("+q.Where+"\n)")
	}
	if len(conditions) == 0 {
		return "", nil
	}
	return " WHERE " + strings.Join(conditions, " AND "), nil
}

// printsAsText are the types whose cast to text runs their output function.
// They belong to PostgreSQL, so that nobody can have given them another cast.
var printsAsText = []string{
	"smallint", "integer", "bigint", "oid", "real", "double precision", "numeric", "money", "uuid", "interval", "date",
	"time without time zone", "time with time zone", "timestamp without time zone", "timestamp with time zone",
	"json", "jsonb", "bytea", "bit", "bit varying",
}

// expression asks for a field in its form. All forms keep NULL.
func (q Query) expression(field table.Field, span Span) (string, error) {
	column := table.Quote(field.Name)
	kind, err := table.ParseType(field.Type)
	if err != nil {
		return "", err
	}
	if field.Source != "" {
		if column, err = q.narrow(field, kind, span); err != nil {
			return "", err
		}
	}
	switch field.Sent {
	case table.FormValue:
		return column, nil
	case table.FormJSON:
		return "to_json(" + column + ")::text", nil
	case table.FormNumeric:
		return column + "::numeric", nil
	case table.FormText:
		return text(column, kind), nil
	}
	return "", fmt.Errorf("form %d is unknown", field.Sent)
}

// text asks for what the output function prints. A cast to text runs another
// function for some types: inet gains a /32, boolean is spelled out, character
// loses its blanks, and users may add casts of their own. format() runs the
// output function of any type, but makes NULL an empty string. IS DISTINCT FROM
// NULL is false for NULL alone; IS NOT NULL also for composites of NULLs.
func text(column string, kind table.Type) string {
	if !kind.Array && slices.Contains(printsAsText, kind.Name) {
		return column + "::text"
	}
	return "CASE WHEN " + column + " IS DISTINCT FROM NULL THEN format('%s', " + column + ") END"
}
