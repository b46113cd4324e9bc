package encode_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/shared/encode"
	"github.com/stagelift/stagelift/shared/encode/copybinary"
	"github.com/stagelift/stagelift/shared/table"
)

// Every part begins with the header, and is read by itself.
func TestHeaderIsInEveryPart(t *testing.T) {
	t.Parallel()
	o := csvOptions()
	o.CSV.Header, o.CSV.Null = true, "none"
	encoder := newEncoder(t, []table.Field{jsonField("none", table.WireInt32, table.JSONNumber), jsonField("the \"v\"", table.WireText, table.JSONString)}, o)
	for part := range 3 {
		var stored, want bytes.Buffer
		err := encoder.Begin(&stored)
		want.WriteString("\"none\",\"the \"\"v\"\"\"\n")
		for n := range part * 20_000 {
			text := fmt.Sprintf("text, %d", n)
			fmt.Fprintf(&want, "none,\"%s\"\n", text)
			err = errors.Join(err, encoder.Write(binaryRow(nil, []byte(text))))
		}
		if err = errors.Join(err, encoder.End()); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(stored.Bytes(), want.Bytes()) || encoder.Buffered() != 0 {
			t.Errorf("part %d has %d bytes, want %d; %d are buffered", part, stored.Len(), want.Len(), encoder.Buffered())
		}
	}
}

func TestHeaderOfALoneColumnDoesNotEndTheData(t *testing.T) {
	t.Parallel()
	if got := string(encode.CSVHeader([]string{`\.`}, ",")); got != "\"\\.\"\n" {
		t.Errorf("got %q", got)
	}
}

// The buffer must not grow with the values that pass it.
func TestWideValuesAreWrittenInPieces(t *testing.T) {
	t.Parallel()
	for _, wire := range []table.Wire{table.WireText, table.WireJSON, table.WireBytes} {
		for name, content := range map[string]string{"plain": "x", "with quotes": `"`} {
			encoder := newEncoder(t, []table.Field{jsonField("v", wire, table.JSONString), jsonField("w", wire, table.JSONString)}, csvOptions())
			var largest, written int
			err := encoder.Begin(write(func(p []byte) error {
				largest, written = max(largest, len(p)), written+len(p)
				return nil
			}))
			value := bytes.Repeat([]byte(content), 4<<20)
			if err = errors.Join(err, encoder.Write(binaryRow(value, value)), encoder.End()); err != nil {
				t.Fatal(err)
			}
			if largest > 128<<10 || written < 8<<20 {
				t.Errorf("wire %d, %s: %d bytes were written, %d at once", wire, name, written, largest)
			}
		}
	}
}

func TestFieldsThatCSVHasNoFormForAreAllNamed(t *testing.T) {
	t.Parallel()
	_, err := encode.New([]table.Field{
		jsonField("fine", table.WireText, table.JSONString), jsonField("one", table.Wire(99), table.JSONString), jsonField("two", table.Wire(-1), table.JSONString),
	}, csvOptions())
	if diff := cmp.Diff("column \"one\": CSV has no form of wire 99\ncolumn \"two\": CSV has no form of wire -1", fmt.Sprint(err)); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
}

func TestRowThatCannotBeWrittenAsCSVIsNamed(t *testing.T) {
	t.Parallel()
	fields := []table.Field{
		jsonField("id", table.WireInt32, table.JSONNumber), jsonField("at", table.WireTimestamp, table.JSONString), jsonField("j", table.WireJSONB, table.JSONRaw),
	}
	five := []byte{0, 0, 0, 5}
	whole := binaryRow(five, nil, nil)
	for want, row := range map[string][]byte{
		`encoding column "at" in the row id=5: reading a timestamp: 2 bytes, want 8`: binaryRow(five, []byte("ab"), nil),
		`encoding column "j" in the row id=5: reading a jsonb: 2 bytes`:              binaryRow(five, nil, []byte("{}")),
		`encoding column "id" in the row id=?: reading an integer: 1 bytes`:          binaryRow([]byte{5}, nil, nil),
		`splitting a row: 2 fields, want 3`:                                          binaryRow(five, nil),
		`splitting a row: 0 bytes, want two or more`:                                 {},
		`splitting a row: field 3 of 3: the row ends within it`:                      whole[:len(whole)-1],
		`splitting a row: 1 bytes are left behind its 3 fields`:                      append(bytes.Clone(whole), 'x'),
		`splitting a row: field 2 of 3: a length of -2 bytes`:                        bytes.Replace(whole, []byte("\xff\xff\xff\xff"), []byte("\xff\xff\xff\xfe"), 1),
	} {
		o := csvOptions()
		o.Key = []int{0}
		encoder := newEncoder(t, fields, o)
		err := errors.Join(encoder.Begin(io.Discard), encoder.Write(row))
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// Any bytes are either refused or a line of CSV with as many fields.
func FuzzRowIsALineOfCSVOrRefused(f *testing.F) {
	fields := []table.Field{
		jsonField("a", table.WireInt32, table.JSONNumber), jsonField("b", table.WireFloat64, table.JSONNumber),
		jsonField("c", table.WireNumeric, table.JSONNumber), jsonField("d", table.WireTimestamp, table.JSONString),
		jsonField("e", table.WireText, table.JSONString), jsonField("f", table.WireBytes, table.JSONBase64), jsonField("g", table.WireUUID, table.JSONString),
	}
	f.Add(binaryRow(nil, nil, nil, nil, nil, nil, nil), byte(','))
	f.Add(binaryRow(make([]byte, 4), make([]byte, 8), make([]byte, 8), make([]byte, 8), []byte("a"), []byte{}, make([]byte, 16)), byte('0'))
	f.Fuzz(func(t *testing.T, row []byte, delimiter byte) {
		o := csvOptions()
		o.CSV.Delimiter = string([]byte{delimiter})
		if o.CSV.Check() != nil {
			return
		}
		encoder := newEncoder(t, fields, o)
		var part bytes.Buffer
		if err := errors.Join(encoder.Begin(&part), encoder.Write(row)); err != nil {
			if copybinary.Split(row, make([][]byte, len(fields))) == nil && !strings.Contains(err.Error(), "encoding column") {
				t.Fatalf("%x: %v", row, err)
			}
			return
		}
		if err := encoder.End(); err != nil {
			t.Fatal(err)
		}
		if rows, err := readCSV(part.Bytes(), delimiter); err != nil || len(rows) != 1 || len(rows[0]) != len(fields) {
			t.Fatalf("%x was written as %q: %v", row, part.Bytes(), err)
		}
	})
}

// The same row as JSON Lines are measured with.
func BenchmarkCSV(b *testing.B) {
	fields, row := wideRow()
	encoder := newEncoder(b, fields, csvOptions())
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
