package postgres_test

import (
	"errors"
	"strings"
	"time"

	"github.com/stagelift/stagelift/shared/encode"
	"github.com/stagelift/stagelift/shared/encode/copybinary"
	"github.com/stagelift/stagelift/shared/postgres"
	"github.com/stagelift/stagelift/shared/table"
)

// rows is a writer that keeps the row of each Write.
type rows struct{ list []string }

func (r *rows) Write(message []byte) (int, error) {
	row, err := copybinary.Row(message)
	if row != nil {
		r.list = append(r.list, string(row))
	}
	return len(message), err
}

// fields are the columns with the images that the type table gives them.
func (b *bundle) fields(columns []table.Column) []table.Field {
	b.Helper()
	fields := make([]table.Field, len(columns))
	for i, column := range columns {
		image, err := table.ImageOf(column)
		if err != nil {
			b.Fatal(err)
		}
		fields[i] = table.Field{Column: column, Image: image}
	}
	return fields
}

// read copies spans of a table as CSV.
func (b *bundle) read(s *postgres.Snapshot, t *postgres.Table, spans []postgres.Span) []string {
	b.Helper()
	rows, err := b.query(s, postgres.Query{Fields: b.fields(t.Columns)}, spans)
	if err != nil {
		b.Fatal(err)
	}
	return rows
}

// query copies spans on a stream of its own, and returns every row as a line of
// CSV.
func (b *bundle) query(s *postgres.Snapshot, q postgres.Query, spans []postgres.Span) ([]string, error) {
	b.Helper()
	sent, err := b.sent(s, q, spans)
	if err != nil {
		return nil, err
	}
	encoder, err := encode.New(q.Fields, encode.Options{
		Format: "csv", Compression: "none", CSV: encode.CSVOptions{Null: null, Delimiter: ","},
	})
	if err != nil {
		return nil, err
	}
	var rows []string
	for _, row := range sent {
		var line strings.Builder
		if err := errors.Join(encoder.Begin(&line), encoder.Write([]byte(row)), encoder.End()); err != nil {
			return nil, err
		}
		rows = append(rows, line.String())
	}
	return rows, nil
}

// null is NULL in the lines of query.
const null = `\N`

// sent is query without the encoding: the rows as COPY sends them in binary.
func (b *bundle) sent(s *postgres.Snapshot, q postgres.Query, spans []postgres.Span) ([]string, error) {
	b.Helper()
	stream, err := s.Stream(b.Context())
	if err != nil {
		return nil, err
	}
	defer func() { _ = stream.Close(b.Context()) }()
	for _, t := range s.Tables {
		if len(spans) > 0 && t.Relation(spans[0].Relation.OID) != nil {
			if err := stream.Enter(b.Context(), time.Second, t); err != nil {
				return nil, err
			}
			break
		}
	}
	var out rows
	for _, span := range spans {
		statement, err := q.Copy(span)
		if err != nil {
			return nil, err
		}
		before := len(out.list)
		copied, err := stream.Copy(b.Context(), &out, statement)
		if err != nil {
			return nil, err
		}
		if got := int64(len(out.list) - before); got != copied {
			b.Fatalf("%s: %d rows, but %d writes", statement, copied, got)
		}
	}
	return out.list, nil
}
