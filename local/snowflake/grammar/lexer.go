package grammar

import (
	"strings"
	"unicode/utf8"
)

// maxIdentifier is Snowflake's limit in characters ("Identifier
// requirements").
const maxIdentifier = 255

type tokenKind int

const (
	end tokenKind = iota
	word
	quoted
	text
	number
	punct
	stage
	field
)

// token is one lexical unit. text is what it means: a word folded to upper
// case, a quoted identifier and a string without their quotes, a stage with
// its @, a field of a file ($1) without its $.
type token struct {
	kind tokenKind
	text string
	pos  int
}

// lex cuts a statement into tokens, the last of which is end.
func lex(sql string) []token {
	if !utf8.ValidString(sql) || strings.ContainsRune(sql, 0) {
		fail(0, "the statement is not UTF-8 text")
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
	c, rest := sql[pos], sql[pos:]
	switch {
	case strings.HasPrefix(rest, "--"), strings.HasPrefix(rest, "//"), strings.HasPrefix(rest, "/*"):
		fail(pos, "comments are not understood by this stand-in")
	case strings.HasPrefix(rest, "$$"):
		fail(pos, "strings in $$ are not understood by this stand-in")
	case c == '"':
		value, next := lexQuoted(sql, pos)
		return token{quoted, checkIdentifier(value, pos), pos}, next
	case c == '\'':
		value, next := lexText(sql, pos)
		return token{text, value, pos}, next
	case c == '@':
		return lexStage(sql, pos)
	case c == '$' && len(rest) > 1 && isDigit(rest[1]):
		next := pos + 1
		for next < len(sql) && isDigit(sql[next]) {
			next++
		}
		return token{field, sql[pos+1 : next], pos}, next
	case isDigit(c), c == '.' && len(rest) > 1 && isDigit(rest[1]):
		return lexNumber(sql, pos)
	case isLetter(c):
		next := pos
		for next < len(sql) && (isLetter(sql[next]) || isDigit(sql[next]) || sql[next] == '$') {
			next++
		}
		return token{word, checkIdentifier(strings.ToUpper(sql[pos:next]), pos), pos}, next
	}
	return lexPunct(sql, pos)
}

func lexPunct(sql string, pos int) (token, int) {
	rest := sql[pos:]
	for _, p := range []string{"::", "<=", ">=", "<>", "!=", "||"} {
		if strings.HasPrefix(rest, p) {
			return token{punct, p, pos}, pos + len(p)
		}
	}
	if strings.IndexByte("(),.;*+-/%<>=:?[]", rest[0]) < 0 {
		_, size := utf8.DecodeRuneInString(rest)
		fail(pos, "unexpected '%s'", rest[:size])
	}
	return token{punct, rest[:1], pos}, pos + 1
}

// lexQuoted reads a quoted identifier.
func lexQuoted(sql string, pos int) (string, int) {
	var b strings.Builder
	for i := pos + 1; i < len(sql); i++ {
		if sql[i] != '"' {
			b.WriteByte(sql[i])
			continue
		}
		if i+1 == len(sql) || sql[i+1] != '"' {
			if b.Len() == 0 {
				fail(pos, `unexpected '""'`)
			}
			return b.String(), i + 1
		}
		b.WriteByte('"')
		i++
	}
	fail(pos, "unterminated quoted identifier")
	return "", 0
}

// escapes are the sequences of a string constant that stand for one character
// ("String & binary data types", "Escape sequences in single-quoted string
// constants").
var escapes = map[byte]byte{'\'': '\'', '"': '"', '\\': '\\', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

func lexText(sql string, pos int) (string, int) {
	var b strings.Builder
	for i := pos + 1; i < len(sql); i++ {
		switch {
		case sql[i] == '\\' && i+1 < len(sql):
			i++
			c, known := escapes[sql[i]]
			if !known {
				fail(i-1, `the escape \%c is not understood by this stand-in: Snowflake leaves out a backslash before most characters; write \\`, sql[i])
			}
			b.WriteByte(c)
		case sql[i] != '\'':
			b.WriteByte(sql[i])
		case i+1 < len(sql) && sql[i+1] == '\'':
			b.WriteByte('\'')
			i++
		default:
			return b.String(), i + 1
		}
	}
	fail(pos, "unterminated string")
	return "", 0
}

// lexStage reads @ and what follows, up to white space or what can end a
// stage. Special characters must stand in single quotes ("COPY INTO <table>").
func lexStage(sql string, pos int) (token, int) {
	i, inQuotes := pos+1, false
	for ; i < len(sql); i++ {
		c := sql[i]
		if c == '"' {
			inQuotes = !inQuotes
		}
		if !inQuotes && c != '"' && !isLetter(c) && !isDigit(c) && strings.IndexByte("./-=%~$", c) < 0 {
			break
		}
	}
	return token{stage, sql[pos:i], pos}, i
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
		fail(pos, "unexpected '%s'", sql[pos:next])
	}
	return token{number, sql[pos:next], pos}, next
}

func checkIdentifier(s string, pos int) string {
	if n := utf8.RuneCountInString(s); n > maxIdentifier {
		fail(pos, "identifier of %d characters: the maximum is %d", n, maxIdentifier)
	}
	return s
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isLetter(c byte) bool { return c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }
