package grammar

import (
	"fmt"
	"strings"

	"github.com/stagelift/stagelift/local/sqltext"
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
	t := p.Peek()
	if t.Kind != sqltext.Word {
		p.Unexpected()
	}
	p.Next++
	c := p.typeNamed(t, name)
	if p.Is("[") {
		sqltext.Fail(p.Peek().Pos, "Column %q has unsupported type \"%s[]\".", name, t.Text)
	}
	return c
}

func (p *parser) typeNamed(t sqltext.Token, column string) columnType {
	if sql, known := simpleTypes[t.Text]; known {
		return columnType{sql: sql}
	}
	switch t.Text {
	case "double":
		p.ExpectWords("precision")
		return columnType{sql: "double precision"}
	case "decimal", "numeric":
		return p.decimalType()
	case "time", "timestamp":
		return p.timeType(t.Text)
	case "varchar", "nvarchar":
		return charType("character varying", p.length("VARCHAR", 256, maxVarchar))
	case "text":
		return charType("character varying", defText)
	case "char", "character", "nchar":
		if t.Text == "character" && p.AcceptWords("varying") {
			return charType("character varying", p.length("VARCHAR", 256, maxVarchar))
		}
		return charType("character", p.length("CHAR", 1, maxChar))
	case "varbyte", "varbinary":
		return columnType{"bytea", bytesCheck(p.length("VARBYTE", defVarbyte, maxVarbyte))}
	}
	if foreignTypes[t.Text] {
		sqltext.Fail(t.Pos, "Column %q has unsupported type %q.", column, t.Text)
	}
	sqltext.Fail(t.Pos, "type %q does not exist", t.Text)
	return columnType{}
}

// charType keeps the length as PostgreSQL's modifier, so that the catalogue
// tells it, and adds the check that counts bytes.
func charType(sql string, length int) columnType {
	return columnType{fmt.Sprintf("%s(%d)", sql, length), bytesCheck(length)}
}

func bytesCheck(length int) string { return strings.Replace(lengthCheck, "%d", fmt.Sprint(length), 1) }

func (p *parser) length(what string, def, limit int) int {
	if !p.Accept("(") {
		return def
	}
	pos := p.Peek().Pos
	n := limit
	if !p.AcceptWords("max") {
		n = p.Integer()
	}
	if n < 1 || n > limit {
		sqltext.Fail(pos, "length for type %s cannot exceed %d", what, limit)
	}
	p.Expect(")")
	return n
}

func (p *parser) decimalType() columnType {
	precision, scale := 18, 0
	if p.Accept("(") {
		pos := p.Peek().Pos
		precision = p.Integer()
		if p.Accept(",") {
			scale = p.Integer()
		}
		if precision < 1 || precision > maxDecimal {
			sqltext.Fail(pos, "DECIMAL precision %d must be between 1 and %d", precision, maxDecimal)
		}
		if scale > maxScale || scale > precision {
			sqltext.Fail(pos, "DECIMAL scale %d must be between 0 and the precision %d, %d at most", scale, precision, maxScale)
		}
		p.Expect(")")
	}
	return columnType{sql: fmt.Sprintf("numeric(%d,%d)", precision, scale)}
}

func (p *parser) timeType(name string) columnType {
	switch {
	case p.AcceptWords("with", "time", "zone"):
		return columnType{sql: name + "tz"}
	case p.AcceptWords("without", "time", "zone"):
	}
	return columnType{sql: name}
}
