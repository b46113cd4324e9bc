package grammar

// maxDepth keeps a hostile statement from using up the stack.
const maxDepth = 200

// expression reads the loosest binding, OR. Every pair of operands comes out
// in parentheses, so that PostgreSQL's own precedence never decides.
func (p *parser) expression() string {
	if p.depth++; p.depth > maxDepth {
		fail(p.peek().pos, "expression is nested too deeply")
	}
	defer func() { p.depth-- }()
	sql := p.conjunction()
	for p.acceptWords("OR") {
		sql = "(" + sql + " OR " + p.conjunction() + ")"
	}
	return sql
}

func (p *parser) conjunction() string {
	sql := p.negation()
	for p.acceptWords("AND") {
		sql = "(" + sql + " AND " + p.negation() + ")"
	}
	return sql
}

func (p *parser) negation() string {
	negations := 0
	for p.acceptWords("NOT") {
		negations++
	}
	sql := p.comparison()
	if negations%2 == 1 {
		sql = "(NOT " + sql + ")"
	}
	return sql
}

func (p *parser) comparison() string {
	sql := p.sum()
	if op := p.oneOf("=", "<>", "!=", "<", "<=", ">", ">="); op != "" {
		return "(" + sql + " " + op + " " + p.sum() + ")"
	}
	if p.acceptWords("IS") {
		return p.isTest(sql)
	}
	not := ""
	if p.acceptWords("NOT") {
		not = "NOT "
		if !p.isWord("IN") && !p.isWord("BETWEEN") && !p.isWord("LIKE") {
			p.unexpected()
		}
	}
	switch {
	case p.acceptWords("IN"):
		return "(" + sql + " " + not + "IN " + p.inList() + ")"
	case p.acceptWords("BETWEEN"):
		low := p.sum()
		p.expectWords("AND")
		return "(" + sql + " " + not + "BETWEEN " + low + " AND " + p.sum() + ")"
	case p.acceptWords("LIKE"):
		return "(" + sql + " " + not + "LIKE " + p.sum() + ")"
	}
	return sql
}

func (p *parser) isTest(sql string) string {
	not := ""
	if p.acceptWords("NOT") {
		not = "NOT "
	}
	if p.acceptWords("DISTINCT", "FROM") {
		return "(" + sql + " IS " + not + "DISTINCT FROM " + p.sum() + ")"
	}
	for _, truth := range []string{"NULL", "TRUE", "FALSE"} {
		if p.acceptWords(truth) {
			return "(" + sql + " IS " + not + truth + ")"
		}
	}
	p.unexpected()
	return ""
}

func (p *parser) inList() string {
	p.expect("(")
	var sql string
	if p.isWord("SELECT") {
		sql = p.query()
	} else {
		sql = p.list(p.expression)
	}
	p.expect(")")
	return "(" + sql + ")"
}

func (p *parser) oneOf(ops ...string) string {
	for _, op := range ops {
		if p.accept(op) {
			return op
		}
	}
	return ""
}

func (p *parser) sum() string {
	sql := p.product()
	for {
		op := p.oneOf("+", "-", "||")
		if op == "" {
			return sql
		}
		sql = "(" + sql + " " + op + " " + p.product() + ")"
	}
}

// product makes a division exact: Snowflake's has a fraction, PostgreSQL's of
// two integers has none.
func (p *parser) product() string {
	sql := p.cast()
	for {
		switch op := p.oneOf("*", "/", "%"); op {
		case "":
			return sql
		case "/":
			sql = "(" + sql + " * 1.0 / " + p.cast() + ")"
		default:
			sql = "(" + sql + " " + op + " " + p.cast() + ")"
		}
	}
}
