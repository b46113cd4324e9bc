package copybinary

import (
	"encoding/binary"
	"encoding/hex"
	"math/bits"
	"slices"
)

// Numbers are printed eight digits at once, straight into the room that is left
// behind dst. strconv prints pair by pair, each a division after the other, into
// a buffer of its own that is copied.

// pairs are 00 to 99, each as the two bytes that it prints as.
var pairs = func() (pairs [100]uint16) {
	for i := range pairs {
		pairs[i] = uint16('0'+i/10) | uint16('0'+i%10)<<8
	}
	return pairs
}()

// putPair writes two digits; n is less than 100.
func putPair(to []byte, n uint32) { binary.LittleEndian.PutUint16(to, pairs[n]) }

// putFour writes four digits; n is less than 10,000.
func putFour(to []byte, n uint32) {
	_ = to[3]
	putPair(to, n/100)
	putPair(to[2:], n%100)
}

// room makes dst longer by n bytes, which are to be written, and returns these
// too.
func room(dst []byte, n int) (whole, fresh []byte) {
	before := len(dst)
	if cap(dst)-before < n {
		dst = slices.Grow(dst, n)
	}
	dst = dst[:before+n]
	return dst, dst[before:]
}

// eightDigits returns the digits of n, which is less than 100,000,000, each in a
// byte of its own, in the order in which they are stored: halves of four digits
// first, then pairs in each, then digits, with the divisions of all of them done
// by one multiplication.
func eightDigits(n uint32) uint64 {
	halves := uint64(n/10_000) | uint64(n%10_000)<<32
	hundreds := halves * 10_486 >> 20 & 0x0000007f_0000007f
	fourths := hundreds | (halves-100*hundreds)<<16
	tens := fourths * 103 >> 10 & 0x000f000f_000f000f
	return tens | (fourths-10*tens)<<8
}

const (
	eightZeros = 0x3030303030303030
	endOfEight = 100_000_000
)

// appendUint appends a number without leading zeros.
func appendUint(dst []byte, n uint64) []byte {
	if n < 10 {
		return append(dst, byte('0'+n))
	}
	if n >= endOfEight {
		dst = appendUint(dst, n/endOfEight)
		dst, to := room(dst, 8)
		binary.LittleEndian.PutUint64(to, eightDigits(uint32(n%endOfEight))+eightZeros)
		return dst
	}
	digits := eightDigits(uint32(n))
	leading := bits.TrailingZeros64(digits) &^ 7
	dst, to := room(dst, 8)
	binary.LittleEndian.PutUint64(to, (digits+eightZeros)>>leading)
	return dst[:len(dst)-leading/8]
}

// appendInt appends a number with its sign.
func appendInt(dst []byte, n int64) []byte {
	if n < 0 {
		return appendUint(append(dst, '-'), -uint64(n)) //nolint:gosec // the smallest one too is its own two's complement
	}
	return appendUint(dst, uint64(n))
}

// appendMillionths appends a point and the six digits behind it without the
// zeros at their end, and nothing where all are zeros.
func appendMillionths(dst []byte, n uint32) []byte {
	if n == 0 {
		return dst
	}
	digits := eightDigits(100 * n)
	trailing := bits.LeadingZeros64(digits) / 8
	dst, to := room(append(dst, '.'), 8)
	binary.LittleEndian.PutUint64(to, digits+eightZeros)
	return dst[:len(dst)-trailing]
}

// hexWord returns four bytes as their eight hexadecimal digits, in the order in
// which they are stored. All digits are made at once: each in a byte of its own,
// those past 9 moved on to the letters.
func hexWord(raw uint32) uint64 {
	const (
		each    = 0x0101010101010101
		nibbles = 0x000f000f000f000f
		letters = 'a' - '0' - 10
	)
	n := uint64(raw)
	n = (n | n<<16) & 0x0000ffff0000ffff
	n = (n | n<<8) & 0x00ff00ff00ff00ff
	n = n>>4&nibbles | n&nibbles<<8
	return n + '0'*each + (n+6*each)>>4&each*letters
}

// AppendHex appends the hexadecimal digits of bytes, in lower case.
func AppendHex(dst, raw []byte) []byte {
	dst, to := room(dst, 2*len(raw))
	i := 0
	for ; i+4 <= len(raw); i += 4 {
		binary.LittleEndian.PutUint64(to[2*i:], hexWord(binary.LittleEndian.Uint32(raw[i:])))
	}
	hex.Encode(to[2*i:], raw[i:])
	return dst
}
