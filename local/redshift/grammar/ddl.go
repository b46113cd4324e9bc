package grammar

import (
	"fmt"
	"slices"
	"strings"
)

func (p *parser) create() Statement {
	p.expectWords("create")
	if p.acceptWords("schema") {
		ifNotExists := p.ifNotExists()
		return Statement{Verb: "CREATE SCHEMA", SQL: "CREATE SCHEMA " + ifNotExists + quote(p.identifier())}
	}
	local := p.acceptWords("temp") || p.acceptWords("temporary")
	p.expectWords("table")
	sql := "CREATE TABLE "
	if local {
		sql = "CREATE TEMPORARY TABLE "
	}
	sql += p.ifNotExists()
	pos := p.peek().pos
	name := p.table()
	if local && name.Schema != "" {
		fail(pos, "cannot create temporary relation in non-temporary schema")
	}
	sql += name.SQL() + " (" + p.tableBody() + ")"
	p.tableAttributes()
	return Statement{Verb: "CREATE TABLE", SQL: sql}
}

func (p *parser) ifNotExists() string {
	if p.acceptWords("if") {
		p.expectWords("not", "exists")
		return "IF NOT EXISTS "
	}
	return ""
}

// definition is a column of a CREATE TABLE.
type definition struct {
	name    string
	kind    columnType
	rest    string
	notNull bool
}

func (d definition) sql() string {
	sql := quote(d.name) + " " + d.kind.sql + d.rest
	if d.notNull {
		sql += " NOT NULL"
	}
	if d.kind.check != "" {
		sql += " CONSTRAINT " + lengthName(d.name) + " CHECK (" + fmt.Sprintf(d.kind.check, quote(d.name)) + ")"
	}
	return sql
}

// lengthName names the check that holds a column's length, so that it can be
// found when the length changes.
func lengthName(column string) string { return quote("length of " + column) }

func (p *parser) tableBody() string {
	p.expect("(")
	if p.acceptWords("like") {
		like := p.like()
		p.expect(")")
		return like
	}
	var columns []definition
	for {
		if len(columns) > 0 && p.acceptWords("primary", "key") {
			p.primaryKey(columns)
			break
		}
		columns = append(columns, p.definition())
		if !p.accept(",") {
			break
		}
	}
	p.expect(")")
	parts := make([]string, len(columns))
	for i, c := range columns {
		parts[i] = c.sql()
	}
	return strings.Join(parts, ", ")
}

// like copies what Redshift copies: columns and NOT NULL, defaults on demand.
// The checks come along because they are our form of the column's type.
func (p *parser) like() string {
	sql := "LIKE " + p.table().SQL() + " INCLUDING CONSTRAINTS"
	switch {
	case p.acceptWords("including", "defaults"):
		sql += " INCLUDING DEFAULTS"
	case p.acceptWords("excluding", "defaults"):
	}
	return sql
}

func (p *parser) definition() definition {
	d := definition{name: p.identifier()}
	d.kind = p.columnType(d.name)
	for {
		switch {
		case p.acceptWords("not", "null"):
			d.notNull = true
		case p.acceptWords("null"):
		case p.acceptWords("primary", "key"):
			d.notNull = true
		case p.isWord("default") && d.rest == "":
			p.next++
			d.rest = " DEFAULT " + p.defaultValue()
		default:
			return d
		}
	}
}

// primaryKey marks the columns; the uniqueness is left out, because Redshift
// does not enforce it ("Defining table constraints").
func (p *parser) primaryKey(columns []definition) {
	pos := p.peek().pos
	for _, name := range p.identifiers() {
		i := slices.IndexFunc(columns, func(d definition) bool { return d.name == name })
		if i < 0 {
			fail(pos, "column %q named in key does not exist", name)
		}
		columns[i].notNull = true
	}
}

func (p *parser) defaultValue() string {
	t := p.peek()
	switch {
	case p.acceptWords("sysdate"):
		return sysdate
	case p.acceptWords("getdate"):
		p.expect("(")
		p.expect(")")
		return getdate
	case p.acceptWords("null"), p.acceptWords("true"), p.acceptWords("false"):
		return strings.ToUpper(t.text)
	case t.kind == text:
		return p.textLiteral()
	case p.accept("-"):
		return "-" + p.number()
	}
	return p.number()
}

// tableAttributes reads how Redshift is to lay the table out, which changes
// no answer.
func (p *parser) tableAttributes() {
	for {
		switch {
		case p.acceptWords("diststyle"):
			if !p.acceptWords("auto") && !p.acceptWords("even") && !p.acceptWords("key") && !p.acceptWords("all") {
				p.unexpected()
			}
		case p.acceptWords("distkey"):
			p.expect("(")
			p.identifier()
			p.expect(")")
		case p.acceptWords("compound", "sortkey"), p.acceptWords("sortkey"):
			if !p.acceptWords("auto") {
				p.identifiers()
			}
		default:
			return
		}
	}
}

func (p *parser) alter() Statement {
	p.expectWords("alter", "table")
	name := p.table()
	if p.acceptWords("alter") {
		return p.alterColumn(name)
	}
	p.expectWords("add")
	p.acceptWords("column")
	pos := p.peek().pos
	d := p.definition()
	if d.notNull && d.rest == "" {
		fail(pos, "ALTER TABLE ADD COLUMN defined as NOT NULL must have a non-null default expression")
	}
	return Statement{Verb: "ALTER TABLE", SQL: "ALTER TABLE " + name.SQL() + " ADD COLUMN " + d.sql()}
}

// alterColumn changes the length of a VARCHAR, the one type whose size can be
// changed, and not in a transaction block ("ALTER TABLE", Parameters).
func (p *parser) alterColumn(name Table) Statement {
	p.acceptWords("column")
	column := p.identifier()
	p.expectWords("type")
	pos := p.peek().pos
	kind := p.columnType(column)
	if !strings.HasPrefix(kind.sql, "character varying") {
		fail(pos, "ALTER COLUMN TYPE changes the size of a VARCHAR only")
	}
	return Statement{Verb: "ALTER TABLE", Alone: true, SQL: "ALTER TABLE " + name.SQL() +
		" DROP CONSTRAINT " + lengthName(column) +
		", ALTER COLUMN " + quote(column) + " TYPE " + kind.sql +
		", ADD CONSTRAINT " + lengthName(column) + " CHECK (" + fmt.Sprintf(kind.check, quote(column)) + ")"}
}

// comment reads COMMENT ON COLUMN of a table that is named with its schema.
func (p *parser) comment() Statement {
	p.expectWords("comment", "on", "column")
	table := p.table()
	p.expect(".")
	column := quote(p.identifier())
	p.expectWords("is")
	return Statement{Verb: "COMMENT", SQL: "COMMENT ON COLUMN " + table.SQL() + "." + column + " IS " + p.textLiteral()}
}

func (p *parser) drop() Statement {
	p.expectWords("drop", "table")
	sql := "DROP TABLE "
	if p.acceptWords("if") {
		p.expectWords("exists")
		sql += "IF EXISTS "
	}
	return Statement{Verb: "DROP TABLE", SQL: sql + p.table().SQL()}
}

func (p *parser) lock() Statement {
	p.expectWords("lock")
	p.acceptWords("table")
	tables := []string{p.table().SQL()}
	for p.accept(",") {
		tables = append(tables, p.table().SQL())
	}
	return Statement{Verb: "LOCK", SQL: "LOCK TABLE " + strings.Join(tables, ", ") + " IN ACCESS EXCLUSIVE MODE"}
}

func (p *parser) truncate() Statement {
	p.expectWords("truncate")
	p.acceptWords("table")
	return Statement{Verb: "TRUNCATE", SQL: "TRUNCATE TABLE " + p.table().SQL(), Commits: true}
}
