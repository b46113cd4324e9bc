package parquet

import (
	"encoding/binary"
	"maps"
	"slices"

	"github.com/stagelift/stagelift/shared/table"
)

// createdBy has the form that the format's document asks for; readers that take
// it apart log a warning otherwise (Parquet format, FileMetaData.created_by).
const createdBy = "stagelift version 1.0.0"

// version is what all writers are asked to say, whatever a file has, and readers
// to take (Parquet format, FileMetaData.version); some take no other.
const version = 1

// describe writes the footer's structure (Parquet format, FileMetaData).
func (e *Encoder) describe(t *thrift) {
	t.begin()
	t.i32(1, version)
	t.list(2, thriftStruct, len(e.columns)+1)
	t.begin()
	t.text(4, "schema")
	t.i32(5, len(e.columns))
	t.end()
	for i := range e.columns {
		e.columns[i].describe(t)
	}
	t.i64(3, e.total)
	t.list(4, thriftStruct, e.groups)
	t.b = append(t.b, e.footer.b...)
	if len(e.options.Metadata) > 0 {
		t.list(5, thriftStruct, len(e.options.Metadata))
		for _, key := range slices.Sorted(maps.Keys(e.options.Metadata)) {
			t.begin()
			t.text(1, key)
			t.text(2, e.options.Metadata[key])
			t.end()
		}
	}
	t.text(6, createdBy)
	// Every column's values are ordered as its type defines. Without this,
	// readers do not trust the statistics.
	t.list(7, thriftStruct, len(e.columns))
	for range e.columns {
		t.begin()
		t.empty(1)
		t.end()
	}
	t.end()
}

// tail appends what follows the footer: its length and the magic.
func (t *thrift) tail() []byte {
	t.b = binary.LittleEndian.AppendUint32(t.b, uint32(len(t.b))) //nolint:gosec // 4 GiB of footer would be millions of row groups
	t.b = append(t.b, magic...)
	return t.b
}

// physical and legacy types as the file numbers them (Parquet format, Type and
// ConvertedType). Columns of local time have the legacy types too, as the
// format asks for.
var (
	physicalTypes = map[table.ParquetPhysical]int{
		table.ParquetBoolean: 0, table.ParquetInt32: 1, table.ParquetInt64: 2, table.ParquetFloat: 4,
		table.ParquetDouble: 5, table.ParquetBytes: 6, table.ParquetFixed: 7,
	}
	legacyTypes = map[table.ParquetLogical]int{
		table.ParquetString: 0, table.ParquetDecimal: 5, table.ParquetDate: 6, table.ParquetTime: 8,
		table.ParquetTimestamp: 10, table.ParquetTimestampTZ: 10, table.ParquetInt16: 16,
	}
)

// describe writes the column's place in the schema (Parquet format,
// SchemaElement).
func (c *column) describe(t *thrift) {
	repetition := 0
	if c.optional {
		repetition = 1
	}
	kind := c.field.Parquet
	t.begin()
	t.i32(1, physicalTypes[kind.Physical])
	if kind.Physical == table.ParquetFixed {
		t.i32(2, kind.Length)
	}
	t.i32(3, repetition)
	t.text(4, c.field.Name)
	if legacy, has := legacyTypes[kind.Logical]; has {
		t.i32(6, legacy)
	}
	if kind.Logical == table.ParquetDecimal {
		t.i32(7, kind.Scale)
		t.i32(8, kind.Precision)
	}
	if kind.Logical != table.ParquetNone {
		t.structure(10)
		describeLogical(t, kind)
		t.end()
	}
	t.end()
}

// describeLogical writes the logical type (Parquet format, LogicalType).
func describeLogical(t *thrift, kind table.Parquet) {
	switch kind.Logical {
	case table.ParquetString:
		t.empty(1)
	case table.ParquetDecimal:
		t.structure(5)
		t.i32(1, kind.Scale)
		t.i32(2, kind.Precision)
		t.end()
	case table.ParquetDate:
		t.empty(6)
	case table.ParquetTime:
		describeTime(t, 7, false)
	case table.ParquetTimestamp:
		describeTime(t, 8, false)
	case table.ParquetTimestampTZ:
		describeTime(t, 8, true)
	case table.ParquetInt16:
		t.structure(10)
		t.i8(1, 16)
		t.boolean(2, true)
		t.end()
	case table.ParquetNone:
	}
}

func describeTime(t *thrift, number int, utc bool) {
	t.structure(number)
	t.boolean(1, utc)
	t.structure(2) // the unit,
	t.empty(2)     // microseconds
	t.end()
	t.end()
}

// describeChunk writes what the footer says of a column in a row group (Parquet
// format, ColumnChunk and ColumnMetaData).
func (c *column) describeChunk(t *thrift, dictionary, data int64, codec int) {
	t.begin()
	t.i64(2, 0) // its metadata is nowhere but here
	t.structure(3)
	t.i32(1, physicalTypes[c.field.Parquet.Physical])
	encodings := c.chunk.encodings()
	t.list(2, thriftI32, len(encodings))
	for _, encoding := range encodings {
		t.element(encoding)
	}
	t.list(3, thriftBinary, 1)
	t.word(c.field.Name)
	t.i32(4, codec)
	t.i64(5, c.chunk.values)
	t.i64(6, c.chunk.uncompressed)
	t.i64(7, c.chunk.compressed)
	t.i64(9, data)
	if c.chunk.indexed {
		t.i64(11, dictionary)
	}
	t.structure(12)
	t.i64(3, c.chunk.nulls)
	if least, largest, known := c.bounds.encoded(c.form.store); known {
		t.text(5, string(largest))
		t.text(6, string(least))
	}
	t.end()
	t.end()
	t.end()
}

// encodings are those of the chunk's pages. Readers take a chunk in which no
// value is PLAIN for one whose dictionary has all values, and may leave it out by
// that.
func (c *chunk) encodings() []int {
	switch {
	case !c.indexed:
		return []int{encodingPlain, encodingRLE}
	case c.plain:
		return []int{encodingDictionary, encodingRLE, encodingPlain}
	}
	return []int{encodingDictionary, encodingRLE}
}
