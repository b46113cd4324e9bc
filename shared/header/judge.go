package header

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// binary are formats that a line in front would spoil, by their first bytes.
var binary = []struct{ name, magic string }{
	{"Parquet", "PAR1"},
	{"ORC", "ORC"},
	{"Avro", "Obj\x01"},
}

// judgeText refuses what is not lines of fields. The text is the start of an
// object, decompressed; complete says that it is all of it.
func judgeText(text []byte, complete bool) error {
	for _, b := range binary {
		// ORC alone may begin a text.
		if bytes.HasPrefix(text, []byte(b.magic)) && (b.magic != "ORC" || bytes.IndexByte(text, 0) >= 0) {
			return fmt.Errorf("it is %s, which has its columns' names inside; a header would spoil it", b.name)
		}
	}
	text = bytes.TrimPrefix(text, []byte(bom))
	if isJSON(text, complete) {
		return errors.New("it is JSON, which has its fields' names inside; a header would spoil it")
	}
	if at := bytes.IndexByte(text, 0); at >= 0 {
		return fmt.Errorf("it is not text in UTF-8: byte %d is zero, as in UTF-16 and binary files; a header would spoil it", at)
	}
	return nil
}

// isJSON reports whether a text is JSON values, objects or lists, with nothing
// but space between. A line of CSV may begin with a list, but then goes on with a
// delimiter.
func isJSON(text []byte, complete bool) bool {
	text = bytes.TrimLeft(text, " \t\r\n")
	if len(text) == 0 || text[0] != '{' && text[0] != '[' {
		return false
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	var value json.RawMessage
	err := decoder.Decode(&value)
	if err == nil {
		rest := text[decoder.InputOffset():]
		space := len(rest) - len(bytes.TrimLeft(rest, " \t\r\n"))
		return len(rest) == 0 || space > 0 && (space == len(rest) || rest[space] == '{' || rest[space] == '[')
	}
	return errors.Is(err, io.ErrUnexpectedEOF) && !complete
}
