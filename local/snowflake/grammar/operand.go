package grammar

import "strings"

func (p *parser) cast() string {
	if p.accept("-") {
		return "(- " + p.cast() + ")"
	}
	sql := p.primary()
	for p.accept("::") {
		sql = p.castTo(sql)
	}
	return sql
}

// castTo leaves lengths to the column that takes the value: what Snowflake does
// with a text that is longer than the type it is cast to is not documented.
func (p *parser) castTo(sql string) string {
	pos := p.peek().pos
	kind := p.columnType()
	if kind.Name == "VARCHAR" && kind.Length < DefaultVarchar || kind.Name == "BINARY" && kind.Length < DefaultBinary {
		fail(pos, "a cast to %s is not understood by this stand-in: leave the length out", kind)
	}
	return "CAST(" + sql + " AS " + kind.SQL() + ")"
}

func (p *parser) primary() string {
	t := p.peek()
	switch t.kind {
	case text:
		p.next++
		return quoteText(t.text)
	case number:
		p.next++
		return t.text
	case quoted:
		return p.columnName()
	case punct:
		if p.accept("?") {
			return p.binding(t.pos)
		}
		return p.parenthesis()
	case word:
		return p.named(t)
	}
	p.unexpected()
	return ""
}

func (p *parser) parenthesis() string {
	p.expect("(")
	var sql string
	if p.isWord("SELECT") {
		sql = p.query()
	} else {
		sql = p.expression()
	}
	p.expect(")")
	return "(" + sql + ")"
}

func (p *parser) binding(pos int) string {
	if p.bound == len(p.bindings) {
		fail(pos, "bind variable %d is not set", p.bound+1)
	}
	b := p.bindings[p.bound]
	p.bound++
	switch {
	case b.Value == nil:
		return "NULL"
	case b.Type == "TEXT":
		return quoteText(*b.Value)
	case b.Type == "FIXED":
		if digits := strings.TrimPrefix(*b.Value, "-"); digits == "" || strings.Trim(digits, "0123456789") != "" {
			fail(pos, "FIXED value '%s' is not recognized", *b.Value)
		}
		return "(" + *b.Value + ")"
	case b.Type == "BOOLEAN" && (*b.Value == "true" || *b.Value == "false"):
		return *b.Value
	}
	fail(pos, "bindings of type %s are not understood by this stand-in", b.Type)
	return ""
}

func (p *parser) named(t token) string {
	switch {
	case p.acceptWords("NULL"), p.acceptWords("TRUE"), p.acceptWords("FALSE"):
		return t.text
	case p.isWord("CASE"):
		return p.caseExpression()
	case p.acceptWords("EXISTS"):
		return "EXISTS " + p.parenthesis()
	case p.acceptWords("CAST"):
		p.expect("(")
		sql := p.expression()
		p.expectWords("AS")
		sql = p.castTo(sql)
		p.expect(")")
		return sql
	case p.acceptWords("CURRENT_TIMESTAMP"):
		if p.accept("(") {
			p.expect(")")
		}
		return "statement_timestamp()"
	}
	if following := p.tokens[p.next+1]; following.kind == punct && following.text == "(" {
		return p.call()
	}
	return p.columnName()
}

// columnName reads a column, with or without the table before it.
func (p *parser) columnName() string {
	path := []string{quote(p.identifier())}
	for p.accept(".") {
		path = append(path, quote(p.identifier()))
	}
	if len(path) > 3 {
		path = path[len(path)-3:]
	}
	return strings.Join(path, ".")
}

func (p *parser) caseExpression() string {
	p.expectWords("CASE")
	var sql strings.Builder
	sql.WriteString("CASE")
	if !p.isWord("WHEN") {
		sql.WriteString(" " + p.expression())
	}
	if !p.isWord("WHEN") {
		p.unexpected()
	}
	for p.acceptWords("WHEN") {
		sql.WriteString(" WHEN " + p.expression())
		p.expectWords("THEN")
		sql.WriteString(" THEN " + p.expression())
	}
	if p.acceptWords("ELSE") {
		sql.WriteString(" ELSE " + p.expression())
	}
	p.expectWords("END")
	return sql.String() + " END"
}
