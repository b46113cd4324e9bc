package redshift

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/stagelift/stagelift/local/redshift/grammar"
)

// maxParquet bounds what a file may take in memory: reading it needs its end
// first.
const maxParquet = 256 << 20

// parquetRows reads a file of Parquet by position: its columns must be as many
// as the table's, and of their types ("COPY from columnar data formats").
type parquetRows struct {
	groups  []parquet.RowGroup
	rows    parquet.Rows
	columns []parquetColumn
	buffer  [1]parquet.Row
	row     int
	cells   []cell
}

func newParquetRows(in io.Reader, c *grammar.Copy, columns []column, url string, times bool) (*parquetRows, error) {
	data, err := io.ReadAll(io.LimitReader(in, maxParquet+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxParquet {
		return nil, fmt.Errorf("file has more than the %d bytes that this stand-in reads", maxParquet)
	}
	file, err := parquet.OpenFile(strings.NewReader(string(data)), int64(len(data)))
	if err != nil {
		return nil, fmt.Errorf("File is not a Parquet file: %w", err)
	}
	fields := file.Schema().Fields()
	if len(fields) != len(columns) && (!c.FillRecord || len(fields) > len(columns)) {
		return nil, fmt.Errorf("Unmatched number of columns between table and file. Table columns: %d, Data columns: %d", len(columns), len(fields))
	}
	r := &parquetRows{groups: file.RowGroups()}
	for i, field := range fields {
		made, err := newParquetColumn(field, &columns[i], times)
		if err != nil {
			return nil, fmt.Errorf("Spectrum Scan Error code: 15007 context: File '%s' column %s has an incompatible Parquet schema: %w",
				url, columns[i].name, err)
		}
		r.columns = append(r.columns, made)
	}
	return r, nil
}

func (r *parquetRows) line() int { return r.row }

func (r *parquetRows) read() ([]cell, error) {
	for {
		if r.rows == nil {
			if len(r.groups) == 0 {
				return nil, io.EOF
			}
			r.rows, r.groups = r.groups[0].Rows(), r.groups[1:]
		}
		n, err := r.rows.ReadRows(r.buffer[:])
		if n > 0 {
			r.row++
			return r.take(r.buffer[0])
		}
		if !errors.Is(err, io.EOF) {
			return nil, err
		}
		if err := r.rows.Close(); err != nil {
			return nil, err
		}
		r.rows = nil
	}
}

func (r *parquetRows) take(row parquet.Row) ([]cell, error) {
	r.cells = make([]cell, len(r.columns))
	for _, value := range row {
		i := value.Column()
		if value.IsNull() {
			r.cells[i].null = true
			continue
		}
		r.cells[i].text = r.columns[i](value)
	}
	return r.cells, nil
}

// parquetColumn writes a value in the notation of the column's converter.
type parquetColumn func(parquet.Value) []byte

// newParquetColumn matches a column of the file with one of the table. Only
// pairs that COPY is known to take are there. COPY from Parquet "uses Redshift
// Spectrum" ("COPY from columnar data formats"), whose types ("CREATE EXTERNAL
// TABLE", data_type) are without TIME, TIMETZ and SUPER. TIMESTAMPTZ is not among
// them either, but is loaded by others: it is taken. times lets TIME in.
func newParquetColumn(field parquet.Field, c *column, times bool) (parquetColumn, error) {
	if !field.Leaf() || field.Repeated() {
		return nil, errors.New("nested columns are not imitated by this stand-in")
	}
	for _, pair := range parquetPairs {
		if pair.matches(field, c) && (times || !strings.HasPrefix(pair.columns, "time_")) {
			return pair.write(field), nil
		}
	}
	return nil, fmt.Errorf("Parquet type %s %s, table type %s", field.Type().Kind(), logicalName(field), c.kind)
}

// parquetPair is a type of Parquet and those of columns that it is loaded into.
type parquetPair struct {
	kind    parquet.Kind
	logical string // the beginning of its name; empty for none
	columns string
	write   func(parquet.Field) parquetColumn
}

func (p parquetPair) matches(field parquet.Field, c *column) bool {
	logical := logicalName(field)
	named := p.logical == "" && logical == "" || p.logical != "" && strings.HasPrefix(logical, p.logical)
	return field.Type().Kind() == p.kind && named && strings.Contains(" "+p.columns+" ", " "+strings.ReplaceAll(c.kind, " ", "_")+" ")
}

func logicalName(field parquet.Field) string {
	if logical := field.Type().LogicalType(); logical != nil {
		return logical.String()
	}
	return ""
}

func same(write parquetColumn) func(parquet.Field) parquetColumn {
	return func(parquet.Field) parquetColumn { return write }
}

var parquetPairs = []parquetPair{
	{parquet.Boolean, "", "boolean", same(func(v parquet.Value) []byte { return strconv.AppendBool(nil, v.Boolean()) })},
	{parquet.Int32, "INT(", "smallint integer bigint", same(writeInt32)},
	{parquet.Int32, "", "smallint integer bigint", same(writeInt32)},
	{parquet.Int64, "INT(", "bigint", same(writeInt64)},
	{parquet.Int64, "", "bigint", same(writeInt64)},
	{parquet.Float, "", "real double_precision", same(func(v parquet.Value) []byte { return strconv.AppendFloat(nil, float64(v.Float()), 'g', -1, 32) })},
	{parquet.Double, "", "double_precision", same(func(v parquet.Value) []byte { return strconv.AppendFloat(nil, v.Double(), 'g', -1, 64) })},
	{parquet.Int32, "DATE", "date", same(func(v parquet.Value) []byte {
		return time.Unix(int64(v.Int32())*86400, 0).UTC().AppendFormat(nil, time.DateOnly)
	})},
	{parquet.Int64, "TIME(isAdjustedToUTC=false,unit=MICROS", "time_without_time_zone", same(func(v parquet.Value) []byte {
		return time.UnixMicro(v.Int64()).UTC().AppendFormat(nil, "15:04:05.000000")
	})},
	{parquet.Int64, "TIMESTAMP(isAdjustedToUTC=false,unit=MICROS", "timestamp_without_time_zone", same(writeTimestamp)},
	{parquet.Int64, "TIMESTAMP(isAdjustedToUTC=true,unit=MICROS", "timestamp_with_time_zone", same(writeTimestamp)},
	{parquet.FixedLenByteArray, "DECIMAL", "numeric", writeDecimal},
	{parquet.ByteArray, "STRING", "character_varying character", same(func(v parquet.Value) []byte { return v.ByteArray() })},
	{parquet.ByteArray, "", "bytea", same(func(v parquet.Value) []byte { return []byte(hex.EncodeToString(v.ByteArray())) })},
}

func writeInt32(v parquet.Value) []byte { return strconv.AppendInt(nil, int64(v.Int32()), 10) }
func writeInt64(v parquet.Value) []byte { return strconv.AppendInt(nil, v.Int64(), 10) }

func writeTimestamp(v parquet.Value) []byte {
	return time.UnixMicro(v.Int64()).UTC().AppendFormat(nil, "2006-01-02 15:04:05.000000")
}

// writeDecimal reads a two's complement.
func writeDecimal(field parquet.Field) parquetColumn {
	var precision, scale int
	_, _ = fmt.Sscanf(logicalName(field), "DECIMAL(%d,%d)", &precision, &scale) // it was found by that name
	return func(v parquet.Value) []byte {
		raw := v.ByteArray()
		n := new(big.Int).SetBytes(raw)
		if len(raw) > 0 && raw[0]&0x80 != 0 {
			n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(raw))))
		}
		ten := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil)
		return []byte(new(big.Rat).SetFrac(n, ten).FloatString(scale))
	}
}
