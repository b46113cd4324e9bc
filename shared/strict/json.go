package strict

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// Valid checks that raw is one JSON value and nothing after it. encoding/json
// would replace bytes that are not UTF-8, and a key or a table name would come
// out as another one; so those are refused first.
func Valid(raw []byte) error {
	for at := 0; at < len(raw); {
		r, size := utf8.DecodeRune(raw[at:])
		if r == utf8.RuneError && size == 1 {
			return fmt.Errorf("not valid UTF-8 at offset %d of %d", at, len(raw))
		}
		at += size
	}
	var value json.RawMessage
	err := json.Unmarshal(raw, &value)
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Errorf("not valid JSON at offset %d of %d: %w", syntax.Offset, len(raw), err)
	}
	return err
}

// Member is one name and value of a JSON object.
type Member struct {
	Name  string
	Value json.RawMessage
}

// Members takes apart a JSON object that was found valid. A name that comes
// twice is refused: readers disagree on which one counts.
func Members(raw json.RawMessage) ([]Member, error) {
	if got := KindOf(raw); got != "object" {
		return nil, fmt.Errorf("got %s, want an object", got)
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	if _, err := decoder.Token(); err != nil {
		return nil, err
	}
	var list []Member
	seen := map[string]bool{}
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return nil, err
		}
		var m Member
		m.Name, _ = token.(string) // always one: the object was found valid
		if seen[m.Name] {
			return nil, fmt.Errorf("field %s is given twice", Short(m.Name))
		}
		seen[m.Name] = true
		if err := decoder.Decode(&m.Value); err != nil {
			return nil, err
		}
		list = append(list, m)
	}
	return list, nil
}

// KindOf names the kind of a JSON value by the byte that it starts with.
func KindOf(raw json.RawMessage) string {
	raw = bytes.TrimLeft(raw, " \t\r\n")
	if len(raw) == 0 {
		return "nothing"
	}
	switch raw[0] {
	case '{':
		return "object"
	case '[':
		return "list"
	case '"':
		return "text"
	case 't', 'f':
		return "true or false"
	case 'n':
		return "null"
	default:
		return "number"
	}
}

// longestQuote bounds what an error repeats of a payload, in bytes. S3 keys
// may have 1,024, and those are what an error is most often about.
const longestQuote = 1024

// Short quotes s for an error, cut when it is long.
func Short(s string) string {
	if len(s) <= longestQuote {
		return fmt.Sprintf("%q", s)
	}
	return fmt.Sprintf("%q… (%d bytes)", s[:longestQuote], len(s))
}
