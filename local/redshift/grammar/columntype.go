package grammar

import (
	"fmt"
	"strings"
)

// simpleTypes are the types without a length, under every name that the guide
// gives them ("Data types").
var simpleTypes = map[string]string{
	"smallint": "smallint", "int2": "smallint",
	"integer": "integer", "int": "integer", "int4": "integer",
	"bigint": "bigint", "int8": "bigint",
	"real": "real", "float4": "real",
	"float8": "double precision", "float": "double precision",
	"boolean": "boolean", "bool": "boolean",
	"date": "date", "timetz": "timetz", "timestamptz": "timestamptz",
	"super": "jsonb",
}

// foreignTypes exist in PostgreSQL, and Redshift's parser knows them, but its
// tables do not take them ("Unsupported PostgreSQL data types").
var foreignTypes = map[string]bool{
	"bit": true, "box": true, "bytea": true, "cidr": true, "circle": true, "hstore": true, "inet": true,
	"interval": true, "json": true, "jsonb": true, "line": true, "lseg": true, "macaddr": true, "money": true,
	"path": true, "point": true, "polygon": true, "serial": true, "bigserial": true, "tsquery": true,
	"tsvector": true, "uuid": true, "xml": true, "name": true,
}

const (
	maxVarchar  = 65535
	maxChar     = 4096
	maxVarbyte  = 16777216
	defVarbyte  = 64000
	defText     = 256
	maxDecimal  = 38
	maxScale    = 37
	lengthCheck = "octet_length(%s) <= %d"
)

// columnType is a type in PostgreSQL's words. check is what a column of the
// type must satisfy besides, with %s for the column; empty for most.
type columnType struct {
	sql   string
	check string
}

// columnType reads the type of a column called name, or of a cast when name
// is empty.
func (p *parser) columnType(name string) columnType {
	t := p.peek()
	if t.kind != word {
		p.unexpected()
	}
	p.next++
	c := p.typeNamed(t, name)
	if p.is("[") {
		fail(p.peek().pos, "Column %q has unsupported type \"%s[]\".", name, t.text)
	}
	return c
}

func (p *parser) typeNamed(t token, column string) columnType {
	if sql, known := simpleTypes[t.text]; known {
		return columnType{sql: sql}
	}
	switch t.text {
	case "double":
		p.expectWords("precision")
		return columnType{sql: "double precision"}
	case "decimal", "numeric":
		return p.decimalType()
	case "time", "timestamp":
		return p.timeType(t.text)
	case "varchar", "nvarchar":
		return charType("character varying", p.length("VARCHAR", 256, maxVarchar))
	case "text":
		return charType("character varying", defText)
	case "char", "character", "nchar":
		if t.text == "character" && p.acceptWords("varying") {
			return charType("character varying", p.length("VARCHAR", 256, maxVarchar))
		}
		return charType("character", p.length("CHAR", 1, maxChar))
	case "varbyte", "varbinary":
		return columnType{"bytea", bytesCheck(p.length("VARBYTE", defVarbyte, maxVarbyte))}
	}
	if foreignTypes[t.text] {
		fail(t.pos, "Column %q has unsupported type %q.", column, t.text)
	}
	fail(t.pos, "type %q does not exist", t.text)
	return columnType{}
}

// charType keeps the length as PostgreSQL's modifier, so that the catalogue
// tells it, and adds the check that counts bytes.
func charType(sql string, length int) columnType {
	return columnType{fmt.Sprintf("%s(%d)", sql, length), bytesCheck(length)}
}

func bytesCheck(length int) string { return strings.Replace(lengthCheck, "%d", fmt.Sprint(length), 1) }

func (p *parser) length(what string, def, limit int) int {
	if !p.accept("(") {
		return def
	}
	pos := p.peek().pos
	n := limit
	if !p.acceptWords("max") {
		n = p.integer()
	}
	if n < 1 || n > limit {
		fail(pos, "length for type %s cannot exceed %d", what, limit)
	}
	p.expect(")")
	return n
}

func (p *parser) decimalType() columnType {
	precision, scale := 18, 0
	if p.accept("(") {
		pos := p.peek().pos
		precision = p.integer()
		if p.accept(",") {
			scale = p.integer()
		}
		if precision < 1 || precision > maxDecimal {
			fail(pos, "DECIMAL precision %d must be between 1 and %d", precision, maxDecimal)
		}
		if scale > maxScale || scale > precision {
			fail(pos, "DECIMAL scale %d must be between 0 and the precision %d, %d at most", scale, precision, maxScale)
		}
		p.expect(")")
	}
	return columnType{sql: fmt.Sprintf("numeric(%d,%d)", precision, scale)}
}

func (p *parser) timeType(name string) columnType {
	switch {
	case p.acceptWords("with", "time", "zone"):
		return columnType{sql: name + "tz"}
	case p.acceptWords("without", "time", "zone"):
	}
	return columnType{sql: name}
}
