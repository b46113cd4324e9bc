package copybinary

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"unicode/utf8"
)

func readInt16(raw []byte) int16 { return int16(binary.BigEndian.Uint16(raw)) } //nolint:gosec // the bits are those of a signed number
func readInt32(raw []byte) int32 { return int32(binary.BigEndian.Uint32(raw)) } //nolint:gosec // the same
func readInt64(raw []byte) int64 { return int64(binary.BigEndian.Uint64(raw)) } //nolint:gosec // the same

// lengthError is of its own so that the readers stay small enough to be put in
// line.
func lengthError(of string, raw []byte, want int) error {
	return fmt.Errorf("reading %s: %d bytes, want %d", of, len(raw), want)
}

// Bool reads table.WireBool.
func Bool(raw []byte) (bool, error) {
	if len(raw) != 1 || raw[0] > 1 {
		return false, fmt.Errorf("reading a boolean: %d bytes, want one that is 0 or 1", len(raw))
	}
	return raw[0] == 1, nil
}

// Int16 reads table.WireInt16.
func Int16(raw []byte) (int16, error) {
	if len(raw) != 2 {
		return 0, lengthError("a smallint", raw, 2)
	}
	return readInt16(raw), nil
}

// Int32 reads table.WireInt32.
func Int32(raw []byte) (int32, error) {
	if len(raw) != 4 {
		return 0, lengthError("an integer", raw, 4)
	}
	return readInt32(raw), nil
}

// Int64 reads table.WireInt64.
func Int64(raw []byte) (int64, error) {
	if len(raw) != 8 {
		return 0, lengthError("a bigint", raw, 8)
	}
	return readInt64(raw), nil
}

// OID reads table.WireOID.
func OID(raw []byte) (uint32, error) {
	if len(raw) != 4 {
		return 0, lengthError("an oid", raw, 4)
	}
	return binary.BigEndian.Uint32(raw), nil
}

// Float32 reads table.WireFloat32, every bit of it.
func Float32(raw []byte) (float32, error) {
	if len(raw) != 4 {
		return 0, lengthError("a real", raw, 4)
	}
	return math.Float32frombits(binary.BigEndian.Uint32(raw)), nil
}

// Float64 reads table.WireFloat64, every bit of it.
func Float64(raw []byte) (float64, error) {
	if len(raw) != 8 {
		return 0, lengthError("a double precision", raw, 8)
	}
	return math.Float64frombits(binary.BigEndian.Uint64(raw)), nil
}

// UUID reads table.WireUUID.
func UUID(raw []byte) ([16]byte, error) {
	if len(raw) != 16 {
		return [16]byte{}, lengthError("a uuid", raw, 16)
	}
	return [16]byte(raw), nil
}

// JSONB reads table.WireJSONB: the JSON text behind the byte of its version.
func JSONB(raw []byte) ([]byte, error) {
	if len(raw) == 0 || raw[0] != 1 {
		return nil, fmt.Errorf("reading a jsonb: %d bytes, want text behind a byte that is 1, its version", len(raw))
	}
	return raw[1:], nil
}

var errNotUTF8 = errors.New(`text that is not UTF-8, which no part may hold: PostgreSQL before version 15 prints a "char" past 127 as a bare byte where ` +
	"it is in an array, a composite or the like, and no version looks again at text that it holds; correct the value, or leave the column out with exclude_columns")

// UTF8 returns an error for text that is not UTF-8.
func UTF8(text []byte) error {
	if !utf8.Valid(text) {
		return errNotUTF8
	}
	return nil
}
