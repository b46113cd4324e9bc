package grammar

import (
	"fmt"
	"strings"
)

func (p *parser) selectStatement() Statement {
	return Statement{Verb: "SELECT", SQL: p.query(), Returns: true}
}

// query reads a SELECT from tables, from other queries or from nothing.
func (p *parser) query() string {
	p.expectWords("select")
	sql := "SELECT " + p.list(p.item)
	if p.acceptWords("from") {
		sql += " FROM " + p.list(p.source)
	}
	sql += p.where()
	if p.acceptWords("group", "by") {
		sql += " GROUP BY " + p.list(p.expression)
		if p.acceptWords("having") {
			sql += " HAVING " + p.expression()
		}
	}
	if p.acceptWords("order", "by") {
		sql += " ORDER BY " + p.list(p.orderItem)
	}
	if p.acceptWords("limit") {
		sql += fmt.Sprintf(" LIMIT %d", p.integer())
	}
	return sql
}

func (p *parser) list(read func() string) string {
	items := []string{read()}
	for p.accept(",") {
		items = append(items, read())
	}
	return strings.Join(items, ", ")
}

func (p *parser) item() string {
	if p.accept("*") {
		return "*"
	}
	sql := p.expression()
	if p.acceptWords("as") {
		sql += " AS " + quote(p.identifier())
	}
	return sql
}

// source reads a table, or a query in parentheses, which must have a name.
func (p *parser) source() string {
	if p.accept("(") {
		sql := "(" + p.query() + ")"
		p.expect(")")
		p.acceptWords("as")
		return sql + " AS " + quote(p.identifier())
	}
	sql := p.table().SQL()
	if p.acceptWords("as") {
		return sql + " AS " + quote(p.identifier())
	}
	if t := p.peek(); t.kind == quoted || t.kind == word && !reserved[t.text] {
		return sql + " AS " + quote(p.identifier())
	}
	return sql
}

// where gives the empty string, or the clause with a space before it.
func (p *parser) where() string {
	if !p.acceptWords("where") {
		return ""
	}
	return " WHERE " + p.expression()
}

func (p *parser) orderItem() string {
	sql := p.expression()
	switch {
	case p.acceptWords("asc"):
	case p.acceptWords("desc"):
		sql += " DESC"
	}
	switch {
	case p.acceptWords("nulls", "first"):
		sql += " NULLS FIRST"
	case p.acceptWords("nulls", "last"):
		sql += " NULLS LAST"
	}
	return sql
}

func (p *parser) delete() Statement {
	p.expectWords("delete")
	p.acceptWords("from")
	name := p.table()
	sql := "DELETE FROM " + name.SQL()
	if p.acceptWords("using") {
		sql += " USING " + p.list(p.source)
	}
	return Statement{Verb: "DELETE", SQL: sql + p.where(), Writes: name.SQL()}
}

func (p *parser) insert() Statement {
	p.expectWords("insert", "into")
	name := p.table()
	sql := "INSERT INTO " + name.SQL()
	if p.is("(") {
		sql += " (" + quoteAll(p.identifiers()) + ")"
	}
	if p.isWord("select") {
		sql += " " + p.query()
	} else {
		p.expectWords("values")
		sql += " VALUES " + p.list(p.row)
	}
	return Statement{Verb: "INSERT", SQL: sql, Writes: name.SQL()}
}

func (p *parser) row() string {
	p.expect("(")
	sql := p.list(func() string {
		if p.acceptWords("default") {
			return "DEFAULT"
		}
		return p.expression()
	})
	p.expect(")")
	return "(" + sql + ")"
}
