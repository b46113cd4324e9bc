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
	// Kind says of a type that users define what it is: "enum", "composite",
	// "range" or "multirange"; empty for every other type. Of an array it is
	// the elements' kind.
	Kind string `json:"kind,omitempty"`
	// Nullable is false when PostgreSQL enforces NOT NULL.
	Nullable bool `json:"nullable"`
	// AsText is true when the values are carried as the text that PostgreSQL
	// prints, by choice, since the type's own image cannot hold all of them.
	AsText bool `json:"as_text,omitempty"`
	// Source is the type in the database where Type was narrowed from it, as
	// "numeric" to numeric(38,10); empty where it is Type.
	Source string `json:"source,omitempty"`
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
