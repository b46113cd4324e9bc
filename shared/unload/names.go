package unload

import (
	"strconv"
	"strings"
)

// withNames gives what stands in a JSON object in place of a member, a number
// without a name, the name #0, #1 and so on. Other text comes out as it was.
func withNames(text []byte) []byte {
	var (
		out = make([]byte, 0, len(text))
		// inside are the brackets that are open, nameless how many names each was
		// given.
		inside   []byte
		nameless []int
		// member is true after a comma that a member must follow.
		member bool
	)
	for at := 0; at < len(text); at++ {
		c := text[at]
		if c == '"' {
			end := stringEnd(text, at)
			out = append(out, text[at:end]...)
			at, member = end-1, false
			continue
		}
		last := len(inside) - 1
		switch {
		case c == '{' || c == '[':
			inside, nameless = append(inside, c), append(nameless, 0)
		case (c == '}' || c == ']') && last >= 0:
			inside, nameless = inside[:last], nameless[:last]
		case member && (c == '-' || c >= '0' && c <= '9'):
			out = append(out, `"#`...)
			out = strconv.AppendInt(out, int64(nameless[last]), 10)
			out = append(out, `":`...)
			nameless[last]++
		}
		if !strings.ContainsRune(" \t\r\n", rune(c)) {
			member = c == ',' && last >= 0 && inside[last] == '{'
		}
		out = append(out, c)
	}
	return out
}

// stringEnd returns where a string that starts at a quote is over.
func stringEnd(text []byte, start int) int {
	for at := start + 1; at < len(text); at++ {
		switch text[at] {
		case '\\':
			at++
		case '"':
			return at + 1
		}
	}
	return len(text)
}
