package parquet_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"github.com/stagelift/stagelift/local/pgserver/pgtest"
	own "github.com/stagelift/stagelift/shared/encode/parquet"
	"github.com/stagelift/stagelift/shared/table"
)

// field describes a column by its type in PostgreSQL; one that ends with "!"
// is NOT NULL.
func field(t testing.TB, name, kind string) table.Field {
	t.Helper()
	column := table.Column{Name: name, Type: kind, Nullable: true}
	if last := len(kind) - 1; kind[last] == '!' {
		column.Type, column.Nullable = kind[:last], false
	}
	image, err := table.ImageOf(column)
	if err != nil {
		t.Fatal(err)
	}
	return table.Field{Column: column, Image: image}
}

// fields are called a, b, c and so on.
func fields(t testing.TB, kinds ...string) []table.Field {
	t.Helper()
	described := make([]table.Field, len(kinds))
	for i, kind := range kinds {
		described[i] = field(t, string(rune('a'+i)), kind)
	}
	return described
}

// database is one for all tests: they only select.
var (
	once     sync.Once
	database string
)

// messages keeps what COPY sends.
type messages [][]byte

func (m *messages) Write(p []byte) (int, error) {
	*m = append(*m, bytes.Clone(p))
	return len(p), nil
}

func connected(t testing.TB) *pgconn.PgConn {
	t.Helper()
	once.Do(func() { database = pgtest.Database(t) })
	conn, err := pgconn.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { hangUp(t, conn) })
	return conn
}

// hangUp may be called again.
func hangUp(t testing.TB, conn *pgconn.PgConn) {
	t.Helper()
	_ = conn.Close(context.WithoutCancel(t.Context())) // nothing is pending
}

// copied returns the messages of a binary COPY of a query.
func copied(t testing.TB, query string) messages {
	t.Helper()
	conn := connected(t)
	defer hangUp(t, conn) // a test may ask for more than there are connections
	var sent messages
	if _, err := conn.CopyTo(t.Context(), &sent, "COPY ("+query+") TO STDOUT (FORMAT binary)"); err != nil {
		t.Fatalf("%.300s: %v", query, err)
	}
	return sent
}

// encoder makes an encoder that must be possible.
func encoder(t testing.TB, described []table.Field, o own.Options) *own.Encoder {
	t.Helper()
	if o.Compression == "" {
		o.Compression = "snappy"
	}
	e, err := own.New(described, o)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// writeAll writes what COPY sent.
func writeAll(t testing.TB, e *own.Encoder, sent messages) {
	t.Helper()
	for _, message := range sent {
		row, err := e.Row(message)
		if err != nil {
			t.Fatal(err)
		}
		if row == nil {
			continue
		}
		if err := e.Write(row); err != nil {
			t.Fatal(err)
		}
	}
}

// encoded returns a file of what COPY sent.
func encoded(t testing.TB, e *own.Encoder, sent messages) []byte {
	t.Helper()
	var file bytes.Buffer
	if err := e.Begin(&file); err != nil {
		t.Fatal(err)
	}
	writeAll(t, e, sent)
	if err := e.End(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// opened opens a file with a reader that is not ours.
func opened(t testing.TB, file []byte) *parquet.File {
	t.Helper()
	opened, err := parquet.OpenFile(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	return opened
}

// plainDictionary is what files of version 1 have, and those of version 2 should
// not.
const plainDictionary = format.PlainDictionary //nolint:staticcheck // see above

// binaryRow is a row as COPY sends it, nil for NULL.
func binaryRow(values ...[]byte) []byte {
	row := binary.BigEndian.AppendUint16(nil, uint16(len(values)))
	for _, value := range values {
		if value == nil {
			row = binary.BigEndian.AppendUint32(row, 0xffffffff)
			continue
		}
		row = append(binary.BigEndian.AppendUint32(row, uint32(len(value))), value...)
	}
	return row
}

// written returns a file of these rows.
func written(t testing.TB, e *own.Encoder, rows ...[]byte) []byte {
	t.Helper()
	var file bytes.Buffer
	if err := e.Begin(&file); err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		if err := e.Write(row); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.End(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// same compares what was read column by column and tells the first difference.
// There are too many values for cmp.Diff.
func same(t *testing.T, want, got [][]string) {
	t.Helper()
	if len(want) != len(got) {
		t.Fatalf("%d columns, want %d", len(got), len(want))
	}
	for i := range want {
		if len(want[i]) != len(got[i]) {
			t.Fatalf("column %d has %d values, want %d", i, len(got[i]), len(want[i]))
		}
		for row := range want[i] {
			if want[i][row] != got[i][row] {
				t.Fatalf("column %d, row %d: %.100s, want %.100s", i, row, got[i][row], want[i][row])
			}
		}
	}
}
