package encode_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/local/pgserver/pgtest"
	"github.com/stagelift/stagelift/local/rds"
	"github.com/stagelift/stagelift/shared/encode"
	"github.com/stagelift/stagelift/shared/postgres"
	"github.com/stagelift/stagelift/shared/table"
)

// These tests write every type of docs/types.md at its edges, read from a real
// server by the code that extract reads with, and read it back with readers that
// we do not write with. Each value is compared with what the server prints for
// it. What differs has its line in docs/types.md.

// every is every column of the conformance tables.
func every() []column { return slices.Concat(numbers, texts, times, others, compounds) }

// columnsOf returns the columns with the values that a major version has, and
// in words what it has not.
func columnsOf(version int) (has []column, lacks []string) {
	for _, c := range every() {
		if version < c.Since {
			lacks = append(lacks, c.Type)
			continue
		}
		if version >= c.NewerSince {
			c.Values = slices.Concat(c.Values, c.Newer)
		} else {
			for _, value := range c.Newer {
				lacks = append(lacks, c.Type+" "+value)
			}
		}
		has = append(has, c)
	}
	return has, lacks
}

// left is what is not tested on a version that has it not; on 15 and later there
// is nothing.
var left = map[int][]string{
	13: {
		"numeric(2,-3)", "numeric(3,5)", "numeric Infinity", "numeric -Infinity",
		"interval -178000000 years -11 mons -2147483648 days -2562047788:00:54.775807",
		"interval 178000000 years 11 mons 2147483647 days 2562047788:00:54.775807",
		"numrange [Infinity,)", "int4multirange", "nummultirange", "public.floatmultirange", "numeric[] {Infinity,-Infinity}",
	},
	14: {
		"numeric(2,-3)", "numeric(3,5)",
		"interval -178000000 years -11 mons -2147483648 days -2562047788:00:54.775807",
		"interval 178000000 years 11 mons 2147483647 days 2562047788:00:54.775807",
	},
}

// Nothing else is left out, on any version, and nothing that the server at hand
// would take.
func TestOnlyWhatAVersionLacksIsLeftOut(t *testing.T) {
	t.Parallel()
	for version := 13; version <= 18; version++ {
		if _, lacks := columnsOf(version); !slices.Equal(lacks, left[version]) {
			t.Errorf("on PostgreSQL %d these are left out (-want +got):\n%s", version, cmp.Diff(left[version], lacks))
		}
	}
	s := newSource(t, schema)
	for _, c := range every() {
		if c.Since > 0 {
			pgtest.Lacks(t, s.admin.PgConn(), c.Since, "SELECT NULL::"+c.Type)
		}
		for _, value := range c.Newer {
			pgtest.Lacks(t, s.admin.PgConn(), c.NewerSince, "SELECT "+literal(value)+"::"+c.Type)
		}
	}
}

// made is the database with the table of every type. The tests only read it,
// and it is large.
var made struct {
	sync.Once
	instance *rds.Instance
}

// conforming returns the table of every type.
func conforming(t *testing.T) (*source, []table.Field, *postgres.Table) {
	t.Helper()
	made.Do(func() {
		s := newSource(t, schema)
		s.fill(t, "every type", s.columns())
		made.instance = s.instance
	})
	if made.instance == nil {
		t.Fatal("the table of every type was not made; another test says why")
	}
	s := connect(t, made.instance)
	fields, described := s.fields(t, "every type")
	return s, fields, described
}

// conformingColumns is conforming for a test that chooses the images itself.
func conformingColumns(t *testing.T) (*source, *postgres.Table, []table.Column) {
	t.Helper()
	s, _, described := conforming(t)
	return s, described, slices.Clone(described.Columns)
}

// asked are what the server prints for the fields in a form.
func (s *source) asked(t *testing.T, from string, fields []table.Field, form func(table.Field) string) [][]printed {
	t.Helper()
	list := make([]string, len(fields))
	for i, field := range fields {
		list[i] = fmt.Sprintf(form(field), table.Quote(field.Name))
	}
	return s.ask(t, from, list)
}

// charBefore15 is what version 15 prints for a "char". An older one prints a byte
// past 127 as it is, which is no text.
const charBefore15 = `CASE WHEN %[1]s::int < 0 THEN '\' || (%[1]s::int >> 6 & 3) || (%[1]s::int >> 3 & 7) || (%[1]s::int & 7) ELSE %[1]s::text END`

// printsBytes reports whether the server's own text for the field may be no text.
func (s *source) printsBytes(f table.Field) bool { return f.Type == `"char"` && s.version < 15 }

// form asks for a value as docs/types.md has it in every format: it looks at
// the type and not at the image, which is what is tested. Only bytes and what
// is left depend on the format.
func (s *source) form(f table.Field, bytes, rest string) string {
	switch {
	case s.printsBytes(f):
		return charBefore15
	case f.AsText:
		return "%s"
	case f.Type == "bytea":
		return bytes
	case f.Type == "money":
		return "%s::numeric"
	case strings.HasSuffix(f.Type, "[]"), f.Kind == "composite":
		return "to_json(%s)"
	}
	return rest
}

// differ reports what a reader found where it should have found something else.
func differ(t *testing.T, row int, field table.Field, want, got printed) {
	t.Helper()
	if want == nil && got == nil || want != nil && got != nil && *want == *got {
		return
	}
	t.Errorf("row %d, %s: got %s, want %s", row+1, field.Name, show(got), show(want))
}

func show(p printed) string {
	switch {
	case p == nil:
		return "NULL"
	case len(*p) > 200:
		return fmt.Sprintf("%q… of %d bytes", (*p)[:200], len(*p))
	}
	return fmt.Sprintf("%q", *p)
}

// The types as the catalogue has them must be those that the table was made
// with, or the rows would show something else than docs/types.md says.
func TestConformanceTableHasEveryType(t *testing.T) {
	t.Parallel()
	_, fields, _ := conforming(t)
	resolved := map[string]string{
		"public.email": "text", "public.price": "numeric(6,2)", "public.series": "integer[]", "public.feeling": "public.mood",
		"public.couple": "public.pair", "integer[3][3]": "integer[]", "public.email[]": "text[]",
	}
	for _, field := range fields[1 : len(fields)-1] {
		want := field.Name
		if base, known := resolved[want]; known {
			want = base
		}
		if field.Type != want {
			t.Errorf("column %s is of type %s, want %s", field.Name, field.Type, want)
		}
	}
}

// Text of a length that both warehouses are told is never longer.
func TestNoTextIsLongerThanItsColumn(t *testing.T) {
	t.Parallel()
	s, fields, _ := conforming(t)
	measured := func(length string) [][]printed {
		return s.asked(t, "every type", fields, func(f table.Field) string {
			printed := "format('%%s', %s)"
			if s.printsBytes(f) {
				printed = charBefore15
			}
			return "coalesce(" + length + "(" + printed + "), 0)"
		})
	}
	octets, characters := measured("octet_length"), measured("char_length")
	for i, field := range fields {
		var bytes, chars int
		if _, err := fmt.Sscanf(field.Redshift, "VARCHAR(%d)", &bytes); err != nil || bytes == 65535 {
			continue
		}
		if _, err := fmt.Sscanf(field.Snowflake, "VARCHAR(%d)", &chars); err != nil {
			t.Errorf("%s is %s in Redshift, but %s in Snowflake", field.Name, field.Redshift, field.Snowflake)
		}
		for row := range octets {
			var o, c int
			_, _ = fmt.Sscan(*octets[row][i], &o)
			_, _ = fmt.Sscan(*characters[row][i], &c)
			if o > bytes || c > chars {
				t.Errorf("row %d, %s: %d bytes and %d characters for %s and %s", row+1, field.Name, o, c, field.Redshift, field.Snowflake)
			}
		}
	}
}

// csvOptions are those of CSV without compression.
func csvOptions() encode.Options {
	return encode.Options{Format: "csv", Compression: "none", CSV: encode.CSVOptions{Delimiter: ",", Null: `\N`}}
}
