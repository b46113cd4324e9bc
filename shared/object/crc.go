package object

import (
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
)

// crc is a CRC-32C, which S3 keeps for whole objects and processors compute at
// the speed of memory.
type crc uint32

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func crcOf(pieces ...[]byte) crc {
	var c crc
	for _, p := range pieces {
		c = c.update(p)
	}
	return c
}

func (c crc) update(p []byte) crc { return crc(crc32.Update(uint32(c), castagnoli, p)) }

// String returns the form that S3 speaks.
func (c crc) String() string {
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, uint32(c)))
}

func parseCRC(s string) (crc, bool) {
	raw, err := base64.StdEncoding.DecodeString(s)
	if err != nil || len(raw) != crc32.Size {
		return 0, false
	}
	return crc(binary.BigEndian.Uint32(raw)), true
}

// append returns the checksum of two stretches of bytes in a row, the second of
// which has checksum next and the given length. Appending length zero bits times
// eight is a multiplication by x^(8·length) modulo the polynomial.
func (c crc) append(next crc, length int64) crc {
	factor, square := uint32(1)<<31, uint32(1)<<23 // x^0 and x^8, bits reversed
	for ; length > 0; length >>= 1 {
		if length&1 != 0 {
			factor = multiply(factor, square)
		}
		square = multiply(square, square)
	}
	return crc(multiply(factor, uint32(c))) ^ next
}

// multiply multiplies two polynomials modulo Castagnoli's, bits reversed.
func multiply(a, b uint32) uint32 {
	var product uint32
	for bit := uint32(1) << 31; bit != 0; bit >>= 1 {
		if a&bit != 0 {
			product ^= b
		}
		carry := b & 1
		b >>= 1
		if carry != 0 {
			b ^= crc32.Castagnoli
		}
	}
	return product
}
