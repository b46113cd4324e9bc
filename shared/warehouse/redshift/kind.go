package redshift

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// kind is a type of Redshift's. a is the length of VARCHAR and VARBYTE or the
// precision of DECIMAL, b its scale.
type kind struct {
	name string
	a, b int64
}

// String writes the kind as SQL does.
func (k kind) String() string {
	switch k.name {
	case "VARCHAR", "VARBYTE", "CHAR":
		return fmt.Sprintf("%s(%d)", k.name, k.a)
	case "DECIMAL":
		return fmt.Sprintf("%s(%d,%d)", k.name, k.a, k.b)
	}
	return k.name
}

// spellings are those of svv_columns, where they are not the name in lower
// case.
var spellings = map[string]string{
	"character varying": "VARCHAR", "character": "CHAR", "numeric": "DECIMAL", "binary varying": "VARBYTE",
	"timestamp without time zone": "TIMESTAMP", "timestamp with time zone": "TIMESTAMPTZ",
	"time without time zone": "TIME", "time with time zone": "TIMETZ",
}

func kindFound(dataType string, length, precision, scale int64) kind {
	k := kind{name: spellings[dataType]}
	if k.name == "" {
		k.name = strings.ToUpper(dataType)
	}
	switch k.name {
	case "VARCHAR", "CHAR", "VARBYTE":
		k.a = length
	case "DECIMAL":
		k.a, k.b = precision, scale
	}
	return k
}

var kindShape = regexp.MustCompile(`^([A-Z ]+)(?:\((\d+)(?:,(\d+))?\))?$`)

// parseKind reads the types of table.Image.
func parseKind(s string) (kind, error) {
	m := kindShape.FindStringSubmatch(s)
	if m == nil {
		return kind{}, fmt.Errorf("type %q is not one of Redshift's", s)
	}
	k := kind{name: m[1]}
	k.a, _ = strconv.ParseInt(m[2], 10, 64) // absent is 0
	k.b, _ = strconv.ParseInt(m[3], 10, 64)
	return k, nil
}

// integers are the digits of each.
var integers = map[string]int64{"SMALLINT": 5, "INTEGER": 10, "BIGINT": 19}

// holds reports whether every value of the other kind is one of k's.
func (k kind) holds(other kind) bool {
	switch k.name {
	case other.name:
		// The length of a VARBYTE is not told by every view; COPY knows it.
		return k.name == "VARBYTE" || k.a-k.b >= other.a-other.b && k.b >= other.b
	case "DOUBLE PRECISION":
		return other.name == "REAL"
	case "DECIMAL":
		digits := integers[other.name]
		return digits > 0 && k.a-k.b >= digits
	}
	return integers[other.name] > 0 && integers[k.name] > integers[other.name]
}
