package grammar

import (
	"fmt"
	"strings"

	"github.com/stagelift/stagelift/local/sqltext"
)

// The limits of Snowflake's types ("String & binary data types", "Numeric
// data types").
const (
	MaxVarchar     = 134_217_728
	DefaultVarchar = 16_777_216
	MaxBinary      = 67_108_864
	DefaultBinary  = 8_388_608
	maxPrecision   = 38
	maxScale       = 37
	maxFraction    = 9
	// heldFraction is how many digits of a second PostgreSQL keeps.
	heldFraction = 6
)

// Type is a Snowflake type.
type Type struct {
	// Name is the type's main name: NUMBER, FLOAT, VARCHAR, BINARY, BOOLEAN,
	// DATE, TIME, TIMESTAMP_NTZ, TIMESTAMP_LTZ, TIMESTAMP_TZ, VARIANT, ARRAY,
	// OBJECT.
	Name string
	// Length is VARCHAR's in characters, BINARY's in bytes; Precision and Scale
	// are NUMBER's; Scale is also the digits of a second.
	Length, Precision, Scale int
}

// String is the type in Snowflake's words.
func (t Type) String() string {
	switch t.Name {
	case "NUMBER":
		return fmt.Sprintf("NUMBER(%d,%d)", t.Precision, t.Scale)
	case "VARCHAR", "BINARY":
		return fmt.Sprintf("%s(%d)", t.Name, t.Length)
	case "TIME", "TIMESTAMP_NTZ", "TIMESTAMP_LTZ", "TIMESTAMP_TZ":
		return fmt.Sprintf("%s(%d)", t.Name, t.Scale)
	}
	return t.Name
}

// SQL is the PostgreSQL type that holds the values. Lengths are held by Check,
// because PostgreSQL's own end at 10,485,760 characters.
func (t Type) SQL() string {
	fraction := min(t.Scale, heldFraction)
	switch t.Name {
	case "NUMBER":
		return fmt.Sprintf("numeric(%d,%d)", t.Precision, t.Scale)
	case "TIME":
		return fmt.Sprintf("time(%d)", fraction)
	case "TIMESTAMP_NTZ":
		return fmt.Sprintf("timestamp(%d)", fraction)
	case "TIMESTAMP_LTZ", "TIMESTAMP_TZ":
		return fmt.Sprintf("timestamptz(%d)", fraction)
	}
	return map[string]string{
		"FLOAT": "double precision", "VARCHAR": "text", "BINARY": "bytea", "BOOLEAN": "boolean", "DATE": "date",
		"VARIANT": "jsonb", "ARRAY": "jsonb", "OBJECT": "jsonb",
	}[t.Name]
}

// Check is the condition that values of the column have to meet beyond
// PostgreSQL's type, or empty.
func (t Type) Check(column string) string {
	switch t.Name {
	case "VARCHAR":
		return fmt.Sprintf("char_length(%s) <= %d AND octet_length(%[1]s) <= %[3]d", sqltext.Quote(column), t.Length, MaxVarchar)
	case "BINARY":
		return fmt.Sprintf("octet_length(%s) <= %d", sqltext.Quote(column), t.Length)
	case "ARRAY", "OBJECT":
		return fmt.Sprintf("jsonb_typeof(%s) = %s", sqltext.Quote(column), sqltext.QuoteText(strings.ToLower(t.Name)))
	}
	return ""
}

// synonyms are the other names of types ("Summary of data types").
var synonyms = map[string]string{
	"NUMBER": "NUMBER", "DECIMAL": "NUMBER", "NUMERIC": "NUMBER", "INT": "INTEGER", "INTEGER": "INTEGER", "BIGINT": "INTEGER",
	"SMALLINT": "INTEGER", "FLOAT": "FLOAT", "DOUBLE": "FLOAT", "REAL": "FLOAT", "VARCHAR": "VARCHAR", "STRING": "VARCHAR",
	"TEXT": "VARCHAR", "BINARY": "BINARY", "VARBINARY": "BINARY", "BOOLEAN": "BOOLEAN", "DATE": "DATE", "TIME": "TIME",
	"TIMESTAMP_NTZ": "TIMESTAMP_NTZ", "TIMESTAMP_LTZ": "TIMESTAMP_LTZ", "TIMESTAMP_TZ": "TIMESTAMP_TZ",
	"VARIANT": "VARIANT", "ARRAY": "ARRAY", "OBJECT": "OBJECT",
}

// ParseType reads a type as String writes it.
func ParseType(s string) (t Type, err error) {
	defer func() {
		if failure := caught(s, recover()); failure != nil {
			err = failure
		}
	}()
	return newParser(s, Rules{}).columnType(), nil
}

func (p *parser) columnType() Type {
	at := p.Advance()
	name := synonyms[at.Text]
	if at.Kind != sqltext.Word || name == "" {
		if strings.HasPrefix(at.Text, "TIMESTAMP") || at.Text == "DATETIME" {
			sqltext.Fail(at.Pos, "unsupported data type '%s': which one it is depends on a parameter; say TIMESTAMP_NTZ or TIMESTAMP_TZ", at.Text)
		}
		sqltext.Fail(at.Pos, "unsupported data type '%s'", at.Text)
	}
	switch name {
	case "INTEGER":
		return Type{Name: "NUMBER", Precision: maxPrecision}
	case "NUMBER":
		return p.numberType()
	case "VARCHAR":
		return Type{Name: name, Length: p.size(DefaultVarchar, 1, MaxVarchar)}
	case "BINARY":
		return Type{Name: name, Length: p.size(DefaultBinary, 1, MaxBinary)}
	case "TIME", "TIMESTAMP_NTZ", "TIMESTAMP_LTZ", "TIMESTAMP_TZ":
		return Type{Name: name, Scale: p.size(maxFraction, 0, maxFraction)}
	}
	return Type{Name: name}
}

func (p *parser) numberType() Type {
	t := Type{Name: "NUMBER", Precision: maxPrecision}
	if !p.Accept("(") {
		return t
	}
	t.Precision = p.inRange(1, maxPrecision)
	if p.Accept(",") {
		t.Scale = p.inRange(0, min(maxScale, t.Precision))
	}
	p.Expect(")")
	return t
}

// size reads a length in parentheses, or takes the default.
func (p *parser) size(standard, least, most int) int {
	if !p.Accept("(") {
		return standard
	}
	n := p.inRange(least, most)
	p.Expect(")")
	return n
}

func (p *parser) inRange(least, most int) int {
	pos := p.Peek().Pos
	n := p.Integer()
	if n < least || n > most {
		sqltext.Fail(pos, "invalid value '%d': it must be between %d and %d", n, least, most)
	}
	return n
}
