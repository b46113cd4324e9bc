package run

import (
	"bytes"
	"encoding/binary"
	"io"
	"log/slog"
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/stagelift/stagelift/shared/encode"
	"github.com/stagelift/stagelift/shared/object"
	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/table"
)

// discard is an S3 that takes everything and keeps nothing.
type discard struct{}

func (discard) Do(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return nil, err
		}
	}
	return &http.Response{
		StatusCode: http.StatusOK, Request: r, Header: http.Header{"Etag": {`"x"`}}, Body: io.NopCloser(bytes.NewReader(nil)),
	}, nil
}

func newPartWriter(tb testing.TB, compression string, partBytes int64) *partWriter {
	tb.Helper()
	fields := []table.Field{{Column: table.Column{Name: "id", Type: "text"}}, {Column: table.Column{Name: "t", Type: "text"}}}
	encoder, err := encode.New(fields, encode.Options{
		Format: "csv", Compression: compression, CSV: encode.CSVOptions{Header: true, Delimiter: ",", Null: `\N`},
	})
	if err != nil {
		tb.Fatal(err)
	}
	store := object.New(aws.Config{
		Region: "eu-central-1", HTTPClient: discard{}, BaseEndpoint: aws.String("http://127.0.0.1:1"),
		Credentials: credentials.NewStaticCredentialsProvider("key", "secret", ""),
	})
	t := fakeTask("t", 1)
	t.format = stage.Format{Name: "csv", Compression: compression, Header: true}
	r := &run{
		Job: &Job{Store: store, Bucket: "bucket", Log: slog.New(slog.DiscardHandler)}, queue: newQueue([]*task{t}),
	}
	p := r.queue.tables[0]
	p.how.limit = partBytes
	return &partWriter{ctx: tb.Context(), run: r, table: p, encoder: encoder}
}

// message is a row as COPY sends it.
func message(values ...string) []byte {
	m := binary.BigEndian.AppendUint16(nil, uint16(len(values)))
	for _, value := range values {
		m = append(binary.BigEndian.AppendUint32(m, uint32(len(value))), value...)
	}
	return m
}

var (
	sent = message("1042", "2026-11-21 00:30:00+00, open, a note, quoted, 12.50")
	row  = []byte("1042,\"2026-11-21 00:30:00+00, open, a note, quoted, 12.50\"\n")
)

// Rows pass by the hundred million: what one of them allocates, all do.
func TestRowsAreWrittenWithoutAllocating(t *testing.T) { //nolint:paralleltest // it counts what the whole process allocates
	for _, compression := range []string{"none", "gzip"} {
		w := newPartWriter(t, compression, 128<<20)
		write := func() {
			if _, err := w.Write(sent); err != nil {
				t.Fatal(err)
			}
		}
		write() // starts the part
		if got := testing.AllocsPerRun(10_000, write); got > 0 {
			t.Errorf("%s: %v allocations a row, want none", compression, got)
		}
		w.abandon()
	}
}

func TestPartsAreCutBetweenRows(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name      string
		partBytes int64
		rows      int
		want      []int64
	}{
		{"no rows", 100, 0, nil},
		{"one row", 100, 1, []int64{1}},
		{"exactly full", 5 + 2*int64(len(row)), 2, []int64{2}},
		{"one more", 5 + 2*int64(len(row)), 3, []int64{2, 1}},
		{"every row a part", 1, 3, []int64{1, 1, 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newPartWriter(t, "none", c.partBytes)
			for range c.rows {
				if _, err := w.Write(sent); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.finish(); err != nil {
				t.Fatal(err)
			}
			w.run.publishing.Wait()
			if len(w.table.parts) != len(c.want) {
				t.Fatalf("parts %+v, want %v rows", w.table.parts, c.want)
			}
			for i, part := range w.table.parts {
				if size := 5 + c.want[i]*int64(len(row)); part.Rows != c.want[i] || part.Bytes != size {
					t.Errorf("part %d is %+v, want %d rows in %d bytes", i, part, c.want[i], size)
				}
			}
		})
	}
}

func BenchmarkPartWriter(b *testing.B) {
	for _, compression := range []string{"none", "gzip"} {
		b.Run(compression, func(b *testing.B) {
			w := newPartWriter(b, compression, 7<<20)
			b.SetBytes(int64(len(row)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := w.Write(sent); err != nil {
					b.Fatal(err)
				}
			}
			if err := w.finish(); err != nil {
				b.Fatal(err)
			}
			w.run.publishing.Wait()
		})
	}
}
