package postgres

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/stagelift/stagelift/shared/fault"
	"github.com/stagelift/stagelift/shared/table"
)

// Span is what one COPY reads: a half-open range of heap blocks of a relation,
// or all of it, and of that the rows of a window.
type Span struct {
	Relation *Relation
	// From and To bound the blocks; To 0 means to the end. Both 0 is all of it.
	From, To int64
	// Window keeps only rows of an incremental run; nil keeps all.
	Window *Window
}

// String names the relation and the blocks: "public.orders, blocks 0 to 8191".
func (s Span) String() string {
	switch {
	case s.From == 0 && s.To == 0:
		return s.Relation.Name.String()
	case s.To == 0:
		return fmt.Sprintf("%s, from block %d", s.Relation.Name, s.From)
	}
	return fmt.Sprintf("%s, blocks %d to %d", s.Relation.Name, s.From, s.To-1)
}

// from names the relation. ONLY keeps out the rows of tables that inherit from
// it, which are read for themselves.
func (r *Relation) source() string {
	name := r.Name.SQL()
	if !r.from.descend {
		name = "ONLY " + name
	}
	if r.from.virtual == nil {
		if r.from.alias != "" {
			name += " AS " + table.Quote(r.from.alias)
		}
		return name
	}
	list := []string{"tableoid"}
	if r.from.hasCTID {
		list = append(list, "ctid")
	}
	for _, column := range r.from.columns {
		if expression, differs := r.from.virtual[column]; differs {
			list = append(list, expression+" AS "+table.Quote(column))
		} else {
			list = append(list, table.Quote(column))
		}
	}
	return "(SELECT " + strings.Join(list, ", ") + " FROM " + name + ") AS " + table.Quote(r.from.alias)
}

// Query is how the rows of a table are read, but for the span.
type Query struct {
	// Fields are the columns to read, with the image that each becomes.
	Fields []table.Field
	// Where keeps only the rows for which it is true; empty keeps all. It must
	// have passed Snapshot.CheckFilter.
	Where string
	// Cursor is a column that must be finite in every row that is looked at, or
	// the read ends with an error; empty is none. See Stream.CheckCursor.
	Cursor *table.Column
	// NullOutOfRange reads a value that does not fit a narrowed column as NULL.
	// Otherwise such a value ends the read with an error that names its row.
	NullOutOfRange bool
	// Key are the columns that name a row in such an error, where values of rows
	// may be shown. They must be readable. Without them the row is named by its
	// ctid, where it has one.
	Key []string
}

// Copy returns the statement that reads a span. It sends COPY's binary format,
// each field in its Sent form.
func (q Query) Copy(span Span) (string, error) {
	if len(q.Fields) == 0 {
		return "", fmt.Errorf("reading %s: it has no columns to read", span.Relation.Name)
	}
	list := make([]string, len(q.Fields))
	for i, field := range q.Fields {
		var err error
		if list[i], err = q.expression(field, span); err != nil {
			return "", fmt.Errorf("reading %s: column %s: %w", span.Relation.Name, table.Quote(field.Name), err)
		}
	}
	with, from, conditions := span.guarded(q.Where != "")
	where, err := q.where(span, conditions)
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", span.Relation.Name, err)
	}
	return "COPY (" + with + "SELECT " + strings.Join(list, ", ") + " FROM " + from + where + ") TO STDOUT WITH (FORMAT binary)", nil
}

// Place returns the statement that finds the ctid of row number n, from 1, of
// those that Copy reads of the span; empty where rows have none.
func (q Query) Place(span Span, n int64) string {
	_, from, conditions := span.guarded(true)
	where, err := q.where(span, conditions)
	if err != nil || !span.Relation.from.hasCTID || n < 1 {
		return ""
	}
	return "SELECT ctid::text FROM " + from + where + " OFFSET " + strconv.FormatInt(n-1, 10) + " LIMIT 1"
}

// where joins the conditions on the span with those on its rows.
func (q Query) where(span Span, conditions []string) (string, error) {
	var rows []string
	if span.Window != nil {
		window, err := span.Window.conditions()
		if err != nil {
			return "", err
		}
		rows = window
	}
	if q.Where != "" {
		rows = append(rows, q.filter())
	}
	if q.Cursor != nil {
		rows = []string{q.finite(rows, span.Relation)}
	}
	return " WHERE " + strings.Join(append(conditions, rows...), " AND "), nil
}

// filter stands on lines of its own, so that a comment at its end ends there.
func (q Query) filter() string { return "(" + q.Where + "\n)" }

// finite ends the statement at a row that the filter keeps and no window will
// ever hold. The conditions are within, for the server evaluates those that stand
// beside each other in an order of its own.
func (q Query) finite(conditions []string, r *Relation) string {
	say, mend := cursorNull(*q.Cursor, r.Name)
	end := raise("boolean", fault.CursorNull, say+raiseMend+mend, "left(coalesce("+table.Quote(q.Cursor.Name)+"::text, ''), 0)")
	if q.Where != "" {
		end = "CASE WHEN " + q.filter() + " THEN " + end + " ELSE false END"
	}
	return "(CASE WHEN " + isFinite(*q.Cursor) + " THEN " + strings.Join(append(conditions, "true"), " AND ") + " ELSE " + end + " END)"
}

func isFinite(cursor table.Column) string {
	name := table.Quote(cursor.Name)
	if kindOf(cursor) == kindTime {
		return "coalesce(isfinite(" + name + "), false)"
	}
	return name + " IS NOT NULL"
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
	if field.Source != "" && kind.Name != "character varying" { // text is cut where it is encoded
		if column, err = q.narrow(field, kind, span.Relation); err != nil {
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

// narrow asks for a numeric as numeric(p,s), unchanged or not at all. A plain
// cast would round digits off after the point. NaN and the infinities are not
// below any bound and so fit nothing.
func (q Query) narrow(field table.Field, kind table.Type, r *Relation) (string, error) {
	if kind.Name != "numeric" || kind.Array || len(kind.Modifiers) != 2 {
		return "", fmt.Errorf("%s cannot be narrowed to %s, only to numeric(precision,scale)", field.Source, field.Type)
	}
	column := table.Quote(field.Name)
	precision, scale := kind.Modifiers[0], kind.Modifiers[1]
	fits := fmt.Sprintf("abs(%[1]s) < 1e%[2]d::numeric AND trunc(%[1]s, %[3]d) = %[1]s", column, precision-scale, scale)
	narrowed := "CASE WHEN " + fits + " THEN " + column + "::" + field.Type
	if !q.NullOutOfRange {
		narrowed += " WHEN " + column + " IS NOT NULL THEN " + q.misfit(field, r)
	}
	return "(" + narrowed + " END)", nil
}

// misfit names a value that does not fit by table, column and row.
func (q Query) misfit(field table.Field, r *Relation) string {
	say := fmt.Sprintf("column %s of %s holds a value that does not fit %s exactly", table.Quote(field.Name), r.Name, field.Type)
	row := []string{"left(" + table.Quote(field.Name) + "::text, 0)"}
	key := q.Key
	if len(key) == 0 && r.from.hasCTID {
		key = []string{"ctid"}
	}
	for i, name := range key {
		joint := ", in the row with "
		if i > 0 {
			joint = " and "
		}
		row = append(row, escapeString(joint+table.Quote(name)+" "), "format('%s', "+table.Quote(name)+")")
	}
	row = append(row, escapeString(raiseMend+"widen its numeric, or have such values read as NULL"))
	return raise("numeric", fault.Value, say, strings.Join(row, " || "))
}

// escapeString returns s as an E string literal, which reads the same whatever
// standard_conforming_strings and backslash_quote say.
func escapeString(s string) string {
	return "E'" + strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(s) + "'"
}

// quoteString is for where an E string is no legal literal. Every session of
// ours has standard_conforming_strings on.
func quoteString(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
