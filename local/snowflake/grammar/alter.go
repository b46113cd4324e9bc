package grammar

func (p *parser) alter() Statement {
	p.expectWords("ALTER")
	if p.acceptWords("SESSION") {
		return p.alterSession()
	}
	p.expectWords("TABLE")
	d := &Definition{IfExists: p.ifExists()}
	d.Table = p.table()
	if p.acceptWords("ADD") {
		p.acceptWords("COLUMN")
		d.IfNotExists = p.ifNotExists()
		d.Columns = []Column{p.column()}
		for p.accept(",") {
			p.acceptWords("COLUMN")
			d.IfNotExists = p.ifNotExists() || d.IfNotExists
			d.Columns = append(d.Columns, p.column())
		}
		return Statement{Verb: "ALTER TABLE ADD COLUMN", Kind: DDL, Define: d}
	}
	if !p.acceptWords("ALTER") {
		p.expectWords("MODIFY")
	}
	grouped := p.accept("(")
	d.Columns = []Column{p.alteration()}
	for p.accept(",") {
		d.Columns = append(d.Columns, p.alteration())
	}
	if grouped {
		p.expect(")")
	}
	return Statement{Verb: "ALTER TABLE ALTER COLUMN", Kind: DDL, Define: d}
}

// alteration reads one change of a column: its type, or its comment.
func (p *parser) alteration() Column {
	p.acceptWords("COLUMN")
	c := Column{Name: p.identifier()}
	if p.acceptWords("COMMENT") {
		comment := p.literal()
		c.Comment = &comment
		return c
	}
	if !p.acceptWords("SET", "DATA", "TYPE") {
		p.expectWords("TYPE")
	}
	kind := p.columnType()
	c.Type = &kind
	return c
}

// alterSession reads the parameters that change nothing here, or what they say.
func (p *parser) alterSession() Statement {
	p.expectWords("SET")
	set := &Parameter{Name: p.identifier()}
	p.expect("=")
	switch t := p.advance(); t.kind {
	case word, text, number:
		set.Value = t.text
	default:
		fail(t.pos, "unexpected '%s'", t.text)
	}
	return Statement{Verb: "ALTER SESSION", Kind: Session, Set: set}
}

// comment reads COMMENT [IF EXISTS] ON TABLE t IS '…' and … ON COLUMN t.c IS '…'.
func (p *parser) comment() Statement {
	p.expectWords("COMMENT")
	d := &Definition{IfExists: p.ifExists()}
	p.expectWords("ON")
	if p.acceptWords("TABLE") {
		d.Table = p.table()
		p.expectWords("IS")
		comment := p.literal()
		d.Comment = &comment
		return Statement{Verb: "COMMENT ON TABLE", Kind: DDL, Define: d}
	}
	p.expectWords("COLUMN")
	pos := p.peek().pos
	path := []string{p.identifier()}
	for p.accept(".") {
		path = append(path, p.identifier())
	}
	n := len(path)
	if n < 2 || n > 4 {
		fail(pos, "unexpected '%s': a column is named with its table", path[0])
	}
	d.Table.Name = path[n-2]
	if n > 2 {
		d.Table.Schema = path[n-3]
	}
	if n > 3 {
		d.Table.Database = path[0]
	}
	p.tables = append(p.tables, d.Table)
	p.expectWords("IS")
	comment := p.literal()
	d.Columns = []Column{{Name: path[n-1], Comment: &comment}}
	return Statement{Verb: "ALTER TABLE ALTER COLUMN", Kind: DDL, Define: d}
}
