package grammar

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/stagelift/stagelift/local/sqltext"
)

// maxIdentifier is Snowflake's limit in characters ("Identifier
// requirements").
const maxIdentifier = 255

var dialect = &sqltext.Dialect{
	Comments:    []string{"--", "//", "/*"},
	Punctuation: "(),.;*+-/%<>=:?[]",
	Word:        func(name string, pos int) string { return checkIdentifier(sqltext.UpperASCII(name), pos) },
	Quoted:      checkIdentifier,
	Escape:      escape,
	Own:         ownToken,
	Unexpected: func(t sqltext.Token) string {
		if t.Kind == sqltext.End {
			return "unexpected '<EOF>'"
		}
		return "unexpected '" + t.Text + "'"
	},
	NotText:   "the statement is not UTF-8 text",
	EmptyName: `unexpected '""'`,
	Unterminated: func(rest string) string {
		if rest[0] == '"' {
			return "unterminated quoted identifier"
		}
		return "unterminated string"
	},
}

// ignoringCase is the dialect under QUOTED_IDENTIFIERS_IGNORE_CASE, where
// "letters in double-quoted identifiers are stored and resolved as uppercase"
// ("Identifier requirements").
var ignoringCase = func() *sqltext.Dialect {
	d := *dialect
	d.Quoted = d.Word
	return &d
}()

func checkIdentifier(s string, pos int) string {
	if n := utf8.RuneCountInString(s); n > maxIdentifier {
		sqltext.Fail(pos, "identifier of %d characters: the maximum is %d", n, maxIdentifier)
	}
	return s
}

// escapes are the sequences of a string constant that stand for one character
// ("String & binary data types", "Escape sequences in single-quoted string
// constants").
var escapes = map[byte]byte{'\'': '\'', '"': '"', '\\': '\\', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

func escape(sql string, pos int) (c byte, length int) {
	c, known := escapes[sql[pos+1]]
	if !known {
		sqltext.Fail(pos, `the escape \%c is not understood by this stand-in: Snowflake leaves out a backslash before most characters; write \\`, sql[pos+1])
	}
	return c, 2
}

// ownToken reads a stage, with its @, and a field of a file ($1), without its $.
func ownToken(sql string, pos int) (t sqltext.Token, next int, ok bool) {
	rest := sql[pos:]
	switch {
	case strings.HasPrefix(rest, "$$"):
		sqltext.Fail(pos, "strings in $$ are not understood by this stand-in")
	case rest[0] == '@':
		t, next = stageToken(sql, pos)
		return t, next, true
	case rest[0] == '$' && len(rest) > 1 && isDigit(rest[1]):
		next = pos + 1
		for next < len(sql) && isDigit(sql[next]) {
			next++
		}
		return sqltext.Token{Kind: sqltext.Field, Text: sql[pos+1 : next], Pos: pos}, next, true
	}
	return sqltext.Token{}, 0, false
}

// stageToken reads @ and what follows, up to white space or what can end a
// stage. Special characters must stand in single quotes ("COPY INTO <table>").
func stageToken(sql string, pos int) (t sqltext.Token, next int) {
	inQuotes := false
	for next = pos + 1; next < len(sql); next++ {
		c := sql[next]
		if c == '"' {
			inQuotes = !inQuotes
		}
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		if !inQuotes && !letter && !isDigit(c) && strings.IndexByte(`"_./-=%~$`, c) < 0 {
			break
		}
	}
	return sqltext.Token{Kind: sqltext.Stage, Text: sql[pos:next], Pos: pos}, next
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// Code is Snowflake's code for a syntax error, State its SQLSTATE.
const (
	Code  = "001003"
	State = "42000"
)

// Error says what is wrong with a statement, and where.
type Error struct {
	Message string
	// Offset counts bytes from the start of the statement.
	Offset int
	// Line and Position are the place as Snowflake tells it: lines from 1,
	// positions from 0.
	Line, Position int
}

// Error gives the message in the form of a compilation error.
func (e *Error) Error() string {
	return fmt.Sprintf("SQL compilation error:\nsyntax error line %d at position %d %s.", e.Line, e.Position, e.Message)
}

// caught turns what the parser threw into an error.
func caught(sql string, thrown any) error {
	f := sqltext.Caught(thrown)
	if f == nil {
		return nil
	}
	line, position := Place(sql, f.Offset)
	return &Error{Message: f.Message, Offset: f.Offset, Line: line, Position: position}
}

// Place tells where an offset lies: the line from 1, the position in it from 0.
func Place(sql string, offset int) (line, position int) {
	before := sql[:min(offset, len(sql))]
	return strings.Count(before, "\n") + 1, len(before) - strings.LastIndexByte(before, '\n') - 1
}

// Table names a table. Database and Schema are empty where the statement gave
// none.
type Table struct {
	Database, Schema, Name string
	// Temporary is true for a table of the session. It has a schema, which
	// PostgreSQL's temporary tables have not: the schema becomes part of the
	// name.
	Temporary bool
}

// SQL returns the name quoted for PostgreSQL, which has one database only.
func (t Table) SQL() string {
	switch {
	case t.Temporary:
		return "pg_temp." + sqltext.Quote(t.Schema+"."+t.Name)
	case t.Schema == "":
		return sqltext.Quote(t.Name)
	}
	return sqltext.Quote(t.Schema) + "." + sqltext.Quote(t.Name)
}

// String returns the name in Snowflake's words.
func (t Table) String() string {
	var parts []string
	for _, part := range []string{t.Database, t.Schema, t.Name} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, ".")
}

// Held returns the name that PostgreSQL knows an identifier by.
func Held(identifier string) string { return sqltext.Held(identifier) }
