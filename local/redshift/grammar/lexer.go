package grammar

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxIdentifier is Redshift's limit in bytes ("Names and identifiers").
const maxIdentifier = 127

type tokenKind int

const (
	end tokenKind = iota
	word
	quoted
	text
	number
	punct
)

// token is one lexical unit. text is what it means: a word and a quoted
// identifier folded to lower case, a string without its quotes.
type token struct {
	kind tokenKind
	text string
	pos  int
}

// Error says what is wrong with a statement, and where.
type Error struct {
	// Message is in Redshift's words where those are known.
	Message string
	// Offset counts bytes from the start of the statement.
	Offset int
}

// Error gives the place as Redshift does, counting from 1.
func (e *Error) Error() string { return fmt.Sprintf("%s Position: %d", e.Message, e.Offset+1) }

// fail leaves the parser; Parse turns it into an error. Passing an error
// through every production would bury the grammar.
func fail(pos int, format string, args ...any) {
	panic(&Error{Message: fmt.Sprintf(format, args...), Offset: pos})
}

// lex cuts a statement into tokens, the last of which is end.
func lex(sql string) []token {
	if !utf8.ValidString(sql) || strings.ContainsRune(sql, 0) {
		fail(0, "invalid byte sequence for encoding \"UTF8\"")
	}
	var tokens []token
	for pos := 0; ; {
		for pos < len(sql) && strings.IndexByte(" \t\r\n", sql[pos]) >= 0 {
			pos++
		}
		if pos == len(sql) {
			return append(tokens, token{kind: end, pos: pos})
		}
		t, next := lexOne(sql, pos)
		tokens = append(tokens, t)
		pos = next
	}
}

func lexOne(sql string, pos int) (token, int) {
	c := sql[pos]
	rest := sql[pos:]
	switch {
	case strings.HasPrefix(rest, "--"), strings.HasPrefix(rest, "/*"):
		fail(pos, "comments are not understood by this stand-in")
	case c == '"':
		value, next := lexQuoted(sql, pos, '"')
		if value == "" {
			fail(pos, `zero-length delimited identifier at or near """"`)
		}
		return token{quoted, checkIdentifier(value, pos), pos}, next
	case c == '\'':
		value, next := lexQuoted(sql, pos, '\'')
		return token{text, value, pos}, next
	case isDigit(c), c == '.' && len(rest) > 1 && isDigit(rest[1]):
		return lexNumber(sql, pos)
	case isLetter(c):
		next := pos
		for next < len(sql) && (isLetter(sql[next]) || isDigit(sql[next]) || sql[next] == '$') {
			next++
		}
		return token{word, checkIdentifier(sql[pos:next], pos), pos}, next
	}
	for _, p := range []string{"::", "<=", ">=", "<>", "!=", "||"} {
		if strings.HasPrefix(rest, p) {
			return token{punct, p, pos}, pos + len(p)
		}
	}
	if strings.IndexByte("(),.;*+-/%<>=[]", c) < 0 {
		fail(pos, "syntax error at or near %q", firstRune(rest))
	}
	return token{punct, string(c), pos}, pos + 1
}

func lexQuoted(sql string, pos int, quote byte) (string, int) {
	var b strings.Builder
	for i := pos + 1; i < len(sql); i++ {
		if sql[i] != quote {
			b.WriteByte(sql[i])
			continue
		}
		if i+1 == len(sql) || sql[i+1] != quote {
			return b.String(), i + 1
		}
		b.WriteByte(quote)
		i++
	}
	fail(pos, "unterminated quoted string at or near %q", sql[pos:min(len(sql), pos+20)])
	return "", 0
}

func lexNumber(sql string, pos int) (token, int) {
	next, dots := pos, 0
	for next < len(sql) && (isDigit(sql[next]) || sql[next] == '.') {
		if sql[next] == '.' {
			dots++
		}
		next++
	}
	if dots > 1 || next < len(sql) && isLetter(sql[next]) {
		fail(pos, "syntax error at or near %q", sql[pos:next])
	}
	return token{number, sql[pos:next], pos}, next
}

func checkIdentifier(s string, pos int) string {
	if len(s) > maxIdentifier {
		fail(pos, "identifier of %d bytes: the maximum is %d", len(s), maxIdentifier)
	}
	return fold(s)
}

// Fold lowers a name as Redshift does, ASCII letters only.
func Fold(name string) string { return fold(name) }

func fold(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

func firstRune(s string) string {
	_, size := utf8.DecodeRuneInString(s)
	return s[:size]
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isLetter(c byte) bool {
	return c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c >= utf8.RuneSelf
}
