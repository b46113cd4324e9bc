package sqltext

import "fmt"

// Where reads the clause, with a space before it; it may be absent.
func (p *Parser) Where() string {
	if !p.AcceptWords("where") {
		return ""
	}
	return " WHERE " + p.Expression()
}

// Grouping reads GROUP BY and HAVING, with a space before each; both may be
// absent.
func (p *Parser) Grouping() string {
	sql := ""
	if p.AcceptWords("group", "by") {
		sql = " GROUP BY " + p.List(p.Expression)
	}
	if p.AcceptWords("having") {
		sql += " HAVING " + p.Expression()
	}
	return sql
}

// Ordering reads ORDER BY and LIMIT, with a space before each; both may be
// absent.
func (p *Parser) Ordering() string {
	sql := ""
	if p.AcceptWords("order", "by") {
		sql = " ORDER BY " + p.List(p.OrderItem)
	}
	if p.AcceptWords("limit") {
		sql += fmt.Sprintf(" LIMIT %d", p.Integer())
	}
	return sql
}

// OrderItem reads one of what ORDER BY lists.
func (p *Parser) OrderItem() string {
	sql := p.Expression()
	switch {
	case p.AcceptWords("asc"):
	case p.AcceptWords("desc"):
		sql += " DESC"
	}
	switch {
	case p.AcceptWords("nulls", "first"):
		sql += " NULLS FIRST"
	case p.AcceptWords("nulls", "last"):
		sql += " NULLS LAST"
	}
	return sql
}

// Alias reads the name that may be given to what stands before it, with or
// without AS.
func (p *Parser) Alias() (name string, given bool) {
	if p.AcceptWords("as") {
		return p.Identifier(), true
	}
	if t := p.Peek(); t.Kind == Quoted || t.Kind == Word && !p.reserved[t.Text] && p.grammar.Names(t.Text) {
		return p.Identifier(), true
	}
	return "", false
}

// Source reads a table or a query in parentheses, with its alias. name is what
// it is called, quoted.
func (p *Parser) Source() (sql, name string) {
	called := false
	if p.Accept("(") {
		sql, name = "("+p.grammar.Query()+p.Closing(), p.traits.Unnamed
	} else {
		sql, name, called = p.grammar.Table()
	}
	alias, given := p.Alias()
	switch {
	case given:
		name = Quote(alias)
	case called:
		return sql, name
	case name == "":
		p.Unexpected()
	}
	return sql + " AS " + name, name
}

// Sources reads what stands after FROM; alias is the name of a single source.
func (p *Parser) Sources() (sql, alias string) {
	sql, alias = p.Source()
	sql = " FROM " + sql
	for {
		join := " JOIN "
		switch {
		case p.Accept(","):
			one, _ := p.Source()
			sql, alias = sql+", "+one, ""
			continue
		case p.AcceptWords("left"):
			p.AcceptWords("outer")
			join = " LEFT JOIN "
		case p.AcceptWords("inner"), p.IsWord("join"):
		default:
			return sql, alias
		}
		p.ExpectWords("join")
		one, _ := p.Source()
		p.ExpectWords("on")
		sql, alias = sql+join+one+" ON "+p.Expression(), ""
	}
}

// Content reads what an INSERT inserts: columns, then a query or values.
func (p *Parser) Content() (sql string, columns []string) {
	if p.Is("(") {
		columns = p.Identifiers()
		sql = " (" + QuoteAll(columns) + ")"
	}
	if p.IsWord("select") {
		return sql + " " + p.grammar.Query(), columns
	}
	p.ExpectWords("values")
	return sql + " VALUES " + p.List(p.Row), columns
}

// Row reads the values of one row, in parentheses.
func (p *Parser) Row() string {
	p.Expect("(")
	return "(" + p.List(func() string {
		if p.AcceptWords("default") {
			return "DEFAULT"
		}
		return p.Expression()
	}) + p.Closing()
}

// Assignment reads column = value. The column may have its table before it,
// which PostgreSQL does not take.
func (p *Parser) Assignment() string {
	column := p.Identifier()
	for p.Accept(".") {
		column = p.Identifier()
	}
	p.Expect("=")
	return Quote(column) + " = " + p.Expression()
}
