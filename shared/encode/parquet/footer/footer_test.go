package footer_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"

	own "github.com/stagelift/stagelift/shared/encode/parquet"
	"github.com/stagelift/stagelift/shared/encode/parquet/footer"
	"github.com/stagelift/stagelift/shared/table"
)

// counted opens ranges of a file and counts the bytes that are read.
type counted struct {
	file []byte
	read int64
}

func (c *counted) open(offset, length int64) (io.ReadCloser, error) {
	if offset < 0 || length < 0 || offset+length > int64(len(c.file)) {
		return nil, fmt.Errorf("bytes %d to %d of %d", offset, offset+length, len(c.file))
	}
	return io.NopCloser(io.TeeReader(bytes.NewReader(c.file[offset:offset+length]), c)), nil
}

func (c *counted) Write(p []byte) (int, error) {
	c.read += int64(len(p))
	return len(p), nil
}

func read(file []byte) (footer.File, error) {
	return footer.Read(int64(len(file)), (&counted{file: file}).open)
}

// written is a file of parquet-go's, of so many rows of NULL.
func written(t testing.TB, schema parquet.Group, rows int) []byte {
	t.Helper()
	var out bytes.Buffer
	w := parquet.NewWriter(&out, parquet.NewSchema("anything", schema))
	row := make(parquet.Row, len(schema))
	for i := range row {
		row[i] = parquet.NullValue().Level(0, 0, i)
	}
	for range rows {
		if _, err := w.WriteRows([]parquet.Row{row}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// columns lists them as name=type.
func columns(f footer.File) []string {
	var list []string
	for _, c := range f.Columns {
		list = append(list, c.Name+"="+c.Type)
	}
	return list
}

func TestFileOfAnotherWriter(t *testing.T) {
	t.Parallel()
	schema := parquet.Group{}
	for name, node := range map[string]parquet.Node{
		"bool": parquet.Leaf(parquet.BooleanType), "i8": parquet.Int(8), "i16": parquet.Int(16), "i32": parquet.Int(32), "i64": parquet.Int(64),
		"u8": parquet.Uint(8), "u16": parquet.Uint(16), "raw32": parquet.Leaf(parquet.Int32Type), "raw64": parquet.Leaf(parquet.Int64Type),
		"f": parquet.Leaf(parquet.FloatType), "d": parquet.Leaf(parquet.DoubleType), "s": parquet.String(), "enum": parquet.Enum(),
		"json": parquet.JSON(), "bytes": parquet.Leaf(parquet.ByteArrayType), "date": parquet.Date(),
		"time_ms": parquet.Time(parquet.Millisecond), "time_us": parquet.Time(parquet.Microsecond),
		"ts_ms": parquet.TimestampAdjusted(parquet.Millisecond, false), "tz_us": parquet.TimestampAdjusted(parquet.Microsecond, true),
		"dec32": parquet.Decimal(2, 9, parquet.Int32Type), "dec64": parquet.Decimal(0, 18, parquet.Int64Type),
		"dec": parquet.Decimal(10, 38, parquet.FixedLenByteArrayType(16)),
	} {
		schema[name] = parquet.Optional(node)
	}
	f, err := read(written(t, schema, 3))
	if err != nil {
		t.Fatal(err)
	}
	if f.Rows != 3 {
		t.Errorf("%d rows, want 3", f.Rows)
	}
	want := []string{
		"bool=boolean", "bytes=bytea", "d=double precision", "date=date", "dec=numeric(38,10)", "dec32=numeric(9,2)", "dec64=numeric(18,0)",
		"enum=text", "f=real", "i16=smallint", "i32=integer", "i64=bigint", "i8=smallint", "json=json", "raw32=integer", "raw64=bigint", "s=text",
		"time_ms=time without time zone", "time_us=time without time zone", "ts_ms=timestamp without time zone", "tz_us=timestamp with time zone",
		"u16=integer", "u8=smallint",
	}
	if diff := cmp.Diff(want, columns(f)); diff != "" {
		t.Errorf("columns (-want +got):\n%s", diff)
	}
	for _, c := range f.Columns {
		if _, err := table.ImageOf(c); err != nil || !c.Nullable {
			t.Errorf("column %+v: %v", c, err)
		}
	}
}

// What extract writes is read with types whose image in Parquet is the one that
// was written.
func TestOwnFile(t *testing.T) {
	t.Parallel()
	kinds := []string{
		"boolean", "smallint", "integer", "bigint", "real", "double precision", "numeric(12,2)", "date", "time without time zone",
		"timestamp without time zone", "timestamp with time zone", "text", "bytea", "character varying(9)", "jsonb",
	}
	fields := make([]table.Field, len(kinds))
	for i, kind := range kinds {
		column := table.Column{Name: fmt.Sprint("c", i), Type: kind}
		image, err := table.ImageOf(column)
		if err != nil {
			t.Fatal(err)
		}
		fields[i] = table.Field{Column: column, Image: image}
	}
	e, err := own.New(fields, own.Options{Compression: "none"})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := errors.Join(e.Begin(&out), e.End()); err != nil {
		t.Fatal(err)
	}
	f, err := read(out.Bytes())
	if err != nil || len(f.Columns) != len(kinds) || f.Rows != 0 {
		t.Fatalf("%+v, %v", f, err)
	}
	for i, c := range f.Columns {
		image, err := table.ImageOf(c)
		if err != nil || image.Parquet != fields[i].Parquet || c.Name != fields[i].Name {
			t.Errorf("%s was read as %s, whose image is %+v, want %+v: %v", kinds[i], c.Type, image.Parquet, fields[i].Parquet, err)
		}
	}
}

func TestColumnsWithoutATypeAreNamed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		node parquet.Node
		want string
	}{
		"a struct":        {parquet.Group{"x": parquet.String()}, `column "c" is nested (a struct, a list or a map); write it as JSON text`},
		"a list":          {parquet.List(parquet.String()), `column "c" is nested`},
		"a map":           {parquet.Map(parquet.String(), parquet.Int(32)), `column "c" is nested`},
		"repeated":        {parquet.Repeated(parquet.Int(32)), `column "c" is nested`},
		"nanoseconds":     {parquet.Timestamp(parquet.Nanosecond), `column "c" counts nanoseconds`},
		"time of day, ns": {parquet.Time(parquet.Nanosecond), `column "c" counts nanoseconds`},
		"INT96":           {parquet.Leaf(parquet.Int96Type), `column "c" is an INT96`},
		"UINT_32":         {parquet.Uint(32), `column "c" is an unsigned integer`},
		"UINT_64":         {parquet.Uint(64), `column "c" is an unsigned integer`},
		"a UUID":          {parquet.UUID(), `column "c" is of the logical type UUID`},
		"BSON":            {parquet.BSON(), `column "c" is of the logical type BSON`},
		"fixed bytes":     {parquet.Leaf(parquet.FixedLenByteArrayType(4)), `column "c" is a fixed-length byte array`},
		"39 digits":       {parquet.Decimal(2, 39, parquet.FixedLenByteArrayType(17)), `column "c" is a DECIMAL(39,2)`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := read(written(t, parquet.Group{"a": parquet.String(), "c": c.node, "z": parquet.Int(8)}, 0))
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), `"a"`) || strings.Contains(err.Error(), `"z"`) {
				t.Errorf("error is %v, want %q", err, c.want)
			}
		})
	}
	_, err := read(written(t, parquet.Group{"a": parquet.UUID(), "b": parquet.List(parquet.String())}, 0))
	if err == nil || !strings.Contains(err.Error(), `column "a"`) || !strings.Contains(err.Error(), `column "b"`) {
		t.Errorf("error is %v, want both columns in it", err)
	}
}

func TestWhatIsNoFile(t *testing.T) {
	t.Parallel()
	whole := written(t, parquet.Group{"a": parquet.Optional(parquet.String())}, 1)
	bent := func(change func(file []byte)) []byte {
		file := bytes.Clone(whole)
		change(file)
		return file
	}
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"nothing":       {nil, "it has 0 bytes"},
		"CSV":           {[]byte("id,name\n1,a\n2,b\n"), `it ends in "2,b\n", not in "PAR1"`},
		"cut short":     {whole[:len(whole)-1], "it ends in"},
		"encrypted":     {bent(func(f []byte) { f[len(f)-1] = 'E' }), "its footer is encrypted"},
		"too long":      {bent(func(f []byte) { binary.LittleEndian.PutUint32(f[len(f)-8:], uint32(len(f))) }), "it says that its footer has"},
		"far too long":  {bent(func(f []byte) { binary.LittleEndian.PutUint32(f[len(f)-8:], 1<<31) }), "more than the 67108864 that are read here"},
		"no footer":     {bent(func(f []byte) { binary.LittleEndian.PutUint32(f[len(f)-8:], 0) }), "its footer"},
		"another place": {bent(func(f []byte) { binary.LittleEndian.PutUint32(f[len(f)-8:], 7) }), "footer"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := read(c.file)
			ours := errors.Is(err, footer.ErrNotParquet) || name == "encrypted" || name == "far too long"
			if err == nil || !ours || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error is %v, want %q", err, c.want)
			}
		})
	}
}

// The row groups are not read, however many there are, nor is a failing store
// taken for a broken file.
func TestReadsNoMoreThanItNeeds(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	w := parquet.NewWriter(&out, parquet.NewSchema("many", parquet.Group{"a": parquet.String()}), parquet.MaxRowsPerRowGroup(1))
	for range 2000 {
		if _, err := w.WriteRows([]parquet.Row{{parquet.ByteArrayValue([]byte("x")).Level(0, 0, 0)}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	file := &counted{file: out.Bytes()}
	f, err := footer.Read(int64(len(file.file)), file.open)
	if err != nil || f.Rows != 2000 || file.read > 8<<10 {
		t.Errorf("%d rows after %d bytes of %d, %v", f.Rows, file.read, len(file.file), err)
	}
	down := errors.New("the store is down")
	_, err = footer.Read(int64(len(file.file)), func(offset, length int64) (io.ReadCloser, error) {
		if length == 8 {
			return file.open(offset, length)
		}
		return io.NopCloser(failing{down}), nil
	})
	if !errors.Is(err, down) || errors.Is(err, footer.ErrNotParquet) {
		t.Errorf("error is %v, want the store's", err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
