package encode_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/shared/encode"
	"github.com/stagelift/stagelift/shared/table"
)

func jsonlOptions() encode.Options { return encode.Options{Format: "jsonl", Compression: "none"} }

// readLine reads a line of JSON as names and values in their order. Values are
// the bytes that stand there.
func readLine(line []byte) (names []string, values []json.RawMessage, err error) {
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.UseNumber()
	if token, err := decoder.Token(); err != nil || token != json.Delim('{') {
		return nil, nil, fmt.Errorf("the line begins with %v, want an object: %w", token, err)
	}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return nil, nil, err
		}
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return nil, nil, fmt.Errorf("value of %v: %w", name, err)
		}
		names, values = append(names, name.(string)), append(values, value)
	}
	if _, err := decoder.Token(); err != nil {
		return nil, nil, err
	}
	if rest, err := io.ReadAll(io.MultiReader(decoder.Buffered())); err != nil || len(bytes.TrimSpace(rest)) != 0 {
		return nil, nil, fmt.Errorf("%d bytes follow the object: %w", len(rest), err)
	}
	return names, values, nil
}

// jsonForm asks for what a value must be: to_json() where JSON has a form of
// its own for it and for dates and timestamps, else the text as it is printed.
func (s *source) jsonForm(f table.Field) string {
	rest := "%s"
	if isTime(f) || slices.Contains(inJSON, strings.Split(f.Type, "(")[0]) {
		rest = "to_json(%s)"
	}
	asked := s.form(f, "translate(encode(%s, 'base64'), E'\\n', '')", rest)
	if asked == "%s::numeric" {
		return "to_json(%s::numeric)"
	}
	return asked
}

// inJSON are the types that JSON has a form for and to_json() knows. It takes an
// oid, which is a number too, for a string.
var inJSON = []string{"boolean", "smallint", "integer", "bigint", "real", "double precision", "numeric", "json", "jsonb"}

func isTime(f table.Field) bool {
	return !f.AsText && (f.Type == "date" || strings.HasPrefix(f.Type, "timestamp")) && !strings.HasSuffix(f.Type, "[]")
}

// plain brings a wanted and a read value into one form: strings as they are
// without their escapes, everything else byte by byte.
func plain(t *testing.T, f table.Field, want printed, got json.RawMessage) (printed, printed) {
	t.Helper()
	found := string(got)
	if want == nil {
		if found == "null" {
			return nil, nil
		}
		return nil, &found
	}
	switch f.JSON {
	case table.JSONString, table.JSONBase64:
		found = unquote(t, found)
		if isTime(f) {
			return new(unquote(t, *want)), &found
		}
	case table.JSONRaw:
		return new(strings.TrimSpace(strings.NewReplacer("\n", " ", "\r", " ").Replace(*want))), &found
	case table.JSONNumber, table.JSONBoolean:
	}
	return want, &found
}

func unquote(t *testing.T, s string) string {
	t.Helper()
	var text string
	if err := json.Unmarshal([]byte(s), &text); err != nil {
		t.Errorf("%.100s is no string of JSON: %v", s, err)
	}
	return text
}

func TestJSONLinesConform(t *testing.T) {
	t.Parallel()
	s, fields, described := conforming(t)
	want := s.asked(t, "every type", fields, s.jsonForm)
	part, err := s.write(t, described, writing{Fields: fields, Options: jsonlOptions()})
	if err != nil {
		t.Fatal(err)
	}
	compareLines(t, fields, want, part)
}

func compareLines(t *testing.T, fields []table.Field, want [][]printed, part []byte) {
	t.Helper()
	lines := bytes.Split(part, []byte("\n"))
	if len(lines) != len(want)+1 || len(lines[len(want)]) != 0 {
		t.Fatalf("%d lines, want %d, each with its end", len(lines), len(want))
	}
	named := make([]string, len(fields))
	for i, field := range fields {
		named[i] = field.Name
	}
	for row, line := range lines[:len(want)] {
		names, values, err := readLine(line)
		if err != nil {
			t.Fatalf("row %d: %v", row+1, err)
		}
		if diff := cmp.Diff(named, names); diff != "" {
			t.Fatalf("row %d (-want +got):\n%s", row+1, diff)
		}
		for i, field := range fields {
			wanted, found := plain(t, field, want[row][i], values[i])
			differ(t, row, field, wanted, found)
		}
	}
}
