package copybinary

import (
	"math"
	"math/bits"
	"strconv"
)

// AppendFloat32 appends a real: the fewest digits that are read as this number
// and no other, 0.1, 1e+06, -0, NaN, Infinity.
func AppendFloat32(dst, raw []byte) ([]byte, error) {
	f, err := Float32(raw)
	if err != nil {
		return dst, err
	}
	return single.append(dst, float64(f)), nil
}

// AppendFloat64 appends a double precision as AppendFloat32 appends a real.
func AppendFloat64(dst, raw []byte) ([]byte, error) {
	f, err := Float64(raw)
	if err != nil {
		return dst, err
	}
	return double.append(dst, f), nil
}

// precision is how numbers of so many bits are printed.
type precision struct {
	bits int
	// mantissa is how many bits a mantissa has.
	mantissa int
	// Numbers are printed with an exponent from large on, ten to the power of
	// FLT_DIG or DBL_DIG, and below small, which prints as 0.0001.
	large, small float64
}

var (
	single = precision{bits: 32, mantissa: 24, large: 1e6, small: float64(float32(1e-4))}
	double = precision{bits: 64, mantissa: 53, large: 1e15, small: 1e-4}
)

// 2^-12 lies halfway between the two decimals of the fewest digits that are read
// as it. PostgreSQL takes the even one, as strconv does everywhere but here.
const (
	roundedUp       = 0x1p-12
	roundedUpPlaces = 11
)

func (p *precision) append(dst []byte, f float64) []byte {
	absolute := math.Abs(f)
	switch {
	case math.IsNaN(f):
		return append(dst, "NaN"...)
	case math.IsInf(f, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(f, -1):
		return append(dst, "-Infinity"...)
	case absolute >= p.large:
		return p.appendLarge(dst, f)
	case absolute < p.small && f != 0:
		return strconv.AppendFloat(dst, f, 'e', -1, p.bits)
	case absolute == roundedUp && p.bits == single.bits:
		return strconv.AppendFloat(dst, f, 'f', roundedUpPlaces, p.bits)
	}
	if millionths, is := p.short(absolute); is {
		if f < 0 {
			dst = append(dst, '-')
		}
		dst = appendUint(dst, millionths/million)
		return appendMillionths(dst, uint32(millionths%million))
	}
	return strconv.AppendFloat(dst, f, 'f', -1, p.bits)
}

const million = 1_000_000

// short returns f in millionths where it is what a decimal of few digits is read
// as, such as 12.5: no more of them than FLT_DIG or DBL_DIG. No other decimal of
// as few digits is read as f, nor does one lie halfway between f and another
// number, which takes more bits than a mantissa has. So this is the decimal that
// is printed, and it is found with a division, which rounds as reading does.
func (p *precision) short(f float64) (millionths uint64, is bool) {
	if p.bits == single.bits {
		scale := uint64(10_000) // six digits
		switch {
		case f >= 10_000:
			scale = 1
		case f >= 100:
			scale = 100
		}
		n := uint64(f*float64(scale) + 0.5)
		return n * (million / scale), n > 0 && float32(n)/float32(scale) == float32(f)
	}
	if f >= 1e9 { // fifteen digits
		return 0, false
	}
	n := uint64(f*million + 0.5)
	return n, n > 0 && float64(n)/million == f
}

// appendLarge appends a number with an exponent. PostgreSQL does not print a
// decimal that lies halfway between this number and its neighbour, though a
// reader that rounds to even would read this number: it prints a digit more.
// strconv does print it.
func (p *precision) appendLarge(dst []byte, f float64) []byte {
	before := len(dst)
	dst = strconv.AppendFloat(dst, f, 'e', -1, p.bits)
	for p.halfway(dst[before:], f) {
		_, behind, _ := decimal(dst[before:])
		dst = strconv.AppendFloat(dst[:before], f, 'e', behind+1, p.bits)
	}
	return dst
}

// halfway reports whether the printed number lies halfway between f and one of
// its neighbours. Only one of more bits than a mantissa has, all of them before
// the point, can do so with as few digits as are printed.
func (p *precision) halfway(printed []byte, f float64) bool {
	fraction, exponent := math.Frexp(math.Abs(f))
	if exponent <= p.mantissa {
		return false
	}
	mantissa := uint64(math.Ldexp(fraction, p.mantissa))
	exponent -= p.mantissa
	digits, behind, power := decimal(printed)
	power -= behind
	if same(digits, power, 2*mantissa+1, exponent-1) {
		return true
	}
	if mantissa == 1<<(p.mantissa-1) { // the neighbour below is half as far away
		return same(digits, power, 4*mantissa-1, exponent-2)
	}
	return same(digits, power, 2*mantissa-1, exponent-1)
}

// decimal reads a number such as -1.25e+17: its digits, how many of them are
// behind the point, and its power of ten.
func decimal(printed []byte) (digits uint64, behind, power int) {
	point := false
	for i, c := range printed {
		switch {
		case c == '.':
			point = true
		case c == 'e': // a sign follows, + for large numbers
			for _, c := range printed[i+2:] {
				power = 10*power + int(c-'0')
			}
			return digits, behind, power
		case c != '-':
			digits = 10*digits + uint64(c-'0')
			if point {
				behind++
			}
		}
	}
	return digits, behind, power
}

// same reports whether digits × 10^power is odd × 2^shift. Both sides are taken
// through 2^power first; then all twos of the left side are those of digits.
func same(digits uint64, power int, odd uint64, shift int) bool {
	const largest = 23 // power of five that divides an odd number of 55 bits
	if power < 0 || power > largest || bits.TrailingZeros64(digits) != shift-power {
		return false
	}
	high, low := digits>>(shift-power), uint64(1)
	for range power {
		low *= 5
	}
	high, low = bits.Mul64(high, low)
	return high == 0 && low == odd
}
