package parquet_test

import (
	"slices"
	"testing"

	"github.com/klauspost/compress/s2"
	"github.com/parquet-go/parquet-go/format"

	own "github.com/stagelift/stagelift/shared/encode/parquet"
)

// A dictionary is where it pays, whatever was said of the column beforehand.
func TestDictionaryIsDecidedByTheFirstPage(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, kind, value string
		rows              string
		promised, want    bool
	}{
		{"few texts", "text", "(ARRAY['open', 'closed', 'waiting for the customer'])[1 + (i * 7919) % 3]", "30000", false, true},
		{"few texts, few rows", "text", "(ARRAY['open', 'closed', 'waiting for the customer'])[1 + (i * 7919) % 3]", "100", false, true},
		{"one row", "text", "'open'", "1", true, false},
		{"few decimals", "numeric(38,2)", "(i % 9)::numeric(38,2)", "3000", false, true},
		{"few numbers", "integer", "(i * 7919) % 200", "30000", false, true},
		{"few large numbers", "bigint", "((i * 7919) % 200)::bigint << 33", "30000", false, true},
		{"some numbers in no order", "integer", "hashint4(i) % 5000", "100000", false, true},
		{"a key", "integer", "i", "100000", false, false},
		{"a key that was said to repeat", "integer", "i", "100000", true, false},
		{"digests", "text", "md5(i::text)", "30000", false, false},
		{"digests that were said to repeat", "text", "md5(i::text)", "30000", true, false},
		{"each value twice", "integer", "i / 2", "100000", true, false},
		{"NULL alone", "text", "NULL::text", "3000", true, false},
		{"numbers that repeat after the trial", "integer", "i % 9000", "200000", true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			sent := copied(t, "SELECT "+c.value+" FROM generate_series(1, "+c.rows+") i")
			o := own.Options{Compression: "none"}
			if c.promised {
				o.Repeats = []int{0}
			}
			file := encoded(t, encoder(t, fields(t, c.kind), o), sent)
			chunk := opened(t, file).Metadata().RowGroups[0].Columns[0].MetaData
			if got := chunk.DictionaryPageOffset != 0; got != c.want {
				t.Errorf("a dictionary: %v, want %v", got, c.want)
			}
			// Cut into row groups of one page each, nothing is decided alike.
			o.RowGroupBytes = 8 << 10
			same(t, read(t, file), read(t, encoded(t, encoder(t, fields(t, c.kind), o), sent)))
		})
	}
}

// Readers take a chunk without PLAIN for one whose dictionary has every value, and
// leave it out if theirs is not among them.
func TestEncodingsAreThoseOfThePages(t *testing.T) {
	t.Parallel()
	sent := copied(t, `SELECT i % 5, CASE WHEN i < 20000 THEN i % 5 ELSE i END, CASE WHEN i < 20000 THEN 'same' ELSE repeat('v' || i, 9) END, i
		FROM generate_series(1, 60000) i`)
	e := encoder(t, fields(t, "integer", "integer", "text", "integer"), own.Options{Compression: "none", Repeats: []int{0, 1, 2, 3}, RowGroupBytes: 1_600_000})
	file := opened(t, encoded(t, e, sent))
	mixed := 0
	for i, group := range file.RowGroups() {
		for j, chunk := range group.ColumnChunks() {
			told := file.Metadata().RowGroups[i].Columns[j].MetaData.Encoding
			indexed, plain := pagesOf(t, chunk)
			if slices.Contains(told, plainDictionary) != indexed || slices.Contains(told, format.Plain) != plain {
				t.Errorf("row group %d, column %d: encodings %v, has pages with indices: %v, plain: %v", i, j, told, indexed, plain)
			}
			if indexed && plain {
				mixed++
			}
		}
	}
	if mixed == 0 {
		t.Error("no chunk has pages of both kinds")
	}
}

// What gains much by it is compressed closely, what gains little is not.
func TestSnappyLooksCloselyWhereItPays(t *testing.T) {
	t.Parallel()
	packed := func(value, compression string) int64 {
		file := encoded(t, encoder(t, fields(t, "text!"), own.Options{Compression: compression}), copied(t, "SELECT "+value+" FROM generate_series(1, 30000) i"))
		return opened(t, file).Metadata().RowGroups[0].Columns[0].MetaData.TotalCompressedSize
	}
	plain := func(value string) (size int) {
		var body []byte
		for _, row := range copied(t, "SELECT "+value+" FROM generate_series(1, 30000) i") {
			if row, err := encoder(t, fields(t, "text!"), own.Options{}).Row(row); err == nil && row != nil {
				body = append(body, row[2:]...)
			}
		}
		return len(s2.EncodeSnappy(nil, body))
	}
	const numbered = "'customer ' || i || ' of the shop'"
	if got, quick := packed(numbered, "snappy"), plain(numbered); got > int64(quick)*95/100 {
		t.Errorf("%d bytes of what is numbered, %d by the quick way", got, quick)
	}
	if got, without := packed("repeat('a', i % 100)", "snappy"), packed("repeat('a', i % 100)", "none"); got > without/3 {
		t.Errorf("%d bytes of what repeats, %d without compression", got, without)
	}
}
