package grammar

import "github.com/stagelift/stagelift/local/sqltext"

func (p *parser) selectStatement() Statement {
	return Statement{Verb: "SELECT", SQL: p.Query(), Returns: true}
}

// Query reads a SELECT from tables, from other queries or from nothing.
func (p *parser) Query() string {
	p.ExpectWords("select")
	sql := "SELECT " + p.List(p.item)
	if p.AcceptWords("from") {
		from, _ := p.Sources()
		sql += from
	}
	return sql + p.Where() + p.Grouping() + p.Ordering()
}

func (p *parser) oneSource() string {
	sql, _ := p.Source()
	return sql
}

func (p *parser) item() string {
	if p.Accept("*") {
		return "*"
	}
	sql := p.Expression()
	if p.AcceptWords("as") {
		sql += " AS " + sqltext.Quote(p.Identifier())
	}
	return sql
}

func (p *parser) delete() Statement {
	p.ExpectWords("delete")
	p.AcceptWords("from")
	name := p.table()
	sql := "DELETE FROM " + name.SQL()
	if p.AcceptWords("using") {
		sql += " USING " + p.List(p.oneSource)
	}
	return Statement{Verb: "DELETE", SQL: sql + p.Where(), Writes: name.SQL()}
}

func (p *parser) insert() Statement {
	p.ExpectWords("insert", "into")
	name := p.table()
	content, columns := p.Content()
	return Statement{
		Verb: "INSERT", SQL: "INSERT INTO " + name.SQL() + content, Writes: name.SQL(), Target: &name, Columns: columns,
	}
}

// update reads UPDATE t [[AS] alias] SET column = value, … [FROM …] [WHERE …].
func (p *parser) update() Statement {
	p.ExpectWords("update")
	name := p.table()
	sql := "UPDATE " + name.SQL()
	if alias, given := p.Alias(); given {
		sql += " AS " + sqltext.Quote(alias)
	}
	p.ExpectWords("set")
	sql += " SET " + p.List(func() string {
		column := sqltext.Quote(p.Identifier())
		p.Expect("=")
		if p.AcceptWords("default") {
			return column + " = DEFAULT"
		}
		return column + " = " + p.Expression()
	})
	if p.AcceptWords("from") {
		from, _ := p.Sources()
		sql += from
	}
	return Statement{Verb: "UPDATE", SQL: sql + p.Where(), Writes: name.SQL()}
}
