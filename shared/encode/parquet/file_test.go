package parquet_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go/format"

	own "github.com/stagelift/stagelift/shared/encode/parquet"
)

func TestEmptyStringIsNotNull(t *testing.T) {
	t.Parallel()
	for _, repeats := range [][]int{nil, {0}} {
		file := written(t, encoder(t, fields(t, "text"), own.Options{Repeats: repeats}), binaryRow([]byte{}), binaryRow(nil), binaryRow([]byte{}))
		if diff := cmp.Diff([][]string{{`""`, "NULL", `""`}}, read(t, file)); diff != "" {
			t.Errorf("values with dictionaries %v (-want +got):\n%s", repeats, diff)
		}
	}
}

func TestFileWithoutRowsIsWhole(t *testing.T) {
	t.Parallel()
	file := opened(t, written(t, encoder(t, fields(t, "text", "integer!"), own.Options{})))
	if file.NumRows() != 0 || len(file.RowGroups()) != 0 || len(file.Root().Columns()) != 2 {
		t.Errorf("%d rows in %d row groups of %d columns", file.NumRows(), len(file.RowGroups()), len(file.Root().Columns()))
	}
}

// An encoder that has written files before writes the same bytes as a new one.
func TestFilesOfOneEncoderAreTheSame(t *testing.T) {
	t.Parallel()
	sent := copied(t, fmt.Sprintf(mixed, 3000))
	described := fields(t, mixedTypes...)
	for _, compression := range []string{"none", "snappy", "gzip", "zstd"} {
		t.Run(compression, func(t *testing.T) {
			t.Parallel()
			o := own.Options{Compression: compression, Repeats: []int{2, 6, 8}, RowGroupBytes: 100_000, Metadata: map[string]string{"b": "2", "a": "1"}}
			used := encoder(t, described, o)
			first := encoded(t, used, sent)
			if groups := len(opened(t, first).RowGroups()); groups < 3 {
				t.Errorf("%d row groups, want some", groups)
			}
			for part := range 3 {
				if !bytes.Equal(first, encoded(t, used, sent)) || !bytes.Equal(first, encoded(t, encoder(t, described, o), sent)) {
					t.Fatalf("file %d has other bytes", part)
				}
			}
			whole := encoded(t, encoder(t, described, own.Options{Compression: compression}), sent)
			same(t, read(t, whole), read(t, first))
		})
	}
}

func TestTableOf1600Columns(t *testing.T) {
	t.Parallel()
	kinds := make([]string, 1600)
	values, want := make([][]byte, len(kinds)), make([][]string, len(kinds))
	repeats := make([]int, 0, len(kinds))
	described := fields(t, kinds[:0]...)
	for i := range kinds {
		described = append(described, field(t, fmt.Sprintf("column %d", i), []string{"text", "text!"}[i%2]))
		repeats = append(repeats, i)
		values[i] = fmt.Appendf(nil, "value %d", i)
		for range 100 {
			want[i] = append(want[i], fmt.Sprintf("%q", values[i]))
		}
	}
	rows := make([][]byte, 100)
	for i := range rows {
		rows[i] = binaryRow(values...)
	}
	for _, o := range []own.Options{{}, {Repeats: repeats}, {RowGroupBytes: 1 << 20}} {
		same(t, want, read(t, written(t, encoder(t, described, o), rows...)))
	}
}

func TestFooterSaysWhatTheFileIs(t *testing.T) {
	t.Parallel()
	metadata := map[string]string{"stagelift.table": "public.größe", "empty": ""}
	e := encoder(t, fields(t, "text", "integer!", "numeric(12,2)"), own.Options{Metadata: metadata})
	file := opened(t, written(t, e, binaryRow([]byte(strings.Repeat("x", 200)), []byte{0, 0, 0, 1}, nil),
		binaryRow([]byte(strings.Repeat("x", 200)), []byte{0, 0, 0, 1}, nil))).Metadata()
	got := map[string]string{}
	for _, pair := range file.KeyValueMetadata {
		got[pair.Key] = pair.Value
	}
	if diff := cmp.Diff(metadata, got); diff != "" {
		t.Errorf("metadata (-want +got):\n%s", diff)
	}
	if file.CreatedBy != "stagelift version 1.0.0" || file.Version != 1 || file.NumRows != 2 || len(file.ColumnOrders) != 3 {
		t.Errorf("created by %q, version %d, %d rows, %d column orders", file.CreatedBy, file.Version, file.NumRows, len(file.ColumnOrders))
	}
	var encodings [][]format.Encoding
	for _, chunk := range file.RowGroups[0].Columns {
		encodings = append(encodings, chunk.MetaData.Encoding)
	}
	plain := []format.Encoding{format.Plain, format.RLE}
	if diff := cmp.Diff([][]format.Encoding{{plainDictionary, format.RLE}, plain, plain}, encodings); diff != "" {
		t.Errorf("encodings (-want +got):\n%s", diff)
	}
}

// A dictionary that grows too large is given up within the row group; its
// values are all there, and the next row group tries again.
func TestDictionaryIsGivenUp(t *testing.T) {
	t.Parallel()
	sent := copied(t, `SELECT CASE WHEN i < 20000 THEN i % 5 ELSE i END, CASE WHEN i < 20000 THEN 'same' ELSE repeat('v' || i, 9) END FROM generate_series(1, 60000) i`)
	described := fields(t, "integer", "text")
	want := read(t, encoded(t, encoder(t, described, own.Options{}), sent))
	file := encoded(t, encoder(t, described, own.Options{Repeats: []int{0, 1}, RowGroupBytes: 400_000}), sent)
	same(t, want, read(t, file))
	for i, chunk := range opened(t, file).Metadata().RowGroups[0].Columns {
		if chunk.MetaData.DictionaryPageOffset == 0 {
			t.Errorf("column %d has no dictionary", i)
		}
	}
}

func TestErrorsOfTheWriterPassOn(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	sent := copied(t, fmt.Sprintf(mixed, 2000))
	for _, after := range []int{0, 4, 1000, 100_000, 200_000} {
		e := encoder(t, fields(t, mixedTypes...), own.Options{RowGroupBytes: 50_000})
		err := e.Begin(&limited{after, broken})
		for _, message := range sent {
			row, rowErr := e.Row(message)
			if rowErr != nil {
				t.Fatal(rowErr)
			}
			if row != nil && err == nil {
				err = e.Write(row)
			}
		}
		if err == nil {
			err = e.End()
		}
		if !errors.Is(err, broken) {
			t.Errorf("a writer that takes %d bytes: got %v", after, err)
		}
	}
}

// limited takes so many bytes and then fails.
type limited struct {
	left int
	err  error
}

func (l *limited) Write(p []byte) (int, error) {
	if l.left -= len(p); l.left < 0 {
		return 0, l.err
	}
	return len(p), nil
}

func TestWhatIsWrongIsToldAtOnce(t *testing.T) {
	t.Parallel()
	described := fields(t, "text", "numeric(12,2)")
	described[0].Wire = 99
	described[1].Parquet.Length = 3
	_, err := own.New(described, own.Options{Compression: "lz4", Key: []int{2}, Repeats: []int{-1}, RowGroupBytes: -1})
	if err == nil {
		t.Fatal("no error")
	}
	for _, word := range []string{`"lz4"`, `column "a"`, `column "b"`, "field 2 of 2", "field -1 of 2", "-1 bytes"} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q says nothing of %s", err, word)
		}
	}
	if _, err := own.New(nil, own.Options{Compression: "none"}); err == nil {
		t.Error("no columns: no error")
	}
}
