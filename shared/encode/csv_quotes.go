package encode

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

// quotes puts values of CSV into quotes as COPY does (PostgreSQL,
// CopyAttributeOutCSV): those that hold the delimiter, a quote or a line break,
// and those that are the text for NULL. Spaces need none.
type quotes struct {
	// always is for all values, as FORCE_QUOTE has it.
	always    bool
	delimiter byte
	null      string
	// delimiters are eight delimiters.
	delimiters uint64
	// special are the bytes that need quotes around them.
	special [256]bool
}

func newQuotes(o CSVOptions, always bool) quotes {
	q := quotes{always: always, delimiter: o.Delimiter[0], null: o.Null, delimiters: ones * uint64(o.Delimiter[0])}
	for _, c := range []byte{q.delimiter, '"', '\n', '\r'} {
		q.special[c] = true
	}
	return q
}

const (
	ones  = 0x0101010101010101
	highs = 0x80 * ones
)

// needed reports whether a value needs quotes. It looks at eight bytes at a
// time: see toEscape.
func (q *quotes) needed(text []byte) bool {
	if string(text) == q.null {
		return true
	}
	last := len(text) - 8
	if last < 0 {
		return q.hasSpecial(text)
	}
	for i := 0; ; i += 8 {
		if i > last {
			i = last // what was looked at already is looked at again
		}
		word := binary.LittleEndian.Uint64(text[i:])
		quote, delimiter := word^'"'*ones, word^q.delimiters
		found := (word-' '*ones)&^word | (quote-ones)&^quote | (delimiter-ones)&^delimiter
		if found&highs != 0 && q.hasSpecial(text[i:]) { // other control characters are found too
			return true
		}
		if i == last || found&highs != 0 {
			return false
		}
	}
}

func (q *quotes) hasSpecial(text []byte) bool {
	for _, c := range text {
		if q.special[c] {
			return true
		}
	}
	return false
}

// append appends a value, in quotes where it needs them.
func (q *quotes) append(dst, text []byte) []byte {
	if !q.always && !q.needed(text) {
		return append(dst, text...)
	}
	return append(appendDoubled(append(dst, '"'), text), '"')
}

// around puts what dst has from start on into quotes, where it needs them. It
// holds no quotes itself.
func (q *quotes) around(dst []byte, start int) []byte {
	if !q.always && !q.needed(dst[start:]) {
		return dst
	}
	dst = append(dst, `""`...)
	copy(dst[start+1:], dst[start:len(dst)-2])
	dst[start] = '"'
	return dst
}

// appendDoubled appends text with each quote twice.
func appendDoubled(dst, text []byte) []byte {
	at := len(dst)
	dst = slices.Grow(dst, 2*len(text))
	dst = dst[:at+2*len(text)]
	for len(text) >= 8 {
		word := binary.LittleEndian.Uint64(text)
		binary.LittleEndian.PutUint64(dst[at:], word)
		quote := word ^ '"'*ones
		found := (quote - ones) &^ quote & highs
		if found == 0 {
			at, text = at+8, text[8:]
			continue
		}
		n := bits.TrailingZeros64(found)/8 + 1
		dst[at+n] = '"'
		at, text = at+n+1, text[n:]
	}
	for _, c := range text {
		dst[at] = c
		if at++; c == '"' {
			dst[at] = '"'
			at++
		}
	}
	return dst[:at]
}
