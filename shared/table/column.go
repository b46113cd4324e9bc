package table

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Column describes one column as it is read.
type Column struct {
	// Name is the column's name as the catalogue has it.
	Name string `json:"name"`
	// Type is PostgreSQL's own spelling, format_type(): "numeric(12,2)",
	// "timestamp with time zone", "text[]". Domains are resolved to what they
	// are over.
	Type string `json:"type"`
	// Nullable is false when PostgreSQL enforces NOT NULL.
	Nullable bool `json:"nullable"`
}

// Type is a column type taken apart.
type Type struct {
	// Name is the type without its modifiers: "numeric", "text".
	Name string
	// Modifiers are the numbers in parentheses, nil where there are none.
	Modifiers []int
	// Array is true for an array of any dimension.
	Array bool
}

var typeShape = regexp.MustCompile(`^(.*?)(?:\((-?\d+(?:,-?\d+)*)\))?( with(?:out)? time zone)?((?:\[\])*)$`)

// ParseType takes PostgreSQL's spelling of a type apart.
func ParseType(s string) (Type, error) {
	m := typeShape.FindStringSubmatch(s)
	if m == nil || m[1] == "" {
		return Type{}, fmt.Errorf("parsing type %q: not a type as format_type() spells it", s)
	}
	t := Type{Name: m[1] + m[3], Array: m[4] != ""}
	if m[2] == "" {
		return t, nil
	}
	for number := range strings.SplitSeq(m[2], ",") {
		n, err := strconv.Atoi(number)
		if err != nil {
			return Type{}, fmt.Errorf("parsing type %q: %w", s, err)
		}
		t.Modifiers = append(t.Modifiers, n)
	}
	return t, nil
}

// Image is what a PostgreSQL type becomes.
type Image struct {
	// CSV is how the value is written in CSV.
	CSV CSVForm
	// Redshift is the type of the column in a Redshift table.
	Redshift string
}

// CSVForm says how a value becomes CSV text.
type CSVForm int

const (
	// AsPrinted is the text that PostgreSQL prints, passed through.
	AsPrinted CSVForm = iota
	// AsHex is a bytea in hexadecimal digits without the leading \x, the form
	// that Redshift loads into VARBYTE.
	AsHex
)

// redshiftText is the widest VARCHAR of Redshift, in bytes. It takes the text
// of every type that Redshift has no counterpart for.
const redshiftText = "VARCHAR(65535)"

// images is the type table. A type that is not in it, and every array, is
// carried as its text.
var images = map[string]func(modifiers []int) Image{
	"smallint":                    fixed("SMALLINT"),
	"integer":                     fixed("INTEGER"),
	"bigint":                      fixed("BIGINT"),
	"oid":                         fixed("BIGINT"),
	"real":                        fixed("REAL"),
	"double precision":            fixed("DOUBLE PRECISION"),
	"numeric":                     numeric,
	"boolean":                     fixed("BOOLEAN"),
	"character varying":           characters,
	"character":                   characters,
	"uuid":                        fixed("VARCHAR(36)"),
	"date":                        fixed("DATE"),
	"time without time zone":      fixed("TIME"),
	"time with time zone":         fixed("TIMETZ"),
	"timestamp without time zone": fixed("TIMESTAMP"),
	"timestamp with time zone":    fixed("TIMESTAMPTZ"),
	"json":                        fixed("SUPER"),
	"jsonb":                       fixed("SUPER"),
	"bytea":                       func([]int) Image { return Image{CSV: AsHex, Redshift: "VARBYTE(16777216)"} },
}

// ImageOf returns what the column's type becomes.
func ImageOf(c Column) (Image, error) {
	t, err := ParseType(c.Type)
	if err != nil {
		return Image{}, fmt.Errorf("column %s: %w", Quote(c.Name), err)
	}
	if image, known := images[t.Name]; known && !t.Array {
		return image(t.Modifiers), nil
	}
	return Image{Redshift: redshiftText}, nil
}

func fixed(redshift string) func([]int) Image {
	return func([]int) Image { return Image{Redshift: redshift} }
}

// numeric keeps a precision that Redshift's DECIMAL can hold; any other
// numeric, the unconstrained one above all, is carried as text, exactly.
func numeric(modifiers []int) Image {
	if len(modifiers) == 2 {
		precision, scale := modifiers[0], modifiers[1]
		if precision <= 38 && scale >= 0 && scale <= 37 && scale <= precision {
			return Image{Redshift: fmt.Sprintf("DECIMAL(%d,%d)", precision, scale)}
		}
	}
	return Image{Redshift: redshiftText}
}

// characters counts as PostgreSQL does, in characters, and converts to bytes,
// in which Redshift counts: four at most for one character of UTF-8.
func characters(modifiers []int) Image {
	if len(modifiers) == 1 && modifiers[0]*4 <= 65535 {
		return Image{Redshift: fmt.Sprintf("VARCHAR(%d)", modifiers[0]*4)}
	}
	return Image{Redshift: redshiftText}
}
