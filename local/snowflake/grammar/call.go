package grammar

import "strings"

// plain maps the functions that PostgreSQL has under some name, with the
// number of their arguments; -1 is any.
var plain = map[string]struct {
	name      string
	arguments int
}{
	"SUM": {"sum", 1}, "MIN": {"min", 1}, "MAX": {"max", 1}, "COALESCE": {"coalesce", -1}, "NVL": {"coalesce", 2},
	"IFNULL": {"coalesce", 2}, "NULLIF": {"nullif", 2}, "UPPER": {"upper", 1}, "LOWER": {"lower", 1},
	"LENGTH": {"char_length", 1}, "LEN": {"char_length", 1}, "OCTET_LENGTH": {"octet_length", 1}, "ABS": {"abs", 1},
	"PARSE_JSON": {"snowflake_system.parse_json", 1},
}

// conversions are functions of one argument that are casts.
var conversions = map[string]string{
	"TO_DATE": "DATE", "TO_TIME": "TIME", "TO_TIMESTAMP_NTZ": "TIMESTAMP_NTZ", "TO_TIMESTAMP_TZ": "TIMESTAMP_TZ",
	"TO_BOOLEAN": "BOOLEAN", "TO_VARCHAR": "VARCHAR", "TO_CHAR": "VARCHAR", "TO_DOUBLE": "FLOAT",
}

func (p *parser) call() string {
	t := p.advance()
	p.expect("(")
	if kind, known := conversions[t.text]; known {
		sql := "CAST(" + p.expression() + " AS " + Type{Name: kind, Scale: maxFraction}.SQL() + ")"
		p.expect(")")
		return sql
	}
	switch t.text {
	case "COUNT":
		return p.window("count(" + p.countArgument() + p.closing())
	case "ROW_NUMBER":
		p.expect(")")
		if !p.isWord("OVER") {
			p.unexpected()
		}
		return p.window("row_number()")
	case "SYSDATE":
		p.expect(")")
		return "(statement_timestamp() AT TIME ZONE 'UTC')"
	case "IFF":
		condition := p.expression()
		p.expect(",")
		yes := p.expression()
		p.expect(",")
		return "(CASE WHEN " + condition + " THEN " + yes + " ELSE " + p.expression() + " END" + p.closing()
	case "TO_BINARY":
		value := p.expression()
		p.expect(",")
		pos := p.peek().pos
		format := map[string]string{"HEX": "hex", "BASE64": "base64"}[p.literal()]
		if format == "" {
			fail(pos, "TO_BINARY is understood with the formats 'HEX' and 'BASE64'")
		}
		return "decode(" + value + ", '" + format + "'" + p.closing()
	case "EQUAL_NULL":
		one := p.expression()
		p.expect(",")
		return "(" + one + " IS NOT DISTINCT FROM " + p.expression() + p.closing()
	}
	return p.plainCall(t)
}

func (p *parser) closing() string {
	p.expect(")")
	return ")"
}

func (p *parser) plainCall(t token) string {
	f, known := plain[t.text]
	if !known {
		fail(t.pos, "unexpected '%s': the function is not understood by this stand-in", t.text)
	}
	arguments := []string{p.expression()}
	for p.accept(",") {
		arguments = append(arguments, p.expression())
	}
	if f.arguments >= 0 && len(arguments) != f.arguments {
		fail(t.pos, "%s takes %d arguments, not %d", t.text, f.arguments, len(arguments))
	}
	sql := f.name + "(" + strings.Join(arguments, ", ") + p.closing()
	if t.text == "SUM" || t.text == "MIN" || t.text == "MAX" {
		return p.window(sql)
	}
	return sql
}

func (p *parser) countArgument() string {
	switch {
	case p.accept("*"):
		return "*"
	case p.acceptWords("DISTINCT"):
		return "DISTINCT " + p.list(p.expression)
	}
	return p.expression()
}

// window reads OVER ( … ) if it follows.
func (p *parser) window(sql string) string {
	if !p.acceptWords("OVER") {
		return sql
	}
	p.expect("(")
	var parts []string
	if p.acceptWords("PARTITION", "BY") {
		parts = append(parts, "PARTITION BY "+p.list(p.expression))
	}
	if p.acceptWords("ORDER", "BY") {
		parts = append(parts, "ORDER BY "+p.list(p.orderItem))
	}
	return sql + " OVER (" + strings.Join(parts, " ") + p.closing()
}
