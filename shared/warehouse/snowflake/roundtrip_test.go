package snowflake

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/stagelift/stagelift/local/pgserver/pgtest"
	"github.com/stagelift/stagelift/shared/encode"
	"github.com/stagelift/stagelift/shared/object"
	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// typed is a column with values as PostgreSQL takes them.
type typed struct {
	kind   string
	values []string
}

// types are columns that every format has to bring over.
var types = []typed{
	{"smallint", []string{"-32768", "32767"}},
	{"bigint", []string{"-9223372036854775808", "9223372036854775807", "9007199254740993"}},
	{"numeric(38,10)", []string{"1234567890123456789012345678.0123456789", "-0.0000000001"}},
	{"real", []string{"0.1", "-3.4028235e+38"}},
	{"double precision", []string{"0.1", "1e-300", "-1.7976931348623157e+308", "NaN"}},
	{"money", []string{"-92233720368547758.08", "1.50"}},
	{"boolean", []string{"true", "false"}},
	{"text", []string{"", " ", `a"b`, `\`, `\\n`, "a,b", "line\nbreak", "cr\rlf\r\n", "größe 𝄞", "NULL", "'", "null", "{}"}},
	{"character varying(3)", []string{"", "𝄞𝄞𝄞"}},
	{"bytea", []string{`\x`, `\x00ff5c4e0a22`}},
	{"date", []string{"0001-01-01", "2026-11-21", "9999-12-31"}},
	{"time without time zone", []string{"00:00:00", "23:59:59.999999"}},
	{"timestamp without time zone", []string{"1969-12-31 23:59:59.999999", "2026-11-21 00:30:00"}},
	{"timestamp with time zone", []string{"1582-10-15 00:00:00+00", "2026-11-21 00:30:00.000001+05:30"}},
	{"interval", []string{"1 year 2 mons -3 days 04:05:06.789"}},
	{"uuid", []string{"0190b5a2-7c3d-7e8f-9a0b-1c2d3e4f5a6b"}},
	{"jsonb", []string{`{}`, `{"a": [1, "x", null], "größe": 1.50}`, `"a"`, `true`}},
	{"json", []string{"{\n \"a\" :\t1 }", `{"a": 1, "b": {"c": 1, "c": 2}, "a": 3}`}},
	{"text[]", []string{"{}", `{"a,b","q\"uote",NULL,"NULL"}`}},
	{"integer[]", []string{"{1,NULL,-3}"}},
	{"inet", []string{"10.1.2.3/8"}},
}

// source is a table with the values, one more in each row until there is none.
func source(t *testing.T) (conn *pgx.Conn, columns []table.Column) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), pgtest.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	columns = []table.Column{{Name: "id", Type: "integer"}}
	create := []string{"id integer NOT NULL"}
	rows := 0
	for _, typ := range types {
		columns = append(columns, table.Column{Name: typ.kind, Type: typ.kind, Nullable: true})
		create = append(create, table.Quote(typ.kind)+" "+typ.kind)
		rows = max(rows, len(typ.values)+1)
	}
	run := func(sql string) {
		if _, err := conn.PgConn().Exec(t.Context(), sql).ReadAll(); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	run("SET TimeZone TO UTC; SET extra_float_digits TO 3; CREATE TABLE source (" + strings.Join(create, ", ") + ")")
	for n := range rows {
		values := []string{fmt.Sprint(n)}
		for _, typ := range types {
			value := "NULL"
			if n < len(typ.values) {
				value = "E'" + strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(typ.values[n]) + "'"
			}
			values = append(values, value)
		}
		run("INSERT INTO source VALUES (" + strings.Join(values, ", ") + ")")
	}
	return conn, columns
}

var asked = map[table.Form]string{
	table.FormValue: "%s", table.FormText: "%s::text", table.FormJSON: "to_json(%s)",
	table.FormNumeric: "%s::numeric",
}

// extract writes the table as extract does.
func extract(t *testing.T, conn *pgx.Conn, l warehouse.Load) []byte {
	t.Helper()
	var fields []table.Field
	var list []string
	for _, column := range l.Columns {
		image, err := table.ImageOf(column)
		if err != nil {
			t.Fatal(err)
		}
		fields = append(fields, table.Field{Column: column, Image: image})
		list = append(list, fmt.Sprintf(asked[image.Sent], table.Quote(column.Name)))
	}
	encoder, err := encode.New(fields, encode.Options{
		Format: l.Format.Name, Compression: l.Format.Compression,
		CSV: encode.CSVOptions{Header: l.Format.Header, Delimiter: l.Format.Delimiter, Null: l.Format.Null},
	})
	if err != nil {
		t.Fatal(err)
	}
	var part bytes.Buffer
	if err := encoder.Begin(&part); err != nil {
		t.Fatal(err)
	}
	sql := "COPY (SELECT " + strings.Join(list, ", ") + " FROM source ORDER BY id) TO STDOUT (FORMAT binary)"
	if _, err := conn.PgConn().CopyTo(t.Context(), rowWriter{encoder}, sql); err != nil {
		t.Fatal(err)
	}
	if err := encoder.End(); err != nil {
		t.Fatal(err)
	}
	return part.Bytes()
}

// rowWriter is given one row with each Write.
type rowWriter struct{ encode.Encoder }

func (w rowWriter) Write(message []byte) (int, error) {
	row, err := w.Row(message)
	if err == nil && row != nil {
		err = w.Encoder.Write(row)
	}
	return len(message), err
}

// What PostgreSQL prints of each value in the source, it prints of it in the
// target, whatever format it came by.
func TestEveryFormatBringsEveryValue(t *testing.T) {
	t.Parallel()
	for _, as := range [][2]string{{"csv", "gzip"}, {"csv", "none"}, {"jsonl", "zstd"}, {"parquet", "snappy"}, {"parquet", "zstd"}} {
		t.Run(as[0]+" "+as[1], func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			conn, columns := source(t)
			l := b.stage(1)
			l.Columns, l.Format.Name, l.Format.Compression, l.Format.Header = columns, as[0], as[1], as[0] == "csv"
			part := extract(t, conn, l)
			rows := count(t, conn)
			l.Parts, l.Rows = []warehouse.Part{{Key: "stage/shop/public.t/1/part-00000." + l.Format.Extension(), Rows: rows, Bytes: int64(len(part))}}, rows
			if _, err := b.store.Put(t.Context(), object.Location{Bucket: b.bucket, Key: l.Parts[0].Key}, part, object.PutOptions{}); err != nil {
				t.Fatal(err)
			}
			b.load(l, warehouse.Loaded)
			for _, column := range columns {
				compareColumn(t, b, conn, column)
			}
		})
	}
}

func count(t *testing.T, conn *pgx.Conn) (rows int64) {
	t.Helper()
	if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM source").Scan(&rows); err != nil {
		t.Fatal(err)
	}
	return rows
}

func compareColumn(t *testing.T, b *bundle, conn *pgx.Conn, column table.Column) {
	t.Helper()
	name := table.Quote(column.Name)
	expression := name
	switch {
	case slices.Contains([]string{"json", "text[]", "integer[]"}, column.Type):
		expression = "to_jsonb(" + name + ")"
	case column.Type == "money":
		expression = name + "::numeric(22,3)"
	}
	rows, err := conn.Query(t.Context(), "SELECT coalesce("+expression+"::text, 'NULL') FROM source ORDER BY id")
	if err != nil {
		t.Fatal(err)
	}
	want, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, b.look("SELECT coalesce("+name+"::text, 'NULL') FROM public.t ORDER BY id")); diff != "" {
		t.Errorf("%s (-want +got):\n%s", column.Name, diff)
	}
}
