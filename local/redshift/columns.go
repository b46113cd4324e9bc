package redshift

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"

	"github.com/stagelift/stagelift/local/redshift/grammar"
)

// column is a column that COPY fills.
type column struct {
	// name is Redshift's, held PostgreSQL's.
	name, held string
	notNull    bool
	// characters is true for CHAR and VARCHAR, where an empty field is a value;
	// varying for VARCHAR, length is either's.
	characters, varying bool
	length              int
	// kind is PostgreSQL's name of the type, without its length; whole is true
	// for the integers.
	kind    string
	whole   bool
	convert converter
}

// targetColumns returns what a row of the COPY has to fill, in its order.
func (s *session) targetColumns(ctx context.Context, c *grammar.Copy) ([]column, error) {
	const sql = `SELECT attname, format_type(atttypid, atttypmod), attnotnull, pg_has_role(relowner, 'USAGE')
		FROM pg_catalog.pg_attribute JOIN pg_catalog.pg_class ON pg_class.oid = attrelid
		WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum`
	found := s.conn.ExecParams(ctx, sql, [][]byte{[]byte(c.Table.SQL())}, nil, nil, nil).Read()
	if found.Err != nil {
		return nil, found.Err
	}
	var all []column
	for _, row := range found.Rows {
		if c.Statistics && string(row[3]) != "t" {
			// "The current user must be either the table owner or a superuser" ("Data
			// load operations", STATUPDATE).
			return nil, fmt.Errorf("ERROR: must be owner of relation %s", c.Table.Name)
		}
		made, err := newColumn(string(row[0]), string(row[1]), string(row[2]) == "t")
		if err != nil {
			return nil, err
		}
		all = append(all, made)
	}
	for i := range all {
		if err := all[i].formatted(c); err != nil {
			return nil, err
		}
	}
	if c.Columns == nil {
		return all, nil
	}
	var chosen []column
	for _, name := range c.Columns {
		i := slices.IndexFunc(all, func(a column) bool { return a.held == grammar.Held(name) })
		if i < 0 {
			return nil, fmt.Errorf("ERROR: column %q of relation %q does not exist", name, c.Table.Name)
		}
		all[i].name = name
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}

// shortType is the type as sys_load_error_detail has it, in ten characters.
func (c *column) shortType() string {
	short := map[string]string{
		"smallint": "int2", "integer": "int4", "bigint": "int8", "real": "float4", "double precision": "float8", "boolean": "bool",
		"character varying": "varchar", "character": "char", "jsonb": "super", "bytea": "varbyte",
		"time without time zone": "time", "time with time zone": "timetz",
		"timestamp without time zone": "timestamp", "timestamp with time zone": "timestamptz",
	}[c.kind]
	if short == "" {
		short = c.kind
	}
	return short[:min(len(short), 10)]
}

// lengthText is the column's length, where its type has one.
func (c *column) lengthText() string {
	if c.length == 0 {
		return ""
	}
	return strconv.Itoa(c.length)
}

var typeShape = regexp.MustCompile(`^(.*?)(?:\((\d+)(?:,(\d+))?\))?( with(?:out)? time zone)?$`)

// newColumn chooses the converter by PostgreSQL's spelling of the type.
func newColumn(name, spelling string, notNull bool) (column, error) {
	m := typeShape.FindStringSubmatch(spelling)
	if m == nil {
		return column{}, fmt.Errorf("reading the type %q of column %s: not a type of this stand-in", spelling, name)
	}
	first, _ := strconv.Atoi(m[2]) // absent is 0
	second, _ := strconv.Atoi(m[3])
	c := column{name: name, held: name, notNull: notNull}
	c.kind = m[1] + m[4]
	c.whole = c.kind == "smallint" || c.kind == "integer" || c.kind == "bigint"
	switch m[1] {
	case "character varying":
		c.characters, c.varying, c.length, c.convert = true, true, first, varchar(first)
	case "character":
		c.characters, c.length, c.convert = true, first, char(first)
	case "numeric":
		c.convert = decimal(first, second)
	default:
		c.convert = converters[m[1]+m[4]]
	}
	if c.convert == nil {
		return column{}, fmt.Errorf("reading the type %q of column %s: not a type of this stand-in", spelling, name)
	}
	return c, nil
}

// converters are those of the types without a length.
var converters = map[string]converter{
	"smallint":                    integer(16),
	"integer":                     integer(32),
	"bigint":                      integer(64),
	"real":                        float(32),
	"double precision":            float(64),
	"boolean":                     boolean,
	"date":                        date,
	"time without time zone":      timeOfDay(false),
	"time with time zone":         timeOfDay(true),
	"timestamp without time zone": timestamp(false),
	"timestamp with time zone":    timestamp(true),
	"jsonb":                       super,
	"bytea":                       varbyte,
}
