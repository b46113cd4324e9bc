package encode_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/stagelift/stagelift/shared/encode"
	"github.com/stagelift/stagelift/shared/postgres"
	"github.com/stagelift/stagelift/shared/table"
)

// These tests compare whole parts of CSV, byte by byte, with what a real server
// prints by COPY with FORMAT csv for the same rows.

// copier is a connection with the settings that extract promises.
type copier struct{ *pgconn.PgConn }

func newCopier(t testing.TB, url string) copier {
	t.Helper()
	connection, err := pgconn.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close(context.WithoutCancel(t.Context())) })
	c := copier{connection}
	c.exec(t, `SET client_encoding TO UTF8; SET search_path TO pg_catalog; SET DateStyle TO 'ISO, MDY'; SET IntervalStyle TO postgres;
		SET TimeZone TO UTC; SET bytea_output TO hex; SET extra_float_digits TO 3; SET xmlbinary TO base64`)
	return c
}

func (c copier) exec(t testing.TB, sql string) {
	t.Helper()
	if _, err := c.Exec(t.Context(), sql).ReadAll(); err != nil {
		t.Fatalf("%.300s: %v", sql, err)
	}
}

// sent are the messages of a COPY.
func (c copier) sent(t testing.TB, statement string) (messages [][]byte) {
	t.Helper()
	_, err := c.CopyTo(t.Context(), write(func(message []byte) error {
		messages = append(messages, bytes.Clone(message))
		return nil
	}), statement)
	if err != nil {
		t.Fatalf("%.300s: %v", statement, err)
	}
	return messages
}

// printed is what the server prints for a query. A row of a single field is
// printed with FORCE_QUOTE, since an empty text would be an empty line.
func (c copier) printed(t testing.TB, query string, fields int, o encode.CSVOptions) []byte {
	t.Helper()
	options := "FORMAT csv, NULL " + literal(o.Null) + ", DELIMITER " + literal(o.Delimiter)
	if fields == 1 {
		options += ", FORCE_QUOTE *"
	}
	return bytes.Join(c.sent(t, "COPY ("+query+") TO STDOUT ("+options+")"), nil)
}

// encoded is what we write for the messages of a binary COPY.
func encoded(t testing.TB, fields []table.Field, messages [][]byte, o encode.CSVOptions) []byte {
	t.Helper()
	encoder := newEncoder(t, fields, encode.Options{Format: "csv", Compression: "none", CSV: o})
	var part bytes.Buffer
	err := encoder.Begin(&part)
	for _, message := range messages {
		_, rowErr := messagesOf(encoder).Write(message)
		err = errors.Join(err, rowErr)
	}
	if err := errors.Join(err, encoder.End()); err != nil {
		t.Fatal(err)
	}
	return part.Bytes()
}

func messagesOf(e encode.Encoder) messages { return messages{e} }

// same compares byte by byte and shows where the first difference is.
func same(t testing.TB, what string, want, got []byte) {
	t.Helper()
	if bytes.Equal(want, got) {
		return
	}
	at := 0
	for at < min(len(want), len(got)) && want[at] == got[at] {
		at++
	}
	from := max(0, at-60)
	t.Errorf("%s: byte %d of %d, line %d: got %q, want %q", what, at, len(want), 1+bytes.Count(want[:at], []byte("\n")),
		got[from:min(len(got), at+60)], want[from:min(len(want), at+60)])
}

// asCSV is the SELECT list that docs/types.md has for CSV.
func (s *source) asCSV(fields []table.Field) string {
	list := make([]string, len(fields))
	for i, field := range fields {
		list[i] = fmt.Sprintf(s.csvForm(field), table.Quote(field.Name))
	}
	return strings.Join(list, ", ")
}

// statement reads a table as extract does.
func statement(t testing.TB, of *postgres.Table, fields []table.Field, where string) string {
	t.Helper()
	q := postgres.Query{Fields: fields, Where: where}
	sql, err := q.Copy(postgres.Span{Relation: &of.Relations[0]})
	if err != nil {
		t.Fatal(err)
	}
	return sql
}

const everyType = ` FROM public."every type"`

// nulls are texts for NULL: usual ones, and such as values print as.
var nulls = []string{
	`\N`, "", "NULL", "null", "0", "t", "f", "-1", "NaN", "Infinity", "-infinity", "infinity", "2000-02-29", "1.5", "0.1", "-", " ", "plain",
	"größe", "{}", "1970-01-01 00:00:00", "1970-01-01 00:00:00+00", "00:00:00", "00:00:00+00", "00", "5c4e", "empty", `\`, "'", "00000000-0000-0000-0000-000000000000",
}

// delimiters are all that there can be.
func delimiters() (all []string) {
	for c := byte(1); c < 0x80; c++ {
		if (encode.CSVOptions{Delimiter: string(c)}).Check() == nil {
			all = append(all, string(c))
		}
	}
	return all
}

func TestEveryTypeIsPrintedAsCOPYPrintsIt(t *testing.T) {
	t.Parallel()
	s, fields, described := conforming(t)
	c := newCopier(t, s.instance.AdminURL())
	for what, fields := range map[string][]table.Field{"as CSV": fields, "as text": asText(t, fields)} {
		sent := c.sent(t, statement(t, described, fields, ""))
		for _, o := range []encode.CSVOptions{{Delimiter: ",", Null: `\N`}, {Delimiter: ",", Null: ""}, {Delimiter: "\t", Null: "NULL"}, {Delimiter: "-", Null: "0"}} {
			want := c.printed(t, "SELECT "+s.asCSV(fields)+everyType, len(fields), o)
			same(t, fmt.Sprintf("%s, %+v", what, o), want, encoded(t, fields, sent, o))
		}
	}
}

func asText(t *testing.T, fields []table.Field) []table.Field {
	t.Helper()
	columns := make([]table.Column, len(fields))
	for i, field := range fields {
		columns[i] = field.Column
		columns[i].AsText = true
	}
	return fieldsOf(t, columns)
}

// narrow leaves out the rows of megabytes, which take their time.
const narrow = `coalesce(length("text") < 9999 AND length("numeric"::text) < 9999, true)`

func TestEveryDelimiterAndNullIsPrintedAsCOPYPrintsIt(t *testing.T) {
	t.Parallel()
	s, fields, described := conforming(t)
	c := newCopier(t, s.instance.AdminURL())
	sent := c.sent(t, statement(t, described, fields, narrow))
	compare := func(delimiter, null string) {
		o := encode.CSVOptions{Delimiter: delimiter, Null: null}
		if o.Check() != nil {
			return
		}
		want := c.printed(t, "SELECT "+s.asCSV(fields)+everyType+" WHERE "+narrow, len(fields), o)
		same(t, fmt.Sprintf("%+v", o), want, encoded(t, fields, sent, o))
	}
	for i, delimiter := range delimiters() {
		compare(delimiter, nulls[i%3])
	}
	for _, null := range nulls {
		compare(",", null)
		compare(";", null)
	}
}

// Each column alone is printed with quotes round every value.
func TestEveryTypeAloneIsPrintedAsCOPYPrintsIt(t *testing.T) {
	t.Parallel()
	s, fields, described := conforming(t)
	c := newCopier(t, s.instance.AdminURL())
	for _, field := range fields {
		alone := []table.Field{field}
		sent := c.sent(t, statement(t, described, alone, ""))
		for _, o := range []encode.CSVOptions{{Delimiter: ",", Null: `\N`}, {Delimiter: "0", Null: "-"}} {
			want := c.printed(t, "SELECT "+s.asCSV(alone)+everyType, 1, o)
			same(t, fmt.Sprintf("%s, %+v", field.Name, o), want, encoded(t, alone, sent, o))
		}
	}
}

// Wide values are written in pieces; what needs quotes may lie on both sides of
// where they are cut.
func TestWideValuesArePrintedAsCOPYPrintsThem(t *testing.T) {
	t.Parallel()
	s := newSource(t, `CREATE TABLE wide (id int, a text, j jsonb, b bytea, z text, o json);
		INSERT INTO wide SELECT n, repeat(x, n) || y, to_jsonb(repeat(x, n)), decode(md5(n::text) || repeat('5c', n), 'hex'), CASE n % 3 WHEN 0 THEN '' END, json '{"a":  1}'
		FROM unnest('{0,7,8,9,1016,1023,1024,1025,16376,16383,16384,16385,65536}'::int[]) AS n,
			unnest(ARRAY['x', '"', 'größe']) AS x, unnest(ARRAY['', '"', ',', E'\n']) AS y;
		ALTER TABLE wide ALTER a SET STORAGE EXTERNAL; INSERT INTO wide SELECT * FROM wide WHERE id > 16000`)
	fields, described := s.fields(t, "wide")
	c := newCopier(t, s.instance.AdminURL())
	for _, chosen := range [][]table.Field{fields, fields[1:2], fields[3:4], fields[2:4]} {
		sent := c.sent(t, statement(t, described, chosen, ""))
		for _, o := range []encode.CSVOptions{{Delimiter: ",", Null: `\N`}, {Delimiter: "5", Null: "c"}} {
			want := c.printed(t, "SELECT "+s.asCSV(chosen)+" FROM public.wide", len(chosen), o)
			same(t, fmt.Sprintf("%d fields, %+v", len(chosen), o), want, encoded(t, chosen, sent, o))
		}
	}
}

func TestRowsOfAnyWidthArePrintedAsCOPYPrintsThem(t *testing.T) {
	t.Parallel()
	s := newSource(t)
	c := newCopier(t, s.instance.AdminURL())
	for _, width := range []int{0, 1, 2, 1600} {
		list := make([]string, width)
		fields := make([]table.Field, width)
		for i := range list {
			list[i] = []string{"n", "NULLIF(n, 2)::text", `CASE n WHEN 1 THEN '' WHEN 2 THEN '\.' ELSE '\N' END`}[i%3]
			fields[i] = jsonField(fmt.Sprint(i), []table.Wire{table.WireInt32, table.WireText, table.WireText}[i%3], table.JSONString)
		}
		query := "SELECT " + strings.Join(list, ", ") + " FROM generate_series(1, 3) AS n"
		o := encode.CSVOptions{Delimiter: ",", Null: `\N`}
		sent := c.sent(t, "COPY ("+query+") TO STDOUT (FORMAT binary)")
		same(t, fmt.Sprintf("%d fields", width), c.printed(t, query, width, o), encoded(t, fields, sent, o))
	}
}

// A lone text is the one place where \. at the beginning of a line could be
// taken for the end of the data.
func TestLoneTextsArePrintedAsCOPYPrintsThem(t *testing.T) {
	t.Parallel()
	c := newCopier(t, newSource(t).instance.AdminURL())
	values := slices.Concat(tricky, nulls)
	for i := range values {
		values[i] = literal(values[i])
	}
	query := "SELECT unnest(ARRAY[NULL, " + strings.Join(values, ", ") + "]::text[])"
	sent := c.sent(t, "COPY ("+query+") TO STDOUT (FORMAT binary)")
	fields := []table.Field{jsonField("t", table.WireText, table.JSONString)}
	for _, null := range nulls {
		if o := (encode.CSVOptions{Delimiter: "|", Null: null}); null != "" {
			same(t, null, c.printed(t, query, 1, o), encoded(t, fields, sent, o))
		}
	}
}

// What arrives is UTF-8, or the server's error, whatever a database is encoded
// in, and in binary as in CSV.
func TestEncodingsOfDatabasesArePrintedAsCOPYPrintsThem(t *testing.T) {
	t.Parallel()
	s := newSource(t)
	config, err := pgconn.ParseConfig(s.instance.AdminURL())
	if err != nil {
		t.Fatal(err)
	}
	for encoding, text := range map[string]string{"LATIN1": `E'gr\366\337e, "x"'`, "EUC_JP": `E'\314\276\301\260'`, "SQL_ASCII": `E'gr\303\266\303\237e'`} {
		t.Run(encoding, func(t *testing.T) {
			name := strings.ToLower(encoding) + "_" + config.Database
			s.exec(t, "CREATE DATABASE "+table.Quote(name)+" ENCODING "+encoding+" LOCALE 'C' TEMPLATE template0")
			defer s.exec(t, "DROP DATABASE "+table.Quote(name)+" WITH (FORCE)")
			c := newCopier(t, strings.Replace(s.instance.AdminURL(), "/"+config.Database, "/"+name, 1))
			c.exec(t, "SET client_encoding TO "+encoding+"; CREATE TABLE public.t AS SELECT "+text+"::text AS t, to_json("+text+"::text) AS j; SET client_encoding TO UTF8")
			fields := []table.Field{jsonField("t", table.WireText, table.JSONString), jsonField("j", table.WireJSON, table.JSONRaw)}
			o := encode.CSVOptions{Delimiter: ",", Null: `\N`}
			sent := c.sent(t, "COPY public.t TO STDOUT (FORMAT binary)")
			same(t, encoding, c.printed(t, "SELECT * FROM public.t", 2, o), encoded(t, fields, sent, o))
			if encoding != "SQL_ASCII" {
				return
			}
			c.exec(t, `SET client_encoding TO SQL_ASCII; INSERT INTO public.t VALUES (E'\377'); SET client_encoding TO UTF8`)
			for _, format := range []string{"csv", "binary"} {
				_, err := c.CopyTo(t.Context(), io.Discard, "COPY public.t TO STDOUT (FORMAT "+format+")")
				if server, is := errors.AsType[*pgconn.PgError](err); !is || server.Code != "22021" {
					t.Errorf("%s: got %v, want an error of the server", format, err)
				}
			}
		})
	}
}
