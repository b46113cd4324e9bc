package grammar

import (
	"strconv"
	"strings"
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
		if failure := recover(); failure != nil {
			err = caught(sql, failure)
		}
	}()
	begin := -1
	for _, t := range lex(sql) {
		ends := t.kind == end || t.kind == punct && t.text == ";"
		switch {
		case !ends && begin < 0:
			begin = t.pos
		case ends && begin >= 0:
			statements = append(statements, Text{strings.TrimRight(sql[begin:t.pos], " \t\r\n"), begin})
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

// Parse reads one statement. temporary, if not nil, knows the session's
// temporary tables. The error is an *Error.
func Parse(sql string, bindings []Binding, temporary func(Table) bool) (s Statement, err error) {
	defer func() {
		if failure := recover(); failure != nil {
			s, err = Statement{}, caught(sql, failure)
		}
	}()
	p := &parser{sql: sql, tokens: lex(sql), bindings: bindings, temporary: temporary}
	s = p.statement()
	p.accept(";")
	if p.peek().kind != end {
		p.unexpected()
	}
	if p.bound != len(bindings) {
		fail(p.peek().pos, "%d values are bound, %d are used", len(bindings), p.bound)
	}
	s.Tables, s.LongNames = p.tables, p.longNames
	return s, nil
}

type parser struct {
	sql       string
	tokens    []token
	next      int
	depth     int
	bindings  []Binding
	bound     int
	temporary func(Table) bool
	tables    []Table
	longNames map[string]string
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
		if p.isWord(v.verb) {
			return v.read()
		}
	}
	p.unexpected()
	return Statement{}
}

func (p *parser) transaction() Statement {
	verb := p.advance().text
	if !p.acceptWords("TRANSACTION") || verb != "BEGIN" {
		p.acceptWords("WORK")
	}
	return Statement{Verb: verb, Kind: map[string]Kind{"BEGIN": Begin, "COMMIT": Commit, "ROLLBACK": Rollback}[verb]}
}

func (p *parser) peek() token { return p.tokens[p.next] }

func (p *parser) advance() token {
	t := p.tokens[p.next]
	if t.kind != end {
		p.next++
	}
	return t
}

func (p *parser) unexpected() {
	t := p.peek()
	if t.kind == end {
		fail(t.pos, "unexpected '<EOF>'")
	}
	fail(t.pos, "unexpected '%s'", t.text)
}

func (p *parser) is(s string) bool {
	t := p.peek()
	return t.kind == punct && t.text == s
}

func (p *parser) isWord(s string) bool {
	t := p.peek()
	return t.kind == word && t.text == s
}

// accept takes the punctuation if it is next.
func (p *parser) accept(s string) bool {
	if !p.is(s) {
		return false
	}
	p.next++
	return true
}

func (p *parser) expect(s string) {
	if !p.accept(s) {
		p.unexpected()
	}
}

// acceptWords takes all of the keywords, or none of them.
func (p *parser) acceptWords(words ...string) bool {
	for i, w := range words {
		if p.next+i >= len(p.tokens) || p.tokens[p.next+i].kind != word || p.tokens[p.next+i].text != w {
			return false
		}
	}
	p.next += len(words)
	return true
}

func (p *parser) expectWords(words ...string) {
	for _, w := range words {
		if !p.acceptWords(w) {
			p.unexpected()
		}
	}
}

// identifier reads a name; what comes back is folded and not quoted.
func (p *parser) identifier() string {
	t := p.peek()
	if t.kind != quoted && (t.kind != word || reserved[t.text]) {
		p.unexpected()
	}
	p.next++
	if held := Held(t.text); held != t.text {
		if p.longNames == nil {
			p.longNames = map[string]string{}
		}
		p.longNames[held] = t.text
	}
	return t.text
}

// identifiers reads ( name, … ).
func (p *parser) identifiers() []string {
	p.expect("(")
	names := []string{p.identifier()}
	for p.accept(",") {
		names = append(names, p.identifier())
	}
	p.expect(")")
	return names
}

// table reads the name of a table, with or without its schema and database.
func (p *parser) table() Table {
	name := Table{Name: p.identifier()}
	if p.accept(".") {
		name.Schema, name.Name = name.Name, p.identifier()
	}
	if p.accept(".") {
		name.Database, name.Schema, name.Name = name.Schema, name.Name, p.identifier()
	}
	name.Temporary = p.temporary != nil && p.temporary(name)
	p.tables = append(p.tables, name)
	return name
}

func (p *parser) integer() int {
	t := p.advance()
	n, err := strconv.Atoi(t.text)
	if t.kind != number || err != nil {
		fail(t.pos, "unexpected '%s'", t.text)
	}
	return n
}

func (p *parser) literal() string {
	t := p.peek()
	if t.kind != text {
		p.unexpected()
	}
	p.next++
	return t.text
}

func (p *parser) list(read func() string) string {
	items := []string{read()}
	for p.accept(",") {
		items = append(items, read())
	}
	return strings.Join(items, ", ")
}
