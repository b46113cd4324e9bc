package grammar

import (
	"strings"

	"github.com/stagelift/stagelift/local/sqltext"
)

// Text is one statement of a request, and where it begins there.
type Text struct {
	SQL    string
	Offset int
}

// Split cuts a request at its semicolons. Empty statements do not count. The
// error is an *Error.
func Split(sql string) (statements []Text, err error) {
	defer func() {
		if failure := caught(sql, recover()); failure != nil {
			err = failure
		}
	}()
	begin := -1
	for _, t := range dialect.Lex(sql) {
		ends := t.Kind == sqltext.End || t.Kind == sqltext.Punct && t.Text == ";"
		switch {
		case !ends && begin < 0:
			begin = t.Pos
		case ends && begin >= 0:
			statements = append(statements, Text{strings.TrimRight(sql[begin:t.Pos], " \t\r\n"), begin})
			begin = -1
		}
	}
	return statements, nil
}

// Binding is the value of a ? in a statement.
type Binding struct {
	// Type is the binding type of the SQL API, "TEXT" or "FIXED" say.
	Type  string
	Value *string
}

// Rules are what a session's parameters change in the SQL; the zero value is
// Snowflake as it comes.
type Rules struct {
	// ColumnList lets COPY name columns without a SELECT, which its syntax does
	// not.
	ColumnList bool
	// IgnoreCase is QUOTED_IDENTIFIERS_IGNORE_CASE.
	IgnoreCase bool
	// BinaryInput is BINARY_INPUT_FORMAT; empty is HEX.
	BinaryInput string
	// Formatted are the types whose form of input is another than AUTO.
	Formatted map[string]bool
	// Temporary, if not nil, knows the session's temporary tables, and names them
	// in full.
	Temporary func(Table) (full Table, known bool)
}

// Parse reads one statement. The error is an *Error.
func (r Rules) Parse(sql string, bindings []Binding) (s Statement, err error) {
	defer func() {
		if failure := caught(sql, recover()); failure != nil {
			s, err = Statement{}, failure
		}
	}()
	p := newParser(sql, r)
	p.bindings = bindings
	s = p.statement()
	p.Accept(";")
	if p.Peek().Kind != sqltext.End {
		p.Unexpected()
	}
	if p.bound != len(bindings) {
		sqltext.Fail(p.Peek().Pos, "%d values are bound, %d are used", len(bindings), p.bound)
	}
	s.Tables, s.LongNames, s.Validate = p.tables, p.LongNames, p.validated
	return s, nil
}

type parser struct {
	sqltext.Parser
	rules    Rules
	bindings []Binding
	bound    int
	tables   []Table
	// validated is what the statement asks VALIDATE, or nil.
	validated *Validate
}

func newParser(sql string, r Rules) *parser {
	p := &parser{rules: r}
	d := dialect
	if r.IgnoreCase {
		d = ignoringCase
	}
	p.Parser = sqltext.New(sql, d, reserved, p, traits)
	return p
}

func (p *parser) statement() Statement {
	for _, v := range []struct {
		verb string
		read func() Statement
	}{
		{"CREATE", p.create},
		{"DROP", p.drop},
		{"ALTER", p.alter},
		{"COMMENT", p.comment},
		{"GRANT", p.grant},
		{"COPY", p.copyStatement},
		{"SELECT", p.selectStatement},
		{"INSERT", p.insert},
		{"UPDATE", p.update},
		{"DELETE", p.delete},
		{"MERGE", p.merge},
		{"TRUNCATE", p.truncate},
		{"BEGIN", p.transaction},
		{"COMMIT", p.transaction},
		{"ROLLBACK", p.transaction},
	} {
		if p.IsWord(v.verb) {
			return v.read()
		}
	}
	p.Unexpected()
	return Statement{}
}

func (p *parser) transaction() Statement {
	verb := p.Advance().Text
	if !p.AcceptWords("TRANSACTION") || verb != "BEGIN" {
		p.AcceptWords("WORK")
	}
	return Statement{Verb: verb, Kind: map[string]Kind{"BEGIN": Begin, "COMMIT": Commit, "ROLLBACK": Rollback}[verb]}
}

// table reads the name of a table, with or without its schema and database.
func (p *parser) table() Table {
	name := Table{Name: p.Identifier()}
	if p.Accept(".") {
		name.Schema, name.Name = name.Name, p.Identifier()
	}
	if p.Accept(".") {
		name.Database, name.Schema, name.Name = name.Schema, name.Name, p.Identifier()
	}
	return p.named(name)
}

// named notes that a table was named, and whether it is the session's own.
func (p *parser) named(t Table) Table {
	if p.rules.Temporary != nil {
		if full, known := p.rules.Temporary(t); known {
			t.Schema, t.Temporary = full.Schema, true
		}
	}
	p.tables = append(p.tables, t)
	return t
}
