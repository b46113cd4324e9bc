package copybinary_test

import (
	"encoding/binary"
	"math"
	"testing"

	"github.com/stagelift/stagelift/shared/encode/copybinary"
	"github.com/stagelift/stagelift/shared/table"
)

// ask gives the server a value in binary and returns what it has made of it, in
// binary and printed; false where it refuses the bytes.
func (o oracle) ask(t testing.TB, typ string, raw []byte) (sent []byte, printed string, ok bool) {
	t.Helper()
	query := "SELECT v, format('%s', v) FROM (SELECT $1::" + typ + " AS v) AS x"
	result := o.ExecParams(t.Context(), query, [][]byte{raw}, nil, []int16{1}, []int16{1, 0}).Read()
	if result.Err != nil {
		return nil, "", false
	}
	return result.Rows[0][0], string(result.Rows[0][1]), true
}

// agree compares what is printed with what the server prints: of what the
// server sends, and of the bytes that it was given, where they are not refused.
func (o oracle) agree(t testing.TB, typ string, wire table.Wire, raw []byte) {
	t.Helper()
	sent, want, ok := o.ask(t, typ, raw)
	if !ok {
		return
	}
	if got, err := copybinary.AppendText(nil, wire, sent); string(got) != want || err != nil {
		t.Fatalf("%x prints as %.200q, %v; want %.200q", sent, got, err, want)
	}
	if got, err := copybinary.AppendText(nil, wire, raw); string(got) != want && err == nil {
		t.Fatalf("%x prints as %.200q; want %.200q", raw, got, want)
	}
}

func FuzzNumericPrintsAsPostgreSQLPrintsIt(f *testing.F) {
	for _, raw := range random(2, 50, randomNumeric) {
		f.Add(raw)
	}
	f.Add(numericOf(1, 32_767, 0x4000, 16_383, 1))
	f.Add(numericOf(3, 2, 0, 2, 0, 0, 7))
	f.Add(numericOf(2, 0, 0, 3, 1, 1))
	f.Add(numericOf(0, 0, 0xd000, 0))
	o := newOracle(f)
	f.Fuzz(func(t *testing.T, raw []byte) { o.agree(t, "numeric", table.WireNumeric, raw) })
}

func FuzzFloatsPrintAsPostgreSQLPrintsThem(f *testing.F) {
	for _, float := range []float64{0, 1e15, 1e22, 1e23, 5e-324, 0x1p-12, 0x1p54, math.MaxFloat64, math.Inf(-1), math.NaN()} {
		f.Add(math.Float64bits(float))
	}
	o := newOracle(f)
	f.Fuzz(func(t *testing.T, bits uint64) {
		o.agree(t, "double precision", table.WireFloat64, binary.BigEndian.AppendUint64(nil, bits))
		single := float32(math.Float64frombits(bits))
		o.agree(t, "real", table.WireFloat32, binary.BigEndian.AppendUint32(nil, math.Float32bits(single)))
		o.agree(t, "real", table.WireFloat32, binary.BigEndian.AppendUint32(nil, uint32(bits)))
	})
}

func FuzzTimesPrintAsPostgreSQLPrintsThem(f *testing.F) {
	for _, n := range []int64{0, 1, -1, 86_400_000_000, -211_813_488_000_000_000, 9_223_371_331_199_999_999, math.MaxInt64, math.MinInt64} {
		f.Add(n, int32(n%57_600))
	}
	o := newOracle(f)
	f.Fuzz(func(t *testing.T, micros int64, other int32) {
		zone := uint32(other)
		o.agree(t, "timestamp", table.WireTimestamp, int64Bytes(micros))
		o.agree(t, "timestamptz", table.WireTimestampTZ, int64Bytes(micros))
		o.agree(t, "date", table.WireDate, binary.BigEndian.AppendUint32(nil, zone))
		time := int64Bytes(micros & (1<<37 - 1))
		o.agree(t, "time", table.WireTime, time)
		o.agree(t, "timetz", table.WireTimeTZ, binary.BigEndian.AppendUint32(time, zone))
	})
}
