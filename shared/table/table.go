// Package table is the vocabulary that the rest of Stagelift speaks: how a
// table is named, selected and described, and what each PostgreSQL type
// becomes on its way out. It imports nothing of ours and does no I/O.
//
// A [Name] prints as a [Pattern] that matches exactly that table, and as valid
// SQL, so a name copied from a log, an answer or a receipt can be pasted into
// a request or into psql.
package table

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Name identifies a relation in one database. Both fields hold the name as
// the catalogue has it, without quotes and in its own case.
type Name struct {
	Schema string `json:"schema"`
	Table  string `json:"name"`
}

// String returns schema.table with each half quoted where SQL would need it
// (anything but lower-case letters, digits, _ and $). ParseName reads it back.
func (n Name) String() string {
	return display(n.Schema) + "." + display(n.Table)
}

// SQL returns the name as a quoted identifier, safe to place in a statement.
func (n Name) SQL() string {
	return Quote(n.Schema) + "." + Quote(n.Table)
}

// Compare orders names by schema, then by table, bytewise.
func (n Name) Compare(o Name) int {
	if c := strings.Compare(n.Schema, o.Schema); c != 0 {
		return c
	}
	return strings.Compare(n.Table, o.Table)
}

// Quote returns s as a quoted SQL identifier, whatever s holds. PostgreSQL,
// Redshift and Snowflake agree on this form.
func Quote(s string) string {
	return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
}

// ParseName reads what Name.String prints. Unquoted halves are taken as they
// stand, without folding their case.
func ParseName(s string) (Name, error) {
	halves, err := split(s)
	if err != nil {
		return Name{}, fmt.Errorf("parsing table name %q: %w", s, err)
	}
	return Name{Schema: halves[0].text, Table: halves[1].text}, nil
}

// half is one side of the dot in a name or pattern.
type half struct {
	text   string
	quoted bool
}

var errShape = errors.New(`want schema.table, with "double quotes" round a half that holds a dot, a quote, * or ? of its own`)

// split cuts s at the dot that separates schema from table.
func split(s string) ([2]half, error) {
	var halves [2]half
	if !utf8.ValidString(s) {
		return halves, errors.New("not valid UTF-8")
	}
	for i := range halves {
		var err error
		if halves[i], s, err = cutHalf(s); err != nil {
			return halves, err
		}
		if i == 0 {
			if !strings.HasPrefix(s, ".") {
				return halves, errShape
			}
			s = s[1:]
		}
	}
	if s != "" {
		return halves, errShape
	}
	return halves, nil
}

// cutHalf takes one half off the front of s.
func cutHalf(s string) (half, string, error) {
	if !strings.HasPrefix(s, `"`) {
		end := strings.IndexByte(s, '.')
		if end < 0 {
			end = len(s)
		}
		if end == 0 || strings.Contains(s[:end], `"`) {
			return half{}, s, errShape
		}
		return half{text: s[:end]}, s[end:], nil
	}
	var text strings.Builder
	for rest := s[1:]; ; {
		end := strings.IndexByte(rest, '"')
		if end < 0 {
			return half{}, s, errShape
		}
		text.WriteString(rest[:end])
		rest = rest[end+1:]
		if !strings.HasPrefix(rest, `"`) {
			if text.Len() == 0 {
				return half{}, s, errShape
			}
			return half{text: text.String(), quoted: true}, rest, nil
		}
		text.WriteByte('"')
		rest = rest[1:]
	}
}

// display quotes s unless it is a plain lower-case identifier.
func display(s string) string {
	for i, r := range s {
		letter := r == '_' || 'a' <= r && r <= 'z'
		if !letter && (i == 0 || r != '$' && (r < '0' || r > '9')) {
			return Quote(s)
		}
	}
	if s == "" {
		return `""`
	}
	return s
}
