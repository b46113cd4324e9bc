package grammar

import (
	"strings"

	"github.com/stagelift/stagelift/local/sqltext"
)

// Statement is one statement that was understood.
type Statement struct {
	// Verb is what it does: "CREATE TABLE", "COPY", "SELECT".
	Verb string
	// SQL is the statement in PostgreSQL's words; empty for COPY.
	SQL string
	// Writes is the table whose rows the statement changes, as quoted SQL;
	// empty where none is. Redshift locks it against other writers to the end
	// of the transaction.
	Writes string
	// Returns is true for a statement that answers rows.
	Returns bool
	// Commits is true for TRUNCATE, which commits the transaction it runs in.
	Commits bool
	// Alone is true for what no transaction block may hold.
	Alone bool
	// Target is the table that an INSERT or a COPY fills; Columns are those that
	// it names, nil means all.
	Target  *Table
	Columns []string
	// Sources are the tables in FROM.
	Sources []Table
	// Drops are the tables of a DROP TABLE.
	Drops []Table
	// Copy, Create, Alter, View, Grant and Account are set for the statements of
	// that name; View for those that PostgreSQL does not do.
	Copy    *Copy
	Create  *Create
	Alter   *Alter
	View    *View
	Grant   *Grant
	Account *Account
	// LongNames are the identifiers that PostgreSQL cannot hold, by the name
	// that stands for them. Nil where there is none.
	LongNames map[string]string
}

// Rules are what a warehouse's settings change in its SQL; the zero value is
// Redshift as it comes.
type Rules struct {
	// CaseSensitive keeps the case of quoted identifiers, as
	// enable_case_sensitive_identifier does.
	CaseSensitive bool
	// AnyName takes names that Redshift does not: system columns' for columns,
	// and control characters.
	AnyName bool
	// LateView knows the late-binding views by the text of their queries. Nil
	// knows none.
	LateView func(Table) (query string, known bool)
}

// Parse reads one statement by the rules of Redshift as it comes.
func Parse(sql string) (Statement, error) { return Rules{}.Parse(sql) }

// Parse reads one statement, with or without a semicolon after it. The error
// is an *Error.
func (r Rules) Parse(sql string) (s Statement, err error) {
	defer func() {
		if f := sqltext.Caught(recover()); f != nil {
			s, err = Statement{}, &Error{Message: f.Message, Offset: f.Offset}
		}
	}()
	p := &parser{rules: r}
	p.Parser = sqltext.New(sql, r.dialect(), reserved, p, traits)
	s = p.statement()
	p.Accept(";")
	if p.Peek().Kind != sqltext.End {
		if p.Tokens[p.Next-1].Text == ";" {
			sqltext.Fail(p.Peek().Pos, "cannot insert multiple commands into a prepared statement")
		}
		p.Unexpected()
	}
	s.LongNames, s.Sources = p.LongNames, p.sources
	return s, nil
}

type parser struct {
	sqltext.Parser
	rules Rules
	// sources are the tables that were read from so far.
	sources []Table
}

func (p *parser) statement() Statement {
	verbs := []struct {
		verb string
		read func() Statement
	}{
		{"create", p.create},
		{"drop", p.drop},
		{"alter", p.alter},
		{"comment", p.comment},
		{"lock", p.lock},
		{"grant", p.grant},
		{"delete", p.delete},
		{"update", p.update},
		{"insert", p.insert},
		{"truncate", p.truncate},
		{"select", p.selectStatement},
		{"copy", p.copyStatement},
		{"show", p.showGrants},
	}
	for _, v := range verbs {
		if p.IsWord(v.verb) {
			return v.read()
		}
	}
	for _, v := range []string{"begin", "start", "commit", "end", "rollback", "abort"} {
		if p.IsWord(v) {
			sqltext.Fail(p.Peek().Pos, "%s is refused: the Data API runs a batch as one transaction of its own", strings.ToUpper(v))
		}
	}
	p.Unexpected()
	return Statement{}
}

// table reads a table name, with or without its schema.
func (p *parser) table() Table {
	name := Table{Name: p.Identifier()}
	if p.Accept(".") {
		name.Schema, name.Name = name.Name, p.Identifier()
	}
	return name
}
