package encode

import (
	"encoding/binary"
	"math/bits"

	"github.com/stagelift/stagelift/shared/encode/copybinary"
)

// appendJSONString appends text as a string of JSON. Only what must be is
// escaped (RFC 8259, section 7): quotes, backslashes and control characters.
// Everything else is UTF-8 as it came, line separators such as U+2028 and the
// slash too.
func appendJSONString(dst, text []byte) ([]byte, error) {
	if err := copybinary.UTF8(text); err != nil {
		return dst, err
	}
	dst = append(dst, '"')
	for {
		clean := toEscape(text)
		dst = append(dst, text[:clean]...)
		if clean == len(text) {
			return append(dst, '"'), nil
		}
		dst = appendEscaped(dst, text[clean])
		text = text[clean+1:]
	}
}

func appendEscaped(dst []byte, c byte) []byte {
	const digits = "0123456789abcdef"
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\n':
		return append(dst, `\n`...)
	case '\r':
		return append(dst, `\r`...)
	case '\t':
		return append(dst, `\t`...)
	case '\b':
		return append(dst, `\b`...)
	case '\f':
		return append(dst, `\f`...)
	}
	return append(dst, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
}

// toEscape returns where the first byte is that must be escaped; the length of
// text where there is none. It looks at eight bytes at a time: taking n from
// each of them carries into the highest bit of those that are smaller than n,
// and of none before the first of these.
func toEscape(text []byte) int {
	i := 0
	for ; i+8 <= len(text); i += 8 {
		word := binary.LittleEndian.Uint64(text[i:])
		quote, backslash := word^'"'*ones, word^'\\'*ones
		found := (word-' '*ones)&^word | (quote-ones)&^quote | (backslash-ones)&^backslash
		if found &= highs; found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for ; i < len(text); i++ {
		if c := text[i]; c < ' ' || c == '"' || c == '\\' {
			return i
		}
	}
	return i
}
