package sqltext

import (
	"strings"
	"unicode/utf8"
)

// Kind says what a Token is.
type Kind int

// The kinds. Stage and Field are of dialects that have them.
const (
	End Kind = iota
	Word
	Quoted
	Text
	Number
	Punct
	Stage
	Field
)

// Token is one lexical unit.
type Token struct {
	Kind Kind
	// Text is what it means: a word and a quoted identifier folded as the
	// dialect folds them, a string without its quotes.
	Text string
	// Pos counts bytes from the start of the statement.
	Pos int
}

// Dialect is how the text of a language is cut.
type Dialect struct {
	// Comments are the beginnings of comments, which are refused.
	Comments []string
	// Punctuation are the characters that stand alone.
	Punctuation string
	// WideLetters lets words have letters beyond ASCII.
	WideLetters bool
	// Word and Quoted fold an identifier, and fail for one that may not be.
	Word, Quoted func(name string, pos int) string
	// Escape reads what a backslash in a string begins, at the backslash, and
	// returns the character that it stands for and the length of the sequence.
	// Nil takes a backslash for itself.
	Escape func(sql string, pos int) (c byte, length int)
	// Own reads a token that the language has for itself, and what follows it;
	// ok is false where there is none. Nil has none.
	Own func(sql string, pos int) (t Token, next int, ok bool)
	// Unexpected is the message for a token that nothing expected.
	Unexpected func(t Token) string
	// NotText, EmptyName and Unterminated are the messages for text that is not
	// UTF-8 or holds NUL, for "", and for quotes that do not close.
	NotText, EmptyName string
	Unterminated       func(rest string) string
}

// operators are longer than a character.
var operators = []string{"::", "<=", ">=", "<>", "!=", "||", "=>"}

// Lex cuts a text into tokens, the last of which is End.
func (d *Dialect) Lex(sql string) []Token {
	if !utf8.ValidString(sql) || strings.ContainsRune(sql, 0) {
		Fail(0, "%s", d.NotText)
	}
	var tokens []Token
	for pos := 0; ; {
		for pos < len(sql) && strings.IndexByte(" \t\r\n", sql[pos]) >= 0 {
			pos++
		}
		if pos == len(sql) {
			return append(tokens, Token{Kind: End, Pos: pos})
		}
		t, next := d.one(sql, pos)
		tokens = append(tokens, t)
		pos = next
	}
}

func (d *Dialect) one(sql string, pos int) (Token, int) {
	c, rest := sql[pos], sql[pos:]
	for _, comment := range d.Comments {
		if strings.HasPrefix(rest, comment) {
			Fail(pos, "comments are not understood by this stand-in")
		}
	}
	if d.Own != nil {
		if t, next, ok := d.Own(sql, pos); ok {
			return t, next
		}
	}
	switch {
	case c == '"':
		value, next := d.inQuotes(sql, pos, nil)
		if value == "" {
			Fail(pos, "%s", d.EmptyName)
		}
		return Token{Quoted, d.Quoted(value, pos), pos}, next
	case c == '\'':
		value, next := d.inQuotes(sql, pos, d.Escape)
		return Token{Text, value, pos}, next
	case isDigit(c), c == '.' && len(rest) > 1 && isDigit(rest[1]):
		return d.number(sql, pos)
	case d.isLetter(c):
		next := pos
		for next < len(sql) && (d.isLetter(sql[next]) || isDigit(sql[next]) || sql[next] == '$') {
			next++
		}
		return Token{Word, d.Word(sql[pos:next], pos), pos}, next
	}
	return d.punctuation(sql, pos)
}

func (d *Dialect) punctuation(sql string, pos int) (Token, int) {
	rest := sql[pos:]
	for _, o := range operators {
		if strings.HasPrefix(rest, o) {
			return Token{Punct, o, pos}, pos + len(o)
		}
	}
	_, size := utf8.DecodeRuneInString(rest)
	t := Token{Punct, rest[:size], pos}
	if size > 1 || strings.IndexByte(d.Punctuation, rest[0]) < 0 {
		Fail(pos, "%s", d.Unexpected(t))
	}
	return t, pos + 1
}

// inQuotes reads up to the quote that closes; a doubled one is itself.
func (d *Dialect) inQuotes(sql string, pos int, escape func(string, int) (byte, int)) (value string, next int) {
	quote := sql[pos]
	var b strings.Builder
	for i := pos + 1; i < len(sql); i++ {
		switch {
		case sql[i] == '\\' && escape != nil && i+1 < len(sql):
			c, length := escape(sql, i)
			b.WriteByte(c)
			i += length - 1
		case sql[i] != quote:
			b.WriteByte(sql[i])
		case i+1 < len(sql) && sql[i+1] == quote:
			b.WriteByte(quote)
			i++
		default:
			return b.String(), i + 1
		}
	}
	Fail(pos, "%s", d.Unterminated(sql[pos:]))
	return "", 0
}

func (d *Dialect) number(sql string, pos int) (Token, int) {
	next, dots := pos, 0
	for next < len(sql) && (isDigit(sql[next]) || sql[next] == '.') {
		if sql[next] == '.' {
			dots++
		}
		next++
	}
	t := Token{Number, sql[pos:next], pos}
	if dots > 1 || next < len(sql) && d.isLetter(sql[next]) {
		Fail(pos, "%s", d.Unexpected(t))
	}
	return t, next
}

func (d *Dialect) isLetter(c byte) bool {
	return c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || d.WideLetters && c >= utf8.RuneSelf
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
