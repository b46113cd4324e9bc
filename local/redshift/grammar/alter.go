package grammar

import (
	"fmt"
	"strings"

	"github.com/stagelift/stagelift/local/sqltext"
)

// Action is what an ALTER TABLE does.
type Action string

// The actions.
const (
	AddColumn    Action = "ADD COLUMN"
	DropColumn   Action = "DROP COLUMN"
	RenameColumn Action = "RENAME COLUMN"
	RenameTable  Action = "RENAME TO"
	AlterType    Action = "ALTER COLUMN TYPE"
)

// Alter is an ALTER TABLE, for what has to be looked up before it is done.
type Alter struct {
	Table  Table
	Action Action
	// Column is what the action is about, by its name before; empty for
	// RenameTable.
	Column string
	// Mark is of a new column.
	Mark *Mark
	// OldCheck and NewCheck name the check that holds the column's length, quoted,
	// before and after RenameColumn.
	OldCheck, NewCheck string
}

func (p *parser) alter() Statement {
	p.ExpectWords("alter", "table")
	a := &Alter{Table: p.table()}
	s := Statement{Verb: "ALTER TABLE", Alter: a}
	switch {
	case p.AcceptWords("alter"):
		p.AcceptWords("column")
		s.Alone, s.SQL = true, p.alterType(a)
	case p.AcceptWords("rename", "to"):
		a.Action = RenameTable
		s.SQL = "RENAME TO " + sqltext.Quote(p.Identifier())
	case p.AcceptWords("rename", "column"):
		s.SQL = p.renameColumn(a)
	case p.AcceptWords("drop"):
		p.AcceptWords("column")
		a.Action, a.Column = DropColumn, p.Identifier()
		s.SQL = "DROP COLUMN " + sqltext.Quote(a.Column) + p.dependents()
	default:
		p.ExpectWords("add")
		p.AcceptWords("column")
		s.SQL = p.addColumn(a)
	}
	s.SQL = "ALTER TABLE " + a.Table.SQL() + " " + s.SQL
	return s
}

func (p *parser) addColumn(a *Alter) string {
	pos := p.Peek().Pos
	c := &Create{}
	d := p.definition(c)
	if d.notNull && d.rest == "" {
		sqltext.Fail(pos, "ALTER TABLE ADD COLUMN defined as NOT NULL must have a non-null default expression")
	}
	a.Action, a.Column = AddColumn, d.name
	if len(c.Marks) > 0 {
		if a.Mark = &c.Marks[0]; a.Mark.Key > 0 || a.Mark.Layout {
			sqltext.Fail(pos, "ALTER TABLE ADD COLUMN cannot add a column that is a PRIMARY KEY, a DISTKEY or a SORTKEY")
		}
	}
	return "ADD COLUMN " + d.sql()
}

func (p *parser) renameColumn(a *Alter) string {
	a.Action, a.Column = RenameColumn, p.Identifier()
	p.ExpectWords("to")
	name := p.columnName()
	a.OldCheck, a.NewCheck = lengthName(a.Column), lengthName(name)
	return "RENAME COLUMN " + sqltext.Quote(a.Column) + " TO " + sqltext.Quote(name)
}

// alterType changes the length of a VARCHAR, the one type whose size can be
// changed, and not in a transaction block ("ALTER TABLE", Parameters).
func (p *parser) alterType(a *Alter) string {
	a.Action, a.Column = AlterType, p.Identifier()
	p.ExpectWords("type")
	pos := p.Peek().Pos
	kind := p.columnType(a.Column)
	if !strings.HasPrefix(kind.sql, "character varying") {
		sqltext.Fail(pos, "ALTER COLUMN TYPE changes the size of a VARCHAR only")
	}
	return "DROP CONSTRAINT " + lengthName(a.Column) +
		", ALTER COLUMN " + sqltext.Quote(a.Column) + " TYPE " + kind.sql +
		", ADD CONSTRAINT " + lengthName(a.Column) + " CHECK (" + fmt.Sprintf(kind.check, sqltext.Quote(a.Column)) + ")"
}

// dependents reads what is to become of objects that depend on a dropped one.
func (p *parser) dependents() string {
	if how := p.AcceptOne("cascade", "restrict"); how != "" {
		return " " + strings.ToUpper(how)
	}
	return ""
}

// comment reads COMMENT ON COLUMN of a table that is named with its schema.
func (p *parser) comment() Statement {
	p.ExpectWords("comment", "on", "column")
	table := p.table()
	p.Expect(".")
	column := sqltext.Quote(p.Identifier())
	p.ExpectWords("is")
	return Statement{Verb: "COMMENT", SQL: "COMMENT ON COLUMN " + table.SQL() + "." + column + " IS " + p.textLiteral()}
}
