package redshift

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/stagelift/stagelift/local/redshift/grammar"
	"github.com/stagelift/stagelift/local/sessions"
)

// converter appends the value of a field to a row of PostgreSQL's text
// format, or says in Redshift's words why the column cannot take it.
type converter func(row, value []byte, c *grammar.Copy) ([]byte, error)

// fault is why a row cannot be loaded, by the "Load error reference".
type fault struct {
	code int
	text string
}

func (f *fault) Error() string { return f.text }

// The codes of the "Load error reference" that are given here.
const (
	codeExtraColumns = 1202
	codeRange        = 1204
	codeDate         = 1205
	codeTimestamp    = 1206
	codeDigit        = 1207
	codeFloat        = 1208
	codeDecimal      = 1209
	codeBoolean      = 1210
	codeNull         = 1213
	codeDelimiter    = 1214
	codeInvalid      = 1216
	codeUTF8         = 1220
	codeOverflow     = 1222
	codeType         = 1223
	codeSuper        = 1224
)

func faulty(code int, format string, args ...any) error {
	return &fault{code, fmt.Sprintf(format, args...)}
}

var (
	errUTF8 = faulty(codeUTF8, "String contains invalid or unsupported UTF8 codepoints")
	errNul  = errors.New("NUL (0x00) in a value: this stand-in cannot hold it")
)

func tooLong(n int, what string) error {
	return faulty(codeRange, "String length exceeds DDL length: %d bytes for %s", n, what)
}

func varchar(length int) converter {
	return func(row, value []byte, _ *grammar.Copy) ([]byte, error) {
		switch {
		case len(value) > length:
			return nil, tooLong(len(value), fmt.Sprintf("VARCHAR(%d)", length))
		case !utf8.Valid(value):
			return nil, errUTF8
		case bytes.IndexByte(value, 0) >= 0:
			return nil, errNul
		}
		return sessions.AppendField(row, value), nil
	}
}

// char takes single-byte characters only ("Character types").
func char(length int) converter {
	return func(row, value []byte, _ *grammar.Copy) ([]byte, error) {
		if len(value) > length {
			return nil, tooLong(len(value), fmt.Sprintf("CHAR(%d)", length))
		}
		for _, c := range value {
			switch {
			case c >= utf8.RuneSelf:
				return nil, faulty(codeUTF8, "Multibyte character not supported for CHAR (Hint: try using VARCHAR)")
			case c == 0:
				return nil, errNul
			}
		}
		return sessions.AppendField(row, value), nil
	}
}

func integer(bits int) converter {
	return func(row, value []byte, _ *grammar.Copy) ([]byte, error) {
		n, err := strconv.ParseInt(string(value), 10, bits)
		switch {
		case errors.Is(err, strconv.ErrRange):
			return nil, faulty(codeOverflow, "Overflow: the value does not fit an integer of %d bits", bits)
		case err != nil:
			return nil, faulty(codeDigit, "Invalid digit, Type: integer of %d bits", bits)
		}
		return strconv.AppendInt(row, n, 10), nil
	}
}

func float(bits int) converter {
	return func(row, value []byte, _ *grammar.Copy) ([]byte, error) {
		for _, c := range value {
			if c == '_' || c == 'x' || c == 'X' { // Go's own notations
				return nil, faulty(codeFloat, "Invalid digit, Type: Double")
			}
		}
		_, err := strconv.ParseFloat(string(value), bits)
		switch {
		case errors.Is(err, strconv.ErrRange):
			return nil, faulty(codeRange, "Overflow: the value does not fit a float of %d bits", bits)
		case err != nil:
			return nil, faulty(codeFloat, "Invalid digit, Type: Double")
		}
		return append(row, value...), nil
	}
}

// boolean takes the forms that the guide lists ("Boolean type"), in any case.
func boolean(row, value []byte, _ *grammar.Copy) ([]byte, error) {
	switch string(bytes.ToLower(value)) {
	case "t", "true", "y", "yes", "1":
		return append(row, 't'), nil
	case "f", "false", "n", "no", "0":
		return append(row, 'f'), nil
	}
	return nil, faulty(codeBoolean, "Unknown boolean format")
}

const (
	maxSuper       = 16 << 20
	maxSuperString = 65535
)

// super parses the text, as COPY does for a SUPER column in CSV.
func super(row, value []byte, _ *grammar.Copy) ([]byte, error) {
	switch {
	case len(value) > maxSuper:
		return nil, tooLong(len(value), "SUPER")
	case !utf8.Valid(value):
		return nil, errUTF8
	case !json.Valid(value):
		return nil, faulty(codeSuper, "Invalid JSON for SUPER")
	}
	if len(value) > maxSuperString {
		if err := checkSuperStrings(value); err != nil {
			return nil, err
		}
	}
	return sessions.AppendField(row, value), nil
}

func checkSuperStrings(value []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(value))
	decoder.UseNumber()
	for {
		token, err := decoder.Token()
		if err != nil {
			return nil //nolint:nilerr // the end: the text was found valid before
		}
		if s, isString := token.(string); isString && len(s) > maxSuperString {
			return tooLong(len(s), "a string within SUPER")
		}
	}
}

// varbyte takes hexadecimal digits; the table's own check holds the length.
func varbyte(row, value []byte, _ *grammar.Copy) ([]byte, error) {
	if _, err := hex.Decode(make([]byte, hex.DecodedLen(len(value))), value); err != nil {
		return nil, faulty(codeDigit, "Invalid VARBYTE: want an even number of hexadecimal digits")
	}
	row = append(row, `\\x`...)
	return append(row, value...), nil
}
