package parquet

import (
	"encoding/binary"
	"math/big"
	"math/bits"

	"github.com/stagelift/stagelift/shared/encode/copybinary"
)

// maxPrecision is the most digits that 128 bits hold.
const maxPrecision = 38

// decimalBytes is the shortest two's complement for so many digits.
func decimalBytes(precision int) int {
	largest := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(precision)), nil)
	return largest.Sub(largest, big.NewInt(1)).BitLen()/8 + 1
}

// wide is an unsigned number of 128 bits.
type wide struct{ high, low uint64 }

// powers are the powers of ten.
var powers = func() (list [maxPrecision + 1]wide) {
	list[0].low = 1
	for i := range maxPrecision {
		list[i+1], _ = list[i].times(10, 0)
	}
	return list
}()

// times returns w·factor + more; false when that is too large.
func (w wide) times(factor, more uint64) (wide, bool) {
	carry, low := bits.Mul64(w.low, factor)
	beyond, high := bits.Mul64(w.high, factor)
	low, c := bits.Add64(low, more, 0)
	high, c = bits.Add64(high, carry, c)
	return wide{high, low}, beyond == 0 && c == 0
}

func (w wide) less(than wide) bool {
	return w.high < than.high || w.high == than.high && w.low < than.low
}

// unscaled returns the number without its sign, times 10^scale; false when it
// is no whole number below 10^precision then.
func unscaled(n *copybinary.Numeric, precision, scale int) (sum wide, fits bool) {
	fits = true
	exponent := 4*n.Weight + scale // of the group that is next
	for i := 0; i < n.Groups() && fits; i++ {
		group := uint64(n.Group(i)) //nolint:gosec // 0 to 9999
		switch {
		case exponent >= 0:
			sum, fits = sum.times(10_000, group)
		case exponent > -4:
			part := powers[-exponent].low
			sum, fits = sum.times(powers[4+exponent].low, group/part)
			fits = fits && group%part == 0
		default:
			fits = group == 0
		}
		exponent -= 4
	}
	// A group whose place is beyond the last has zeros behind it.
	for zeros := exponent + 4; fits && zeros > 0 && n.Groups() > 0; zeros-- {
		sum, fits = sum.times(10, 0)
	}
	return sum, fits && sum.less(powers[precision])
}

func (c *column) decimal(raw []byte) (misfit, error) {
	n, err := copybinary.ReadNumeric(raw)
	if err != nil {
		return "", err
	}
	switch n.Special {
	case copybinary.NaN:
		return "NaN", nil
	case copybinary.Infinity:
		return infinity, nil
	case copybinary.NegativeInfinity:
		return negativeInfinity, nil
	}
	kind := c.field.Parquet
	number, fits := unscaled(&n, kind.Precision, kind.Scale)
	if !fits {
		return "a number with too many digits", nil
	}
	if n.Negative {
		var borrow uint64
		number.low, borrow = bits.Sub64(0, number.low, 0)
		number.high, _ = bits.Sub64(0, number.high, borrow)
	}
	b := (*[16]byte)(c.scratch[:16])
	binary.BigEndian.PutUint64(b[:8], number.high)
	binary.BigEndian.PutUint64(b[8:], number.low)
	value := b[16-kind.Length:]
	c.bounds.signed(value)
	return "", c.put(value)
}
