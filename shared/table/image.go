package table

// Image is what a column's values become on their way out. What is read, what
// each format holds and what each warehouse is told all come from here.
type Image struct {
	// Sent is the form in which the server is asked for the value.
	Sent Form
	// Wire is how the value comes. In CSV it is the text that PostgreSQL prints
	// for what is sent, but for bytes, which are hexadecimal digits without the
	// leading \x, as both warehouses read them.
	Wire Wire
	// JSON is how it is written in JSON Lines.
	JSON JSON
	// Parquet is the type of the column in Parquet.
	Parquet Parquet
	// Redshift and Snowflake are the types of the column in tables there.
	Redshift, Snowflake string
}

// Form is how a value is asked for in a SELECT list.
type Form int

// The forms. FormValue is the column as it is; the others are expressions over
// it, for types whose own form none of the targets reads. All of them keep
// NULL.
const (
	FormValue Form = iota
	// FormText is the text that PostgreSQL prints for the value.
	FormText
	// FormJSON is the value as to_json() has it.
	FormJSON
	// FormNumeric is a money value as a numeric.
	FormNumeric
)

// Wire is the binary form of a value, as the type's send function writes it
// (all numbers big-endian).
type Wire int

// The wires, one for each form that is decoded here. Everything else is asked
// for as text.
const (
	// WireText is UTF-8 text without an end.
	WireText Wire = iota
	WireBool
	WireInt16
	WireInt32
	WireInt64
	// WireOID is an unsigned number of four bytes.
	WireOID
	WireFloat32
	WireFloat64
	WireNumeric
	// WireBytes are a bytea's own bytes.
	WireBytes
	// WireDate is days since 2000-01-01, the largest and smallest int32 are
	// infinity and -infinity.
	WireDate
	// WireTime is microseconds since midnight, 24:00:00 included.
	WireTime
	// WireTimeTZ is WireTime and an int32, seconds west of Greenwich.
	WireTimeTZ
	// WireTimestamp is microseconds since 2000-01-01, the largest and smallest
	// int64 are infinity and -infinity. WireTimestampTZ is the same in UTC.
	WireTimestamp
	WireTimestampTZ
	// WireUUID are the 16 bytes of a UUID.
	WireUUID
	// WireJSON is JSON text; WireJSONB is a byte of version before it.
	WireJSON
	WireJSONB
	// WireChar is the one byte of a "char". 0 prints as nothing, one past 127
	// as a backslash and three octal digits.
	WireChar
)

// JSON is the form of a value in JSON Lines.
type JSON int

// The forms of JSON.
const (
	// JSONString is the text as a JSON string.
	JSONString JSON = iota
	// JSONNumber is every digit of the number; NaN and the infinities, which
	// are no JSON numbers, are strings.
	JSONNumber
	JSONBoolean
	// JSONRaw is JSON in JSON: as it is, on one line.
	JSONRaw
	// JSONBase64 is a string of standard base64 with padding.
	JSONBase64
)

// Parquet is a column type of Parquet.
type Parquet struct {
	Physical ParquetPhysical
	Logical  ParquetLogical
	// Precision and Scale belong to a decimal; Length is the bytes of a
	// ParquetFixed.
	Precision, Scale, Length int
}

// ParquetPhysical is a physical type (Parquet format, Types).
type ParquetPhysical int

// The physical types that are used.
const (
	ParquetBytes ParquetPhysical = iota
	ParquetBoolean
	ParquetInt32
	ParquetInt64
	ParquetFloat
	ParquetDouble
	ParquetFixed
)

// ParquetLogical is a logical type (Parquet format, LogicalTypes).
type ParquetLogical int

// The logical types that are used.
const (
	ParquetNone ParquetLogical = iota
	ParquetString
	ParquetInt16
	ParquetDecimal
	ParquetDate
	// ParquetTime is microseconds, not adjusted to UTC.
	ParquetTime
	// ParquetTimestamp is microseconds, not adjusted to UTC; ParquetTimestampTZ
	// is adjusted.
	ParquetTimestamp
	ParquetTimestampTZ
)

// Limited reports whether the type has values that its column in Parquet
// cannot hold, so that what becomes of them is to be chosen: infinity in a date
// or a timestamp, a timestamp beyond 64 bits of microseconds since 1970,
// 24:00:00 in a time, NaN or too many digits in a decimal.
//
// CSV and JSON Lines hold every value of every type, whatever Limited says.
func (i Image) Limited() bool {
	switch i.Parquet.Logical {
	case ParquetDecimal, ParquetDate, ParquetTime, ParquetTimestamp, ParquetTimestampTZ:
		return true
	case ParquetNone, ParquetString, ParquetInt16:
	}
	return false
}

// Unchecked reports whether the values come as text whose bytes nobody has looked
// at: what output functions print, alone or within JSON. PostgreSQL checks text
// when it takes it, and not what its types make of their values; before version
// 15 a "char" past 127 within an array or a composite is no UTF-8.
func (i Image) Unchecked() bool { return i.Sent == FormText || i.Sent == FormJSON }

// Field is a column with the image that a run has chosen for it.
type Field struct {
	Column
	Image
}
