package parquet

import "encoding/binary"

// Types of Thrift's compact protocol.
const (
	thriftTrue   = 1
	thriftFalse  = 2
	thriftByte   = 3
	thriftI32    = 5
	thriftI64    = 6
	thriftBinary = 8
	thriftList   = 9
	thriftStruct = 12
)

// thrift writes structures in Thrift's compact protocol, in which Parquet's
// headers and footer are. Fields are written in the order of their numbers.
type thrift struct {
	b []byte
	// last is the number of the field written last, of each structure that is
	// open.
	last []int
}

func (t *thrift) reset() { t.b, t.last = t.b[:0], t.last[:0] }

// begin opens a structure that is no field: an element of a list, or the
// outermost.
func (t *thrift) begin() { t.last = append(t.last, 0) }

// end closes the structure that was opened last.
func (t *thrift) end() {
	t.b = append(t.b, 0)
	t.last = t.last[:len(t.last)-1]
}

func (t *thrift) field(number int, kind byte) {
	last := &t.last[len(t.last)-1]
	if step := number - *last; step > 0 && step <= 15 {
		t.b = append(t.b, byte(step)<<4|kind)
	} else {
		t.b = append(t.b, kind)
		t.b = binary.AppendVarint(t.b, int64(number))
	}
	*last = number
}

// structure opens a structure that is a field.
func (t *thrift) structure(number int) {
	t.field(number, thriftStruct)
	t.begin()
}

// empty writes a structure without fields.
func (t *thrift) empty(number int) {
	t.structure(number)
	t.end()
}

// list starts a list; its elements follow.
func (t *thrift) list(number int, kind byte, elements int) {
	t.field(number, thriftList)
	if elements < 15 {
		t.b = append(t.b, byte(elements)<<4|kind) //nolint:gosec // below 15
		return
	}
	t.b = append(t.b, 0xf0|kind)
	t.b = binary.AppendUvarint(t.b, uint64(elements))
}

func (t *thrift) i32(number, value int) {
	t.field(number, thriftI32)
	t.element(value)
}

func (t *thrift) i64(number int, value int64) {
	t.field(number, thriftI64)
	t.b = binary.AppendVarint(t.b, value)
}

func (t *thrift) i8(number int, value byte) {
	t.field(number, thriftByte)
	t.b = append(t.b, value)
}

func (t *thrift) boolean(number int, value bool) {
	if value {
		t.field(number, thriftTrue)
	} else {
		t.field(number, thriftFalse)
	}
}

func (t *thrift) text(number int, value string) {
	t.field(number, thriftBinary)
	t.word(value)
}

// element is an integer in a list.
func (t *thrift) element(value int) { t.b = binary.AppendVarint(t.b, int64(value)) }

// word is a string in a list.
func (t *thrift) word(value string) {
	t.b = binary.AppendUvarint(t.b, uint64(len(value)))
	t.b = append(t.b, value...)
}
