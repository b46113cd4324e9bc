package redshift

import (
	"bytes"
	"unicode"
	"unicode/utf8"

	"github.com/stagelift/stagelift/local/redshift/grammar"
)

// maxTruncated is the largest row that TRUNCATECOLUMNS works on.
const maxTruncated = 4 << 20

// changed does to a field what the options say ("Data conversion parameters").
func changed(c *grammar.Copy, in *column, text []byte, row int) []byte {
	if !in.characters {
		return text
	}
	if c.TrimBlanks && in.varying {
		text = bytes.TrimRightFunc(text, unicode.IsSpace)
	}
	if c.Replacement != 0 && in.varying {
		text = replaceInvalid(text, []byte{c.Replacement})
	}
	if c.Truncate && row <= maxTruncated && len(text) > in.length {
		text = text[:in.length]
		for len(text) > 0 && !complete(text) {
			text = text[:len(text)-1]
		}
	}
	return text
}

// complete tells whether a text does not end within a character.
func complete(text []byte) bool {
	for back := 1; back <= min(len(text), utf8.UTFMax); back++ {
		if last := text[len(text)-back:]; utf8.RuneStart(last[0]) {
			return utf8.FullRune(last)
		}
	}
	return true
}

// filled is what FILLRECORD puts in the place of a field that is missing:
// NULL, but in text a string of no length for VARCHAR.
func filled(c *grammar.Copy, in *column) cell {
	return cell{null: c.Format != grammar.CSV || !in.varying || c.EmptyAsNull}
}

// replaceInvalid puts something in the place of each byte of what is no
// character of UTF-8, or one of those that are none by definition ("Multibyte
// character load errors").
func replaceInvalid(text, with []byte) []byte {
	var out []byte
	for at := 0; at < len(text); {
		r, size := utf8.DecodeRune(text[at:])
		invalid := r == utf8.RuneError && size == 1 || 0xfdd0 <= r && r <= 0xfdef || r&0xfffe == 0xfffe
		if !invalid {
			if out != nil {
				out = append(out, text[at:at+size]...)
			}
			at += size
			continue
		}
		if out == nil {
			out = append([]byte{}, text[:at]...)
		}
		out = append(out, bytes.Repeat(with, size)...)
		at += size
	}
	if out == nil {
		return text
	}
	return out
}
