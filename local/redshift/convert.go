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
)

// converter appends the value of a field to a row of PostgreSQL's text
// format, or says in Redshift's words why the column cannot take it.
type converter func(row, value []byte, c *grammar.Copy) ([]byte, error)

var (
	errTooLong = errors.New("String length exceeds DDL length")
	errUTF8    = errors.New("String contains invalid or unsupported UTF8 codepoints")
	errNul     = errors.New("NUL (0x00) in a value: this stand-in cannot hold it")
)

func varchar(length int) converter {
	return func(row, value []byte, _ *grammar.Copy) ([]byte, error) {
		switch {
		case len(value) > length:
			return nil, fmt.Errorf("%w: %d bytes for VARCHAR(%d)", errTooLong, len(value), length)
		case !utf8.Valid(value):
			return nil, errUTF8
		case bytes.IndexByte(value, 0) >= 0:
			return nil, errNul
		}
		return appendEscaped(row, value), nil
	}
}

// char takes single-byte characters only ("Character types").
func char(length int) converter {
	return func(row, value []byte, _ *grammar.Copy) ([]byte, error) {
		if len(value) > length {
			return nil, fmt.Errorf("%w: %d bytes for CHAR(%d)", errTooLong, len(value), length)
		}
		for _, c := range value {
			switch {
			case c >= utf8.RuneSelf:
				return nil, errors.New("Multibyte character not supported for CHAR (Hint: try using VARCHAR)")
			case c == 0:
				return nil, errNul
			}
		}
		return appendEscaped(row, value), nil
	}
}

// appendEscaped writes what COPY's text format gives a meaning of its own.
func appendEscaped(row, value []byte) []byte {
	for len(value) > 0 {
		n := bytes.IndexAny(value, "\\\t\n\r")
		if n < 0 {
			break
		}
		row = append(row, value[:n]...)
		switch value[n] {
		case '\\':
			row = append(row, `\\`...)
		case '\t':
			row = append(row, `\t`...)
		case '\n':
			row = append(row, `\n`...)
		case '\r':
			row = append(row, `\r`...)
		}
		value = value[n+1:]
	}
	return append(row, value...)
}

func integer(bits int) converter {
	return func(row, value []byte, _ *grammar.Copy) ([]byte, error) {
		n, err := strconv.ParseInt(string(value), 10, bits)
		switch {
		case errors.Is(err, strconv.ErrRange):
			return nil, fmt.Errorf("Overflow: the value does not fit an integer of %d bits", bits)
		case err != nil:
			return nil, fmt.Errorf("Invalid digit, Type: integer of %d bits", bits)
		}
		return strconv.AppendInt(row, n, 10), nil
	}
}

func float(bits int) converter {
	return func(row, value []byte, _ *grammar.Copy) ([]byte, error) {
		for _, c := range value {
			if c == '_' || c == 'x' || c == 'X' { // Go's own notations
				return nil, errors.New("Invalid digit, Type: Double")
			}
		}
		_, err := strconv.ParseFloat(string(value), bits)
		switch {
		case errors.Is(err, strconv.ErrRange):
			return nil, fmt.Errorf("Overflow: the value does not fit a float of %d bits", bits)
		case err != nil:
			return nil, errors.New("Invalid digit, Type: Double")
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
	return nil, errors.New("Unknown boolean format")
}

const (
	maxSuper       = 16 << 20
	maxSuperString = 65535
)

// super parses the text, as COPY does for a SUPER column in CSV.
func super(row, value []byte, _ *grammar.Copy) ([]byte, error) {
	switch {
	case len(value) > maxSuper:
		return nil, fmt.Errorf("%w: %d bytes for SUPER", errTooLong, len(value))
	case !utf8.Valid(value):
		return nil, errUTF8
	case !json.Valid(value):
		return nil, errors.New("Invalid JSON for SUPER")
	}
	if len(value) > maxSuperString {
		if err := checkSuperStrings(value); err != nil {
			return nil, err
		}
	}
	return appendEscaped(row, value), nil
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
			return fmt.Errorf("%w: a string of %d bytes within SUPER", errTooLong, len(s))
		}
	}
}

// varbyte takes hexadecimal digits; the table's own check holds the length.
func varbyte(row, value []byte, _ *grammar.Copy) ([]byte, error) {
	if _, err := hex.Decode(make([]byte, hex.DecodedLen(len(value))), value); err != nil {
		return nil, errors.New("Invalid VARBYTE: want an even number of hexadecimal digits")
	}
	row = append(row, `\\x`...)
	return append(row, value...), nil
}
