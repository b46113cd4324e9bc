package footer

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Types of Thrift's compact protocol.
const (
	kindStop   = 0
	kindTrue   = 1
	kindFalse  = 2
	kindByte   = 3
	kindI16    = 4
	kindI32    = 5
	kindI64    = 6
	kindDouble = 7
	kindBinary = 8
	kindList   = 9
	kindSet    = 10
	kindMap    = 11
	kindStruct = 12
	kindUUID   = 13
)

const (
	// maxDepth is deeper than any footer; one that goes on would use up the
	// stack.
	maxDepth = 32
	// maxText bounds a text that is kept, a column's name.
	maxText = 4 << 10
)

// errMalformed means that the bytes are not Thrift's compact protocol.
var errMalformed = errors.New("malformed")

// reader takes structures in Thrift's compact protocol apart. After an error
// all it reads is zero.
type reader struct {
	in  *bufio.Reader
	err error
}

// broken tells what the bytes are to blame for from what reading them is.
func (r *reader) broken() bool {
	return errors.Is(r.err, errMalformed) || errors.Is(r.err, io.EOF) || errors.Is(r.err, io.ErrUnexpectedEOF)
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: "+format, append([]any{errMalformed}, args...)...)
	}
}

func (r *reader) byte() byte {
	if r.err != nil {
		return 0
	}
	b, err := r.in.ReadByte()
	r.err = err
	return b
}

func (r *reader) uvarint() uint64 {
	if r.err != nil {
		return 0
	}
	v, err := binary.ReadUvarint(r.in)
	r.err = err
	return v
}

// varint reads a number with its sign.
func (r *reader) varint() int64 {
	u := r.uvarint()
	v := int64(u >> 1)
	if u&1 != 0 {
		v = ^v
	}
	return v
}

// text reads a text that is to be kept.
func (r *reader) text() string {
	n := r.uvarint()
	if n > maxText {
		r.fail("a name of %d bytes", n)
		return ""
	}
	b := make([]byte, n)
	if r.err == nil {
		_, r.err = io.ReadFull(r.in, b)
	}
	return string(b)
}

// structure reads the fields of a structure. For each, visit reads the value or
// skips it, and says whether to go on; a boolean's value is its kind.
func (r *reader) structure(depth int, visit func(number int, kind byte) bool) {
	if depth > maxDepth {
		r.fail("structures within structures, %d deep", depth)
	}
	number := 0
	for r.err == nil {
		head := r.byte()
		kind := head & 0x0f
		if r.err != nil || kind == kindStop {
			return
		}
		if step := int(head >> 4); step != 0 {
			number += step
		} else {
			number = int(int16(r.varint())) //nolint:gosec // numbers of fields have 16 bits
		}
		if !visit(number, kind) {
			return
		}
	}
}

// list reads the head of a list.
func (r *reader) list() (kind byte, elements uint64) {
	head := r.byte()
	elements = uint64(head >> 4)
	if elements == 15 {
		elements = r.uvarint()
	}
	return head & 0x0f, elements
}

// skip reads over a value. Each element of a list takes a byte at least, so it
// ends where the footer does.
func (r *reader) skip(kind byte, depth int) {
	switch kind {
	case kindTrue, kindFalse: // the field's head says it all
	case kindByte:
		r.discard(1)
	case kindI16, kindI32, kindI64:
		r.uvarint()
	case kindDouble:
		r.discard(8)
	case kindUUID:
		r.discard(16)
	case kindBinary:
		r.discard(r.uvarint())
	case kindList, kindSet:
		element, n := r.list()
		for ; n > 0 && r.err == nil; n-- {
			r.skipElement(element, depth+1)
		}
	case kindMap:
		r.skipMap(depth)
	case kindStruct:
		r.structure(depth, func(_ int, kind byte) bool {
			r.skip(kind, depth+1)
			return true
		})
	default:
		r.fail("a value of kind %d", kind)
	}
}

func (r *reader) skipMap(depth int) {
	n := r.uvarint()
	if n == 0 || r.err != nil {
		return
	}
	kinds := r.byte()
	for ; n > 0 && r.err == nil; n-- {
		r.skipElement(kinds>>4, depth+1)
		r.skipElement(kinds&0x0f, depth+1)
	}
}

// skipElement reads over an element, of which a boolean takes a byte.
func (r *reader) skipElement(kind byte, depth int) {
	switch {
	case depth > maxDepth:
		r.fail("lists within lists, %d deep", depth)
	case kind == kindTrue || kind == kindFalse:
		r.discard(1)
	default:
		r.skip(kind, depth)
	}
}

func (r *reader) discard(n uint64) {
	if r.err != nil {
		return
	}
	if n > maxBytes {
		r.fail("a value of %d bytes", n)
		return
	}
	_, r.err = r.in.Discard(int(n))
}
