package copybinary_test

import (
	"bytes"
	"encoding/hex"
	"math"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/stagelift/stagelift/shared/encode/copybinary"
)

func TestIntegersPrintAsTheyAre(t *testing.T) {
	t.Parallel()
	var got, want []byte
	check := func(n int64) {
		var err error
		got, err = copybinary.AppendInt64(got[:0], int64Bytes(n))
		if want = strconv.AppendInt(want[:0], n, 10); !bytes.Equal(got, want) || err != nil {
			t.Fatalf("%d prints as %s, %v", n, got, err)
		}
	}
	for n := range int64(10_000) { // each of four digits, wherever they stand
		for _, n := range []int64{n, 10_000 * n, 10_000*n + 9_999, 100_000_000 * n, 1_000_000_000_000*(n%9_000) + 10_000*n + n} {
			check(n)
			check(-n)
		}
	}
	for power := int64(1); power < math.MaxInt64/10; power *= 10 {
		check(power - 1)
		check(power)
		check(9 * power)
	}
	r := rand.New(rand.NewPCG(1, 1))
	for range 1_000_000 {
		check(int64(r.Uint64() >> r.IntN(64)))
	}
	check(math.MinInt64)
	check(math.MaxInt64)
}

func TestBytesPrintAsTheirDigits(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 1))
	for length := range 300 {
		raw := make([]byte, length)
		for i := range raw {
			raw[i] = byte(r.Uint32())
			if length == 256 {
				raw[i] = byte(i)
			}
		}
		if got := copybinary.AppendHex([]byte("before"), raw); string(got) != "before"+hex.EncodeToString(raw) {
			t.Fatalf("%x prints as %s", raw, got)
		}
	}
}
