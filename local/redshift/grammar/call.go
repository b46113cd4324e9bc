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
