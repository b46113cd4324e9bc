package encode_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/jackc/pgx/v5"

	"github.com/stagelift/stagelift/local/pgserver/pgtest"
	"github.com/stagelift/stagelift/local/rds"
	"github.com/stagelift/stagelift/local/rds/rdstest"
	"github.com/stagelift/stagelift/shared/encode"
	"github.com/stagelift/stagelift/shared/postgres"
	"github.com/stagelift/stagelift/shared/table"
)

// source is a database of the test's own: admin makes it and says what it
// holds, the rest reads it as extract does.
type source struct {
	instance *rds.Instance
	admin    *pgx.Conn
	config   postgres.Config
	// version is the server's major one.
	version int
}

// columns are the columns of the conformance tables that the server has.
func (s *source) columns() []column {
	has, _ := columnsOf(s.version)
	return has
}

func newSource(t *testing.T, sql ...string) *source {
	t.Helper()
	s := connect(t, rdstest.Shared(t))
	for _, statement := range sql {
		s.exec(t, statement)
	}
	return s
}

func connect(t *testing.T, instance *rds.Instance) *source {
	t.Helper()
	admin, err := pgx.Connect(t.Context(), instance.AdminURL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = admin.Close(context.WithoutCancel(t.Context())) })
	roots, err := postgres.RootCAs(instance.CAFile())
	if err != nil {
		t.Fatal(err)
	}
	return &source{instance: instance, admin: admin, version: pgtest.Major(t, admin.PgConn()), config: postgres.Config{
		Host: instance.Host(), Port: instance.Port(), Database: instance.Database(), User: instance.User(),
		Region: rdstest.Region, RootCAs: roots,
		Credentials: credentials.NewStaticCredentialsProvider(rdstest.AccessKey, rdstest.SecretKey, ""),
	}}
}

func (s *source) exec(t *testing.T, sql string) {
	t.Helper()
	if _, err := s.admin.PgConn().Exec(t.Context(), sql).ReadAll(); err != nil {
		t.Fatalf("%.300s: %v", sql, err)
	}
}

// printed is a value as a server prints it; nil is NULL.
type printed = *string

// ask returns what the server prints for expressions over the rows of a table,
// in the order of their ids. It prints with each type's output function, in the
// settings that extract promises.
func (s *source) ask(t *testing.T, from string, expressions []string) [][]printed {
	t.Helper()
	s.exec(t, `SET search_path TO pg_catalog; SET DateStyle TO ISO; SET IntervalStyle TO postgres; SET TimeZone TO UTC;
		SET bytea_output TO hex; SET extra_float_digits TO 3`)
	sql := "SELECT " + strings.Join(expressions, ", ") + " FROM public." + table.Quote(from) + " ORDER BY id"
	results, err := s.admin.PgConn().Exec(t.Context(), sql).ReadAll()
	if err != nil {
		t.Fatalf("%.300s: %v", sql, err)
	}
	var rows [][]printed
	for _, values := range results[0].Rows {
		row := make([]printed, len(values))
		for i, value := range values {
			if value != nil {
				row[i] = new(string(value))
			}
		}
		rows = append(rows, row)
	}
	return rows
}

// fields describes a table as extract does.
func (s *source) fields(t *testing.T, from string) ([]table.Field, *postgres.Table) {
	t.Helper()
	described := s.snapshot(t, table.Name{Schema: "public", Table: from}).Tables[0]
	return fieldsOf(t, described.Columns), described
}

func fieldsOf(t *testing.T, columns []table.Column) []table.Field {
	t.Helper()
	fields := make([]table.Field, len(columns))
	for i, column := range columns {
		image, err := table.ImageOf(column)
		if err != nil {
			t.Fatal(err)
		}
		fields[i] = table.Field{Column: column, Image: image}
	}
	return fields
}

func (s *source) snapshot(t *testing.T, of table.Name) *postgres.Snapshot {
	t.Helper()
	pattern, err := table.ParsePattern(of.String())
	if err != nil {
		t.Fatal(err)
	}
	source, err := postgres.Open(s.config)
	if err != nil {
		t.Fatal(err)
	}
	snapshot, err := source.Snapshot(t.Context(), postgres.Options{Selection: postgres.Selection{Include: []table.Pattern{pattern}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = snapshot.Close(context.WithoutCancel(t.Context())) })
	if len(snapshot.Tables) != 1 {
		t.Fatalf("%s cannot be read: %+v", of, snapshot.Refused)
	}
	return snapshot
}

// writing is how a table is read and written.
type writing struct {
	Fields  []table.Field
	Options encode.Options
	// Where is postgres.Query's.
	Where string
	// NullOutOfRange is postgres.Query's, for narrowed columns.
	NullOutOfRange bool
}

// write reads the table and writes it as one part, in the order of its rows'
// places, which is that of their ids.
func (s *source) write(t *testing.T, from *postgres.Table, w writing) ([]byte, error) {
	t.Helper()
	stream, err := s.snapshot(t, from.Name).Stream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stream.Close(context.WithoutCancel(t.Context())) }()
	if err := stream.Enter(t.Context(), time.Second, from); err != nil {
		t.Fatal(err)
	}
	encoder, err := encode.New(w.Fields, w.Options)
	if err != nil {
		return nil, err
	}
	var part bytes.Buffer
	if err := encoder.Begin(&part); err != nil {
		return nil, err
	}
	query := postgres.Query{
		Fields: w.Fields, Where: w.Where, Key: []string{"id"}, NullOutOfRange: w.NullOutOfRange,
	}
	for block := int64(0); block == 0 || block < from.Blocks(); block++ {
		span := postgres.Span{Relation: &from.Relations[0], From: block, To: block + 1}
		if span.To >= from.Blocks() {
			span.To = 0
		}
		statement, err := query.Copy(span)
		if err != nil {
			return nil, err
		}
		if _, err := stream.Copy(t.Context(), messages{encoder}, statement); err != nil {
			return nil, fmt.Errorf("%.300s: %w", statement, err)
		}
	}
	if err := encoder.End(); err != nil {
		return nil, err
	}
	return part.Bytes(), nil
}

// messages gives an encoder the rows of COPY's messages.
type messages struct{ encode.Encoder }

func (m messages) Write(message []byte) (int, error) {
	row, err := m.Row(message)
	if err != nil || row == nil {
		return len(message), err
	}
	return len(message), m.Encoder.Write(row)
}

// literal is a string that a server takes for any type.
func literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// input is a value of the column for INSERT.
func (c column) input(value string) string {
	var byt int
	if _, err := fmt.Sscanf(value, `\%3o`, &byt); err == nil && c.Type == `"char"` {
		return fmt.Sprintf(`(%d)::"char"`, byt-256) // which is past 127, and has no literal before version 15
	}
	return literal(value)
}

// fill makes a table of the columns, each named after its type, and puts every
// value into a row, NULL where a column has no more, and everywhere in the last
// row. Values beyond Parquet come after the others.
func (s *source) fill(t *testing.T, name string, columns []column) {
	t.Helper()
	definitions := make([]string, len(columns))
	rows := 0
	for i, c := range columns {
		definitions[i] = table.Quote(c.Type) + " " + c.Type
		rows = max(rows, len(c.Values)+len(c.Beyond))
	}
	s.exec(t, "CREATE TABLE public."+table.Quote(name)+" (id bigint GENERATED ALWAYS AS IDENTITY, "+
		strings.Join(definitions, ", ")+`, "twice the id" bigint GENERATED ALWAYS AS (2 * id) STORED)`)
	for row := range rows + 1 {
		values := make([]string, len(columns))
		for i, c := range columns {
			values[i] = "NULL"
			if all := slices.Concat(c.Values, c.Beyond); row < len(all) {
				values[i] = c.input(all[row])
			}
		}
		s.exec(t, "INSERT INTO public."+table.Quote(name)+" VALUES (DEFAULT, "+strings.Join(values, ", ")+", DEFAULT)")
	}
}
