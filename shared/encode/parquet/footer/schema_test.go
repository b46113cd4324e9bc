package footer_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"github.com/stagelift/stagelift/shared/encode/parquet/footer"
)

// wrap makes a file without rows of a footer.
func wrap(end []byte) []byte {
	file := append([]byte("PAR1"), end...)
	file = binary.LittleEndian.AppendUint32(file, uint32(len(end)))
	return append(file, "PAR1"...)
}

// schema is a file with these elements below a root with so many children.
func schema(t testing.TB, children int32, elements ...format.SchemaElement) []byte {
	t.Helper()
	root := format.SchemaElement{Name: "root", NumChildren: thrift.New(children)}
	end, err := thrift.Marshal(new(thrift.CompactProtocol), format.FileMetaData{
		Version: 1, Schema: append([]format.SchemaElement{root}, elements...), NumRows: 5, CreatedBy: "somebody",
	})
	if err != nil {
		t.Fatal(err)
	}
	return wrap(end)
}

func old(name string, physical format.Type, converted deprecated.ConvertedType) format.SchemaElement {
	return format.SchemaElement{
		Name: name, Type: thrift.New(physical), RepetitionType: thrift.New(format.Optional), ConvertedType: thrift.New(converted),
	}
}

// Older writers know no logical types.
func TestLegacyTypes(t *testing.T) {
	t.Parallel()
	decimal := old("decimal", format.Int64, deprecated.Decimal)
	decimal.Scale, decimal.Precision = thrift.New(int32(2)), thrift.New(int32(12))
	f, err := read(schema(t, 10,
		old("text", format.ByteArray, deprecated.UTF8), old("enum", format.ByteArray, deprecated.Enum), decimal,
		old("date", format.Int32, deprecated.Date), old("time", format.Int32, deprecated.TimeMillis),
		old("ms", format.Int64, deprecated.TimestampMillis), old("us", format.Int64, deprecated.TimestampMicros),
		old("u8", format.Int32, deprecated.Uint8), old("i64", format.Int64, deprecated.Int64), old("json", format.ByteArray, deprecated.Json),
	))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"text=text", "enum=text", "decimal=numeric(12,2)", "date=date", "time=time without time zone",
		"ms=timestamp with time zone", "us=timestamp with time zone", "u8=smallint", "i64=bigint", "json=json",
	}
	if diff := cmp.Diff(want, columns(f)); diff != "" || f.Rows != 5 {
		t.Errorf("%d rows; columns (-want +got):\n%s", f.Rows, diff)
	}
	for name, e := range map[string]format.SchemaElement{
		"is of the legacy type 21":       old("c", format.FixedLenByteArray, deprecated.Interval),
		"is an unsigned integer":         old("c", format.Int32, deprecated.Uint32),
		"is stored as physical type 1":   old("c", format.Int32, deprecated.UTF8),
		"is a DECIMAL(0,0)":              old("c", format.Int32, deprecated.Decimal),
		"is nested":                      {Name: "c", NumChildren: thrift.New(int32(0))},
		"which Parquet does not have":    {Name: "c", Type: thrift.New(format.Type(99))},
		`column "": its name is no text`: old("", format.Int32, deprecated.Int32),
	} {
		if _, err := read(schema(t, 1, e)); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("error is %v, want %q in it", err, name)
		}
	}
}

func TestSchemasThatLie(t *testing.T) {
	t.Parallel()
	leaf := old("a", format.Int32, deprecated.Int32)
	group := func(children int32) format.SchemaElement {
		return format.SchemaElement{Name: "g", NumChildren: thrift.New(children)}
	}
	for name, file := range map[string][]byte{
		"fewer columns":        schema(t, 3, leaf),
		"more columns":         schema(t, 0, leaf),
		"children missing":     schema(t, 1, group(2), leaf),
		"negative children":    schema(t, 1, group(-1)),
		"very many children":   schema(t, 1, group(1<<30), leaf),
		"no schema":            wrap([]byte{0x15, 2, 0}),
		"endless list":         wrap([]byte{0x29, 0xfc, 0xff, 0xff, 0xff, 0xff, 0x0f}),
		"deep structures":      wrap(append([]byte(strings.Repeat("\x1c", 9000)), 0)),
		"deep lists":           wrap(append([]byte{0x19}, strings.Repeat("\x19", 9000)...)),
		"a very long text":     wrap([]byte{0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}),
		"a number of 11 bytes": wrap([]byte(strings.Repeat("\x16\xff", 11))),
		"an unknown kind":      wrap([]byte{0x1f, 0}),
	} {
		if _, err := read(file); !errors.Is(err, footer.ErrNotParquet) {
			t.Errorf("%s: error is %v, want ErrNotParquet", name, err)
		}
	}
	if _, err := read(schema(t, 2, leaf, leaf)); err == nil || !strings.Contains(err.Error(), `column "a": it is there twice`) {
		t.Errorf("error is %v", err)
	}
	many := make([]format.SchemaElement, footer.MaxColumns+1)
	for i := range many {
		many[i] = old(fmt.Sprint(i), format.Int96, deprecated.Int32)
	}
	if _, err := read(schema(t, int32(len(many)), many...)); err == nil || len(err.Error()) > 10<<10 {
		t.Errorf("error is %.200v", err)
	}
}

// FuzzFooter: whatever the footer is, it is read or refused, without a panic
// and in bounded memory.
func FuzzFooter(f *testing.F) {
	f.Add(written(f, parquet.Group{"a": parquet.String(), "b": parquet.List(parquet.Int(32)), "c": parquet.Decimal(2, 9, parquet.Int32Type)}, 0))
	f.Add(schema(f, 1, old("a", format.Int32, deprecated.Date)))
	f.Add(wrap([]byte{0x29, 0xfc, 0xff, 0xff, 0xff, 0xff, 0x0f}))
	f.Fuzz(func(t *testing.T, file []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		got, err := read(file)
		wrapped, wrappedErr := read(wrap(file))
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; used > 64<<20 {
			t.Errorf("%d bytes were allocated for %d", used, len(file))
		}
		for _, f := range []struct {
			footer.File
			err error
		}{{got, err}, {wrapped, wrappedErr}} {
			if f.err == nil && (len(f.Columns) == 0 || len(f.Columns) > footer.MaxColumns || f.Rows < 0) {
				t.Errorf("%d columns, %d rows", len(f.Columns), f.Rows)
			}
		}
	})
}
