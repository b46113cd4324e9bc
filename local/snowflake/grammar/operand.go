package grammar

import (
	"cmp"
	"slices"
	"strings"

	"github.com/stagelift/stagelift/local/sqltext"
)

// traits: a division is exact, IS may ask for truth, a query in FROM needs no
// name.
var traits = sqltext.Traits{
	Division: "* 1.0 /", Truths: []string{"NULL", "TRUE", "FALSE"}, Distinct: true, Unnamed: `"~source"`,
}

// Own reads ? and CURRENT_TIMESTAMP.
func (p *parser) Own() (sql string, ok bool) {
	pos := p.Peek().Pos
	switch {
	case p.Accept("?"):
		return p.binding(pos), true
	case p.AcceptWords("CURRENT_TIMESTAMP"):
		if p.Accept("(") {
			p.Expect(")")
		}
		return "statement_timestamp()", true
	}
	return "", false
}

func (p *parser) binding(pos int) string {
	if p.bound == len(p.bindings) {
		sqltext.Fail(pos, "bind variable %d is not set", p.bound+1)
	}
	b := p.bindings[p.bound]
	p.bound++
	switch {
	case b.Value == nil:
		return "NULL"
	case b.Type == "TEXT":
		return sqltext.QuoteText(*b.Value)
	case b.Type == "FIXED":
		if digits := strings.TrimPrefix(*b.Value, "-"); digits == "" || strings.Trim(digits, "0123456789") != "" {
			sqltext.Fail(pos, "FIXED value '%s' is not recognized", *b.Value)
		}
		return "(" + *b.Value + ")"
	case b.Type == "BOOLEAN" && (*b.Value == "true" || *b.Value == "false"):
		return *b.Value
	}
	sqltext.Fail(pos, "bindings of type %s are not understood by this stand-in", b.Type)
	return ""
}

// Constant says a string constant.
func (p *parser) Constant(t sqltext.Token) string { return sqltext.QuoteText(t.Text) }

// CastTo leaves lengths to the column that takes the value: what Snowflake does
// with a text that is longer than the type it is cast to is not documented.
func (p *parser) CastTo(sql string) string {
	pos := p.Peek().Pos
	kind := p.columnType()
	if kind.Name == "VARCHAR" && kind.Length < DefaultVarchar || kind.Name == "BINARY" && kind.Length < DefaultBinary {
		sqltext.Fail(pos, "a cast to %s is not understood by this stand-in: leave the length out", kind)
	}
	return p.cast(pos, sql, kind)
}

// cast reads what is a text as the session's parameters say. Only AUTO is
// imitated of the forms of dates and times here, unlike in a COPY.
func (p *parser) cast(pos int, sql string, kind Type) string {
	switch {
	case p.rules.Formatted[kind.Name]:
		sqltext.Fail(pos, "a cast to %s is not understood by this stand-in while the session's input format for it is not AUTO", kind)
	case kind.Name == "BINARY":
		return "snowflake_system.to_binary(" + sql + ", " + sqltext.QuoteText(cmp.Or(p.rules.BinaryInput, "HEX")) + ")"
	}
	return "CAST(" + sql + " AS " + kind.SQL() + ")"
}

// Column reads a column, with or without the table before it.
func (p *parser) Column() string {
	path := p.Path()
	path = path[max(0, len(path)-3):]
	for i, name := range path {
		path[i] = sqltext.Quote(name)
	}
	return strings.Join(path, ".")
}

// Table reads a table in FROM. A temporary one is called something else in
// PostgreSQL.
func (p *parser) Table() (sql, name string, called bool) {
	if p.IsWord("TABLE") && p.Before("(") {
		return p.tableFunction()
	}
	t := p.table()
	return t.SQL(), sqltext.Quote(t.Name), !t.Temporary
}

// clause are words that go on with the query and are not reserved.
var clause = map[string]bool{"LIMIT": true, "NULLS": true, "END": true}

// Names lets words be aliases that do not go on with the query.
func (p *parser) Names(word string) bool { return !clause[word] }

// plain maps the functions that PostgreSQL has under some name, with the
// number of their arguments; -1 is any.
var plain = map[string]struct {
	name      string
	arguments int
}{
	"SUM": {"sum", 1}, "MIN": {"min", 1}, "MAX": {"max", 1}, "COALESCE": {"coalesce", -1}, "NVL": {"coalesce", 2},
	"IFNULL": {"coalesce", 2}, "NULLIF": {"nullif", 2}, "UPPER": {"upper", 1}, "LOWER": {"lower", 1},
	"LEFT": {"left", 2}, "LENGTH": {"char_length", 1}, "LEN": {"char_length", 1}, "OCTET_LENGTH": {"octet_length", 1}, "ABS": {"abs", 1},
}

// conversions are functions of one argument that are casts.
var conversions = map[string]string{
	"TO_DATE": "DATE", "TO_TIME": "TIME", "TO_TIMESTAMP_NTZ": "TIMESTAMP_NTZ", "TO_TIMESTAMP_TZ": "TIMESTAMP_TZ",
	"TO_BOOLEAN": "BOOLEAN", "TO_VARCHAR": "VARCHAR", "TO_CHAR": "VARCHAR", "TO_DOUBLE": "FLOAT",
}

// Call reads a function call.
func (p *parser) Call() string {
	t := p.Advance()
	p.Expect("(")
	if kind, known := conversions[t.Text]; known {
		sql := p.cast(t.Pos, p.Expression(), Type{Name: kind, Scale: maxFraction})
		p.Expect(")")
		return sql
	}
	switch t.Text {
	case "COUNT":
		return p.window("count(" + p.countArgument() + p.Closing())
	case "ROW_NUMBER":
		p.Expect(")")
		if !p.IsWord("OVER") {
			p.Unexpected()
		}
		return p.window("row_number()")
	case "SYSDATE":
		p.Expect(")")
		return "(statement_timestamp() AT TIME ZONE 'UTC')"
	case "IFF":
		condition := p.Expression()
		p.Expect(",")
		yes := p.Expression()
		p.Expect(",")
		return "(CASE WHEN " + condition + " THEN " + yes + " ELSE " + p.Expression() + " END" + p.Closing()
	case "TO_BINARY":
		value := p.Expression()
		p.Expect(",")
		pos := p.Peek().Pos
		format := p.Literal()
		if !slices.Contains(binaryFormats, format) {
			sqltext.Fail(pos, "TO_BINARY is understood with the formats '%s'", strings.Join(binaryFormats, "', '"))
		}
		return "snowflake_system.to_binary(" + value + ", '" + format + "'" + p.Closing()
	case "PARSE_JSON":
		return p.parseJSON()
	case "IS_NULL_VALUE": // of a VARIANT: whether it is JSON's null
		return "(jsonb_typeof(" + p.Expression() + p.Closing() + " = 'null')"
	case "EQUAL_NULL":
		one := p.Expression()
		p.Expect(",")
		return "(" + one + " IS NOT DISTINCT FROM " + p.Expression() + p.Closing()
	}
	return p.plainCall(t)
}

// binaryFormats are the encodings that TO_BINARY knows.
var binaryFormats = []string{"HEX", "BASE64", "UTF-8"}

// parseJSON reads PARSE_JSON(text [, 's' | 'd']): strict, or letting the last of
// duplicate names count.
func (p *parser) parseJSON() string {
	value, mode := p.Expression(), "s"
	if p.Accept(",") {
		pos := p.Peek().Pos
		if mode = p.Literal(); mode != "s" && mode != "d" {
			sqltext.Fail(pos, "invalid parameter '%s' of PARSE_JSON: 'd' and 's' are its values", mode)
		}
	}
	return "snowflake_system.parse_json(" + value + ", '" + mode + "'" + p.Closing()
}

func (p *parser) plainCall(t sqltext.Token) string {
	f, known := plain[t.Text]
	if !known {
		sqltext.Fail(t.Pos, "unexpected '%s': the function is not understood by this stand-in", t.Text)
	}
	arguments := []string{p.Expression()}
	for p.Accept(",") {
		arguments = append(arguments, p.Expression())
	}
	if f.arguments >= 0 && len(arguments) != f.arguments {
		sqltext.Fail(t.Pos, "%s takes %d arguments, not %d", t.Text, f.arguments, len(arguments))
	}
	sql := f.name + "(" + strings.Join(arguments, ", ") + p.Closing()
	if t.Text == "SUM" || t.Text == "MIN" || t.Text == "MAX" {
		return p.window(sql)
	}
	return sql
}

func (p *parser) countArgument() string {
	switch {
	case p.Accept("*"):
		return "*"
	case p.AcceptWords("DISTINCT"):
		return "DISTINCT " + p.List(p.Expression)
	}
	return p.Expression()
}

// window reads OVER ( … ) if it follows.
func (p *parser) window(sql string) string {
	if !p.AcceptWords("OVER") {
		return sql
	}
	p.Expect("(")
	var parts []string
	if p.AcceptWords("PARTITION", "BY") {
		parts = append(parts, "PARTITION BY "+p.List(p.Expression))
	}
	if p.AcceptWords("ORDER", "BY") {
		parts = append(parts, "ORDER BY "+p.List(p.OrderItem))
	}
	return sql + " OVER (" + strings.Join(parts, " ") + p.Closing()
}
