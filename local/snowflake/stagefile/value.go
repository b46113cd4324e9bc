package stagefile

import (
	"fmt"

	"github.com/stagelift/stagelift/local/snowflake/grammar"
)

// Kind says what a Value is.
type Kind uint8

// The kinds. Text of a value is in the form that is said here.
const (
	// Null is SQL's NULL.
	Null Kind = iota
	// Text is any text.
	Text
	// Number is a decimal number in plain notation.
	Number
	// Double is a floating-point number, or NaN, inf, -inf.
	Double
	// Boolean is true or false.
	Boolean
	// Binary is the bytes themselves.
	Binary
	// Date is YYYY-MM-DD, Time HH:MM:SS and a fraction; TimestampNTZ is both
	// with a space between, TimestampLTZ the same and +00 after it, in UTC.
	Date
	Time
	TimestampNTZ
	TimestampLTZ
	// JSON is an array, an object or JSON's null.
	JSON
)

// Value is one value of a record. Text is good until the next record.
type Value struct {
	Kind Kind
	Text []byte
	// Variant is true for a value that came out of JSON or Parquet, which is
	// not the same as one of the type that it holds.
	Variant bool
}

// IsJSONNull is true for the null of a VARIANT.
func (v Value) IsJSONNull() bool { return v.Kind == JSON && string(v.Text) == "null" }

// Reader reads the records of a file, one at a time.
type Reader interface {
	// Next goes to the next record. It returns io.EOF after the last.
	Next() error
	// Line is the number of the line that the record begins on, or of the
	// record where there are no lines; from 1.
	Line() int64
	// Fields is how many fields the record has.
	Fields() int
	// Field returns a field, counting from 1, or what a path leads to in it.
	// A field that is not there is NULL.
	Field(number int, path []string) (Value, error)
	// Named returns the field of a name, and whether there is one.
	Named(name string, exact bool) (Value, bool, error)
	// Record is the text of the record, as far as it was read; nil where the
	// format is none of text.
	Record() []byte
	// Close gives back what the reader holds.
	Close() error
}

// Error is an error in a file, with Snowflake's code.
type Error struct {
	Code, State, Message string
}

func (e *Error) Error() string { return e.Message }

func wrong(code, state, format string, args ...any) error {
	return &Error{code, state, fmt.Sprintf(format, args...)}
}

// refused is for what Snowflake does in a way that is not documented.
func refused(format string, args ...any) error {
	return wrong("002040", "42601", format+": this stand-in does not guess", args...)
}

// Options say how values become those of columns.
type Options struct {
	// File is what the file format says of texts, Session what the session's
	// parameters do. The session's count where the file format says nothing, and
	// in a cast.
	File, Session Forms
	// Truncate cuts texts to the column's length.
	Truncate bool
}

// Forms are how texts are read that become something else.
type Forms struct {
	// Date, Time and Timestamp are nil where nothing is said.
	Date, Time, Timestamp grammar.Layout
	// Binary is HEX, BASE64 or UTF8; empty is HEX.
	Binary string
}

// forms are those that count for a target.
func (o Options) forms(to Target) Forms {
	f := o.File
	if to.Explicit {
		return o.Session
	}
	if f.Date == nil {
		f.Date = o.Session.Date
	}
	if f.Time == nil {
		f.Time = o.Session.Time
	}
	if f.Timestamp == nil {
		f.Timestamp = o.Session.Timestamp
	}
	return f
}

// Target is a column, or a type that is cast to.
type Target struct {
	grammar.Type
	// Explicit is true for a cast, where options of the file format are not
	// said to go.
	Explicit bool
}
