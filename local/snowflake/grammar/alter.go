package grammar

import "github.com/stagelift/stagelift/local/sqltext"

func (p *parser) alter() Statement {
	p.ExpectWords("ALTER")
	if p.AcceptWords("SESSION") {
		return p.alterSession()
	}
	p.ExpectWords("TABLE")
	d := &Definition{IfExists: p.IfExists()}
	d.Table = p.table()
	return Statement{Verb: p.alterTable(d), Kind: DDL, Define: d}
}

// alterTable reads what is to be done to a table and returns its verb.
func (p *parser) alterTable(d *Definition) string {
	other := func() *Table {
		t := p.table()
		return &t
	}
	switch {
	case p.AcceptWords("RENAME", "TO"):
		d.Other = other()
		return "ALTER TABLE RENAME"
	case p.AcceptWords("SWAP", "WITH"):
		d.Other = other()
		return "ALTER TABLE SWAP"
	case p.AcceptWords("RENAME", "COLUMN"):
		d.Columns = []Column{{Name: p.Identifier()}}
		p.ExpectWords("TO")
		d.NewName = p.Identifier()
		return "ALTER TABLE RENAME COLUMN"
	case p.AcceptWords("DROP"):
		p.AcceptWords("COLUMN")
		d.IfColumns = p.IfExists()
		d.Columns = sqltext.Many(&p.Parser, func() Column { return Column{Name: p.Identifier()} })
		return "ALTER TABLE DROP COLUMN"
	case p.AcceptWords("ADD"):
		d.Columns = sqltext.Many(&p.Parser, func() Column {
			p.AcceptWords("COLUMN")
			d.IfNotExists = p.IfNotExists() || d.IfNotExists
			return p.column()
		})
		return "ALTER TABLE ADD COLUMN"
	case !p.AcceptWords("ALTER"):
		p.ExpectWords("MODIFY")
	}
	grouped := p.Accept("(")
	d.Columns = sqltext.Many(&p.Parser, p.alteration)
	if grouped {
		p.Expect(")")
	}
	return "ALTER TABLE ALTER COLUMN"
}

// alteration reads one change of a column: its type, or its comment.
func (p *parser) alteration() Column {
	p.AcceptWords("COLUMN")
	c := Column{Name: p.Identifier()}
	if p.AcceptWords("COMMENT") {
		comment := p.Literal()
		c.Comment = &comment
		return c
	}
	if !p.AcceptWords("SET", "DATA", "TYPE") {
		p.ExpectWords("TYPE")
	}
	kind := p.columnType()
	c.Type = &kind
	return c
}

// alterSession reads parameters and their values, "separated by blank spaces,
// commas, or new lines" ("ALTER SESSION", Parameters).
func (p *parser) alterSession() Statement {
	p.ExpectWords("SET")
	list := []Parameter{p.parameter()}
	for p.Accept(",") || p.Peek().Kind == sqltext.Word {
		list = append(list, p.parameter())
	}
	return Statement{Verb: "ALTER SESSION", Kind: Session, Set: list}
}

func (p *parser) parameter() Parameter {
	set := Parameter{Name: p.Identifier()}
	p.Expect("=")
	switch t := p.Advance(); t.Kind {
	case sqltext.Word, sqltext.Text, sqltext.Number:
		set.Value = t.Text
	default:
		sqltext.Fail(t.Pos, "unexpected '%s'", t.Text)
	}
	return set
}

// comment reads COMMENT [IF EXISTS] ON TABLE t IS '…' and … ON COLUMN t.c IS '…'.
func (p *parser) comment() Statement {
	p.ExpectWords("COMMENT")
	d := &Definition{IfExists: p.IfExists()}
	p.ExpectWords("ON")
	if p.AcceptWords("TABLE") {
		d.Table = p.table()
		p.ExpectWords("IS")
		comment := p.Literal()
		d.Comment = &comment
		return Statement{Verb: "COMMENT ON TABLE", Kind: DDL, Define: d}
	}
	p.ExpectWords("COLUMN")
	pos := p.Peek().Pos
	path := p.Path()
	n := len(path)
	if n < 2 || n > 4 {
		sqltext.Fail(pos, "unexpected '%s': a column is named with its table", path[0])
	}
	d.Table.Name = path[n-2]
	if n > 2 {
		d.Table.Schema = path[n-3]
	}
	if n > 3 {
		d.Table.Database = path[0]
	}
	d.Table = p.named(d.Table)
	p.ExpectWords("IS")
	comment := p.Literal()
	d.Columns = []Column{{Name: path[n-1], Comment: &comment}}
	return Statement{Verb: "ALTER TABLE ALTER COLUMN", Kind: DDL, Define: d}
}
