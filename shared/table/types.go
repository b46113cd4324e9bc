package table

import (
	"fmt"
	"strings"
)

// ImageOf returns what the values of the column become. Every type has an
// image: what has no counterpart in the targets is carried as the text that
// PostgreSQL prints for it. docs/types.md lists them all, with what each target
// cannot hold.
func ImageOf(c Column) (Image, error) {
	t, err := ParseType(c.Type)
	if err != nil {
		return Image{}, fmt.Errorf("column %s: %w", Quote(c.Name), err)
	}
	switch {
	case c.AsText && t.Name == `"char"` && !t.Array:
		return native(text(0), WireChar), nil
	case c.AsText:
		return text(0), nil
	case t.Array, c.Kind == "composite":
		return document(FormJSON, WireJSON), nil
	case c.Kind == "enum":
		return native(text(labelBytes), WireText), nil
	}
	name := t.Name
	if strings.HasPrefix(name, "interval ") { // "interval day to second" and its like
		name = "interval"
	}
	if image, known := images[name]; known {
		return image, nil
	}
	if image, known := sized[name]; known {
		return image(t.Modifiers), nil
	}
	return text(0), nil
}

// images are the types whose image does not depend on modifiers. A precision
// of seconds changes nothing: all targets keep microseconds.
var images = map[string]Image{
	"boolean":          scalar(WireBool, JSONBoolean, Parquet{Physical: ParquetBoolean}, "BOOLEAN", "BOOLEAN"),
	"smallint":         scalar(WireInt16, JSONNumber, Parquet{Physical: ParquetInt32, Logical: ParquetInt16}, "SMALLINT", "NUMBER(5,0)"),
	"integer":          scalar(WireInt32, JSONNumber, Parquet{Physical: ParquetInt32}, "INTEGER", "NUMBER(10,0)"),
	"bigint":           scalar(WireInt64, JSONNumber, Parquet{Physical: ParquetInt64}, "BIGINT", "NUMBER(19,0)"),
	"oid":              scalar(WireOID, JSONNumber, Parquet{Physical: ParquetInt64}, "BIGINT", "NUMBER(10,0)"),
	"real":             scalar(WireFloat32, JSONNumber, Parquet{Physical: ParquetFloat}, "REAL", "FLOAT"),
	"double precision": scalar(WireFloat64, JSONNumber, Parquet{Physical: ParquetDouble}, "DOUBLE PRECISION", "FLOAT"),
	"money":            money(),
	"date":             scalar(WireDate, JSONString, Parquet{Physical: ParquetInt32, Logical: ParquetDate}, "DATE", "DATE"),
	"time without time zone": scalar(WireTime, JSONString,
		Parquet{Physical: ParquetInt64, Logical: ParquetTime}, "TIME", "TIME(6)"),
	// Neither Parquet nor Snowflake has a time of day with an offset.
	"time with time zone": scalar(WireTimeTZ, JSONString, parquetText, "TIMETZ", snowflakeText),
	"timestamp without time zone": scalar(WireTimestamp, JSONString,
		Parquet{Physical: ParquetInt64, Logical: ParquetTimestamp}, "TIMESTAMP", "TIMESTAMP_NTZ(6)"),
	"timestamp with time zone": scalar(WireTimestampTZ, JSONString,
		Parquet{Physical: ParquetInt64, Logical: ParquetTimestampTZ}, "TIMESTAMPTZ", "TIMESTAMP_TZ(6)"),
	"bytea": {
		Wire: WireBytes, JSON: JSONBase64, Parquet: Parquet{Physical: ParquetBytes},
		Redshift: "VARBYTE(16777216)", Snowflake: "BINARY(67108864)",
	},
	"uuid":  native(text(36), WireUUID),
	"json":  document(FormValue, WireJSON),
	"jsonb": document(FormValue, WireJSONB),
	"text":  native(text(0), WireText),
	"name":  native(text(labelBytes), WireText),
	// One byte, or \ooo where it is not ASCII. It is not asked for as text: what
	// PostgreSQL prints before version 15 is the byte itself, which is no UTF-8.
	`"char"`: native(text(4), WireChar),
	// The widest that are printed: all signs and fields, eight groups of four
	// digits with a mask.
	"interval": text(67),
	"inet":     text(43),
	"cidr":     text(43),
	"macaddr":  text(17),
	"macaddr8": text(23),
	"pg_lsn":   text(17),
}

// sized are the types whose image depends on modifiers.
var sized = map[string]func(modifiers []int) Image{
	"numeric":           numeric,
	"character varying": characters,
	"character":         characters,
	"bpchar":            characters, // character without a length
	"bit":               bits,
	"bit varying":       bits,
}
