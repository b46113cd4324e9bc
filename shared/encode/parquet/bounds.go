package parquet

import (
	"bytes"
	"encoding/binary"
	"math"
)

// maxBound is the length of the longest text or bytes that is told as a bound.
const maxBound = 64

// bounds are the least and largest value of a column in a row group. Which of
// the fields count depends on the column's type; only one of the methods that
// take values is used for a column.
type bounds struct {
	kind        byte // of the values: 0 none yet, 'i', 'f' or 'b'
	least, most int64
	lowest      float64
	highest     float64
	nan         bool
	// first and last are cut to maxBound; firstCut and lastCut say whether
	// they are.
	first, last       []byte
	firstCut, lastCut bool
	// above and below are the first eight bytes of first and last, filled with
	// zeros. Most values lie between them and need no closer look.
	above, below uint64
}

func (b *bounds) number(v int64) {
	if b.kind == 0 {
		b.kind, b.least, b.most = 'i', v, v
	}
	b.least, b.most = min(b.least, v), max(b.most, v)
}

func (b *bounds) boolean(v bool) {
	if v {
		b.number(1)
	} else {
		b.number(0)
	}
}

func (b *bounds) float(v float64) {
	switch {
	case v != v:
		b.nan = true
	case b.kind == 0:
		b.kind, b.lowest, b.highest = 'f', v, v
	default:
		b.lowest, b.highest = min(b.lowest, v), max(b.highest, v)
	}
}

// text is ordered byte by byte. Cutting keeps the order, so that the least of
// what was cut is the least, cut.
func (b *bounds) text(v []byte) {
	if len(v) >= 8 {
		if start := binary.BigEndian.Uint64(v); b.above < start && start < b.below {
			return
		}
	}
	b.outside(v)
	b.above, b.below = start(b.first), start(b.last)
}

// start is a text's first eight bytes, filled with zeros, as a number.
func start(v []byte) uint64 {
	var b [8]byte
	copy(b[:], v)
	return binary.BigEndian.Uint64(b[:])
}

func (b *bounds) outside(v []byte) {
	cut := len(v) > maxBound
	if cut {
		v = v[:maxBound]
	}
	if b.kind == 0 {
		b.kind, b.first, b.last = 'b', append(b.first[:0], v...), append(b.last[:0], v...)
		b.firstCut, b.lastCut = cut, cut
		return
	}
	switch order := bytes.Compare(v, b.first); {
	case order < 0:
		b.first, b.firstCut = append(b.first[:0], v...), cut
	case order == 0:
		b.firstCut = b.firstCut && cut
		fallthrough
	default:
		b.atMost(v, cut)
	}
}

func (b *bounds) atMost(v []byte, cut bool) {
	switch order := bytes.Compare(v, b.last); {
	case order > 0:
		b.last, b.lastCut = append(b.last[:0], v...), cut
	case order == 0:
		b.lastCut = b.lastCut || cut
	}
}

// signed takes a two's complement, all of one length. Those are ordered byte by
// byte with their sign turned.
func (b *bounds) signed(v []byte) {
	if b.kind == 0 {
		b.kind, b.first, b.last = 'b', append(b.first[:0], v...), append(b.last[:0], v...)
		return
	}
	if lessSigned(v, b.first) {
		copy(b.first, v)
	} else if lessSigned(b.last, v) {
		copy(b.last, v)
	}
}

func lessSigned(v, than []byte) bool {
	if v[0] != than[0] {
		return int8(v[0]) < int8(than[0]) //nolint:gosec // the same bits, signed
	}
	return bytes.Compare(v, than) < 0
}

// encoded returns both bounds as PLAIN has such values; false when they are
// not to be told.
func (b *bounds) encoded(s storing) (least, most []byte, known bool) {
	switch b.kind {
	case 'i':
		return integerBound(b.least, s), integerBound(b.most, s), true
	case 'f':
		return b.floats(s)
	case 'b':
		return b.first, b.last, !b.firstCut && !b.lastCut
	}
	return nil, nil, false
}

func integerBound(v int64, s storing) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(v)) //nolint:gosec // the same bits
	switch s {
	case storeBit:
		return b[:1]
	case storeFour:
		return b[:4]
	case storeEight, storeFixed, storeBytes:
	}
	return b
}

// floats tells a zero as the one that lies outside, as the format asks for:
// readers differ in how they order the two.
func (b *bounds) floats(s storing) (least, most []byte, known bool) {
	lowest, highest := b.lowest, b.highest
	if lowest == 0 {
		lowest = math.Copysign(0, -1)
	}
	if highest == 0 {
		highest = 0
	}
	if s == storeFour {
		return binary.LittleEndian.AppendUint32(nil, math.Float32bits(float32(lowest))),
			binary.LittleEndian.AppendUint32(nil, math.Float32bits(float32(highest))), !b.nan
	}
	return binary.LittleEndian.AppendUint64(nil, math.Float64bits(lowest)),
		binary.LittleEndian.AppendUint64(nil, math.Float64bits(highest)), !b.nan
}

func (b *bounds) forget() { *b = bounds{first: b.first[:0], last: b.last[:0]} }
