package parquet_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	own "github.com/stagelift/stagelift/shared/encode/parquet"
)

type statistics struct {
	Least, Largest []byte
	Nulls          int64
}

func le32(v int32) []byte { return binary.LittleEndian.AppendUint32(nil, uint32(v)) }
func le64(v int64) []byte { return binary.LittleEndian.AppendUint64(nil, uint64(v)) }
func double(v float64) []byte {
	return binary.LittleEndian.AppendUint64(nil, math.Float64bits(v))
}

func TestStatisticsAreRightOrLeftOut(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("n", 65)
	for _, c := range []struct {
		name, kind, values string
		want               statistics
	}{
		{"integers, signed", "integer", "(5), (-3), (NULL), (4)", statistics{le32(-3), le32(5), 1}},
		{"small integers", "smallint", "(5), (-3)", statistics{le32(-3), le32(5), 0}},
		{"bigints", "bigint", "(-9223372036854775808), (9223372036854775807)", statistics{le64(math.MinInt64), le64(math.MaxInt64), 0}},
		{"dates", "date", "('1969-12-31'), ('1970-01-02')", statistics{le32(-1), le32(1), 0}},
		{"booleans", "boolean", "(true), (false)", statistics{[]byte{0}, []byte{1}, 0}},
		{"one boolean", "boolean", "(true)", statistics{[]byte{1}, []byte{1}, 0}},
		{"NULL alone", "integer", "(NULL), (NULL)", statistics{nil, nil, 2}},
		{"decimals, signed", "numeric(4,1)", "(1.0), (-0.1), (0), (-200.5), (300)", statistics{[]byte{0xf8, 0x2b}, []byte{0x0b, 0xb8}, 0}},
		{"text, by bytes", "text", "('b'), ('ä'), ('a'), ('ab'), ('')", statistics{[]byte{}, []byte("ä"), 0}},
		{"text that is long, but no bound", "text", "('a'), ('" + long + "'), ('z')", statistics{[]byte("a"), []byte("z"), 0}},
		{"text whose largest is long", "text", "('a'), ('" + long + "')", statistics{nil, nil, 0}},
		{"text whose largest is as long as may be", "text", "('a'), ('" + long[1:] + "')", statistics{[]byte("a"), []byte(long[1:]), 0}},
		{"text whose least is long", "text", "('z'), ('" + long + "')", statistics{nil, nil, 0}},
		{"text whose least is long by its prefix only", "text", "('z'), ('" + long + "'), ('" + long[1:] + "')", statistics{[]byte(long[1:]), []byte("z"), 0}},
		{"floats", "double precision", "('-1.5'), ('Infinity')", statistics{double(-1.5), double(math.Inf(1)), 0}},
		{"floats with NaN", "double precision", "('1'), ('NaN'), ('2')", statistics{nil, nil, 0}},
		{"NaN alone", "double precision", "('NaN')", statistics{nil, nil, 0}},
		{"zeros", "double precision", "('0'), ('0')", statistics{double(math.Copysign(0, -1)), double(0), 0}},
		{"negative zeros", "double precision", "('-0'), (NULL)", statistics{double(math.Copysign(0, -1)), double(0), 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			sent := copied(t, fmt.Sprintf("SELECT v::%s FROM (VALUES %s) AS x(v)", c.kind, c.values))
			for _, repeats := range [][]int{nil, {0}} {
				file := opened(t, encoded(t, encoder(t, fields(t, c.kind), own.Options{Repeats: repeats}), sent))
				got := file.Metadata().RowGroups[0].Columns[0].MetaData.Statistics
				if diff := cmp.Diff(c.want, statistics{got.MinValue, got.MaxValue, got.NullCount}); diff != "" {
					t.Errorf("statistics with dictionaries %v (-want +got):\n%s", repeats, diff)
				}
			}
		})
	}
}

// Bounds are those of their row group, not of the rows before it.
func TestStatisticsStartAnewInEachRowGroup(t *testing.T) {
	t.Parallel()
	sent := copied(t, "SELECT i, md5(i::text) FROM generate_series(1, 20000) i")
	file := opened(t, encoded(t, encoder(t, fields(t, "integer!", "text"), own.Options{RowGroupBytes: 200_000}), sent))
	next := int32(1)
	for i, group := range file.Metadata().RowGroups {
		want := statistics{le32(next), le32(next + int32(group.NumRows) - 1), 0}
		got := group.Columns[0].MetaData.Statistics
		if diff := cmp.Diff(want, statistics{got.MinValue, got.MaxValue, got.NullCount}); diff != "" {
			t.Errorf("row group %d (-want +got):\n%s", i, diff)
		}
		next += int32(group.NumRows)
	}
	if len(file.Metadata().RowGroups) < 3 {
		t.Errorf("%d row groups, want some", len(file.Metadata().RowGroups))
	}
}

// Texts that share their first bytes, that end within them and that have zeros
// there are bounds as any other.
func FuzzBoundsOfText(f *testing.F) {
	f.Add([]byte("abcdefgh\x01abcdefg\x01abcdefgi\x01a\x01\x01abcdefgh\x00\x01zz"))
	f.Add([]byte("\x00\x00\x01\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var rows [][]byte
		values := bytes.Split(data, []byte{1})
		for _, value := range values {
			rows = append(rows, binaryRow(append([]byte{}, value...)))
		}
		got := opened(t, written(t, encoder(t, fields(t, "bytea"), own.Options{}), rows...)).Metadata().RowGroups[0].Columns[0].MetaData.Statistics
		least, largest := slices.MinFunc(values, bytes.Compare), slices.MaxFunc(values, bytes.Compare)
		if len(least) > 64 || len(largest) > 64 {
			return
		}
		if !bytes.Equal(got.MinValue, least) || !bytes.Equal(got.MaxValue, largest) {
			t.Errorf("from %q to %q, want %q to %q", got.MinValue, got.MaxValue, least, largest)
		}
	})
}
