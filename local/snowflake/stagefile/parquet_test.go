package stagefile_test

import (
	"bytes"
	"math"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"

	"github.com/stagelift/stagelift/local/snowflake/grammar"
	"github.com/stagelift/stagelift/local/snowflake/stagefile"
)

// column is a column of a file and the value that its second row has; the
// first row has NULL.
type column struct {
	node  parquet.Node
	value parquet.Value
}

func file(t testing.TB, columns map[string]column) *bytes.Reader {
	t.Helper()
	group := parquet.Group{}
	for name, c := range columns {
		group[name] = parquet.Optional(c.node)
	}
	schema := parquet.NewSchema("rows", group)
	var nulls, values parquet.Row
	for i, f := range schema.Fields() {
		nulls = append(nulls, parquet.NullValue().Level(0, 0, i))
		values = append(values, columns[f.Name()].value.Level(0, 1, i))
	}
	var out bytes.Buffer
	w := parquet.NewWriter(&out, schema)
	if _, err := w.WriteRows([]parquet.Row{nulls, values}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return bytes.NewReader(out.Bytes())
}

func logical() grammar.Format { return grammar.Format{Type: "PARQUET", UseLogicalType: true} }

func TestParquet(t *testing.T) {
	t.Parallel()
	at := time.Date(1969, 12, 31, 23, 59, 58, 500_000_000, time.UTC)
	wide := new(big.Int).Lsh(big.NewInt(1), 128)
	negative := new(big.Int).Sub(wide, big.NewInt(12345)).FillBytes(make([]byte, 16))
	columns := map[string]column{
		"bool":     {parquet.Leaf(parquet.BooleanType), parquet.BooleanValue(true)},
		"small":    {parquet.Int(16), parquet.Int32Value(-7)},
		"unsigned": {parquet.Uint(64), parquet.Int64Value(-1)},
		"long":     {parquet.Leaf(parquet.Int64Type), parquet.Int64Value(math.MinInt64)},
		"double":   {parquet.Leaf(parquet.DoubleType), parquet.DoubleValue(math.Inf(-1))},
		"float":    {parquet.Leaf(parquet.FloatType), parquet.FloatValue(0.1)},
		"text":     {parquet.String(), parquet.ByteArrayValue([]byte("é"))},
		"json":     {parquet.JSON(), parquet.ByteArrayValue([]byte("{}"))},
		"bytes":    {parquet.Leaf(parquet.ByteArrayType), parquet.ByteArrayValue([]byte{0xff})},
		"dec32":    {parquet.Decimal(2, 9, parquet.Int32Type), parquet.Int32Value(-5)},
		"dec64":    {parquet.Decimal(0, 18, parquet.Int64Type), parquet.Int64Value(42)},
		"decFixed": {parquet.Decimal(3, 38, parquet.FixedLenByteArrayType(16)), parquet.FixedLenByteArrayValue(negative)},
		"date":     {parquet.Date(), parquet.Int32Value(-1)},
		"time":     {parquet.TimeAdjusted(parquet.Microsecond, false), parquet.Int64Value(86_399_999_999)},
		"ntz":      {parquet.TimestampAdjusted(parquet.Microsecond, false), parquet.Int64Value(at.UnixMicro())},
		"ltz":      {parquet.Timestamp(parquet.Millisecond), parquet.Int64Value(at.UnixMilli())},
	}
	in := file(t, columns)
	r, err := stagefile.NewParquet(in, in.Size(), nothing, logical())
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Next(); err != nil {
		t.Fatal(err)
	}
	for name := range columns {
		if v, err := r.Field(1, []string{name}); err != nil || v.Kind != stagefile.Null {
			t.Errorf("%s is %v, %v, want NULL", name, v, err)
		}
	}
	if err := r.Next(); err != nil || r.Line() != 2 {
		t.Fatalf("row %d: %v", r.Line(), err)
	}
	type value struct {
		Kind stagefile.Kind
		Text string
	}
	for name, want := range map[string]value{
		"bool": {stagefile.Boolean, "true"}, "small": {stagefile.Number, "-7"}, "unsigned": {stagefile.Number, "18446744073709551615"},
		"long": {stagefile.Number, "-9223372036854775808"}, "double": {stagefile.Double, "-inf"}, "float": {stagefile.Double, "0.1"},
		"text": {stagefile.Text, "é"}, "json": {stagefile.Text, "{}"}, "bytes": {stagefile.Binary, "\xff"},
		"dec32": {stagefile.Number, "-0.05"}, "dec64": {stagefile.Number, "42"}, "decFixed": {stagefile.Number, "-12.345"},
		"date": {stagefile.Date, "1969-12-31"}, "time": {stagefile.Time, "23:59:59.999999"},
		"ntz": {stagefile.TimestampNTZ, "1969-12-31 23:59:58.5"}, "ltz": {stagefile.TimestampLTZ, "1969-12-31 23:59:58.5+00"},
		"absent": {}, "TEXT": {},
	} {
		v, err := r.Field(1, []string{name})
		if diff := cmp.Diff(want, value{v.Kind, string(v.Text)}); err != nil || diff != "" {
			t.Errorf("%s: %v %s", name, err, diff)
		}
	}
	if v, found, err := r.Named("TEXT", false); err != nil || !found || string(v.Text) != "é" {
		t.Errorf("by name, in any case: %v, %v, %v", v, found, err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

func TestParquetByItsDefaults(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		column column
		want   string
	}{
		"time":      {column{parquet.Time(parquet.Microsecond), parquet.Int64Value(1)}, "TIME without USE_LOGICAL_TYPE"},
		"timestamp": {column{parquet.Timestamp(parquet.Microsecond), parquet.Int64Value(1)}, "TIMESTAMP without USE_LOGICAL_TYPE"},
		"uuid":      {column{parquet.UUID(), parquet.FixedLenByteArrayValue(make([]byte, 16))}, "logical type"},
	} {
		in := file(t, map[string]column{"c": c.column})
		r, err := stagefile.NewParquet(in, in.Size(), nothing, grammar.Format{Type: "PARQUET", BinaryAsText: true})
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Next(); err != nil {
			t.Fatal(err)
		}
		if err := r.Next(); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Field(1, []string{"c"}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	in := file(t, map[string]column{"c": {parquet.Leaf(parquet.ByteArrayType), parquet.ByteArrayValue([]byte("text"))}})
	r, err := stagefile.NewParquet(in, in.Size(), nothing, grammar.Format{Type: "PARQUET", BinaryAsText: true})
	if err != nil {
		t.Fatal(err)
	}
	_, _ = r.Next(), r.Next()
	if v, err := r.Field(1, []string{"c"}); err != nil || v.Kind != stagefile.Text {
		t.Errorf("bytes without a logical type are %v, %v; text by default", v, err)
	}
	noise := strings.NewReader("PAR1 no parquet PAR1")
	if _, err := stagefile.NewParquet(noise, noise.Size(), nothing, logical()); err == nil {
		t.Error("no error for what is not Parquet")
	}
}
