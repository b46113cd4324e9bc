package parquet_test

import (
	"encoding/binary"
	"encoding/hex"
	"io"
	"math"
	"math/big"
	"strconv"
	"testing"

	"github.com/stagelift/stagelift/shared/encode/copybinary"
	own "github.com/stagelift/stagelift/shared/encode/parquet"
)

// Whatever the rows are, an independent reader finds what they say, however
// they are compressed, cut into row groups and put into dictionaries.
func FuzzRowsReadBack(f *testing.F) {
	f.Add([]byte("some text that becomes rows"), uint16(3), byte(0))
	f.Add([]byte{0, 1, 2, 3, 255, 254, 0, 0, 0, 0, 0, 0, 7, 7, 7, 7, 7, 7}, uint16(4000), byte(1))
	f.Add([]byte("aaaaaaaabbbbbbbbccccccccaaaaaaaa"), uint16(999), byte(6))
	f.Add([]byte{}, uint16(1), byte(3))
	f.Fuzz(func(t *testing.T, data []byte, times uint16, choice byte) {
		compression := []string{"none", "snappy", "gzip", "zstd"}[choice&3]
		o := own.Options{Compression: compression, RowGroupBytes: 32 << 10}
		if choice&4 != 0 {
			o.Repeats = []int{0, 1, 2, 3}
		}
		var rows [][]byte
		want := make([][]string, 4)
		for i := range int(times) % 5000 {
			values, words := madeUp(data, i)
			rows = append(rows, binaryRow(values...))
			for j := range want {
				want[j] = append(want[j], words[j])
			}
		}
		got := read(t, written(t, encoder(t, fields(t, "bytea", "bigint", "boolean", "double precision"), o), rows...))
		same(t, want, got)
	})
}

// madeUp is the row at i: pieces of the data, from places that move with i.
func madeUp(data []byte, i int) (values [][]byte, words []string) {
	at := func(n int) byte {
		if len(data) == 0 {
			return 0
		}
		return data[n%len(data)]
	}
	values, words = make([][]byte, 4), []string{"NULL", "NULL", "NULL", "NULL"}
	nulls := at(i / 3)
	if nulls&1 == 0 {
		from := min(int(at(i)), len(data))
		values[0] = data[from:min(len(data), from+int(at(i+1)))]
		words[0] = hex.EncodeToString(values[0])
	}
	number := uint64(at(i))<<56 | uint64(at(i*7))<<32 | uint64(i/16)
	if nulls&2 == 0 {
		values[1] = binary.BigEndian.AppendUint64(nil, number)
		words[1] = strconv.FormatInt(int64(number), 10)
	}
	if nulls&4 == 0 {
		values[2] = []byte{at(i+2) & 1}
		words[2] = strconv.FormatBool(values[2][0] == 1)
	}
	if nulls&8 == 0 {
		values[3] = binary.BigEndian.AppendUint64(nil, number)
		words[3] = strconv.FormatFloat(math.Float64frombits(number), 'g', -1, 64)
	}
	if values[0] != nil && len(values[0]) == 0 {
		values[0] = []byte{}
	}
	return values, words
}

// Whatever bytes a numeric has, the decimal is the number that they print as,
// or it is refused; and it is refused only where the number does not fit.
func FuzzDecimalIsTheNumber(f *testing.F) {
	f.Add([]byte{0, 1, 0, 0, 0x40, 0, 0, 0, 0, 7}, byte(12), byte(2))
	f.Add([]byte{0, 2, 0, 0, 0, 0, 0, 2, 0, 1, 0x0b, 0xb8}, byte(3), byte(2))
	f.Add([]byte{0, 1, 0xff, 0xff, 0, 0, 0, 4, 0x26, 0xac}, byte(5), byte(5))
	f.Add([]byte{0, 1, 0, 9, 0, 0, 0, 0, 0x26, 0xac}, byte(38), byte(0))
	f.Add([]byte{0, 0, 0, 0, 0xc0, 0, 0, 0}, byte(38), byte(37))
	f.Add([]byte("\x00\x01\x00\x00@\x0000 0"), byte(12), byte(2)) // many zeros behind the point
	f.Fuzz(func(t *testing.T, raw []byte, precision, scale byte) {
		p := int(precision)%38 + 1
		s := int(scale) % (p + 1)
		described := fields(t, "numeric("+strconv.Itoa(p)+","+strconv.Itoa(min(s, 37))+")")
		number, fits := oracle(raw, p, min(s, 37))
		e := encoder(t, described, own.Options{})
		if err := e.Begin(io.Discard); err != nil {
			t.Fatal(err)
		}
		if err := e.Write(binaryRow(raw)); (err == nil) != fits {
			t.Fatalf("%x as decimal(%d,%d): got %v, want it to fit: %v", raw, p, s, err, fits)
		}
		if !fits {
			return
		}
		same(t, [][]string{{number}}, read(t, written(t, encoder(t, described, own.Options{}), binaryRow(raw))))
	})
}

// oracle takes the number from its text.
func oracle(raw []byte, precision, scale int) (string, bool) {
	text, err := copybinary.AppendNumeric(nil, raw)
	if err != nil {
		return "", false
	}
	number, is := new(big.Rat).SetString(string(text))
	if !is {
		return "", false
	}
	number.Mul(number, new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil)))
	limit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(precision)), nil)
	if !number.IsInt() || number.Num().CmpAbs(limit) >= 0 {
		return "", false
	}
	return number.RatString(), true
}
