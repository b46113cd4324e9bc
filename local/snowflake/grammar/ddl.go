package grammar

import "slices"

func (p *parser) create() Statement {
	p.expectWords("CREATE")
	d := &Definition{Replace: p.acceptWords("OR", "REPLACE")}
	if p.acceptWords("SCHEMA") {
		return p.createSchema(d)
	}
	switch {
	case p.acceptWords("TEMPORARY"), p.acceptWords("TEMP"):
		d.Temporary = true
	case p.acceptWords("TRANSIENT"):
		d.Transient = true
	}
	p.expectWords("TABLE")
	pos := p.peek().pos
	if d.IfNotExists = p.ifNotExists(); d.IfNotExists && d.Replace {
		fail(pos, "OR REPLACE and IF NOT EXISTS exclude each other")
	}
	d.Table = p.table()
	if p.acceptWords("LIKE") {
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
		fail(p.peek().pos, "CREATE OR REPLACE SCHEMA is not understood by this stand-in")
	}
	d.IfNotExists = p.ifNotExists()
	d.Database, d.Schema = p.schemaName()
	d.Comment = p.commentOption()
	return Statement{Verb: "CREATE SCHEMA", Kind: DDL, Define: d}
}

func (p *parser) schemaName() (database, schema string) {
	schema = p.identifier()
	if p.accept(".") {
		database, schema = schema, p.identifier()
	}
	return database, schema
}

func (p *parser) ifNotExists() bool {
	if !p.acceptWords("IF") {
		return false
	}
	p.expectWords("NOT", "EXISTS")
	return true
}

func (p *parser) ifExists() bool {
	if !p.acceptWords("IF") {
		return false
	}
	p.expectWords("EXISTS")
	return true
}

func (p *parser) tableBody() []Column {
	p.expect("(")
	var columns []Column
	for {
		if len(columns) > 0 && p.acceptWords("PRIMARY", "KEY") {
			p.primaryKey(columns)
			break
		}
		pos := p.peek().pos
		c := p.column()
		if slices.ContainsFunc(columns, func(other Column) bool { return other.Name == c.Name }) {
			fail(pos, "duplicate column name '%s'", c.Name)
		}
		columns = append(columns, c)
		if !p.accept(",") {
			break
		}
	}
	p.expect(")")
	return columns
}

// primaryKey marks the columns NOT NULL; the uniqueness is left out, because
// Snowflake does not enforce it ("Constraints").
func (p *parser) primaryKey(columns []Column) {
	pos := p.peek().pos
	for _, name := range p.identifiers() {
		i := slices.IndexFunc(columns, func(c Column) bool { return c.Name == name })
		if i < 0 {
			fail(pos, "unexpected '%s': no such column", name)
		}
		columns[i].NotNull = true
	}
}

func (p *parser) column() Column {
	c := Column{Name: p.identifier()}
	kind := p.columnType()
	c.Type = &kind
	for {
		switch {
		case p.acceptWords("NOT", "NULL"), p.acceptWords("PRIMARY", "KEY"):
			c.NotNull = true
		case p.acceptWords("NULL"):
		case c.Default == "" && p.acceptWords("DEFAULT"):
			c.Default = p.expression()
		case c.Comment == nil && p.isWord("COMMENT"):
			p.next++
			comment := p.literal()
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
		case p.acceptWords("CLUSTER", "BY"):
			p.expect("(")
			p.list(p.expression)
			p.expect(")")
		case p.acceptWords("DATA_RETENTION_TIME_IN_DAYS"):
			p.expect("=")
			p.inRange(0, 90)
		case d.Comment == nil && p.isWord("COMMENT"):
			d.Comment = p.commentOption()
		default:
			return
		}
	}
}

// commentOption reads COMMENT = '…' if it is there.
func (p *parser) commentOption() *string {
	if !p.acceptWords("COMMENT") {
		return nil
	}
	p.expect("=")
	comment := p.literal()
	return &comment
}

func (p *parser) drop() Statement {
	p.expectWords("DROP")
	d := &Definition{}
	if p.acceptWords("SCHEMA") {
		d.IfExists = p.ifExists()
		d.Database, d.Schema = p.schemaName()
		p.acceptWords("CASCADE")
		return Statement{Verb: "DROP SCHEMA", Kind: DDL, Define: d}
	}
	p.expectWords("TABLE")
	d.IfExists = p.ifExists()
	d.Table = p.table()
	return Statement{Verb: "DROP TABLE", Kind: DDL, Define: d}
}
