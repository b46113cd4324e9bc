package stagefile

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/stagelift/stagelift/local/snowflake/grammar"
)

// maxDocument is the most that one record may have, as a VARIANT.
const maxDocument = grammar.MaxVarchar

// jsonReader reads documents, one after the other.
type jsonReader struct {
	decoder  *json.Decoder
	close    io.Closer
	format   grammar.Format
	number   int64
	document json.RawMessage
	members  []member
}

// member is a name of an object and what it holds.
type member struct {
	name string
	text json.RawMessage
}

// NewJSON reads JSON. closer is closed with the reader.
func NewJSON(in io.Reader, closer io.Closer, f grammar.Format) (Reader, error) {
	if f.StripOuterArray || f.StripNullValues {
		return nil, refused("STRIP_OUTER_ARRAY and STRIP_NULL_VALUES")
	}
	return &jsonReader{decoder: json.NewDecoder(in), close: closer, format: f}, nil
}

func (r *jsonReader) Close() error { return r.close.Close() }
func (r *jsonReader) Line() int64  { return r.number }
func (r *jsonReader) Fields() int  { return 1 }

func (r *jsonReader) Record() []byte { return r.document }

func (r *jsonReader) Next() error {
	r.number++
	r.document, r.members = r.document[:0], nil
	err := r.decoder.Decode(&r.document)
	switch {
	case errors.Is(err, io.EOF):
		return io.EOF
	case err != nil && (errors.As(err, new(*json.SyntaxError)) || errors.Is(err, io.ErrUnexpectedEOF)):
		return wrong("100069", "22P02", "Error parsing JSON: %v", err)
	case err != nil:
		return err
	case len(r.document) > maxDocument:
		return wrong("100082", "22000", "Max LOB size (%d) exceeded, actual size of parsed column is %d", maxDocument, len(r.document))
	}
	if r.format.ReplaceInvalid {
		r.document = bytes.ToValidUTF8(r.document, replacement)
	}
	return CheckJSON(r.document, r.format.AllowDuplicate)
}

func (r *jsonReader) Named(name string, exact bool) (Value, bool, error) {
	if r.members == nil {
		var err error
		if r.members, err = membersOf(r.document); err != nil {
			return Value{}, false, err
		}
	}
	for i := range r.members {
		if m := &r.members[i]; m.name == name || !exact && strings.EqualFold(m.name, name) {
			v, err := scalar(m.text)
			return v, true, err
		}
	}
	return Value{}, false, nil
}

func (r *jsonReader) Field(number int, path []string) (Value, error) {
	if number > 1 {
		return Value{}, nil
	}
	if len(path) == 0 {
		return scalar(r.document)
	}
	v, found, err := r.Named(path[0], true)
	for _, name := range path[1:] {
		if err != nil || !found || v.Kind != JSON {
			return Value{}, err
		}
		inner, innerErr := membersOf(v.Text)
		found, err = false, innerErr
		for i := range inner {
			if inner[i].name == name {
				v, err = scalar(inner[i].text)
				found = true
			}
		}
	}
	if !found {
		return Value{}, err
	}
	return v, err
}

// membersOf takes an object apart; anything else has no members.
func membersOf(text []byte) ([]member, error) {
	if len(text) == 0 || text[0] != '{' {
		return nil, nil
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	if _, err := decoder.Token(); err != nil {
		return nil, err
	}
	members := []member{}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return nil, err
		}
		var m member
		m.name, _ = name.(string) // the text was found valid before
		if err := decoder.Decode(&m.text); err != nil {
			return nil, err
		}
		members = append(members, m)
	}
	return members, nil
}

// scalar makes a value of a JSON text.
func scalar(text []byte) (Value, error) {
	v := Value{Variant: true}
	switch text[0] {
	case '"':
		var s string
		if err := json.Unmarshal(text, &s); err != nil {
			return Value{}, err
		}
		v.Kind, v.Text = Text, []byte(s)
	case 't', 'f':
		v.Kind, v.Text = Boolean, text
	case '{', '[', 'n':
		v.Kind, v.Text = JSON, text
	default:
		return number(text)
	}
	return v, nil
}

// number keeps a number exactly if it has no exponent and at most 38 digits;
// otherwise it is a DOUBLE ("PARSE_JSON", usage notes).
func number(text []byte) (Value, error) {
	const digits = 38
	if !bytes.ContainsAny(text, "eE") && len(bytes.TrimLeft(bytes.ReplaceAll(text, []byte{'.'}, nil), "-0")) <= digits {
		return Value{Kind: Number, Text: text, Variant: true}, nil
	}
	f, err := strconv.ParseFloat(string(text), 64)
	if err != nil {
		return Value{}, wrong("100069", "22P02", "Error parsing JSON: number out of range")
	}
	return Value{Kind: Double, Text: strconv.AppendFloat(nil, f, 'g', -1, 64), Variant: true}, nil
}
