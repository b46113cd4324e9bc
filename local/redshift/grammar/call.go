package grammar

import "strings"

func (p *parser) call() string {
	t := p.advance()
	p.expect("(")
	var sql string
	switch t.text {
	case "count":
		sql = "count(" + p.countArgument()
	case "getdate":
		p.expect(")")
		return getdate
	case "nullif":
		sql = "nullif(" + p.expression()
		p.expect(",")
		sql += ", " + p.expression()
	case "json_parse":
		sql = "CAST(" + p.expression() + " AS jsonb"
	case "to_varbyte":
		sql = "decode(" + p.expression()
		p.expect(",")
		sql += ", " + p.byteFormat()
	case "row_number":
		p.expect(")")
		return "row_number() OVER " + p.window()
	default:
		name, known := functions[t.text]
		if !known {
			fail(t.pos, "function %s is not understood by this stand-in", t.text)
		}
		sql = name + "(" + p.list(p.expression)
	}
	p.expect(")")
	return sql + ")"
}

// byteFormat reads the formats of TO_VARBYTE that PostgreSQL has too.
func (p *parser) byteFormat() string {
	pos := p.peek().pos
	format := p.literal()
	if format != "hex" && format != "base64" {
		fail(pos, "TO_VARBYTE from %s is not imitated by this stand-in", quoteText(format))
	}
	return quoteText(format)
}

// window reads OVER (…) of a ranking function, which needs an order.
func (p *parser) window() string {
	p.expectWords("over")
	p.expect("(")
	sql := "("
	if p.acceptWords("partition", "by") {
		sql += "PARTITION BY " + p.list(p.expression) + " "
	}
	p.expectWords("order", "by")
	sql += "ORDER BY " + p.list(p.orderItem)
	p.expect(")")
	return sql + ")"
}

func (p *parser) countArgument() string {
	switch {
	case p.accept("*"):
		return "*"
	case p.acceptWords("distinct"):
		return "DISTINCT " + p.expression()
	}
	return p.expression()
}

func (p *parser) caseExpression() string {
	var sql strings.Builder
	sql.WriteString("CASE")
	if !p.isWord("when") {
		sql.WriteString(" " + p.expression())
	}
	if !p.isWord("when") {
		p.unexpected()
	}
	for p.acceptWords("when") {
		sql.WriteString(" WHEN " + p.expression())
		p.expectWords("then")
		sql.WriteString(" THEN " + p.expression())
	}
	if p.acceptWords("else") {
		sql.WriteString(" ELSE " + p.expression())
	}
	p.expectWords("end")
	return sql.String() + " END"
}
