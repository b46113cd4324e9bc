package copybinary_test

import (
	"testing"

	"github.com/stagelift/stagelift/shared/encode/copybinary"
)

func BenchmarkSplit(b *testing.B) {
	row := join(int64Bytes(1), []byte("a text"), nil, int64Bytes(2), make([]byte, 16), []byte{1}, []byte("note"), nil, []byte{}, int64Bytes(3), int64Bytes(4))
	fields := make([][]byte, 11)
	b.ReportAllocs()
	for b.Loop() {
		row, err := copybinary.Row(row)
		if err != nil {
			b.Fatal(err)
		}
		if err := copybinary.Split(row, fields); err != nil {
			b.Fatal(err)
		}
	}
}

// Each must report 0 allocs/op; TestPrintingDoesNotAllocate holds them to it.
func BenchmarkAppendText(b *testing.B) {
	o := newOracle(b)
	for name, c := range literals {
		var raws [][]byte
		o.rows(b, o.selected(b, name, c), 1, func(fields [][]byte) {
			raws = append(raws, append([]byte{}, fields[0]...))
		})
		b.Run(name, func(b *testing.B) {
			dst := make([]byte, 0, 1<<18)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, err := copybinary.AppendText(dst, c.wire, raws[i%len(raws)]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func TestPrintingDoesNotAllocate(t *testing.T) { //nolint:paralleltest // allocations are those of the whole process
	o := newOracle(t)
	dst := make([]byte, 0, 1<<18)
	for name, c := range literals {
		o.rows(t, o.selected(t, name, c), 1, func(fields [][]byte) {
			if n := testing.AllocsPerRun(10, func() { _, _ = copybinary.AppendText(dst, c.wire, fields[0]) }); n != 0 {
				t.Errorf("%s %x: %v allocations, want none", name, fields[0], n)
			}
		})
	}
}
