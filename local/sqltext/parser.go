package sqltext

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxDepth keeps a hostile statement from using up the stack.
const maxDepth = 200

// Grammar is what a language makes of operands. Each method reads at the
// parser's place.
type Grammar interface {
	// Own reads an operand that the language has for itself, or returns false.
	Own() (sql string, ok bool)
	// Call reads a function call, at its name.
	Call() string
	// Column reads a column, with or without what it is of.
	Column() string
	// Constant says a string constant, which was read already.
	Constant(t Token) string
	// CastTo reads a type and casts what it is given.
	CastTo(sql string) string
	// Query reads a SELECT.
	Query() string
	// Table reads the name of a table. name is what the query calls it, quoted;
	// called is true where PostgreSQL calls sql so too.
	Table() (sql, name string, called bool)
	// Names tells whether a word may be an alias where it stands.
	Names(word string) bool
}

// Parser walks over the tokens of a statement. Its methods either take what
// they read, or Fail.
type Parser struct {
	// SQL is the statement's text.
	SQL    string
	Tokens []Token
	// Next is the place: the index of the token that comes.
	Next int
	// LongNames are the identifiers that PostgreSQL cannot hold, by the name
	// that stands for them. Nil where there is none.
	LongNames map[string]string

	dialect  *Dialect
	grammar  Grammar
	traits   Traits
	reserved map[string]bool
	depth    int
}

// New cuts a statement. reserved are the words, as the dialect folds them, that
// are no names unless they are quoted.
func New(sql string, d *Dialect, reserved map[string]bool, g Grammar, t Traits) Parser {
	return Parser{SQL: sql, Tokens: d.Lex(sql), dialect: d, grammar: g, traits: t, reserved: reserved}
}

// Within cuts another text of the same language, as deep as this one is.
func (p *Parser) Within(sql string, g Grammar) Parser {
	inner := New(sql, p.dialect, p.reserved, g, p.traits)
	inner.depth = p.depth
	return inner
}

// Peek is the token that comes.
func (p *Parser) Peek() Token { return p.Tokens[p.Next] }

// Advance takes the token that comes, whatever it is.
func (p *Parser) Advance() Token {
	t := p.Tokens[p.Next]
	if t.Kind != End {
		p.Next++
	}
	return t
}

// Unexpected fails at the token that comes.
func (p *Parser) Unexpected() { p.Refuse(p.Peek()) }

// Refuse fails at a token.
func (p *Parser) Refuse(t Token) { Fail(t.Pos, "%s", p.dialect.Unexpected(t)) }

// Is tells whether a punctuation comes.
func (p *Parser) Is(s string) bool {
	t := p.Peek()
	return t.Kind == Punct && t.Text == s
}

// Before tells whether a punctuation comes behind the token that comes.
func (p *Parser) Before(s string) bool {
	return p.Next+1 < len(p.Tokens) && p.Tokens[p.Next+1].Kind == Punct && p.Tokens[p.Next+1].Text == s
}

// IsWord tells whether a keyword comes, in whatever case.
func (p *Parser) IsWord(keyword string) bool { return isKeyword(p.Peek(), keyword) }

func isKeyword(t Token, keyword string) bool {
	if t.Kind != Word || len(t.Text) != len(keyword) {
		return false
	}
	for i := range len(keyword) {
		if a, b := t.Text[i]|0x20, keyword[i]|0x20; a != b || a >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// Accept takes the punctuation if it comes.
func (p *Parser) Accept(s string) bool {
	if !p.Is(s) {
		return false
	}
	p.Next++
	return true
}

// Expect takes the punctuation.
func (p *Parser) Expect(s string) {
	if !p.Accept(s) {
		p.Unexpected()
	}
}

// Closing takes a closing parenthesis and returns it.
func (p *Parser) Closing() string {
	p.Expect(")")
	return ")"
}

// AcceptWords takes all of the keywords, or none of them.
func (p *Parser) AcceptWords(keywords ...string) bool {
	for i, w := range keywords {
		if p.Next+i >= len(p.Tokens) || !isKeyword(p.Tokens[p.Next+i], w) {
			return false
		}
	}
	p.Next += len(keywords)
	return true
}

// AcceptOne takes one of the keywords and returns it as it was asked for, or
// returns the empty string.
func (p *Parser) AcceptOne(keywords ...string) string {
	for _, w := range keywords {
		if p.AcceptWords(w) {
			return w
		}
	}
	return ""
}

// ExpectWords takes the keywords.
func (p *Parser) ExpectWords(keywords ...string) {
	for _, w := range keywords {
		if !p.AcceptWords(w) {
			p.Unexpected()
		}
	}
}

// IfExists takes IF EXISTS, IfNotExists IF NOT EXISTS.
func (p *Parser) IfExists() bool { return p.ifThere("exists") }

// IfNotExists takes IF NOT EXISTS.
func (p *Parser) IfNotExists() bool { return p.ifThere("not", "exists") }

func (p *Parser) ifThere(keywords ...string) bool {
	if !p.AcceptWords("if") {
		return false
	}
	p.ExpectWords(keywords...)
	return true
}

// Identifier reads a name; what comes back is folded and not quoted.
func (p *Parser) Identifier() string {
	t := p.Peek()
	if t.Kind != Quoted && (t.Kind != Word || p.reserved[t.Text]) {
		p.Unexpected()
	}
	p.Next++
	return p.Note(t.Text)
}

// Note remembers a name that PostgreSQL cannot hold, and returns it.
func (p *Parser) Note(name string) string {
	if held := Held(name); held != name {
		if p.LongNames == nil {
			p.LongNames = map[string]string{}
		}
		p.LongNames[held] = name
	}
	return name
}

// Path reads names with dots between them.
func (p *Parser) Path() []string {
	path := []string{p.Identifier()}
	for p.Accept(".") {
		path = append(path, p.Identifier())
	}
	return path
}

// Identifiers reads ( name, … ).
func (p *Parser) Identifiers() []string {
	p.Expect("(")
	names := Many(p, p.Identifier)
	p.Expect(")")
	return names
}

// Integer reads a whole number.
func (p *Parser) Integer() int {
	t := p.Advance()
	n, err := strconv.Atoi(t.Text)
	if t.Kind != Number || err != nil {
		p.Refuse(t)
	}
	return n
}

// Number reads a number and returns it as it was written.
func (p *Parser) Number() string {
	t := p.Peek()
	if t.Kind != Number {
		p.Unexpected()
	}
	p.Next++
	return t.Text
}

// Literal reads a string constant and returns what it means.
func (p *Parser) Literal() string {
	t := p.Peek()
	if t.Kind != Text {
		p.Unexpected()
	}
	p.Next++
	return t.Text
}

// List reads one or more with commas between them.
func (p *Parser) List(read func() string) string { return strings.Join(Many(p, read), ", ") }

// Deeper counts a level of nesting and fails past the limit. What it returns is
// to be called when the level is left.
func (p *Parser) Deeper() func() {
	if p.depth++; p.depth > maxDepth {
		Fail(p.Peek().Pos, "expression is nested too deeply")
	}
	return func() { p.depth-- }
}

// oneOf takes one of the operators, or returns the empty string.
func (p *Parser) oneOf(ops ...string) string {
	if t := p.Peek(); t.Kind == Punct && slices.Contains(ops, t.Text) {
		p.Next++
		return t.Text
	}
	return ""
}

// FoldASCII lowers ASCII letters, and no other.
func FoldASCII(s string) string { return mapASCII(s, 'A', 'Z', 'a') }

// UpperASCII raises ASCII letters, and no other.
func UpperASCII(s string) string { return mapASCII(s, 'a', 'z', 'A') }

func mapASCII(s string, from, to, first byte) string {
	for i := range len(s) {
		if from <= s[i] && s[i] <= to {
			b := []byte(s)
			for j := i; j < len(b); j++ {
				if from <= b[j] && b[j] <= to {
					b[j] += first - from
				}
			}
			return string(b)
		}
	}
	return s
}
