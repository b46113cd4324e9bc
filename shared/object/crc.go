package object

import (
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"hash/crc64"

	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// crcKind is one of the checksums that S3 keeps for whole objects, which are
// those that can be put together from the checksums of parts. The zero kind is
// CRC-32C, which processors compute at the speed of memory.
type crcKind uint8

const (
	crc32C crcKind = iota
	crc32IEEE
	crc64NVME
	crcKinds
)

// nvme is the polynomial of CRC-64/NVME, bits reversed. S3 gives this checksum
// to what is stored without one.
const nvme = 0x9a6c9329ac4bc9b5

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	nvmeTable  = crc64.MakeTable(nvme)
)

// crc is a checksum of some bytes.
type crc struct {
	kind  crcKind
	value uint64
}

func crcOf(pieces ...[]byte) crc { return crcAs(crc32C, pieces...) }

func crcAs(kind crcKind, pieces ...[]byte) crc {
	c := crc{kind: kind}
	for _, p := range pieces {
		c = c.update(p)
	}
	return c
}

func (c crc) update(p []byte) crc {
	switch c.kind {
	case crc64NVME:
		c.value = crc64.Update(c.value, nvmeTable, p)
	case crc32IEEE:
		c.value = uint64(crc32.Update(uint32(c.value), crc32.IEEETable, p)) //nolint:gosec // 32 bits are kept in 64
	default:
		c.value = uint64(crc32.Update(uint32(c.value), castagnoli, p)) //nolint:gosec // 32 bits are kept in 64
	}
	return c
}

// String returns the form that S3 speaks.
func (c crc) String() string {
	if c.kind == crc64NVME {
		return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint64(nil, c.value))
	}
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, uint32(c.value))) //nolint:gosec // 32 bits are kept in 64
}

func parseCRC(kind crcKind, s string) (crc, bool) {
	raw, err := base64.StdEncoding.DecodeString(s)
	switch {
	case err == nil && kind == crc64NVME && len(raw) == crc64.Size:
		return crc{kind, binary.BigEndian.Uint64(raw)}, true
	case err == nil && kind != crc64NVME && len(raw) == crc32.Size:
		return crc{kind, uint64(binary.BigEndian.Uint32(raw))}, true
	}
	return crc{}, false
}

// append returns the checksum of two stretches of bytes in a row, the second of
// which has checksum next, of the same kind, and the given length. Appending
// length zero bits times eight is a multiplication by x^(8·length) modulo the
// polynomial.
func (c crc) append(next crc, length int64) crc {
	top, polynomial := c.kind.field()
	factor, square := top, top>>8 // x^0 and x^8, bits reversed
	for ; length > 0; length >>= 1 {
		if length&1 != 0 {
			factor = multiply(factor, square, top, polynomial)
		}
		square = multiply(square, square, top, polynomial)
	}
	return crc{c.kind, multiply(factor, c.value, top, polynomial) ^ next.value}
}

// field returns the highest bit and the polynomial of a kind.
func (k crcKind) field() (top, polynomial uint64) {
	switch k {
	case crc64NVME:
		return 1 << 63, nvme
	case crc32IEEE:
		return 1 << 31, crc32.IEEE
	default:
		return 1 << 31, crc32.Castagnoli
	}
}

// multiply multiplies two polynomials modulo a third, bits reversed.
func multiply(a, b, top, polynomial uint64) uint64 {
	var product uint64
	for bit := top; bit != 0; bit >>= 1 {
		if a&bit != 0 {
			product ^= b
		}
		carry := b & 1
		b >>= 1
		if carry != 0 {
			b ^= polynomial
		}
	}
	return product
}

// algorithm is S3's name of a kind.
func (k crcKind) algorithm() types.ChecksumAlgorithm {
	switch k {
	case crc64NVME:
		return types.ChecksumAlgorithmCrc64nvme
	case crc32IEEE:
		return types.ChecksumAlgorithmCrc32
	default:
		return types.ChecksumAlgorithmCrc32c
	}
}

// told is a checksum in the fields that requests and answers have, one for each
// kind.
type told struct{ crc32C, crc32, crc64NVME *string }

func (c crc) told() told {
	text := c.String()
	switch c.kind {
	case crc64NVME:
		return told{crc64NVME: &text}
	case crc32IEEE:
		return told{crc32: &text}
	default:
		return told{crc32C: &text}
	}
}

// as reads the checksum of one kind.
func (t told) as(kind crcKind) (crc, bool) {
	text := [crcKinds]*string{crc32C: t.crc32C, crc32IEEE: t.crc32, crc64NVME: t.crc64NVME}[kind]
	if text == nil {
		return crc{}, false
	}
	return parseCRC(kind, *text)
}
