package grammar

import (
	"slices"
	"strings"
)

const (
	// sysdate is the start of the transaction ("SYSDATE function").
	sysdate = "(now() AT TIME ZONE 'UTC')"
	// getdate is the start of the statement, without fractions of a second
	// ("GETDATE function").
	getdate = "date_trunc('second', statement_timestamp() AT TIME ZONE 'UTC')"
	// maxDepth keeps a hostile statement from using up the stack.
	maxDepth = 200
)

// functions maps the functions of any arity that are understood.
var functions = map[string]string{
	"sum": "sum", "min": "min", "max": "max", "coalesce": "coalesce", "nvl": "coalesce",
	"lower": "lower", "upper": "upper", "len": "length", "octet_length": "octet_length",
}

// expression reads the loosest binding, OR. Every pair of operands comes out
// in parentheses, so that PostgreSQL's own precedence never decides.
func (p *parser) expression() string {
	if p.depth++; p.depth > maxDepth {
		fail(p.peek().pos, "expression is nested too deeply")
	}
	defer func() { p.depth-- }()
	sql := p.conjunction()
	for p.acceptWords("or") {
		sql = "(" + sql + " OR " + p.conjunction() + ")"
	}
	return sql
}

func (p *parser) conjunction() string {
	sql := p.negation()
	for p.acceptWords("and") {
		sql = "(" + sql + " AND " + p.negation() + ")"
	}
	return sql
}

func (p *parser) negation() string {
	negations := 0
	for p.acceptWords("not") {
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
	switch {
	case p.acceptWords("is", "not", "null"):
		return "(" + sql + " IS NOT NULL)"
	case p.acceptWords("is", "null"):
		return "(" + sql + " IS NULL)"
	case p.acceptWords("not", "in"):
		return "(" + sql + " NOT IN " + p.members() + ")"
	case p.acceptWords("in"):
		return "(" + sql + " IN " + p.members() + ")"
	case p.acceptWords("between"):
		low := p.sum()
		p.expectWords("and")
		return "(" + sql + " BETWEEN " + low + " AND " + p.sum() + ")"
	}
	return sql
}

func (p *parser) members() string {
	p.expect("(")
	var sql string
	if p.isWord("select") {
		sql = p.query()
	} else {
		sql = p.list(p.expression)
	}
	p.expect(")")
	return "(" + sql + ")"
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

func (p *parser) product() string {
	sql := p.unary()
	for {
		op := p.oneOf("*", "/", "%")
		if op == "" {
			return sql
		}
		sql = "(" + sql + " " + op + " " + p.unary() + ")"
	}
}

func (p *parser) unary() string {
	if p.accept("-") {
		return "(- " + p.cast() + ")"
	}
	return p.cast()
}

func (p *parser) cast() string {
	sql := p.primary()
	for p.accept("::") {
		sql = "CAST(" + sql + " AS " + p.columnType("").sql + ")"
	}
	return sql
}

func (p *parser) oneOf(ops ...string) string {
	if t := p.peek(); t.kind == punct && slices.Contains(ops, t.text) {
		p.next++
		return t.text
	}
	return ""
}

func (p *parser) primary() string {
	t := p.peek()
	switch {
	case t.kind == number:
		return p.number()
	case t.kind == text:
		return p.textLiteral()
	case p.accept("("):
		sql := p.inParentheses()
		p.expect(")")
		return sql
	case p.acceptWords("null"), p.acceptWords("true"), p.acceptWords("false"):
		return strings.ToUpper(t.text)
	case p.acceptWords("sysdate"):
		return sysdate
	case p.acceptWords("case"):
		return p.caseExpression()
	case p.acceptWords("cast"):
		p.expect("(")
		sql := p.expression()
		p.expectWords("as")
		sql = "CAST(" + sql + " AS " + p.columnType("").sql + ")"
		p.expect(")")
		return sql
	case p.acceptWords("exists"):
		p.expect("(")
		sql := "EXISTS (" + p.query() + ")"
		p.expect(")")
		return sql
	case t.kind == word && p.tokens[p.next+1].kind == punct && p.tokens[p.next+1].text == "(":
		return p.call()
	}
	return p.column()
}

func (p *parser) inParentheses() string {
	if p.isWord("select") {
		return "(" + p.query() + ")"
	}
	return "(" + p.expression() + ")"
}

func (p *parser) column() string {
	parts := []string{quote(p.identifier())}
	for p.accept(".") {
		parts = append(parts, quote(p.identifier()))
	}
	return strings.Join(parts, ".")
}

func (p *parser) number() string {
	t := p.peek()
	if t.kind != number {
		p.unexpected()
	}
	p.next++
	return t.text
}

// textLiteral refuses a backslash, which is an escape in Redshift's literals
// and none in PostgreSQL's.
func (p *parser) textLiteral() string {
	pos := p.peek().pos
	s := p.literal()
	if strings.Contains(s, `\`) {
		fail(pos, "a backslash in a literal is an escape to Redshift; this stand-in does not imitate that")
	}
	return quoteText(s)
}
