package stagefile

import (
	"encoding/binary"
	"errors"
	"io"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"github.com/stagelift/stagelift/local/snowflake/grammar"
)

// rowsAtOnce is how many rows are read at a time.
const rowsAtOnce = 64

// parquetReader reads the rows of a file without nested columns.
type parquetReader struct {
	close   io.Closer
	format  grammar.Format
	columns []parquet.Field
	groups  []parquet.RowGroup
	rows    parquet.Rows
	batch   []parquet.Row
	unread  []parquet.Row
	row     parquet.Row
	number  int64
	text    []byte
}

// NewParquet reads Parquet. closer is closed with the reader.
func NewParquet(in io.ReaderAt, size int64, closer io.Closer, f grammar.Format) (Reader, error) {
	file, err := parquet.OpenFile(in, size)
	if err != nil {
		return nil, wrong("100185", "22000", "Error parsing the parquet file: %v", err)
	}
	r := &parquetReader{close: closer, format: f, columns: file.Schema().Fields(), groups: file.RowGroups()}
	for _, c := range r.columns {
		if !c.Leaf() || c.Repeated() {
			return nil, refused("Parquet's column %q, which is nested", c.Name())
		}
	}
	r.batch = make([]parquet.Row, rowsAtOnce)
	return r, nil
}

func (r *parquetReader) Close() error {
	var err error
	if r.rows != nil {
		err = r.rows.Close()
	}
	return errors.Join(err, r.close.Close())
}

func (r *parquetReader) Line() int64 { return r.number }
func (r *parquetReader) Fields() int { return 1 }

func (r *parquetReader) Record() []byte { return nil }

func (r *parquetReader) Next() error {
	for len(r.unread) == 0 {
		if r.rows == nil {
			if len(r.groups) == 0 {
				return io.EOF
			}
			r.rows, r.groups = r.groups[0].Rows(), r.groups[1:]
		}
		n, err := r.rows.ReadRows(r.batch)
		if err != nil && !errors.Is(err, io.EOF) {
			return wrong("100185", "22000", "Error parsing the parquet file: %v", err)
		}
		r.unread = r.batch[:n]
		if n == 0 {
			if err := r.rows.Close(); err != nil {
				return err
			}
			r.rows = nil
		}
	}
	r.row, r.unread = r.unread[0], r.unread[1:]
	r.text = r.text[:0]
	r.number++
	return nil
}

func (r *parquetReader) Field(number int, path []string) (Value, error) {
	switch {
	case number > 1:
		return Value{}, nil
	case len(path) == 0:
		return Value{}, refused("a whole row of Parquet as one VARIANT")
	case len(path) > 1:
		return Value{}, nil
	}
	v, _, err := r.Named(path[0], true)
	return v, err
}

func (r *parquetReader) Named(name string, exact bool) (Value, bool, error) {
	i := slices.IndexFunc(r.columns, func(c parquet.Field) bool {
		return c.Name() == name || !exact && strings.EqualFold(c.Name(), name)
	})
	if i < 0 {
		return Value{}, false, nil
	}
	v, err := r.value(r.columns[i], r.row[i])
	v.Variant = true
	return v, true, err
}

// value reads a value by its logical type, or by its physical one.
func (r *parquetReader) value(column parquet.Field, v parquet.Value) (Value, error) {
	if v.IsNull() {
		return Value{}, nil
	}
	var logical format.LogicalTypeValue
	if l := column.Type().LogicalType(); l != nil {
		logical = l.Value
	}
	switch l := logical.(type) {
	case nil:
		return r.plain(column, v)
	case *format.IntType:
		if l.IsSigned {
			return r.plain(column, v)
		}
		if v.Kind() == parquet.Int32 {
			return Value{Kind: Number, Text: strconv.AppendUint(nil, uint64(v.Uint32()), 10)}, nil
		}
		return Value{Kind: Number, Text: strconv.AppendUint(nil, v.Uint64(), 10)}, nil
	case *format.StringType, *format.EnumType, *format.JsonType:
		return Value{Kind: Text, Text: v.ByteArray()}, nil
	case *format.DecimalType:
		return decimalValue(v, int(l.Scale))
	case *format.DateType:
		return Value{Kind: Date, Text: time.Unix(int64(v.Int32())*24*60*60, 0).UTC().AppendFormat(nil, "2006-01-02")}, nil
	case *format.TimeType:
		if !r.format.UseLogicalType {
			return Value{}, refused("Parquet's TIME without USE_LOGICAL_TYPE")
		}
		at := time.Unix(0, 0).UTC().Add(time.Duration(integer(v)) * l.Unit.Value.Duration())
		return Value{Kind: Time, Text: at.AppendFormat(nil, "15:04:05.999999999")}, nil
	case *format.TimestampType:
		return r.timestamp(l, integer(v))
	}
	return Value{}, refused("Parquet's logical type %s of column %q", logical, column.Name())
}

func (r *parquetReader) timestamp(l *format.TimestampType, n int64) (Value, error) {
	if !r.format.UseLogicalType {
		return Value{}, refused("Parquet's TIMESTAMP without USE_LOGICAL_TYPE")
	}
	unit := int64(l.Unit.Value.Duration())
	perSecond := int64(time.Second) / unit
	seconds, rest := n/perSecond, n%perSecond
	at := time.Unix(seconds, rest*unit).UTC()
	if at.Year() < 1 || at.Year() > 9999 {
		return Value{}, wrong("100035", "22007", "Timestamp '%s' is not recognized", at.Format(time.RFC3339))
	}
	if l.IsAdjustedToUTC {
		return Value{Kind: TimestampLTZ, Text: at.AppendFormat(nil, "2006-01-02 15:04:05.999999999+00")}, nil
	}
	return Value{Kind: TimestampNTZ, Text: at.AppendFormat(nil, "2006-01-02 15:04:05.999999999")}, nil
}

func (r *parquetReader) plain(column parquet.Field, v parquet.Value) (Value, error) {
	switch v.Kind() {
	case parquet.Boolean:
		return Value{Kind: Boolean, Text: strconv.AppendBool(nil, v.Boolean())}, nil
	case parquet.Int32, parquet.Int64:
		return Value{Kind: Number, Text: strconv.AppendInt(nil, integer(v), 10)}, nil
	case parquet.Float:
		return double(float64(v.Float()), 32), nil
	case parquet.Double:
		return double(v.Double(), 64), nil
	case parquet.ByteArray, parquet.FixedLenByteArray:
		if r.format.BinaryAsText {
			return Value{Kind: Text, Text: v.ByteArray()}, nil
		}
		return Value{Kind: Binary, Text: v.ByteArray()}, nil
	}
	return Value{}, refused("Parquet's type %s of column %q", column.Type(), column.Name())
}

func integer(v parquet.Value) int64 {
	if v.Kind() == parquet.Int32 {
		return int64(v.Int32())
	}
	return v.Int64()
}

func double(f float64, bits int) Value {
	text := strconv.FormatFloat(f, 'g', -1, bits)
	switch {
	case math.IsInf(f, 1):
		text = "inf"
	case math.IsInf(f, -1):
		text = "-inf"
	}
	return Value{Kind: Double, Text: []byte(text)}
}

// decimalValue reads the unscaled number, big-endian where it is of bytes.
func decimalValue(v parquet.Value, scale int) (Value, error) {
	n := new(big.Int)
	switch v.Kind() {
	case parquet.Int32, parquet.Int64:
		n.SetInt64(integer(v))
	case parquet.ByteArray, parquet.FixedLenByteArray:
		b := v.ByteArray()
		if len(b) > 16 {
			return Value{}, refused("a decimal of %d bytes", len(b))
		}
		var wide [16]byte
		if len(b) > 0 && b[0] >= 0x80 {
			binary.BigEndian.PutUint64(wide[:8], math.MaxUint64)
			binary.BigEndian.PutUint64(wide[8:], math.MaxUint64)
		}
		copy(wide[16-len(b):], b)
		n.SetBytes(wide[:])
		if wide[0] >= 0x80 {
			n.Sub(n, new(big.Int).Lsh(big.NewInt(1), 128))
		}
	default:
		return Value{}, refused("a decimal of Parquet's type %s", v.Kind())
	}
	digits := new(big.Int).Abs(n).String()
	if short := scale + 1 - len(digits); short > 0 {
		digits = strings.Repeat("0", short) + digits
	}
	text := digits[:len(digits)-scale]
	if scale > 0 {
		text += "." + digits[len(digits)-scale:]
	}
	if n.Sign() < 0 {
		text = "-" + text
	}
	return Value{Kind: Number, Text: []byte(text)}, nil
}
