package stagefile

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

// CheckJSON tells whether a text is a JSON document that Snowflake takes. The
// decoder alone forgives too much.
func CheckJSON(text []byte, duplicates bool) error {
	switch {
	case !utf8.Valid(text):
		return wrong("100144", "22000", "Invalid UTF8 detected in string")
	case !json.Valid(text):
		return wrong("100069", "22P02", "Error parsing JSON: not a document")
	case hasNUL(text):
		return refused("NUL in a text of JSON")
	case duplicates:
		return nil
	}
	return checkDuplicates(text)
}

// hasNUL looks for a NUL, which JSON writes as \u0000, unless the backslash is
// itself escaped.
func hasNUL(text []byte) bool {
	const nul = `\u0000`
	for at := 0; ; {
		i := bytes.Index(text[at:], []byte(nul))
		if i < 0 {
			return false
		}
		before := text[:at+i]
		if slashes := len(before) - len(bytes.TrimRight(before, `\`)); slashes%2 == 0 {
			return true
		}
		at += i + len(nul)
	}
}

func checkDuplicates(text []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	// One set of names for each object that is open; nil for an array.
	var open []map[string]bool
	isName := false
	for {
		token, err := decoder.Token()
		if err != nil {
			return nil //nolint:nilerr // the end: the text was found valid before
		}
		top := func() map[string]bool {
			if len(open) == 0 {
				return nil
			}
			return open[len(open)-1]
		}
		switch t := token.(type) {
		case json.Delim:
			switch t {
			case '{':
				open = append(open, map[string]bool{})
			case '[':
				open = append(open, nil)
			default:
				open = open[:len(open)-1]
			}
			isName = top() != nil
			continue
		case string:
			if isName && top()[t] {
				return wrong("100069", "22P02", "Error parsing JSON: duplicate object attribute %q", t)
			}
			if isName {
				top()[t] = true
				isName = false
				continue
			}
		}
		isName = top() != nil
	}
}

// ParseJSON makes a VARIANT of a text, as PARSE_JSON does: a blank one is NULL.
func ParseJSON(text []byte) (Value, error) {
	text = bytes.TrimSpace(text)
	if len(text) == 0 {
		return Value{}, nil
	}
	if err := CheckJSON(text, false); err != nil {
		return Value{}, err
	}
	return scalar(text)
}
