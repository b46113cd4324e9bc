package copybinary

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/stagelift/stagelift/shared/table"
)

// RangeError is a value that its column in the part cannot hold.
type RangeError struct {
	// Column is the column's name.
	Column string
	// Value is what the value is, in words that show no data: "infinity".
	Value string
	// Key is the row's key as "id=5, day=2020-01-01"; empty without a key.
	Key string
	// Limit is what it passes, when that is not the format's: "redshift takes at
	// most 65535". TooLong tells that the value is too long for it.
	Limit   string
	TooLong bool
}

// Error tells column, value and key.
func (e *RangeError) Error() string {
	row := ""
	if e.Key != "" {
		row = " in the row " + e.Key
	}
	if e.Limit != "" {
		return fmt.Sprintf("column %s holds %s%s; %s", table.Quote(e.Column), e.Value, row, e.Limit)
	}
	return fmt.Sprintf("column %s holds %s%s, which the format cannot", table.Quote(e.Column), e.Value, row)
}

// Key returns a row's key for a RangeError: the names and values of the fields
// at these positions, "id=5, day=2020-01-01". A name or value that could be
// taken for more than itself, or does not print, is in quotes; NULL is the word
// without them. A value that cannot be read is a question mark: the error that
// is told here is another one.
func Key(fields []table.Field, values [][]byte, positions []int) string {
	var b strings.Builder
	for i, at := range positions {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(plain(fields[at].Name) + "=" + keyValue(fields[at].Wire, values[at]))
	}
	return b.String()
}

func keyValue(wire table.Wire, raw []byte) string {
	if raw == nil {
		return "NULL"
	}
	text, err := AppendText(nil, wire, raw)
	switch {
	case err != nil:
		return "?"
	case string(text) == "NULL":
		return strconv.Quote("NULL")
	}
	return plain(string(text))
}

// plain quotes what is not plain to read.
func plain(s string) string {
	odd := func(r rune) bool {
		return r == '"' || r == '=' || r == ',' || r == utf8.RuneError || !strconv.IsPrint(r)
	}
	if s == "" || s != strings.TrimSpace(s) || strings.ContainsFunc(s, odd) {
		return strconv.Quote(s)
	}
	return s
}
