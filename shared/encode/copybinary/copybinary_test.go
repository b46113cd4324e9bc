package copybinary_test

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/shared/encode/copybinary"
)

const header = "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00"

// join makes a row of fields; nil is NULL.
func join(fields ...[]byte) []byte {
	row := binary.BigEndian.AppendUint16(nil, uint16(len(fields)))
	for _, field := range fields {
		if field == nil {
			row = append(row, 0xff, 0xff, 0xff, 0xff)
			continue
		}
		row = append(binary.BigEndian.AppendUint32(row, uint32(len(field))), field...)
	}
	return row
}

func TestRowIsWhatCOPYSurrounds(t *testing.T) {
	t.Parallel()
	row := join([]byte("a"), nil)
	for name, c := range map[string]struct {
		message string
		want    []byte
	}{
		"a row":                            {string(row), row},
		"the first row, behind the header": {header + string(row), row},
		"an extension of the header":       {header[:18] + "\x03abc" + string(row), row},
		"flags that may be ignored":        {header[:13] + "\x00\x01" + header[15:] + string(row), row},
		"a row without fields":             {"\x00\x00", []byte{0, 0}},
		"a header alone":                   {header, nil},
		"the trailer":                      {"\xff\xff", nil},
		"the trailer of a table of nothing": {
			header + "\xff\xff", nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := copybinary.Row([]byte(c.message))
			if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
				t.Errorf("row (-want +got):\n%s%v", diff, err)
			}
		})
	}
}

func TestMessageThatIsNoRowIsRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ message, want string }{
		"nothing":                        {"", "0 bytes, want a row"},
		"half a count":                   {"\x00", "1 bytes, want a row"},
		"half a count behind the header": {header + "\x00", "1 bytes, want a row"},
		"a negative count":               {"\xff\xfe", "a row of -2 fields"},
		"bytes behind the trailer":       {"\xff\xffab", "2 bytes behind the trailer"},
		"half a header":                  {header[:15], "a header of 15 bytes, want 19"},
		"OIDs, which were there once":    {header[:12] + "\x01" + header[13:], "0x10000 are not known"},
		"an extension that is not there": {header[:18] + "\x03ab", "3 bytes, want 0 to 2"},
		"an extension of less than 0":    {header[:15] + "\xff\xff\xff\xff", "-1 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			row, err := copybinary.Row([]byte(c.message))
			if err == nil || !strings.Contains(err.Error(), c.want) || row != nil {
				t.Errorf("got row %q and %v, want %q", row, err, c.want)
			}
		})
	}
}

func TestSplitTellsNULLFromEmpty(t *testing.T) {
	t.Parallel()
	want := [][]byte{[]byte("abc"), nil, {}, []byte("\x00"), {}}
	got := make([][]byte, len(want))
	if err := copybinary.Split(join(want...), got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
}

func TestSplitRefusesWhatIsNotTheRow(t *testing.T) {
	t.Parallel()
	row := string(join([]byte("ab"), []byte("c")))
	for name, c := range map[string]struct{ row, want string }{
		"nothing":              {"", "0 bytes, want two"},
		"fewer fields":         {string(join([]byte("ab"))), "1 fields, want 2"},
		"more fields":          {string(join(nil, nil, nil)), "3 fields, want 2"},
		"the trailer":          {"\xff\xff", "-1 fields, want 2"},
		"a field cut short":    {row[:len(row)-1], "field 2 of 2: the row ends within it"},
		"a length cut short":   {row[:10], "field 2 of 2: the row ends within it"},
		"a length of all bits": {row[:2] + "\x7f\xff\xff\xff" + row[6:], "field 1 of 2: the row ends within it"},
		"a length of -2":       {row[:2] + "\xff\xff\xff\xfe" + row[6:], "field 1 of 2: a length of -2"},
		"leftovers":            {row + "x", "1 bytes are left behind its 2 fields"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := copybinary.Split([]byte(c.row), make([][]byte, 2))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

// Whatever a message holds, what is read from it is all of it: put together
// again it is the same message.
func FuzzRowIsReadWholeOrNotAtAll(f *testing.F) {
	f.Add([]byte(header), join([]byte("a"), nil, []byte{}))
	f.Add([]byte(header[:18]+"\x03abc"), join())
	f.Add([]byte{}, []byte("\xff\xff"))
	f.Add([]byte("PGCOPY\n\xff\r\n\x00"), []byte("\x00\x01\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, before, behind []byte) {
		message := append(bytes.Clone(before), behind...)
		row, err := copybinary.Row(message)
		if err != nil || row == nil {
			return
		}
		if !bytes.HasSuffix(message, row) {
			t.Fatalf("the row %q is not the end of the message", row)
		}
		fields := make([][]byte, binary.BigEndian.Uint16(row))
		if err := copybinary.Split(row, fields); err != nil {
			return
		}
		if again := join(fields...); !bytes.Equal(again, row) {
			t.Fatalf("%q was read as %q", row, again)
		}
	})
}
