package encode_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"

	"github.com/stagelift/stagelift/shared/encode"
	"github.com/stagelift/stagelift/shared/table"
)

func parquetOptions() encode.Options {
	return encode.Options{Format: "parquet", Compression: "snappy", Key: []int{0}}
}

// readParquet reads a file column by column.
func readParquet(t *testing.T, part []byte) (names, types []string, columns [][]parquet.Value) {
	t.Helper()
	file, err := parquet.OpenFile(bytes.NewReader(part), int64(len(part)))
	if err != nil {
		t.Fatal(err)
	}
	for i, column := range file.Root().Columns() {
		element := file.Metadata().Schema[i+1]
		described := column.Type().Kind().String()
		if column.Type().Kind() == parquet.FixedLenByteArray {
			described = fmt.Sprintf("FIXED(%d)", column.Type().Length())
		}
		if element.LogicalType.Value != nil {
			described += " " + element.LogicalType.String()
		}
		if column.Required() {
			described += " required"
		}
		names, types = append(names, column.Name()), append(types, described)
		columns = append(columns, readColumn(t, column))
	}
	return names, types, columns
}

func readColumn(t *testing.T, column *parquet.Column) []parquet.Value {
	t.Helper()
	pages := column.Pages()
	defer func() { _ = pages.Close() }()
	var values []parquet.Value
	for {
		page, err := pages.ReadPage()
		if errors.Is(err, io.EOF) {
			return values
		}
		if err != nil {
			t.Fatalf("column %s: %v", column.Name(), err)
		}
		read := make([]parquet.Value, page.NumValues())
		n, err := page.Values().ReadValues(read)
		if err != nil && !errors.Is(err, io.EOF) || n != len(read) {
			t.Fatalf("column %s: a page of %d values has %d: %v", column.Name(), len(read), n, err)
		}
		for _, value := range read {
			values = append(values, value.Clone())
		}
		parquet.Release(page)
	}
}

// parquetType is how readParquet describes the type that a field must have.
func parquetType(f table.Field) string {
	described := map[table.ParquetPhysical]string{
		table.ParquetBytes: "BYTE_ARRAY", table.ParquetBoolean: "BOOLEAN", table.ParquetInt32: "INT32", table.ParquetInt64: "INT64",
		table.ParquetFloat: "FLOAT", table.ParquetDouble: "DOUBLE", table.ParquetFixed: fmt.Sprintf("FIXED(%d)", f.Parquet.Length),
	}[f.Parquet.Physical] + map[table.ParquetLogical]string{
		table.ParquetString: " STRING", table.ParquetInt16: " INT(16,true)", table.ParquetDate: " DATE",
		table.ParquetDecimal:   fmt.Sprintf(" DECIMAL(%d,%d)", f.Parquet.Precision, f.Parquet.Scale),
		table.ParquetTime:      " TIME(isAdjustedToUTC=false,unit=MICROS)",
		table.ParquetTimestamp: " TIMESTAMP(isAdjustedToUTC=false,unit=MICROS)", table.ParquetTimestampTZ: " TIMESTAMP(isAdjustedToUTC=true,unit=MICROS)",
	}[f.Parquet.Logical]
	if !f.Nullable {
		described += " required"
	}
	return described
}

// parquetForm asks the server for the number or text that a column of Parquet
// must hold.
func (s *source) parquetForm(f table.Field) string {
	switch f.Parquet.Logical {
	case table.ParquetDate:
		return "CASE WHEN isfinite(%[1]s) THEN %[1]s - DATE '1970-01-01' END"
	case table.ParquetTime:
		return "trunc(extract(epoch FROM %s)::numeric * 1000000)"
	case table.ParquetTimestamp, table.ParquetTimestampTZ:
		// The epoch of a whole timestamp is not exact at the ends of the range.
		return "CASE WHEN isfinite(%[1]s) THEN (%[1]s::date - DATE '1970-01-01') * 86400000000::numeric + " +
			"trunc(extract(epoch FROM %[1]s::time)::numeric * 1000000) END"
	case table.ParquetString, table.ParquetDecimal, table.ParquetInt16, table.ParquetNone:
	}
	return s.form(f, "encode(%s, 'hex')", "%s")
}

// found is a value of Parquet in the words of its form.
func found(f table.Field, v parquet.Value) printed {
	switch {
	case v.IsNull():
		return nil
	case f.Parquet.Logical == table.ParquetDecimal:
		return new(decimal(v.ByteArray(), f.Parquet.Scale))
	case f.Parquet.Logical == table.ParquetString:
		return new(string(v.ByteArray()))
	}
	switch v.Kind() {
	case parquet.Boolean:
		return new(map[bool]string{true: "t", false: "f"}[v.Boolean()])
	case parquet.Int32:
		return new(strconv.FormatInt(int64(v.Int32()), 10))
	case parquet.Int64:
		return new(strconv.FormatInt(v.Int64(), 10))
	case parquet.Float:
		return new(strconv.FormatFloat(float64(v.Float()), 'g', -1, 32))
	case parquet.Double:
		return new(strconv.FormatFloat(v.Double(), 'g', -1, 64))
	default:
		return new(hex.EncodeToString(v.ByteArray()))
	}
}

// decimal reads a big-endian two's complement with its point.
func decimal(b []byte, scale int) string {
	unscaled := new(big.Int).SetBytes(b)
	if len(b) > 0 && b[0] >= 0x80 {
		unscaled.Sub(unscaled, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
	}
	return new(big.Rat).SetFrac(unscaled, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil)).RatString()
}

// expected brings what the server printed into the form of found.
func expected(t *testing.T, f table.Field, p printed) printed {
	t.Helper()
	bits := map[table.ParquetPhysical]int{table.ParquetFloat: 32, table.ParquetDouble: 64}[f.Parquet.Physical]
	switch {
	case p == nil:
	case f.Parquet.Logical == table.ParquetDecimal:
		number, known := new(big.Rat).SetString(*p)
		if !known {
			t.Fatalf("%s is no number", *p)
		}
		return new(number.RatString())
	case bits != 0:
		number, err := strconv.ParseFloat(*p, bits)
		if err != nil {
			t.Fatal(err)
		}
		return new(strconv.FormatFloat(number, 'g', -1, bits))
	}
	return p
}

func compareParquet(t *testing.T, fields []table.Field, want [][]printed, part []byte) {
	t.Helper()
	names, types, columns := readParquet(t, part)
	for i, field := range fields {
		if names[i] != field.Name || types[i] != parquetType(field) {
			t.Errorf("column %d is %s %s, want %s %s", i+1, names[i], types[i], field.Name, parquetType(field))
		}
		if len(columns[i]) != len(want) {
			t.Fatalf("column %s has %d values, want %d", field.Name, len(columns[i]), len(want))
		}
		for row := range want {
			differ(t, row, field, expected(t, field, want[row][i]), found(field, columns[i][row]))
		}
	}
}

// withoutBeyond makes NULL of every value that Parquet cannot hold.
func (s *source) withoutBeyond(fields []table.Field, want [][]printed) {
	for _, c := range s.columns() {
		i := slices.IndexFunc(fields, func(f table.Field) bool { return f.Name == c.Type })
		for j := range c.Beyond {
			want[len(c.Values)+j][i] = nil
		}
	}
}

// What the columns cannot hold is NULL here, since that was asked for; nothing
// else may be.
func TestParquetConforms(t *testing.T) {
	t.Parallel()
	s, fields, described := conforming(t)
	want := s.asked(t, "every type", fields, s.parquetForm)
	s.withoutBeyond(fields, want)
	repeats := make([]int, len(fields))
	for i := range repeats {
		repeats[i] = i
	}
	for _, compression := range []string{"none", "snappy", "gzip", "zstd"} {
		for name, dictionaries := range map[string][]int{"plain": nil, "dictionaries": repeats} {
			t.Run(compression+" "+name, func(t *testing.T) {
				t.Parallel()
				options := parquetOptions()
				options.Compression, options.Repeats, options.Null = compression, dictionaries, true
				part, err := s.write(t, described, writing{Fields: fields, Options: options})
				if err != nil {
					t.Fatal(err)
				}
				compareParquet(t, fields, want, part)
			})
		}
	}
}

func TestParquetKeepsMetadata(t *testing.T) {
	t.Parallel()
	s, fields, described := conforming(t)
	options := parquetOptions()
	options.Null, options.Metadata = true, map[string]string{"stagelift.table": "public.größe", "empty": ""}
	part, err := s.write(t, described, writing{Fields: fields, Options: options})
	if err != nil {
		t.Fatal(err)
	}
	file, err := parquet.OpenFile(bytes.NewReader(part), int64(len(part)))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for name := range options.Metadata {
		if value, has := file.Lookup(name); has {
			got[name] = value
		}
	}
	if diff := cmp.Diff(options.Metadata, got); diff != "" {
		t.Errorf("metadata (-want +got):\n%s", diff)
	}
	if by := file.Metadata().CreatedBy; !strings.HasPrefix(by, "stagelift") {
		t.Errorf("created by %q, want stagelift", by)
	}
}
