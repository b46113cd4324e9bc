package grammar

import (
	"strconv"
	"strings"
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
	// Copy is set for COPY alone.
	Copy *Copy
	// LongNames are the identifiers that PostgreSQL cannot hold, by the name
	// that stands for them. Nil where there is none.
	LongNames map[string]string
}

// Parse reads one statement, with or without a semicolon after it. The error
// is an *Error.
func Parse(sql string) (s Statement, err error) {
	defer func() {
		switch failure := recover().(type) {
		case nil:
		case *Error:
			s, err = Statement{}, failure
		default:
			panic(failure)
		}
	}()
	p := &parser{tokens: lex(sql)}
	s = p.statement()
	p.accept(";")
	if p.peek().kind != end {
		if p.tokens[p.next-1].text == ";" {
			fail(p.peek().pos, "cannot insert multiple commands into a prepared statement")
		}
		p.unexpected()
	}
	s.LongNames = p.longNames
	return s, nil
}

type parser struct {
	longNames map[string]string
	tokens    []token
	next      int
	depth     int
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
		{"delete", p.delete},
		{"insert", p.insert},
		{"truncate", p.truncate},
		{"select", p.selectStatement},
		{"copy", p.copyStatement},
	}
	for _, v := range verbs {
		if p.isWord(v.verb) {
			return v.read()
		}
	}
	for _, v := range []string{"begin", "start", "commit", "end", "rollback", "abort"} {
		if p.isWord(v) {
			fail(p.peek().pos, "%s is refused: the Data API runs a batch as one transaction of its own", strings.ToUpper(v))
		}
	}
	p.unexpected()
	return Statement{}
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
		fail(t.pos, "syntax error at end of input")
	}
	fail(t.pos, "syntax error at or near %q", t.text)
}

// is reports whether the next token is a keyword or a punctuation.
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

// table reads a table name, with or without its schema.
func (p *parser) table() Table {
	name := Table{Name: p.identifier()}
	if p.accept(".") {
		name.Schema, name.Name = name.Name, p.identifier()
	}
	return name
}

func (p *parser) integer() int {
	t := p.advance()
	n, err := strconv.Atoi(t.text)
	if t.kind != number || err != nil {
		fail(t.pos, "syntax error at or near %q", t.text)
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
