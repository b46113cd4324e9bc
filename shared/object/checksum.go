package object

import (
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// Checksum is the checksum of a whole object, or of a stretch of bytes. Those of
// stretches in a row give that of all together, without the bytes. The zero
// value is none.
type Checksum struct {
	// Algorithm is CRC32C, CRC32 or CRC64NVME: what S3 keeps for whole objects.
	Algorithm string
	// Value is in base64.
	Value string
}

// Known reports whether there is one.
func (c Checksum) Known() bool { _, ok := c.crc(); return ok }

func (c Checksum) crc() (crc, bool) {
	kind, ok := kindOf(c.Algorithm)
	if !ok || c.Value == "" {
		return crc{}, false
	}
	return parseCRC(kind, c.Value)
}

// kindOf knows an algorithm by S3's name for it; CRC-32C goes without.
func kindOf(algorithm string) (crcKind, bool) {
	for k := range crcKinds {
		if string(k.algorithm()) == algorithm {
			return k, true
		}
	}
	return crc32C, algorithm == ""
}

// ChecksumOf returns the checksum of bytes at hand; the zero value if the
// algorithm is not one that can be appended.
func ChecksumOf(algorithm string, pieces ...[]byte) Checksum {
	kind, ok := kindOf(algorithm)
	if !ok {
		return Checksum{}
	}
	return checksum(crcAs(kind, pieces...))
}

// Append returns the checksum of two stretches in a row, the second with
// checksum next and the given length; the zero value if they are not of one
// algorithm.
func (c Checksum) Append(next Checksum, length int64) Checksum {
	first, known := c.crc()
	second, both := next.crc()
	if !known || !both || first.kind != second.kind {
		return Checksum{}
	}
	return checksum(first.append(second, length))
}

// Without returns the checksum of what is left of a stretch once its first
// bytes, whose checksum is prefix, are taken away; length is that of the rest.
// Appending is a sum modulo two, so appending once more takes away.
func (c Checksum) Without(prefix Checksum, length int64) Checksum { return prefix.Append(c, length) }

func checksum(c crc) Checksum { return Checksum{string(c.kind.algorithm()), c.String()} }

// whole finds the checksum of an object among those that S3 tells; a checksum
// of checksums, which an upload in parts may have, is none.
func (t told) whole(kind types.ChecksumType) Checksum {
	if kind == types.ChecksumTypeComposite {
		return Checksum{}
	}
	for k := range crcKinds {
		if c, ok := t.as(k); ok {
			return checksum(c)
		}
	}
	return Checksum{}
}

// crc32C returns the value, if it is that of a CRC-32C.
func (c Checksum) crc32C() string {
	if c.Algorithm != string(crc32C.algorithm()) {
		return ""
	}
	return c.Value
}
