package grammar

import (
	"slices"

	"github.com/stagelift/stagelift/local/sqltext"
)

func (p *parser) create() Statement {
	p.ExpectWords("CREATE")
	d := &Definition{Replace: p.AcceptWords("OR", "REPLACE")}
	switch {
	case p.AcceptWords("SCHEMA"):
		return p.createSchema(d)
	case !d.Replace && p.AcceptWords("ROLE"):
		d.IfNotExists, d.Role = p.IfNotExists(), p.Identifier()
		return Statement{Verb: "CREATE ROLE", Kind: DDL, Define: d}
	}
	switch {
	case p.AcceptWords("TEMPORARY"), p.AcceptWords("TEMP"):
		d.Temporary = true
	case p.AcceptWords("TRANSIENT"):
		d.Transient = true
	}
	p.ExpectWords("TABLE")
	pos := p.Peek().Pos
	if d.IfNotExists = p.IfNotExists(); d.IfNotExists && d.Replace {
		sqltext.Fail(pos, "OR REPLACE and IF NOT EXISTS exclude each other")
	}
	d.Table = p.table()
	if d.Clone = p.AcceptWords("CLONE"); d.Clone || p.AcceptWords("LIKE") {
		like := p.table()
		d.Like = &like
	} else {
		d.Columns = p.tableBody()
	}
	p.tableAttributes(d)
	return Statement{Verb: "CREATE TABLE", Kind: DDL, Define: d, Temporary: d.Temporary}
}

func (p *parser) createSchema(d *Definition) Statement {
	if d.Replace {
		sqltext.Fail(p.Peek().Pos, "CREATE OR REPLACE SCHEMA is not understood by this stand-in")
	}
	d.IfNotExists = p.IfNotExists()
	d.Database, d.Schema = p.schemaName()
	d.Comment = p.commentOption()
	return Statement{Verb: "CREATE SCHEMA", Kind: DDL, Define: d}
}

func (p *parser) schemaName() (database, schema string) {
	schema = p.Identifier()
	if p.Accept(".") {
		database, schema = schema, p.Identifier()
	}
	return database, schema
}

func (p *parser) tableBody() []Column {
	p.Expect("(")
	var columns []Column
	for {
		if len(columns) > 0 && p.AcceptWords("PRIMARY", "KEY") {
			p.primaryKey(columns)
			break
		}
		pos := p.Peek().Pos
		c := p.column()
		if slices.ContainsFunc(columns, func(other Column) bool { return other.Name == c.Name }) {
			sqltext.Fail(pos, "duplicate column name '%s'", c.Name)
		}
		columns = append(columns, c)
		if !p.Accept(",") {
			break
		}
	}
	p.Expect(")")
	return columns
}

// primaryKey marks the columns NOT NULL; the uniqueness is left out, because
// Snowflake does not enforce it ("Constraints").
func (p *parser) primaryKey(columns []Column) {
	pos := p.Peek().Pos
	for _, name := range p.Identifiers() {
		i := slices.IndexFunc(columns, func(c Column) bool { return c.Name == name })
		if i < 0 {
			sqltext.Fail(pos, "unexpected '%s': no such column", name)
		}
		columns[i].NotNull = true
	}
}

func (p *parser) column() Column {
	c := Column{Name: p.Identifier()}
	kind := p.columnType()
	c.Type = &kind
	for {
		switch {
		case p.AcceptWords("NOT", "NULL"), p.AcceptWords("PRIMARY", "KEY"):
			c.NotNull = true
		case p.AcceptWords("NULL"):
		case c.Default == "" && p.AcceptWords("DEFAULT"):
			c.Default = p.Expression()
		case c.Comment == nil && p.IsWord("COMMENT"):
			p.Next++
			comment := p.Literal()
			c.Comment = &comment
		default:
			return c
		}
	}
}

// tableAttributes reads how the table is laid out, which changes no answer,
// and its comment.
func (p *parser) tableAttributes(d *Definition) {
	for {
		switch {
		case !d.Clone && p.AcceptWords("CLUSTER", "BY"):
			p.Expect("(")
			d.Cluster = p.clusterKey()
			p.Expect(")")
		case !d.CopyGrants && (d.Like != nil || d.Replace) && p.AcceptWords("COPY", "GRANTS"):
			d.CopyGrants = true
		case p.AcceptWords("DATA_RETENTION_TIME_IN_DAYS"):
			p.Expect("=")
			p.inRange(0, 90)
		case d.Comment == nil && p.IsWord("COMMENT"):
			d.Comment = p.commentOption()
		default:
			return
		}
	}
}

// clusterKey reads expressions and returns the columns in them.
func (p *parser) clusterKey() []string {
	begin := p.Next
	p.List(p.Expression)
	var columns []string
	for i, t := range p.Tokens[begin:p.Next] {
		call := p.Tokens[begin+i+1].Text == "("
		if (t.Kind == sqltext.Word || t.Kind == sqltext.Quoted) && !call {
			columns = append(columns, t.Text)
		}
	}
	return columns
}

// commentOption reads COMMENT = '…' if it is there.
func (p *parser) commentOption() *string {
	if !p.AcceptWords("COMMENT") {
		return nil
	}
	p.Expect("=")
	comment := p.Literal()
	return &comment
}

func (p *parser) drop() Statement {
	p.ExpectWords("DROP")
	d := &Definition{}
	if p.AcceptWords("SCHEMA") {
		d.IfExists = p.IfExists()
		d.Database, d.Schema = p.schemaName()
		p.AcceptWords("CASCADE")
		return Statement{Verb: "DROP SCHEMA", Kind: DDL, Define: d}
	}
	p.ExpectWords("TABLE")
	d.IfExists = p.IfExists()
	d.Table = p.table()
	p.AcceptOne("CASCADE", "RESTRICT") // about foreign keys, of which there are none
	return Statement{Verb: "DROP TABLE", Kind: DDL, Define: d}
}
