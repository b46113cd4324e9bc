package redshift

import (
	"bytes"

	"github.com/stagelift/stagelift/local/redshift/grammar"
)

// int64Digits are the digits of the largest 64-bit integer. A DECIMAL of up
// to 19 digits is kept in 64 bits ("Numeric types").
const int64Digits = "9223372036854775807"

var errDigit = faulty(codeDecimal, "Invalid digit, Type: Decimal")

// decimal takes plain notation. Digits beyond the scale are cut off, unless
// ROUNDEC is given, as COPY does; digits before it are not forgiven.
func decimal(precision, scale int) converter {
	return func(row, value []byte, c *grammar.Copy) ([]byte, error) {
		sign, digits := splitSign(value)
		whole, fraction, dotted := bytes.Cut(digits, []byte{'.'})
		if len(whole)+len(fraction) == 0 || !allDigits(whole) || !allDigits(fraction) || dotted && len(digits) == 1 {
			return nil, errDigit
		}
		if len(fraction) > scale && !c.RoundDecimals {
			fraction = fraction[:scale]
		}
		whole = bytes.TrimLeft(whole, "0")
		if len(whole) > precision-scale || precision == 19 && over64Bits(whole, fraction, scale) {
			return nil, faulty(codeRange, "Overflow for NUMERIC(%d,%d)", precision, scale)
		}
		if sign == '-' {
			row = append(row, '-')
		}
		row = append(append(row, '0'), whole...)
		if len(fraction) > 0 {
			row = append(append(row, '.'), fraction...)
		}
		return row, nil
	}
}

func over64Bits(whole, fraction []byte, scale int) bool {
	unscaled := append(bytes.Clone(whole), fraction[:min(len(fraction), scale)]...)
	for range scale - min(len(fraction), scale) {
		unscaled = append(unscaled, '0')
	}
	unscaled = bytes.TrimLeft(unscaled, "0")
	return len(unscaled) == len(int64Digits) && string(unscaled) > int64Digits
}

func splitSign(value []byte) (sign byte, digits []byte) {
	if len(value) > 0 && (value[0] == '-' || value[0] == '+') {
		return value[0], value[1:]
	}
	return 0, value
}

func allDigits(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}
