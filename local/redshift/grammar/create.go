package grammar

import (
	"fmt"
	"slices"
	"strings"

	"github.com/stagelift/stagelift/local/sqltext"
)

func (p *parser) create() Statement {
	p.ExpectWords("create")
	switch {
	case p.AcceptWords("schema"):
		ifNotExists := p.ifNotExists()
		return Statement{Verb: "CREATE SCHEMA", SQL: "CREATE SCHEMA " + ifNotExists + sqltext.Quote(p.Identifier())}
	case p.AcceptWords("or", "replace"):
		p.ExpectWords("view")
		return p.createView(true)
	case p.AcceptWords("view"):
		return p.createView(false)
	case p.IsWord("user"), p.IsWord("role"), p.IsWord("group"):
		return p.createAccount()
	}
	local := p.AcceptWords("temp") || p.AcceptWords("temporary")
	p.ExpectWords("table")
	sql := "CREATE TABLE "
	if local {
		sql = "CREATE TEMPORARY TABLE "
	}
	sql += p.ifNotExists()
	pos := p.Peek().Pos
	c := &Create{Table: p.table()}
	if local && c.Table.Schema != "" {
		sqltext.Fail(pos, "cannot create temporary relation in non-temporary schema")
	}
	sql += c.Table.SQL() + " (" + p.tableBody(c) + ")"
	p.tableAttributes(c)
	return Statement{Verb: "CREATE TABLE", SQL: sql, Create: c}
}

// Create is what PostgreSQL does not keep of a new table.
type Create struct {
	Table Table
	// Like is the table whose columns it takes, or nil.
	Like *Table
	// Marks are of its columns; those that have none are left out.
	Marks []Mark
}

// Mark is what is said of a column beside its type, and decides what may be
// done to it later.
type Mark struct {
	Column string
	// Encoding is what ENCODE named, in capitals, or empty.
	Encoding string
	// Key is how many columns the PRIMARY KEY has that the column is of.
	Key int
	// Layout is true for a column of the DISTKEY or the SORTKEY.
	Layout bool
}

// mark returns the mark of a column, to be changed.
func (c *Create) mark(column string) *Mark {
	i := slices.IndexFunc(c.Marks, func(m Mark) bool { return m.Column == column })
	if i < 0 {
		c.Marks = append(c.Marks, Mark{Column: column})
		i = len(c.Marks) - 1
	}
	return &c.Marks[i]
}

func (p *parser) ifNotExists() string {
	if p.IfNotExists() {
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
	sql := sqltext.Quote(d.name) + " " + d.kind.sql + d.rest
	if d.notNull {
		sql += " NOT NULL"
	}
	if d.kind.check != "" {
		sql += " CONSTRAINT " + lengthName(d.name) + " CHECK (" + fmt.Sprintf(d.kind.check, sqltext.Quote(d.name)) + ")"
	}
	return sql
}

// lengthName names the check that holds a column's length, so that it can be
// found when the length changes.
func lengthName(column string) string { return sqltext.Quote("length of " + column) }

// maxColumns is how many columns a table may have ("CREATE TABLE", Limits).
const maxColumns = 1600

func (p *parser) tableBody(c *Create) string {
	p.Expect("(")
	if p.AcceptWords("like") {
		like := p.table()
		c.Like = &like
		return p.like(like) + strings.TrimSuffix(p.Closing(), ")")
	}
	var columns []definition
	for {
		if len(columns) > 0 && p.AcceptWords("primary", "key") {
			p.primaryKey(c, columns)
			break
		}
		pos := p.Peek().Pos
		if columns = append(columns, p.definition(c)); len(columns) > maxColumns {
			sqltext.Fail(pos, "tables can have at most %d columns", maxColumns)
		}
		if !p.Accept(",") {
			break
		}
	}
	p.Expect(")")
	parts := make([]string, len(columns))
	for i, c := range columns {
		parts[i] = c.sql()
	}
	return strings.Join(parts, ", ")
}

// like copies what Redshift copies: columns and NOT NULL, defaults on demand.
// The checks come along because they are our form of the column's type.
func (p *parser) like(parent Table) string {
	sql := "LIKE " + parent.SQL() + " INCLUDING CONSTRAINTS"
	switch {
	case p.AcceptWords("including", "defaults"):
		sql += " INCLUDING DEFAULTS"
	case p.AcceptWords("excluding", "defaults"):
	}
	return sql
}

// systemNames "can't be used as column names in user-defined columns" ("Names
// and identifiers", System column names).
var systemNames = []string{"oid", "tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"}

// encodings are those of "CREATE TABLE", ENCODE.
var encodings = strings.Fields("az64 bytedict delta delta32k lzo mostly8 mostly16 mostly32 raw runlength text255 text32k zstd")

// columnName reads the name of a new column.
func (p *parser) columnName() string {
	pos := p.Peek().Pos
	name := p.Identifier()
	if !p.rules.AnyName && slices.Contains(systemNames, name) {
		sqltext.Fail(pos, "column name %q conflicts with a system column name", name)
	}
	return name
}

func (p *parser) definition(c *Create) definition {
	d := definition{name: p.columnName()}
	d.kind = p.columnType(d.name)
	for {
		switch {
		case p.AcceptWords("not", "null"):
			d.notNull = true
		case p.AcceptWords("null"):
		case p.AcceptWords("primary", "key"):
			d.notNull = true
			c.mark(d.name).Key = 1
		case p.AcceptWords("encode"):
			encoding := p.AcceptOne(encodings...)
			if encoding == "" {
				p.Unexpected()
			}
			c.mark(d.name).Encoding = strings.ToUpper(encoding)
		case p.AcceptWords("distkey"), p.AcceptWords("sortkey"):
			c.mark(d.name).Layout = true
		case p.IsWord("default") && d.rest == "":
			p.Next++
			d.rest = " DEFAULT " + p.defaultValue()
		default:
			return d
		}
	}
}

// primaryKey marks the columns; the uniqueness is left out, because Redshift
// does not enforce it ("Defining table constraints").
func (p *parser) primaryKey(c *Create, columns []definition) {
	pos := p.Peek().Pos
	names := p.Identifiers()
	for _, name := range names {
		i := slices.IndexFunc(columns, func(d definition) bool { return d.name == name })
		if i < 0 {
			sqltext.Fail(pos, "column %q named in key does not exist", name)
		}
		columns[i].notNull = true
		c.mark(name).Key = len(names)
	}
}

func (p *parser) defaultValue() string {
	t := p.Peek()
	switch {
	case p.AcceptWords("sysdate"):
		return sysdate
	case p.AcceptWords("getdate"):
		p.Expect("(")
		p.Expect(")")
		return getdate
	case p.AcceptWords("null"), p.AcceptWords("true"), p.AcceptWords("false"):
		return strings.ToUpper(t.Text)
	case t.Kind == sqltext.Text:
		return p.textLiteral()
	case p.Accept("-"):
		return "-" + p.Number()
	}
	return p.Number()
}

// tableAttributes reads how Redshift is to lay the table out, which changes
// no answer.
func (p *parser) tableAttributes(c *Create) {
	layout := func(columns ...string) {
		for _, name := range columns {
			c.mark(name).Layout = true
		}
	}
	for {
		switch {
		case p.AcceptWords("diststyle"):
			if !p.AcceptWords("auto") && !p.AcceptWords("even") && !p.AcceptWords("key") && !p.AcceptWords("all") {
				p.Unexpected()
			}
		case p.AcceptWords("distkey"):
			p.Expect("(")
			layout(p.Identifier())
			p.Expect(")")
		case p.AcceptWords("compound", "sortkey"), p.AcceptWords("sortkey"):
			if !p.AcceptWords("auto") {
				layout(p.Identifiers()...)
			}
		case p.AcceptWords("encode", "auto"):
		default:
			return
		}
	}
}
