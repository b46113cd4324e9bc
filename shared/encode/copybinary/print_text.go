package copybinary

import (
	"encoding/binary"
	"fmt"
	"unicode/utf8"

	"github.com/stagelift/stagelift/shared/table"
)

// AppendText appends the value that raw is on this wire, as PostgreSQL's output
// function for the type prints it. raw is not NULL.
func AppendText(dst []byte, wire table.Wire, raw []byte) ([]byte, error) {
	switch wire {
	case table.WireText, table.WireJSON:
		return append(dst, raw...), nil
	case table.WireChar:
		return AppendChar(dst, raw)
	case table.WireJSONB:
		text, err := JSONB(raw)
		return append(dst, text...), err
	case table.WireBytes:
		return AppendHex(append(dst, `\x`...), raw), nil
	case table.WireUUID:
		return AppendUUID(dst, raw)
	case table.WireBool, table.WireInt16, table.WireInt32, table.WireInt64, table.WireOID,
		table.WireFloat32, table.WireFloat64, table.WireNumeric:
		return appendNumber(dst, wire, raw)
	case table.WireDate:
		return AppendDate(dst, raw)
	case table.WireTime:
		return AppendTime(dst, raw)
	case table.WireTimeTZ:
		return AppendTimeTZ(dst, raw)
	case table.WireTimestamp:
		return AppendTimestamp(dst, raw)
	case table.WireTimestampTZ:
		return AppendTimestampTZ(dst, raw)
	}
	return dst, unknown(wire)
}

func appendNumber(dst []byte, wire table.Wire, raw []byte) ([]byte, error) {
	switch wire {
	case table.WireBool:
		return AppendBool(dst, raw)
	case table.WireInt16:
		return AppendInt16(dst, raw)
	case table.WireInt32:
		return AppendInt32(dst, raw)
	case table.WireInt64:
		return AppendInt64(dst, raw)
	case table.WireOID:
		return AppendOID(dst, raw)
	case table.WireFloat32:
		return AppendFloat32(dst, raw)
	case table.WireFloat64:
		return AppendFloat64(dst, raw)
	case table.WireNumeric:
		return AppendNumeric(dst, raw)
	default:
		return dst, unknown(wire)
	}
}

func unknown(wire table.Wire) error { return fmt.Errorf("printing a value: no wire %d is known", wire) }

// AppendBool appends t or f.
func AppendBool(dst, raw []byte) ([]byte, error) {
	b, err := Bool(raw)
	switch {
	case err != nil:
		return dst, err
	case b:
		return append(dst, 't'), nil
	}
	return append(dst, 'f'), nil
}

// AppendInt16 appends a smallint.
func AppendInt16(dst, raw []byte) ([]byte, error) {
	n, err := Int16(raw)
	if err != nil {
		return dst, err
	}
	return appendInt(dst, int64(n)), nil
}

// AppendInt32 appends an integer.
func AppendInt32(dst, raw []byte) ([]byte, error) {
	n, err := Int32(raw)
	if err != nil {
		return dst, err
	}
	return appendInt(dst, int64(n)), nil
}

// AppendInt64 appends a bigint.
func AppendInt64(dst, raw []byte) ([]byte, error) {
	n, err := Int64(raw)
	if err != nil {
		return dst, err
	}
	return appendInt(dst, n), nil
}

// AppendOID appends an oid.
func AppendOID(dst, raw []byte) ([]byte, error) {
	n, err := OID(raw)
	if err != nil {
		return dst, err
	}
	return appendUint(dst, uint64(n)), nil
}

// AppendChar appends a "char" as PostgreSQL prints it from version 15 on: nothing
// for 0, the byte up to 127, a backslash and three octal digits for what is past
// it. Servers before print that byte itself, which is no UTF-8.
func AppendChar(dst, raw []byte) ([]byte, error) {
	switch {
	case len(raw) != 1:
		return dst, lengthError(`a "char"`, raw, 1)
	case raw[0] == 0:
		return dst, nil
	case raw[0] < utf8.RuneSelf:
		return append(dst, raw[0]), nil
	}
	return append(dst, '\\', '0'+raw[0]>>6, '0'+raw[0]>>3&7, '0'+raw[0]&7), nil
}

// AppendUUID appends a uuid in lower case.
func AppendUUID(dst, raw []byte) ([]byte, error) {
	if len(raw) != 16 {
		return dst, lengthError("a uuid", raw, 16)
	}
	dst, to := room(dst, 36)
	to = to[:36]
	to[8], to[13], to[18], to[23] = '-', '-', '-', '-'
	second, third := hexWord(binary.LittleEndian.Uint32(raw[4:])), hexWord(binary.LittleEndian.Uint32(raw[8:]))
	binary.LittleEndian.PutUint64(to, hexWord(binary.LittleEndian.Uint32(raw)))
	binary.LittleEndian.PutUint32(to[9:], uint32(second)) //nolint:gosec // four digits, and four
	binary.LittleEndian.PutUint32(to[14:], uint32(second>>32))
	binary.LittleEndian.PutUint32(to[19:], uint32(third)) //nolint:gosec // the same
	binary.LittleEndian.PutUint32(to[24:], uint32(third>>32))
	binary.LittleEndian.PutUint64(to[28:], hexWord(binary.LittleEndian.Uint32(raw[12:])))
	return dst, nil
}
