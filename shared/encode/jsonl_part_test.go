package encode_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/shared/encode"
	"github.com/stagelift/stagelift/shared/encode/copybinary"
	"github.com/stagelift/stagelift/shared/table"
)

// decompress reads what was compressed with another program's code.
var decompress = map[string]func(io.Reader) (io.Reader, error){
	"none": func(r io.Reader) (io.Reader, error) { return r, nil },
	"gzip": func(r io.Reader) (io.Reader, error) {
		z, err := gzip.NewReader(r)
		if err == nil {
			z.Multistream(false)
		}
		return z, err
	},
	"zstd": func(r io.Reader) (io.Reader, error) {
		program := exec.Command("zstd", "-dc")
		program.Stdin = r
		text, err := program.Output()
		return bytes.NewReader(text), err
	},
}

// Every COPY begins with a header and ends with a trailer; a part may hold rows
// of several, and an encoder writes several parts.
func TestLinesOfManyCopiesFillManyParts(t *testing.T) {
	t.Parallel()
	const header = "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	for compression, open := range decompress {
		t.Run(compression, func(t *testing.T) {
			t.Parallel()
			encoder := newEncoder(t, []table.Field{jsonField("v", table.WireText, table.JSONString)},
				encode.Options{Format: "jsonl", Compression: compression})
			for part := range 3 {
				var stored bytes.Buffer
				var want strings.Builder
				err := encoder.Begin(&stored)
				for n := range part * 40_000 {
					text := fmt.Sprintf("text %d", n)
					fmt.Fprintf(&want, `{"v":"%s"}`+"\n", text)
					message := binaryRow([]byte(text))
					if n%10_000 == 0 {
						message = append([]byte(header), message...)
					}
					row, rowErr := encoder.Row(message)
					err = errors.Join(err, rowErr, encoder.Write(row))
				}
				if row, rowErr := encoder.Row([]byte("\xff\xff")); row != nil || rowErr != nil {
					t.Errorf("the trailer is the row %q, %v", row, rowErr)
				}
				if err = errors.Join(err, encoder.End()); err != nil {
					t.Fatal(err)
				}
				reader, err := open(&stored)
				if err != nil {
					t.Fatal(err)
				}
				got, err := io.ReadAll(reader)
				if err != nil || string(got) != want.String() {
					t.Errorf("part %d reads as %d bytes, want %d; %v", part, len(got), want.Len(), err)
				}
			}
		})
	}
}

// sizes keeps how large the writes to it were.
type sizes []int

func (s *sizes) Write(p []byte) (int, error) {
	*s = append(*s, len(p))
	return len(p), nil
}

func TestLinesAreWrittenInLargePieces(t *testing.T) {
	t.Parallel()
	encoder := newEncoder(t, []table.Field{jsonField("v", table.WireText, table.JSONString)}, jsonlOptions())
	var written sizes
	if err := encoder.Begin(&written); err != nil {
		t.Fatal(err)
	}
	const line = 1000 + len("{\"v\":\"\"}\n")
	row := binaryRow(bytes.Repeat([]byte("x"), 1000))
	for range 100 {
		if err := encoder.Write(row); err != nil {
			t.Fatal(err)
		}
	}
	pieces := 64<<10/line + 1
	if want := int64(line * (100 - pieces)); encoder.Buffered() != want {
		t.Errorf("%d bytes are buffered, want %d", encoder.Buffered(), want)
	}
	if err := encoder.End(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sizes{line * pieces, line * (100 - pieces)}, written); diff != "" || encoder.Buffered() != 0 {
		t.Errorf("writes (-want +got):\n%s%d bytes are buffered", diff, encoder.Buffered())
	}
}

// A part is as large as what is stored of it, so text that is yet to be
// compressed must not end it.
func TestTextToBeCompressedDoesNotCount(t *testing.T) {
	t.Parallel()
	for compression := range decompress {
		for _, options := range []encode.Options{jsonlOptions(), csvOptions()} {
			options.Compression = compression
			encoder := newEncoder(t, []table.Field{jsonField("v", table.WireText, table.JSONString)}, options)
			err := errors.Join(encoder.Begin(io.Discard), encoder.Write(binaryRow(bytes.Repeat([]byte("x"), 10_000))))
			if got := encoder.Buffered(); err != nil || (got > 10_000) != (compression == "none") {
				t.Errorf("%s, %s: %d bytes of 10,000 are buffered, %v", options.Format, compression, got, err)
			}
		}
	}
}

// A stream's memory must not stay as large as the widest row it met.
func TestWideRowIsLetGo(t *testing.T) {
	t.Parallel()
	encoder := newEncoder(t, []table.Field{jsonField("v", table.WireText, table.JSONString)}, jsonlOptions())
	wide, narrow := binaryRow(bytes.Repeat([]byte("x"), 8<<20)), binaryRow([]byte("narrow"))
	result := testing.Benchmark(func(b *testing.B) {
		b.Helper()
		for b.Loop() {
			err := errors.Join(encoder.Begin(io.Discard), encoder.Write(wide), encoder.Write(narrow))
			if err != nil || encoder.Buffered() > 100 {
				b.Fatalf("%d bytes are buffered: %v", encoder.Buffered(), err)
			}
		}
	})
	// Each time it is taken anew, so that it was let go before.
	if got := result.AllocedBytesPerOp(); got < 8<<20 {
		t.Errorf("a wide row takes %d bytes, so that its buffer was kept", got)
	}
}

// What a part is written to may fail.
func TestErrorOfTheWriterEndsThePart(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for compression := range decompress {
		for name, size := range map[string]int{"narrow rows": 10, "wide rows": 1 << 20} {
			t.Run(compression+" "+name, func(t *testing.T) {
				t.Parallel()
				for _, options := range []encode.Options{jsonlOptions(), csvOptions()} {
					options.Compression = compression
					encoder := newEncoder(t, []table.Field{jsonField("v", table.WireText, table.JSONString)}, options)
					err := errors.Join(encoder.Begin(failing{broken}), encoder.Write(binaryRow(bytes.Repeat([]byte("x"), size))), encoder.End())
					if !errors.Is(err, broken) {
						t.Errorf("%s: got %v, want %v", options.Format, err, broken)
					}
				}
			})
		}
	}
}

func TestFieldsThatJSONLinesHasNoFormForAreAllNamed(t *testing.T) {
	t.Parallel()
	_, err := encode.New([]table.Field{
		jsonField("fine", table.WireText, table.JSONString), jsonField("one", table.WireText, table.JSONNumber),
		jsonField("two", table.WireDate, table.JSONRaw), jsonField("three", table.Wire(99), table.JSONString),
		jsonField("not UTF-8 \xff", table.WireText, table.JSONString),
	}, jsonlOptions())
	if err == nil {
		t.Fatal("got no error")
	}
	for _, want := range []string{`column "one"`, `column "two"`, `column "three"`, "not UTF-8"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want it to name %s", err, want)
		}
	}
	if strings.Contains(err.Error(), "fine") {
		t.Errorf("got %v, which names a column that is fine", err)
	}
}

// wideRow has a value of every wire.
func wideRow() ([]table.Field, []byte) {
	fields := []table.Field{
		jsonField("id", table.WireInt64, table.JSONNumber), jsonField("public_id", table.WireUUID, table.JSONString),
		jsonField("customer", table.WireInt32, table.JSONNumber), jsonField("total", table.WireNumeric, table.JSONNumber),
		jsonField("score", table.WireFloat64, table.JSONNumber), jsonField("active", table.WireBool, table.JSONBoolean),
		jsonField("day", table.WireDate, table.JSONString), jsonField("at", table.WireTimestampTZ, table.JSONString),
		jsonField("name", table.WireText, table.JSONString), jsonField("note", table.WireText, table.JSONString),
		jsonField("payload", table.WireBytes, table.JSONBase64), jsonField("document", table.WireJSONB, table.JSONRaw),
		jsonField("nothing", table.WireText, table.JSONString), jsonField("small", table.WireInt16, table.JSONNumber),
		jsonField("oid", table.WireOID, table.JSONNumber), jsonField("real", table.WireFloat32, table.JSONNumber),
		jsonField("of", table.WireTime, table.JSONString), jsonField("zone", table.WireTimeTZ, table.JSONString),
		jsonField("local", table.WireTimestamp, table.JSONString), jsonField("json", table.WireJSON, table.JSONRaw),
		jsonField("nan", table.WireFloat64, table.JSONNumber),
	}
	eight := []byte{0, 2, 0xdf, 0x25, 0xa8, 0x12, 0x34, 0x56}
	return fields, binaryRow(eight, bytes.Repeat([]byte{0xab}, 16), eight[4:], []byte("\x00\x02\x00\x00\x00\x00\x00\x02\x00\x0c\x13\x88"),
		[]byte("\x3f\xb9\x99\x99\x99\x99\x99\x9a"), []byte{1}, []byte{0, 0, 0x1d, 1}, eight, []byte("customer 12 of the shop"),
		[]byte("a note, with \"quotes\", for größe"), bytes.Repeat([]byte("payload "), 8), []byte("\x01{\"a\": [1, 2]}"), nil, eight[:2], eight[4:],
		[]byte("\x3d\xcc\xcc\xcd"), []byte("\x00\x00\x00\x00\x12\x34\x56\x78"), []byte("\x00\x00\x00\x00\x12\x34\x56\x78\x00\x00\x0e\x10"), eight,
		[]byte("[1,\n2]"), []byte("\x7f\xf8\x00\x00\x00\x00\x00\x00"))
}

func TestRowsTakeNoAllocation(t *testing.T) { //nolint:paralleltest // allocations are those of the whole process
	fields, row := wideRow()
	for compression := range decompress {
		for _, options := range []encode.Options{jsonlOptions(), csvOptions()} {
			options.Compression = compression
			encoder := newEncoder(t, fields, options)
			if err := encoder.Begin(io.Discard); err != nil {
				t.Fatal(err)
			}
			write := func() {
				for range 1000 {
					if err := encoder.Write(row); err != nil {
						t.Fatal(err)
					}
				}
			}
			write() // buffers grow to their size
			if got := testing.AllocsPerRun(5, write); got > 1 {
				t.Errorf("%s, %s: %v allocations for 1000 rows, want none", options.Format, compression, got)
			}
		}
	}
}

func BenchmarkJSONLines(b *testing.B) {
	fields, row := wideRow()
	encoder := newEncoder(b, fields, jsonlOptions())
	if err := encoder.Begin(io.Discard); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(row)))
	b.ReportAllocs()
	for b.Loop() {
		row, err := copybinary.Row(row)
		if err != nil {
			b.Fatal(err)
		}
		if err := encoder.Write(row); err != nil {
			b.Fatal(err)
		}
	}
}
