package sqltext

import "strings"

// Traits are what differs within expressions that are otherwise alike.
type Traits struct {
	// Division says a / b: Snowflake's has a fraction where PostgreSQL's of two
	// integers has none.
	Division string
	// Truths are what IS may ask for; Distinct lets IS [NOT] DISTINCT FROM in.
	Truths   []string
	Distinct bool
	// Unnamed is what a query in FROM is called, quoted, that has no name; empty
	// where it must have one.
	Unnamed string
}

// Expression reads the loosest binding, OR.
func (p *Parser) Expression() string {
	defer p.Deeper()()
	sql := p.conjunction()
	for p.AcceptWords("or") {
		sql = "(" + sql + " OR " + p.conjunction() + ")"
	}
	return sql
}

func (p *Parser) conjunction() string {
	sql := p.negation()
	for p.AcceptWords("and") {
		sql = "(" + sql + " AND " + p.negation() + ")"
	}
	return sql
}

func (p *Parser) negation() string {
	negations := 0
	for p.AcceptWords("not") {
		negations++
	}
	sql := p.comparison()
	if negations%2 == 1 {
		sql = "(NOT " + sql + ")"
	}
	return sql
}

func (p *Parser) comparison() string {
	sql := p.sum()
	if op := p.oneOf("=", "<>", "!=", "<", "<=", ">", ">="); op != "" {
		return "(" + sql + " " + op + " " + p.sum() + ")"
	}
	if p.AcceptWords("is") {
		return p.isTest(sql)
	}
	not := ""
	if p.AcceptWords("not") {
		not = "NOT "
		if !p.IsWord("in") && !p.IsWord("between") && !p.IsWord("like") {
			p.Unexpected()
		}
	}
	switch {
	case p.AcceptWords("in"):
		return "(" + sql + " " + not + "IN " + p.members() + ")"
	case p.AcceptWords("between"):
		low := p.sum()
		p.ExpectWords("and")
		return "(" + sql + " " + not + "BETWEEN " + low + " AND " + p.sum() + ")"
	case p.AcceptWords("like"):
		return "(" + sql + " " + not + "LIKE " + p.sum() + ")"
	}
	return sql
}

func (p *Parser) isTest(sql string) string {
	not := ""
	if p.AcceptWords("not") {
		not = "NOT "
	}
	if p.traits.Distinct && p.AcceptWords("distinct", "from") {
		return "(" + sql + " IS " + not + "DISTINCT FROM " + p.sum() + ")"
	}
	truth := p.AcceptOne(p.traits.Truths...)
	if truth == "" {
		p.Unexpected()
	}
	return "(" + sql + " IS " + not + strings.ToUpper(truth) + ")"
}

func (p *Parser) members() string {
	p.Expect("(")
	if p.IsWord("select") {
		return "(" + p.grammar.Query() + p.Closing()
	}
	return "(" + p.List(p.Expression) + p.Closing()
}

func (p *Parser) sum() string {
	sql := p.product()
	for {
		op := p.oneOf("+", "-", "||")
		if op == "" {
			return sql
		}
		sql = "(" + sql + " " + op + " " + p.product() + ")"
	}
}

func (p *Parser) product() string {
	sql := p.unary()
	for {
		op := p.oneOf("*", "/", "%")
		if op == "" {
			return sql
		}
		if op == "/" {
			op = p.traits.Division
		}
		sql = "(" + sql + " " + op + " " + p.unary() + ")"
	}
}

func (p *Parser) unary() string {
	minus := 0
	for p.Accept("-") {
		minus++
	}
	sql := p.primary()
	for p.Accept("::") {
		sql = p.grammar.CastTo(sql)
	}
	return strings.Repeat("(- ", minus) + sql + strings.Repeat(")", minus)
}

func (p *Parser) primary() string {
	if sql, ok := p.grammar.Own(); ok {
		return sql
	}
	t := p.Peek()
	switch {
	case t.Kind == Number:
		p.Next++
		return t.Text
	case t.Kind == Text:
		p.Next++
		return p.grammar.Constant(t)
	case p.Is("("):
		return p.Parenthesis()
	case p.AcceptWords("null"), p.AcceptWords("true"), p.AcceptWords("false"):
		return strings.ToUpper(t.Text)
	case p.AcceptWords("case"):
		return p.caseExpression()
	case p.AcceptWords("exists"):
		p.Expect("(")
		return "EXISTS (" + p.grammar.Query() + p.Closing()
	case p.AcceptWords("cast"):
		p.Expect("(")
		sql := p.Expression()
		p.ExpectWords("as")
		sql = p.grammar.CastTo(sql)
		p.Expect(")")
		return sql
	case t.Kind == Word && p.Before("("):
		return p.grammar.Call()
	case t.Kind == Word, t.Kind == Quoted:
		return p.grammar.Column()
	}
	p.Unexpected()
	return ""
}

// Parenthesis reads an expression or a query in parentheses.
func (p *Parser) Parenthesis() string {
	p.Expect("(")
	if p.IsWord("select") {
		return "(" + p.grammar.Query() + p.Closing()
	}
	return "(" + p.Expression() + p.Closing()
}

func (p *Parser) caseExpression() string {
	var sql strings.Builder
	sql.WriteString("CASE")
	if !p.IsWord("when") {
		sql.WriteString(" " + p.Expression())
	}
	if !p.IsWord("when") {
		p.Unexpected()
	}
	for p.AcceptWords("when") {
		sql.WriteString(" WHEN " + p.Expression())
		p.ExpectWords("then")
		sql.WriteString(" THEN " + p.Expression())
	}
	if p.AcceptWords("else") {
		sql.WriteString(" ELSE " + p.Expression())
	}
	p.ExpectWords("end")
	return sql.String() + " END"
}
