package parquet_test

import (
	"fmt"
	"io"
	"testing"

	own "github.com/stagelift/stagelift/shared/encode/parquet"
)

// mixed are the eleven columns of the benchmark of extract, about 218 bytes of
// CSV a row.
const mixed = `
SELECT i::bigint AS id, md5(i::text)::uuid AS public_id, (i %% 1000)::integer AS customer, (i %% 100000) / 100.0::numeric(12,2) AS total,
       i / 7.0::double precision AS score, i %% 2 = 0 AS active, date '2020-01-01' + i %% 2000 AS day,
       timestamptz '2020-01-01' + i * interval '1 second' AS at, 'customer ' || i || ' of the shop' AS name,
       CASE WHEN i %% 10 = 0 THEN NULL ELSE 'a note, with "quotes", for ' || i END AS note, repeat(md5(i::text), 2) AS payload
  FROM generate_series(1, %d) AS i`

var mixedTypes = []string{
	"bigint!", "uuid", "integer", "numeric(24,16)", "double precision", "boolean", "date", "timestamp with time zone", "text", "text", "text",
}

// What is measured is a row, and how many bytes of a file of 100,000 it has; after the first row group there is nothing left to
// allocate.
func BenchmarkWrite(b *testing.B) {
	described := fields(b, mixedTypes...)
	sent := copied(b, fmt.Sprintf(mixed, 100_000))
	for _, c := range []struct {
		compression string
		repeats     []int
	}{
		{"none", nil},
		{"snappy", nil},
		{"snappy", []int{2, 6}},
		{"zstd", nil},
		{"gzip", nil},
	} {
		b.Run(fmt.Sprintf("%s with %d dictionaries", c.compression, len(c.repeats)), func(b *testing.B) {
			e := encoder(b, described, own.Options{Compression: c.compression, Repeats: c.repeats})
			if err := e.Begin(io.Discard); err != nil {
				b.Fatal(err)
			}
			for range 8 {
				writeAll(b, e, sent)
			}
			file := encoded(b, encoder(b, described, own.Options{Compression: c.compression, Repeats: c.repeats}), sent)
			var size int
			for _, message := range sent {
				size += len(message)
			}
			b.SetBytes(int64(size / len(sent)))
			b.ReportAllocs()
			b.ResetTimer()
			b.ReportMetric(float64(len(file))/float64(len(sent)-2), "B/row")
			for i := range b.N {
				row, err := e.Row(sent[1+i%(len(sent)-2)])
				if err != nil {
					b.Fatal(err)
				}
				if err := e.Write(row); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
