package grammar

import "strings"

func (p *parser) insert() Statement {
	p.expectWords("INSERT", "INTO")
	name := p.table()
	sql := "INSERT INTO " + name.SQL()
	if p.is("(") {
		sql += " (" + quoteAll(p.identifiers()) + ")"
	}
	if p.isWord("SELECT") {
		sql += " " + p.query()
	} else {
		p.expectWords("VALUES")
		sql += " VALUES " + p.list(p.row)
	}
	return Statement{Verb: "INSERT", Kind: DML, SQL: sql, Target: &name}
}

func (p *parser) row() string {
	p.expect("(")
	sql := p.list(func() string {
		if p.acceptWords("DEFAULT") {
			return "DEFAULT"
		}
		return p.expression()
	})
	return "(" + sql + p.closing()
}

func (p *parser) update() Statement {
	p.expectWords("UPDATE")
	name := p.table()
	sql := "UPDATE " + p.aliased(name)
	p.expectWords("SET")
	sql += " SET " + p.list(p.assignment)
	if p.acceptWords("FROM") {
		from, _ := p.sources()
		sql += from
	}
	return Statement{Verb: "UPDATE", Kind: DML, SQL: sql + p.where(), Target: &name, Locks: true}
}

// aliased reads the alias that may follow a target.
func (p *parser) aliased(name Table) string {
	if p.acceptWords("AS") {
		return name.SQL() + " AS " + quote(p.identifier())
	}
	if t := p.peek(); t.kind == quoted || t.kind == word && !reserved[t.text] {
		return name.SQL() + " AS " + quote(p.identifier())
	}
	if name.Temporary {
		return name.SQL() + " AS " + quote(name.Name)
	}
	return name.SQL()
}

// assignment reads column = value. Snowflake lets the column have its table
// before it, PostgreSQL does not.
func (p *parser) assignment() string {
	column := p.identifier()
	for p.accept(".") {
		column = p.identifier()
	}
	p.expect("=")
	return quote(column) + " = " + p.expression()
}

func (p *parser) delete() Statement {
	p.expectWords("DELETE", "FROM")
	name := p.table()
	sql := "DELETE FROM " + p.aliased(name)
	if p.acceptWords("USING") {
		sql += " USING " + p.list(func() string {
			one, _ := p.source()
			return one
		})
	}
	return Statement{Verb: "DELETE", Kind: DML, SQL: sql + p.where(), Target: &name, Locks: true}
}

func (p *parser) truncate() Statement {
	p.expectWords("TRUNCATE")
	p.acceptWords("TABLE")
	name := p.table()
	return Statement{Verb: "TRUNCATE", Kind: DML, SQL: "DELETE FROM " + name.SQL(), Target: &name, Locks: true}
}

func (p *parser) merge() Statement {
	p.expectWords("MERGE", "INTO")
	name := p.table()
	sql := "MERGE INTO " + p.aliased(name)
	p.expectWords("USING")
	source, _ := p.source()
	p.expectWords("ON")
	var clauses strings.Builder
	clauses.WriteString(" USING " + source + " ON " + p.expression())
	if !p.isWord("WHEN") {
		p.unexpected()
	}
	last := map[string]bool{}
	for p.acceptWords("WHEN") {
		pos := p.peek().pos
		matched := "NOT MATCHED"
		if !p.acceptWords("NOT", "MATCHED") {
			p.expectWords("MATCHED")
			matched = "MATCHED"
		}
		if last[matched] {
			fail(pos, "a clause WHEN %s without AND must be the last of its kind", matched)
		}
		clauses.WriteString(" WHEN " + matched)
		if p.acceptWords("AND") {
			clauses.WriteString(" AND " + p.expression())
		} else {
			last[matched] = true
		}
		p.expectWords("THEN")
		clauses.WriteString(" THEN " + p.mergeAction(matched))
	}
	return Statement{Verb: "MERGE", Kind: DML, SQL: sql + clauses.String(), Target: &name, Locks: true}
}

func (p *parser) mergeAction(matched string) string {
	if matched == "NOT MATCHED" {
		p.expectWords("INSERT")
		sql := "INSERT"
		if p.is("(") {
			sql += " (" + quoteAll(p.identifiers()) + ")"
		}
		p.expectWords("VALUES")
		return sql + " VALUES " + p.row()
	}
	if p.acceptWords("DELETE") {
		return "DELETE"
	}
	p.expectWords("UPDATE", "SET")
	return "UPDATE SET " + p.list(p.assignment)
}
