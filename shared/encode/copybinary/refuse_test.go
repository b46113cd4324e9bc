package copybinary_test

import (
	"encoding/binary"
	"math"
	"strings"
	"testing"

	"github.com/stagelift/stagelift/shared/encode/copybinary"
	"github.com/stagelift/stagelift/shared/table"
)

// numericOf makes a numeric of its header and groups.
func numericOf(count, weight, sign, scale int, groups ...int) []byte {
	var raw []byte
	for _, n := range append([]int{count, weight, sign, scale}, groups...) {
		raw = binary.BigEndian.AppendUint16(raw, uint16(n))
	}
	return raw
}

func TestBytesThatPostgreSQLDoesNotSendAreRefused(t *testing.T) {
	t.Parallel()
	day := int64Bytes(0)
	for name, c := range map[string]struct {
		wire table.Wire
		raw  []byte
		want string
	}{
		"a boolean of two bytes":               {table.WireBool, []byte{0, 0}, "2 bytes"},
		"a boolean of 2":                       {table.WireBool, []byte{2}, "want one that is 0 or 1"},
		"a smallint of one byte":               {table.WireInt16, []byte{0}, "a smallint: 1 bytes, want 2"},
		"an integer of eight bytes":            {table.WireInt32, day, "an integer: 8 bytes, want 4"},
		"a bigint of four bytes":               {table.WireInt64, day[:4], "a bigint: 4 bytes, want 8"},
		"an oid of nothing":                    {table.WireOID, []byte{}, "an oid: 0 bytes, want 4"},
		"a real of eight bytes":                {table.WireFloat32, day, "a real: 8 bytes, want 4"},
		"a double precision of four":           {table.WireFloat64, day[:4], "a double precision: 4 bytes, want 8"},
		`a "char" of nothing`:                  {table.WireChar, []byte{}, `a "char": 0 bytes, want 1`},
		"a uuid of 15 bytes":                   {table.WireUUID, make([]byte, 15), "a uuid: 15 bytes, want 16"},
		"a jsonb of nothing":                   {table.WireJSONB, []byte{}, "behind a byte that is 1"},
		"a jsonb of version 2":                 {table.WireJSONB, []byte("\x02{}"), "behind a byte that is 1"},
		"a date of eight bytes":                {table.WireDate, day, "a date: 8 bytes, want 4"},
		"a date before the first":              {table.WireDate, binary.BigEndian.AppendUint32(nil, uint32(math.MaxUint32-2_451_545)), "outside PostgreSQL's range"},
		"a date past the last":                 {table.WireDate, binary.BigEndian.AppendUint32(nil, 2_145_031_949), "outside PostgreSQL's range"},
		"a time past midnight":                 {table.WireTime, int64Bytes(86_400_000_001), "not within a day"},
		"a time before midnight":               {table.WireTime, int64Bytes(-1), "not within a day"},
		"a time with zone without zone":        {table.WireTimeTZ, day, "8 bytes, want 12"},
		"a zone of 16 hours":                   {table.WireTimeTZ, binary.BigEndian.AppendUint32(day, 57_600), "57600 seconds from UTC"},
		"a zone of a time past midnight":       {table.WireTimeTZ, append(int64Bytes(-1), 0, 0, 0, 0), "not within a day"},
		"a timestamp of four bytes":            {table.WireTimestamp, day[:4], "a timestamp: 4 bytes, want 8"},
		"a timestamp before the first":         {table.WireTimestamp, int64Bytes(-211_813_488_000_000_001), "outside PostgreSQL's range"},
		"a timestamp past the last":            {table.WireTimestampTZ, int64Bytes(9_223_371_331_200_000_000), "outside PostgreSQL's range"},
		"a numeric without a header":           {table.WireNumeric, make([]byte, 7), "7 bytes, want eight"},
		"a numeric of fewer groups":            {table.WireNumeric, numericOf(2, 0, 0, 0, 1), "2 groups of digits in 10 bytes"},
		"a numeric of more groups":             {table.WireNumeric, numericOf(0, 0, 0, 0, 1), "0 groups of digits in 10 bytes"},
		"a numeric of too many groups":         {table.WireNumeric, numericOf(36_865, 0, 0, 0, make([]int, 36_865)...), "36865 groups"},
		"a numeric of an unknown sign":         {table.WireNumeric, numericOf(0, 0, 0x8000, 0), "a sign of 0x8000"},
		"a numeric of an unknown special":      {table.WireNumeric, numericOf(0, 0, 0xe000, 0), "a sign of 0xe000"},
		"a numeric of a scale below 0":         {table.WireNumeric, numericOf(0, 0, 0, -1), "a scale of -1"},
		"a numeric of too large a scale":       {table.WireNumeric, numericOf(0, 0, 0, 16_384), "a scale of 16384"},
		"a numeric of a group of 10000":        {table.WireNumeric, numericOf(1, 0, 0, 0, 10_000), "a group of 10000"},
		"a numeric of a group of -1":           {table.WireNumeric, numericOf(1, 0, 0, 0, -1), "a group of -1"},
		"NaN with digits":                      {table.WireNumeric, numericOf(1, 0, 0xc000, 0, 1), "NaN with 1 groups"},
		"a numeric with digits past its scale": {table.WireNumeric, numericOf(2, 0, 0, 3, 1, 1), "behind its scale of 3"},
		"a numeric that its scale hides":       {table.WireNumeric, numericOf(1, -3, 0, 2, 1), "behind its scale of 2"},
		"a wire that is not known":             {table.Wire(99), day, "no wire 99"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := copybinary.AppendText([]byte("before"), c.wire, c.raw)
			if err == nil || !strings.Contains(err.Error(), c.want) || string(got) != "before" {
				t.Errorf("got %q and %v, want %q", got, err, c.want)
			}
		})
	}
}

// Leading groups of zeros, which PostgreSQL strips, change nothing.
func TestNumericIsReadAsItsValue(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		raw  []byte
		want string
	}{
		"leading zeros":      {numericOf(3, 2, 0, 0, 0, 0, 7), "7"},
		"a zero with groups": {numericOf(2, 1, 0x4000, 2, 0, 0), "0.00"},
		"zeros at the end":   {numericOf(3, 0, 0x4000, 1, 7, 5000, 0), "-7.5"},
		"a small weight":     {numericOf(0, -32_768, 0, 1), "0.0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, err := copybinary.AppendNumeric(nil, c.raw); string(got) != c.want || err != nil {
				t.Errorf("got %q, %v; want %q", got, err, c.want)
			}
		})
	}
}

func TestNumericIsTakenApart(t *testing.T) {
	t.Parallel()
	n, err := copybinary.ReadNumeric(numericOf(3, 1, 0x4000, 2, 1, 2345, 6700))
	if err != nil {
		t.Fatal(err)
	}
	if n.Special != 0 || !n.Negative || n.Weight != 1 || n.Scale != 2 || n.Groups() != 3 {
		t.Errorf("got %+v with %d groups", n, n.Groups())
	}
	for i, want := range map[int]int{-1: 0, 0: 1, 1: 2345, 2: 6700, 3: 0} {
		if got := n.Group(i); got != want {
			t.Errorf("group %d is %d, want %d", i, got, want)
		}
	}
}

// Any bytes are either refused or printed; nothing that is no number is printed
// for a numeric.
func FuzzNumericIsPrintedOrRefused(f *testing.F) {
	f.Add(numericOf(2, 0, 0, 2, 12, 5000))
	f.Add(numericOf(1, 32_767, 0x4000, 16_383, 1))
	f.Add(numericOf(0, 0, 0xd000, 0))
	f.Add(numericOf(1, -32_768, 0, 16_383, 0))
	f.Fuzz(func(t *testing.T, raw []byte) {
		text, err := copybinary.AppendNumeric(nil, raw)
		if err != nil {
			return
		}
		switch string(text) {
		case "NaN", "Infinity", "-Infinity":
			return
		}
		whole, fraction, point := strings.Cut(strings.TrimPrefix(string(text), "-"), ".")
		if whole == "" || point && fraction == "" || len(whole) > 1 && whole[0] == '0' || strings.Trim(whole+fraction, "0123456789") != "" {
			t.Fatalf("%x prints as %.100q, which is no number", raw, text)
		}
	})
}

// No bytes of any wire make a reader panic, and an error leaves dst alone.
func FuzzValueIsPrintedOrRefused(f *testing.F) {
	for wire := table.WireText; wire <= table.WireJSONB; wire++ {
		for _, length := range []int{0, 1, 2, 4, 8, 12, 16} {
			f.Add(int(wire), make([]byte, length))
		}
	}
	f.Fuzz(func(t *testing.T, wire int, raw []byte) {
		text, err := copybinary.AppendText([]byte("before"), table.Wire(wire), raw)
		if !strings.HasPrefix(string(text), "before") || err != nil && string(text) != "before" {
			t.Fatalf("%x of wire %d: got %q and %v", raw, wire, text, err)
		}
	})
}
