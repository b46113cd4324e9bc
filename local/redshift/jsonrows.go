package redshift

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"

	"github.com/stagelift/stagelift/local/redshift/grammar"
)

// maxJSONObject is the most that COPY takes for one row.
const maxJSONObject = 4 << 20

// jsonRows reads objects one after the other ("COPY from JSON format"). Members
// are matched to columns by name; a column that has none is NULL, a member that
// has no column is left out.
type jsonRows struct {
	in      *json.Decoder
	copy    *grammar.Copy
	columns []column
	row     int
	cells   []cell
}

func newJSONRows(in io.Reader, c *grammar.Copy, columns []column) *jsonRows {
	return &jsonRows{in: json.NewDecoder(in), copy: c, columns: columns}
}

// line counts rows: JSON Lines has one a line.
func (r *jsonRows) line() int { return r.row }

func (r *jsonRows) read() ([]cell, error) {
	r.row++
	var object json.RawMessage
	if err := r.in.Decode(&object); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, io.EOF
		}
		return nil, fmt.Errorf("Invalid JSONPath format: %w", err)
	}
	if len(object) > maxJSONObject {
		return nil, faulty(codeRange, "JSON object of %d bytes: the maximum is %d", len(object), maxJSONObject)
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(object, &members); err != nil {
		return nil, faulty(codeInvalid, "Invalid JSON object: %v", err)
	}
	byName := map[string]json.RawMessage{}
	for name, value := range members {
		if r.copy.AnyCase {
			name = grammar.Fold(name)
		}
		byName[name] = value
	}
	r.cells = r.cells[:0]
	for i := range r.columns {
		made, err := jsonCell(&r.columns[i], byName[r.columns[i].name], r.copy.Replacement)
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", r.columns[i].name, err)
		}
		r.cells = append(r.cells, made)
	}
	return r.cells, nil
}

// jsonCell gives SUPER the JSON itself, and every other column what it spells.
// Numbers pass through a double on their way to a column that is not of
// integers ("Loss of numeric precision").
func jsonCell(c *column, value json.RawMessage, replacement byte) (cell, error) {
	if len(value) == 0 || string(value) == "null" {
		return cell{null: true}, nil
	}
	if !utf8.Valid(value) {
		if replacement == 0 || !c.varying {
			return cell{}, errUTF8
		}
		quoted, _ := json.Marshal(string(rune(replacement))) // one ASCII character
		value = replaceInvalid(value, quoted[1:len(quoted)-1])
	}
	if c.kind == "jsonb" {
		return cell{text: value}, nil
	}
	switch value[0] {
	case '"':
		var s string
		err := json.Unmarshal(value, &s)
		return cell{text: []byte(s)}, err
	case '{', '[':
		if !c.characters {
			return cell{}, faulty(codeType, "a nested value is for SUPER or VARCHAR")
		}
		return cell{text: bytes.Clone(value)}, nil
	case 't', 'f':
		return cell{text: value}, nil
	}
	if c.kind == "bytea" {
		return cell{}, faulty(codeType, "VARBYTE is not loaded from JSON (Loading a column of the VARBYTE data type)")
	}
	if c.whole {
		return cell{text: value}, nil
	}
	n, err := strconv.ParseFloat(string(value), 64)
	if err != nil {
		return cell{}, faulty(codeFloat, "Invalid number in JSON")
	}
	if c.characters {
		return cell{text: strconv.AppendFloat(nil, n, 'g', 15, 64)}, nil
	}
	return cell{text: strconv.AppendFloat(nil, n, 'f', 40, 64)}, nil
}
