package copybinary

import (
	"encoding/hex"
	"fmt"
	"strconv"

	"github.com/stagelift/stagelift/shared/table"
)

// AppendText appends the value that raw is on this wire, as PostgreSQL's output
// function for the type prints it. raw is not NULL.
func AppendText(dst []byte, wire table.Wire, raw []byte) ([]byte, error) {
	switch wire {
	case table.WireText, table.WireJSON:
		return append(dst, raw...), nil
	case table.WireJSONB:
		text, err := JSONB(raw)
		return append(dst, text...), err
	case table.WireBytes:
		return hex.AppendEncode(append(dst, `\x`...), raw), nil
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
	return strconv.AppendInt(dst, int64(n), 10), nil
}

// AppendInt32 appends an integer.
func AppendInt32(dst, raw []byte) ([]byte, error) {
	n, err := Int32(raw)
	if err != nil {
		return dst, err
	}
	return strconv.AppendInt(dst, int64(n), 10), nil
}

// AppendInt64 appends a bigint.
func AppendInt64(dst, raw []byte) ([]byte, error) {
	n, err := Int64(raw)
	if err != nil {
		return dst, err
	}
	return strconv.AppendInt(dst, n, 10), nil
}

// AppendOID appends an oid.
func AppendOID(dst, raw []byte) ([]byte, error) {
	n, err := OID(raw)
	if err != nil {
		return dst, err
	}
	return strconv.AppendUint(dst, uint64(n), 10), nil
}

// AppendUUID appends a uuid in lower case.
func AppendUUID(dst, raw []byte) ([]byte, error) {
	if len(raw) != 16 {
		return dst, lengthError("a uuid", raw, 16)
	}
	dst = hex.AppendEncode(dst, raw[:4])
	for i := 4; i < 10; i += 2 {
		dst = hex.AppendEncode(append(dst, '-'), raw[i:i+2])
	}
	return hex.AppendEncode(append(dst, '-'), raw[10:]), nil
}
