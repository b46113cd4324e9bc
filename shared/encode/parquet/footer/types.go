package footer

import (
	"errors"
	"fmt"
	"slices"
)

// Physical types (Parquet format, Type).
const (
	physicalBoolean = 0
	physicalInt32   = 1
	physicalInt64   = 2
	physicalInt96   = 3
	physicalFloat   = 4
	physicalDouble  = 5
	physicalBytes   = 6
	physicalFixed   = 7
)

// Logical types, by the field of the union (Parquet format, LogicalType).
const (
	logicalNone      = 0
	logicalString    = 1
	logicalEnum      = 4
	logicalDecimal   = 5
	logicalDate      = 6
	logicalTime      = 7
	logicalTimestamp = 8
	logicalInteger   = 10
	logicalJSON      = 12
)

const (
	unitMillis = 1
	unitMicros = 2
	unitNanos  = 3
)

// legacy are the types of older writers as logical ones (Parquet format,
// ConvertedType). Their times are in UTC.
var legacy = map[int64]logical{
	0: {number: logicalString}, 4: {number: logicalEnum}, 5: {number: logicalDecimal}, 6: {number: logicalDate},
	7:  {number: logicalTime, unit: unitMillis, utc: true},
	8:  {number: logicalTime, unit: unitMicros, utc: true},
	9:  {number: logicalTimestamp, unit: unitMillis, utc: true},
	10: {number: logicalTimestamp, unit: unitMicros, utc: true},
	11: {number: logicalInteger, bits: 8}, 12: {number: logicalInteger, bits: 16},
	13: {number: logicalInteger, bits: 32}, 14: {number: logicalInteger, bits: 64},
	15: {number: logicalInteger, bits: 8, signed: true}, 16: {number: logicalInteger, bits: 16, signed: true},
	17: {number: logicalInteger, bits: 32, signed: true}, 18: {number: logicalInteger, bits: 64, signed: true},
	19: {number: logicalJSON},
}

// names are those of the logical types that have no type here.
var names = map[int]string{
	11: "NULL", 13: "BSON", 14: "UUID", 15: "FLOAT16", 16: "VARIANT", 17: "GEOMETRY", 18: "GEOGRAPHY",
}

var (
	errNanoseconds = errors.New("counts nanoseconds, and the warehouses keep microseconds; write microseconds, " +
		"or give the columns yourself, and what lies below a microsecond is the warehouse's to cut")
	errInt96    = errors.New("is an INT96, the old form of a time in nanoseconds; write TIMESTAMP with microseconds, or give the columns yourself")
	errUnsigned = errors.New("is an unsigned integer whose largest values look negative to some readers; write it with more bits or signed, or give the columns yourself")
	errFixed    = errors.New("is a fixed-length byte array without a meaning; write it as bytes or text, or give the columns yourself")
)

// kind is the type of PostgreSQL that holds the column's values. The logical
// type counts before the legacy one (Parquet format, LogicalTypes,
// Compatibility).
func (e element) kind() (string, error) {
	l := e.logical
	if l.number == logicalNone && e.converted >= 0 {
		var known bool
		if l, known = legacy[e.converted]; !known {
			return "", fmt.Errorf("is of the legacy type %d, which is not one that is loaded; write it as text, or give the columns yourself", e.converted)
		}
		l.scale, l.precision = e.scale, e.precision
	}
	switch l.number {
	case logicalNone:
		return e.plain()
	case logicalDecimal:
		return e.decimal(l)
	case logicalTime, logicalTimestamp:
		return e.time(l)
	case logicalInteger:
		return e.integer(l)
	case logicalString, logicalEnum:
		return e.only("text", physicalBytes)
	case logicalJSON:
		return e.only("json", physicalBytes)
	case logicalDate:
		return e.only("date", physicalInt32)
	}
	name := names[l.number]
	if name == "" {
		name = fmt.Sprintf("number %d", l.number)
	}
	return "", fmt.Errorf("is of the logical type %s, which is not one that is loaded; write it as text, or give the columns yourself", name)
}

// only is the type, if the physical one is as the format demands.
func (e element) only(kind string, physical ...int64) (string, error) {
	if slices.Contains(physical, e.physical) {
		return kind, nil
	}
	return "", fmt.Errorf("is stored as physical type %d, which its logical type does not allow; write the file anew", e.physical)
}

func (e element) plain() (string, error) {
	switch e.physical {
	case physicalBoolean:
		return "boolean", nil
	case physicalInt32:
		return "integer", nil
	case physicalInt64:
		return "bigint", nil
	case physicalFloat:
		return "real", nil
	case physicalDouble:
		return "double precision", nil
	case physicalBytes:
		return "bytea", nil
	case physicalInt96:
		return "", errInt96
	case physicalFixed:
		return "", errFixed
	}
	return "", fmt.Errorf("is of physical type %d, which Parquet does not have", e.physical)
}

// maxPrecision is that of both warehouses, maxScale too.
const maxPrecision, maxScale = 38, 37

func (e element) decimal(l logical) (string, error) {
	if l.precision < 1 || l.precision > maxPrecision || l.scale < 0 || l.scale > min(l.precision, maxScale) {
		return "", fmt.Errorf("is a DECIMAL(%d,%d), and the warehouses hold %d digits, %d of them behind the point; write it as text",
			l.precision, l.scale, maxPrecision, maxScale)
	}
	return e.only(fmt.Sprintf("numeric(%d,%d)", l.precision, l.scale), physicalInt32, physicalInt64, physicalFixed, physicalBytes)
}

func (e element) time(l logical) (string, error) {
	kind, physical := "time without time zone", int64(physicalInt64)
	switch {
	case l.unit == unitNanos:
		return "", errNanoseconds
	case l.unit != unitMillis && l.unit != unitMicros:
		return "", fmt.Errorf("counts time in a unit that is not known here (%d); write microseconds", l.unit)
	case l.number == logicalTimestamp && l.utc:
		kind = "timestamp with time zone"
	case l.number == logicalTimestamp:
		kind = "timestamp without time zone"
	case l.unit == unitMillis:
		physical = physicalInt32
	}
	return e.only(kind, physical)
}

// integer takes what is unsigned into the next wider type.
func (e element) integer(l logical) (string, error) {
	switch {
	case l.bits == 8 || l.signed && l.bits == 16:
		return e.only("smallint", physicalInt32)
	case l.signed && l.bits == 32 || !l.signed && l.bits == 16:
		return e.only("integer", physicalInt32)
	case l.signed && l.bits == 64:
		return e.only("bigint", physicalInt64)
	}
	return "", errUnsigned
}
