package unload

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/stagelift/stagelift/shared/table"
)

// Column is a column of the schema.
type Column struct {
	Name string
	// Base is Redshift's name of the type, without modifiers.
	Base string
	// Modifiers are the length, or precision and scale; -1 where one is not
	// told.
	Modifiers [2]int64
}

// element is a column as a manifest has it.
type element struct {
	Name string          `json:"name"`
	Type json.RawMessage `json:"type"`
}

// kind is a type as a manifest has it. Which names the modifiers have is not
// documented; #0 and #1 are those that have none.
type kind struct {
	Base      string `json:"base"`
	MaxLength *int64 `json:"max_length"`
	Precision *int64 `json:"precision"`
	Scale     *int64 `json:"scale"`
	First     *int64 `json:"#0"`
	Second    *int64 `json:"#1"`
}

func (e element) column() Column {
	c := Column{Name: e.Name, Modifiers: [2]int64{-1, -1}}
	var k kind
	if json.Unmarshal(e.Type, &k) != nil {
		return c // of a type that is none, which matters to those alone who want it
	}
	c.Base = k.Base
	for i, values := range [2][]*int64{{k.MaxLength, k.Precision, k.First}, {k.Scale, k.Second}} {
		for _, value := range values {
			if value != nil {
				c.Modifiers[i] = *value
			}
		}
	}
	return c
}

// types are PostgreSQL's for those of Redshift that need no modifier, under the
// names that the guide gives them ("Data types").
var types = map[string]string{
	"smallint": "smallint", "int2": "smallint", "integer": "integer", "int": "integer", "int4": "integer",
	"bigint": "bigint", "int8": "bigint", "real": "real", "float4": "real",
	"double precision": "double precision", "float8": "double precision", "float": "double precision",
	"boolean": "boolean", "bool": "boolean", "date": "date",
	"timestamp": "timestamp without time zone", "timestamp without time zone": "timestamp without time zone",
	"timestamptz": "timestamp with time zone", "timestamp with time zone": "timestamp with time zone",
	"time": "time without time zone", "time without time zone": "time without time zone",
	"timetz": "time with time zone", "time with time zone": "time with time zone",
	"super": "json", "varbyte": "bytea", "varbinary": "bytea", "binary varying": "bytea",
}

// texts are the types of text.
var texts = map[string]bool{
	"character varying": true, "varchar": true, "nvarchar": true, "text": true,
	"character": true, "char": true, "nchar": true, "bpchar": true,
}

// longest and most are the longest text of Redshift, in bytes, and the most
// digits of a number.
const longest, most = 65535, 38

// Column is the column by PostgreSQL's type. A text's length, which counts
// bytes in Redshift, counts characters here: every value fits. What has no such
// type is an error that names the column.
func (c Column) Column() (table.Column, error) {
	base := strings.ToLower(strings.TrimSpace(c.Base))
	column := table.Column{Name: c.Name, Type: types[base], Nullable: true}
	length, scale := c.Modifiers[0], max(c.Modifiers[1], 0)
	switch {
	case c.Name == "":
		return table.Column{}, fmt.Errorf("a column of type %q has no name", c.Base)
	case column.Type != "":
	case texts[base] && 0 < length && length <= longest:
		column.Type = fmt.Sprintf("character varying(%d)", length)
	case texts[base]:
		column.Type = "text"
	case (base == "numeric" || base == "decimal") && 0 < length && length <= most && scale <= length:
		column.Type = fmt.Sprintf("numeric(%d,%d)", length, scale)
	case base == "numeric" || base == "decimal":
		return table.Column{}, fmt.Errorf("column %s is numeric, and the manifest does not tell its precision", table.Quote(c.Name))
	default:
		return table.Column{}, fmt.Errorf("column %s is of type %q, which is not one that is loaded", table.Quote(c.Name), c.Base)
	}
	return column, nil
}
