package encode_test

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stagelift/stagelift/shared/encode"
	"github.com/stagelift/stagelift/shared/table"
)

// embedded are columns that a "char" past 127 is within.
var embedded = []struct{ name, typ, value string }{
	{"chars", `"char"[]`, `ARRAY['a', (-56)::"char"]`},
	{"composite", "marked", `ROW(1, (-56)::"char")`},
	{"composites", "marked[]", `ARRAY[ROW(1, (-56)::"char")::marked]`},
	{"domain", "marks", `ARRAY[(-56)::"char"]`},
	{"range", "span", `span('a', (-56)::"char")`},
	{"hstore", "hstore", `hstore('k', (-56)::"char"::text)`},
}

// smuggled are columns with text that came past the checks of the server. A
// superuser made a way for it.
var smuggled = []struct{ name, typ, value string }{
	{"texts", "text[]", `ARRAY[bytea '\xc8'::text]`},
	{"labelled", "labelled", `ROW(bytea '\xc8'::text)`},
	{"citext", "citext", `bytea '\xc8'::text::citext`},
}

// What PostgreSQL prints is published as UTF-8, or not at all and with the
// column's name, in every format. Before version 15 a "char" past 127 is no
// UTF-8 where it is within something else; from then on it is \310.
func TestTextThatIsNotUTF8IsNeverPublished(t *testing.T) {
	t.Parallel()
	columns := slices.Concat(embedded, smuggled)
	definitions, values := make([]string, len(columns)), make([]string, len(columns))
	for i, c := range columns {
		definitions[i], values[i] = c.name+" "+c.typ, c.value
	}
	s := newSource(t, `CREATE EXTENSION hstore; CREATE EXTENSION citext;
		CREATE TYPE marked AS (n int, mark "char"); CREATE TYPE labelled AS (label text); CREATE DOMAIN marks AS "char"[];
		CREATE TYPE span AS RANGE (subtype = "char"); CREATE CAST (bytea AS text) WITHOUT FUNCTION`,
		"CREATE TABLE odd (id int, "+strings.Join(definitions, ", ")+"); INSERT INTO odd VALUES (7, "+strings.Join(values, ", ")+")")
	fields, described := s.fields(t, "odd")
	for i, field := range fields[1:] {
		refused := s.version < 15 || i >= len(embedded)
		for _, options := range []encode.Options{csvOptions(), jsonlOptions(), parquetOptions()} {
			options.Key = []int{0}
			part, err := s.write(t, described, writing{Fields: []table.Field{fields[0], field}, Options: options})
			switch {
			case !refused && err != nil:
				t.Errorf("%s, %s: %v", field.Name, options.Format, err)
			case !refused && options.Format != "parquet" && (!utf8.Valid(part) || !strings.Contains(string(part), `\310`)):
				t.Errorf(`%s, %s: published as %q, want \310`, field.Name, options.Format, part)
			case refused && (err == nil || !strings.Contains(err.Error(), `column "`+field.Name+`"`) || !strings.Contains(err.Error(), "id=7") || !strings.Contains(err.Error(), "not UTF-8")):
				t.Errorf("%s, %s: got %v, want an error that names column and row", field.Name, options.Format, err)
			}
		}
	}
}
