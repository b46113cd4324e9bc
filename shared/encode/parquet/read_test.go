package parquet_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"

	"github.com/stagelift/stagelift/local/pgserver/pgtest"
	own "github.com/stagelift/stagelift/shared/encode/parquet"
)

// read returns the values of a file, column by column, in words.
func read(t testing.TB, file []byte) [][]string {
	t.Helper()
	columns := opened(t, file).Root().Columns()
	values := make([][]string, len(columns))
	for i, column := range columns {
		pages := column.Pages()
		for {
			page, err := pages.ReadPage()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("column %s: %v", column.Name(), err)
			}
			read := make([]parquet.Value, page.NumValues())
			n, err := page.Values().ReadValues(read)
			if err != nil && !errors.Is(err, io.EOF) || n != len(read) {
				t.Fatalf("column %s: a page of %d values has %d: %v", column.Name(), len(read), n, err)
			}
			for _, value := range read {
				values[i] = append(values[i], words(column, value))
			}
			parquet.Release(page)
		}
		if err := pages.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return values
}

// pagesOf tells which kinds of pages a chunk has.
func pagesOf(t *testing.T, chunk parquet.ColumnChunk) (indexed, plain bool) {
	t.Helper()
	pages := chunk.Pages()
	defer func() { _ = pages.Close() }() // nothing was written
	for {
		page, err := pages.ReadPage()
		if errors.Is(err, io.EOF) {
			return indexed, plain
		}
		if err != nil {
			t.Fatal(err)
		}
		if page.Dictionary() != nil {
			indexed = true
		} else {
			plain = true
		}
		parquet.Release(page)
	}
}

func words(column *parquet.Column, v parquet.Value) string {
	if v.IsNull() {
		return "NULL"
	}
	logical := column.Type().LogicalType()
	switch v.Kind() {
	case parquet.Boolean:
		return strconv.FormatBool(v.Boolean())
	case parquet.Int32:
		return strconv.FormatInt(int64(v.Int32()), 10)
	case parquet.Int64:
		return strconv.FormatInt(v.Int64(), 10)
	case parquet.Float:
		return strconv.FormatFloat(float64(v.Float()), 'g', -1, 32)
	case parquet.Double:
		return strconv.FormatFloat(v.Double(), 'g', -1, 64)
	case parquet.FixedLenByteArray:
		return twosComplement(v.ByteArray()).String()
	default:
		if logical == nil {
			return hex.EncodeToString(v.ByteArray())
		}
		return strconv.Quote(string(v.ByteArray()))
	}
}

func twosComplement(b []byte) *big.Int {
	n := new(big.Int).SetBytes(b)
	if b[0] >= 0x80 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
	}
	return n
}

func TestTypesReadBack(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind, literal, want string
		// since is the major version that brought the type, 0 where all have it.
		since int
	}{
		{"boolean", "true", "true", 0},
		{"smallint", "-32768", "-32768", 0},
		{"integer", "-2147483648", "-2147483648", 0},
		{"bigint", "-9223372036854775808", "-9223372036854775808", 0},
		{"oid", "4294967295", "4294967295", 0},
		{"real", "-0.1", "-0.1", 0},
		{"real", "NaN", "NaN", 0},
		{"double precision", "5e-324", "5e-324", 0},
		{"double precision", "-Infinity", "-Inf", 0},
		{"numeric(12,2)", "-9999999999.99", "-999999999999", 0},
		{"numeric(12,2)", "0.01", "1", 0},
		{"numeric(12,2)", "10000", "1000000", 0},
		{"numeric(38,0)", "99999999999999999999999999999999999999", "99999999999999999999999999999999999999", 0},
		{"numeric(38,37)", "-9.9999999999999999999999999999999999999", "-99999999999999999999999999999999999999", 0},
		{"numeric(38,5)", "-100000000", "-10000000000000", 0},
		{"numeric(3,5)", "0.00999", "999", 15},
		{"numeric(2,-3)", "-99000", "-99000", 15},
		{"numeric", "1.10", `"1.10"`, 0},
		{"numeric", "NaN", `"NaN"`, 0},
		{`"char"`, "a", `"a"`, 0},
		{`"char"`, "", `""`, 0},
		{"text", "", `""`, 0},
		{"text", "größe 𝄞", `"größe 𝄞"`, 0},
		{"bytea", `\x00ff`, "00ff", 0},
		{"jsonb", `{"a":1}`, `"{\"a\": 1}"`, 0},
		{"json", `{"a":1}`, `"{\"a\":1}"`, 0},
		{"uuid", "0190b5a2-7c3d-7e8f-9a0b-1c2d3e4f5a6b", `"0190b5a2-7c3d-7e8f-9a0b-1c2d3e4f5a6b"`, 0},
		{"date", "1970-01-01", "0", 0},
		{"date", "4714-11-24 BC", "-2440588", 0},
		{"date", "5874897-12-31", "2145042905", 0},
		{"time without time zone", "23:59:59.999999", "86399999999", 0},
		{"time with time zone", "12:00:00+05:30", `"12:00:00+05:30"`, 0},
		{"timestamp without time zone", "1970-01-01 00:00:00.000001", "1", 0},
		{"timestamp without time zone", "294247-01-10 04:00:54.775807", "9223372036854775807", 0},
		{"timestamp with time zone", "4714-11-24 00:00:00+00 BC", "-210866803200000000", 0},
	} {
		t.Run(c.kind+" "+c.literal, func(t *testing.T) {
			t.Parallel()
			kind := c.kind
			if c.since > 0 && pgtest.Lacks(t, connected(t), c.since, "SELECT NULL::"+c.kind) {
				kind = "numeric" // whose values are sent in the same bytes
			}
			sent := copied(t, fmt.Sprintf("VALUES ('%s'::%s), (NULL)", c.literal, kind))
			for _, repeats := range [][]int{nil, {0}} {
				file := encoded(t, encoder(t, fields(t, c.kind), own.Options{Repeats: repeats}), sent)
				if diff := cmp.Diff([][]string{{c.want, "NULL"}}, read(t, file)); diff != "" {
					t.Errorf("values with dictionaries %v (-want +got):\n%s", repeats, diff)
				}
			}
		})
	}
}

// Every pattern of NULLs is read back, over pages and row groups, with every
// compression, and with a dictionary that is kept, given up and never begun.
func TestNullsReadBackInEveryPattern(t *testing.T) {
	t.Parallel()
	const rows = 6_000
	patterns := map[string]string{
		"none": "false", "all": "true", "every other": "i % 2 = 0", "the first": "i = 1", "the last": "i = 6000", "the eighth": "i = 8", "the ninth": "i = 9",
		"runs of seven": "i / 7 % 2 = 0", "runs of eight": "(i - 1) / 8 % 2 = 0", "runs of 504": "(i - 1) / 504 % 2 = 1", "long runs": "i / 2000 % 2 = 0", "all but one": "i <> 777",
	}
	for name, pattern := range patterns {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			query := fmt.Sprintf(`SELECT CASE WHEN NOT %[1]s THEN i END, CASE WHEN NOT %[1]s THEN 'v' || i %% 10 END, CASE WHEN NOT %[1]s THEN i %% 3 = 0 END
				FROM generate_series(1, %[2]d) i`, "("+pattern+")", rows)
			sent := copied(t, query)
			want := read(t, encoded(t, encoder(t, fields(t, "integer", "text", "boolean"), own.Options{Compression: "none"}), sent))
			checkPattern(t, copied(t, fmt.Sprintf("SELECT (%s) FROM generate_series(1, %d) i", pattern, rows)), want)
			for _, compression := range []string{"none", "snappy", "gzip", "zstd"} {
				for _, repeats := range [][]int{nil, {0, 1, 2}} {
					o := own.Options{Compression: compression, Repeats: repeats, RowGroupBytes: 32 << 10}
					got := read(t, encoded(t, encoder(t, fields(t, "integer", "text", "boolean"), o), sent))
					same(t, want, got)
				}
			}
		})
	}
}

// checkPattern compares values with whether PostgreSQL says that each is NULL;
// those that are not are known from their row.
func checkPattern(t *testing.T, nulls messages, got [][]string) {
	t.Helper()
	said := read(t, encoded(t, encoder(t, fields(t, "boolean"), own.Options{}), nulls))[0]
	for i, null := range said {
		want := []string{strconv.Itoa(i + 1), strconv.Quote("v" + strconv.Itoa((i+1)%10)), strconv.FormatBool((i+1)%3 == 0)}
		if null == "true" {
			want = []string{"NULL", "NULL", "NULL"}
		}
		if diff := cmp.Diff(want, []string{got[0][i], got[1][i], got[2][i]}); diff != "" {
			t.Fatalf("row %d (-want +got):\n%s", i+1, diff)
		}
	}
}
