package postgres_test

import (
	"encoding/binary"
	"encoding/csv"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/shared/postgres"
	"github.com/stagelift/stagelift/shared/table"
)

// values has one column of every kind of type, each with the values that a cast
// to text would print differently, or that a composite makes hard.
const values = `
CREATE TYPE pair AS (a int, b text);
CREATE TYPE mood AS ENUM ('good', 'b"a,d');
CREATE DOMAIN address AS inet;
CREATE FUNCTION spell(mood) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'spelt' $$;
CREATE CAST (mood AS text) WITH FUNCTION spell(mood);
CREATE TABLE odd (
  yes bool, small int2, whole int4, big int8, id oid, f4 float4, f8 float8, n numeric, m money, c char(5), v varchar(9), t text, one "char",
  nm name, by bytea, d date, ti time, tz timetz, ts timestamp, tt timestamptz, i interval, u uuid, ip inet, net cidr, mac macaddr,
  j json, jb jsonb, x xml, p pair, e mood, dom address, r int4range, ai int[], ap pair[], bits bit(3), vb varbit,
  pt point, tsv tsvector, l pg_lsn, rc regclass, am mood[]);
INSERT INTO odd VALUES
 (true, -1, 2, 3, 4000000000, 1.1, 0.1::float8 + 0.2, 1.10, '12.34', 'ab', 'cd', E'a"b,\nc', 'x', 'nm', '\x00ff', '2026-02-01', '24:00',
  '01:02:03+04', '-infinity', 'infinity', '-1 day 02:00', '00000000-0000-0000-0000-000000000001', '10.0.0.1', '10.0.0.0/8', '08:00:2b:01:02:03',
  '{"a" : 1}', '{"a" : 1}', '<?xml version="1.0" encoding="UTF-8"?><a/>', '(1,"x y")', 'b"a,d', '10.0.0.1', '[1,5)', '{1,NULL}', '{"(1,x)"}',
  '101', '1', '(1,2)', 'a:1', '0/10', 'pg_class', '{good,"b\"a,d"}'),
 (false, 0, 0, 0, 0, 'NaN', '-infinity', 'NaN', '-1', '', '', '', '', '', '', 'infinity', '00:00', '00:00+00', '0044-03-15 BC', '-infinity', '0',
  '00000000-0000-0000-0000-000000000000', '::1', '::1/128', '08:00:2b:01:02:03', 'null', 'null', '', '(,)', 'good', '::1', 'empty', '{}', '{}',
  '000', '', '(0,0)', '', '0/0', 'pg_type', '{}');
INSERT INTO odd (p) VALUES (NULL);`

// The text that is sent is what COPY prints as CSV, for every type.
func TestTextIsWhatTheServerPrints(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(values)
	if !b.lacks(14, "ALTER TABLE odd ADD mr int4multirange") {
		b.exec(`UPDATE odd SET mr = CASE WHEN yes THEN '{[1,2),[4,5)}'::int4multirange ELSE '{}' END WHERE yes IS NOT NULL`)
	}
	snapshot := b.snapshot("public.odd")
	odd := b.tables(snapshot)[0]
	for _, column := range odd.Columns {
		t.Run(column.Name, func(t *testing.T) {
			asText := table.Field{Column: column, Image: table.Image{Sent: table.FormText}}
			sent, err := b.sent(snapshot, postgres.Query{Fields: []table.Field{asText}}, spans(odd, 0))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(parse(t, b.printed(column)), decode(t, sent)); diff != "" {
				t.Errorf("sent (-want +got):\n%s", diff)
			}
		})
	}
}

// printed is the server's own CSV of a column of odd.
func (b *bundle) printed(column table.Column) string {
	b.Helper()
	b.exec(`SET DateStyle TO ISO; SET IntervalStyle TO postgres; SET TimeZone TO UTC; SET bytea_output TO hex; SET extra_float_digits TO 3`)
	var printed strings.Builder
	sql := "COPY (SELECT " + table.Quote(column.Name) + ` FROM odd) TO STDOUT (FORMAT csv, NULL '\N', FORCE_QUOTE *)`
	if _, err := b.admin.PgConn().CopyTo(b.Context(), &printed, sql); err != nil {
		b.Fatalf("%s: %v", sql, err)
	}
	return printed.String()
}

// parse takes lines of CSV of one column apart.
func parse(t *testing.T, raw string) []string {
	t.Helper()
	rows, err := csv.NewReader(strings.NewReader(raw)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, row := range rows {
		if row[0] == null {
			got = append(got, "NULL")
		} else {
			got = append(got, fmt.Sprintf("%q", row[0]))
		}
	}
	return got
}

// decode takes rows of one column apart.
func decode(t *testing.T, rows []string) []string {
	t.Helper()
	var got []string
	for _, row := range rows {
		if row[2:6] == "\xff\xff\xff\xff" {
			got = append(got, "NULL")
			continue
		}
		length := binary.BigEndian.Uint32([]byte(row[2:6]))
		got = append(got, fmt.Sprintf("%q", row[6:6+length]))
	}
	return got
}

func TestFormsKeepNullAndValue(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(`CREATE TYPE pair AS (a int, b text);
		CREATE TABLE forms (m money, p pair, ap pair[], ai int[], b bytea);
		INSERT INTO forms VALUES ('12.34', '(1,x)', '{"(1,)",NULL}', '{{1,2},{3,NULL}}', '\xdead'), (-1.5, '(,)', '{}', '{}', ''), (NULL, NULL, NULL, NULL, NULL)`)
	snapshot := b.snapshot("public.forms")
	forms := b.tables(snapshot)[0]
	got, err := b.query(snapshot, postgres.Query{Fields: b.fields(forms.Columns)}, spans(forms, 0))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`12.34,"{""a"":1,""b"":""x""}","[{""a"":1,""b"":null},null]","[[1,2],[3,null]]",dead` + "\n",
		`-1.50,"{""a"":null,""b"":null}",[],[],` + "\n",
		`\N,\N,\N,\N,\N` + "\n",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

func TestNarrowedNumericsFitOrAreTold(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(`CREATE TABLE money_free (id int, "Key" text, amount numeric, ok boolean);
		INSERT INTO money_free VALUES (1, 'k', 99.99, true), (2, 'k', -99.990, true), (3, 'k', 0, true), (4, 'k', NULL, true), (5, 'k', 5e-1, true),
		(11, '>> "k"', 100, false), (12, 'k', 0.001, false), (13, 'k', 'NaN', false), (14, 'k', 99.995, false);
		CREATE VIEW money_view AS SELECT * FROM money_free`)
	misfits := 14
	if !b.lacks(14, `INSERT INTO money_free VALUES (15, 'k', 'Infinity', false), (16, 'k', '-Infinity', false)`) {
		misfits = 16
	}
	snapshot := b.snapshot("public.money_free", "public.money_view")
	found := b.tables(snapshot)
	fields := b.fields([]table.Column{found[0].Columns[0], {Name: "amount", Type: "numeric(4,2)", Source: "numeric"}})
	q := postgres.Query{Fields: fields, Where: "ok", Key: []string{"id", "Key"}}
	t.Run("what fits is unchanged", func(t *testing.T) {
		got, err := b.query(snapshot, q, spans(found[0], 0))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"1,99.99\n", "2,-99.99\n", "3,0.00\n", "4,\\N\n", "5,0.50\n"}, got); diff != "" {
			t.Errorf("rows (-want +got):\n%s", diff)
		}
	})
	t.Run("what does not fit is told by its key", func(t *testing.T) {
		for n := 11; n <= misfits; n++ {
			q := q
			q.Where = fmt.Sprintf("id = %d", n)
			_, err := b.query(snapshot, q, spans(found[0], 0))
			wantError(t, err, `column "amount" of public.money_free holds a value that does not fit numeric(4,2) exactly, in the row with "id" `+fmt.Sprint(n)+` and "Key" `)
			if strings.Contains(err.Error(), "stagelift:") || strings.Contains(err.Error(), "22P02") {
				t.Errorf("the error shows how it was made: %v", err)
			}
		}
	})
	t.Run("by ctid without a key", func(t *testing.T) {
		q := q
		q.Where, q.Key = "id = 12", nil
		_, err := b.query(snapshot, q, spans(found[0], 0))
		wantError(t, err, `in the row with "ctid" (0,7)`)
	})
	t.Run("a view's without a key", func(t *testing.T) {
		q := q
		q.Where, q.Key = "id = 12", nil
		_, err := b.query(snapshot, q, spans(found[1], 0))
		wantError(t, err, `column "amount" of public.money_view holds a value that does not fit`)
	})
	t.Run("or is NULL, as text too", func(t *testing.T) {
		q := q
		q.Where, q.NullOutOfRange = "id IN (1, 11, 12, 13, 14, 15, 16)", true
		text := fields[1]
		text.Sent = table.FormText
		q.Fields = []table.Field{text}
		got, err := b.sent(snapshot, q, spans(found[0], 0))
		if err != nil {
			t.Fatal(err)
		}
		want := append([]string{`"99.99"`}, slices.Repeat([]string{"NULL"}, misfits-10)...)
		if diff := cmp.Diff(want, decode(t, got)); diff != "" {
			t.Errorf("values (-want +got):\n%s", diff)
		}
	})
}
