package grammar

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/stagelift/stagelift/local/sqltext"
)

// maxIdentifier is Redshift's limit in bytes ("Names and identifiers").
const maxIdentifier = 127

var dialect = sqltext.Dialect{
	Comments:    []string{"--", "/*"},
	Punctuation: "(),.;*+-/%<>=[]",
	WideLetters: true,
	Unexpected: func(t sqltext.Token) string {
		if t.Kind == sqltext.End {
			return "syntax error at end of input"
		}
		return fmt.Sprintf("syntax error at or near %q", t.Text)
	},
	NotText:   `invalid byte sequence for encoding "UTF8"`,
	EmptyName: `zero-length delimited identifier at or near """"`,
	Unterminated: func(rest string) string {
		return fmt.Sprintf("unterminated quoted string at or near %q", rest[:min(len(rest), 20)])
	},
}

func (r Rules) dialect() *sqltext.Dialect {
	d := dialect
	d.Word = func(name string, pos int) string { return Fold(r.checked(name, pos)) }
	d.Quoted = d.Word
	if r.CaseSensitive {
		d.Quoted = r.checked
	}
	return &d
}

// checked holds an identifier to what the guide lets it be: "only UTF-8
// printable characters", and not too many.
func (r Rules) checked(name string, pos int) string {
	if len(name) > maxIdentifier {
		sqltext.Fail(pos, "identifier of %d bytes: the maximum is %d", len(name), maxIdentifier)
	}
	if !r.AnyName && strings.ContainsFunc(name, unicode.IsControl) {
		sqltext.Fail(pos, "identifiers must consist of printable characters: %q", name)
	}
	return name
}

// Fold lowers a name as Redshift does, ASCII letters only.
func Fold(name string) string { return sqltext.FoldASCII(name) }

// Held returns the name that PostgreSQL knows an identifier by.
func Held(identifier string) string { return sqltext.Held(identifier) }

// Error says what is wrong with a statement, and where.
type Error struct {
	// Message is in Redshift's words where those are known.
	Message string
	// Offset counts bytes from the start of the statement.
	Offset int
}

// Error gives the place as Redshift does, counting from 1.
func (e *Error) Error() string { return fmt.Sprintf("%s Position: %d", e.Message, e.Offset+1) }

// Table names a table; Schema is empty where the statement gave none.
type Table struct {
	Schema, Name string
}

// SQL returns the name quoted.
func (t Table) SQL() string {
	if t.Schema == "" {
		return sqltext.Quote(t.Name)
	}
	return sqltext.Quote(t.Schema) + "." + sqltext.Quote(t.Name)
}
