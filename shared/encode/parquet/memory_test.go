package parquet_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/stagelift/stagelift/shared/table"

	own "github.com/stagelift/stagelift/shared/encode/parquet"
)

// noise makes rows that do not compress, so that pages stay as large as they
// are, of columns whose widths change all the time.
func noise(columns, rows int) [][]byte {
	source := rand.NewChaCha8([32]byte{1})
	random := rand.New(source)
	made := make([][]byte, rows)
	for i := range made {
		values := make([][]byte, columns)
		for j := range values {
			values[j] = make([]byte, random.IntN(1+3000/columns*(1+(i/(rows/7)+j)%5)))
			_, _ = source.Read(values[j]) // never fails
		}
		made[i] = binaryRow(values...)
	}
	return made
}

// Whatever the rows are, pages stay below a row group's size, and the buffers
// below twice that and what one page needs on its way.
func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	const group, page = 4 << 20, 1 << 20
	for _, columns := range []int{1, 3, 40, 400} {
		for _, compression := range []string{"snappy", "none"} {
			for _, repeated := range []int{0, columns} {
				t.Run(fmt.Sprintf("%d columns, %s, %d dictionaries", columns, compression, repeated), func(t *testing.T) {
					t.Parallel()
					described := make([]table.Field, columns)
					o := own.Options{Compression: compression, RowGroupBytes: group}
					for i := range described {
						described[i] = field(t, fmt.Sprint(i), "text")
						if i < repeated {
							o.Repeats = append(o.Repeats, i)
						}
					}
					e := encoder(t, described, o)
					if err := e.Begin(io.Discard); err != nil {
						t.Fatal(err)
					}
					var most, held int64
					for _, row := range noise(columns, 6_000) {
						if err := e.Write(row); err != nil {
							t.Fatal(err)
						}
						most, held = max(most, e.Footprint()), max(held, e.Held())
					}
					if most > 2*group+4*page || held > group+page {
						t.Errorf("buffers of %d KiB, pages of %d KiB, with row groups of %d KiB", most>>10, held>>10, group>>10)
					}
				})
			}
		}
	}
}

// A row may be larger than a row group. What was needed for it is let go.
func TestRowOf100MegabytesLeavesNoMemoryBehind(t *testing.T) {
	t.Parallel()
	const size = 100_000_000
	value := bytes.Repeat([]byte("0123456789"), size/10)
	for _, compression := range []string{"none", "snappy"} {
		t.Run(compression, func(t *testing.T) {
			t.Parallel()
			e := encoder(t, fields(t, "text", "text"), own.Options{Compression: compression})
			small := binaryRow([]byte("x"), nil)
			file := written(t, e, small, binaryRow(value, nil), small, binaryRow(nil, value), small)
			if held := e.Footprint(); held > 40<<20 {
				t.Errorf("%d MiB are held afterwards", held>>20)
			}
			got := read(t, file)
			for i, want := range []int{3, size + 2, 3, 4, 3} {
				if len(got[0][i]) != want {
					t.Errorf("row %d has %d bytes, want %d", i, len(got[0][i]), want)
				}
			}
			if len(got[1][3]) != size+2 {
				t.Errorf("the second column has %d bytes, want %d", len(got[1][3]), size+2)
			}
		})
	}
}

// A number of a few bytes may have 131,072 digits; memory heeds what it
// becomes.
func TestNumbersThatGrowAreCounted(t *testing.T) {
	t.Parallel()
	sent := copied(t, "SELECT 1e131071::numeric FROM generate_series(1, 500)")
	e := encoder(t, fields(t, "numeric"), own.Options{Compression: "none", RowGroupBytes: 1 << 20})
	encoded(t, e, sent)
	if held := e.Footprint(); held > 4<<20 {
		t.Errorf("%d KiB are held, with row groups of 1 MiB", held>>10)
	}
}

// What is buffered and what was written are about what the file will be.
func TestBufferedIsAboutWhatIsToCome(t *testing.T) {
	t.Parallel()
	sent := copied(t, fmt.Sprintf(mixed, 100_000))
	e := encoder(t, fields(t, mixedTypes...), own.Options{RowGroupBytes: 8 << 20})
	var file bytes.Buffer
	if err := e.Begin(&file); err != nil {
		t.Fatal(err)
	}
	writeAll(t, e, sent)
	guess := int64(file.Len()) + e.Buffered()
	if err := e.End(); err != nil {
		t.Fatal(err)
	}
	if whole := int64(file.Len()); guess < whole*9/10 || guess > whole*11/10 {
		t.Errorf("%d bytes were told, %d are in the file", guess, whole)
	}
	if e.Buffered() != 0 {
		t.Errorf("%d bytes are buffered after the end", e.Buffered())
	}
}

// Not beside other tests, whose allocations would count.
//
//nolint:paralleltest // see above
func TestWritingAllocatesNothing(t *testing.T) {
	described := fields(t, mixedTypes...)
	sent := copied(t, fmt.Sprintf(mixed, 20_000))
	rows := sent[1 : len(sent)-1]
	for _, compression := range []string{"none", "snappy", "gzip", "zstd"} {
		e := encoder(t, described, own.Options{Compression: compression, Repeats: []int{2, 6}, RowGroupBytes: 1 << 20})
		if err := e.Begin(io.Discard); err != nil {
			t.Fatal(err)
		}
		writeAll(t, e, sent)
		perPass := testing.AllocsPerRun(3, func() {
			for _, row := range rows {
				if err := e.Write(row); err != nil {
					t.Fatal(err)
				}
			}
		})
		if perRow := perPass / float64(len(rows)); perRow >= 0.01 {
			t.Errorf("%s: %.3f allocations a row", compression, perRow)
		}
	}
}
