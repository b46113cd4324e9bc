package snowflake

import (
	"bytes"
	"strconv"

	"github.com/stagelift/stagelift/local/snowflake/grammar"
	"github.com/stagelift/stagelift/local/snowflake/stagefile"
)

// evaluate computes a value of a transformation from the record that the
// reader is at.
func (l *loader) evaluate(e grammar.Expression) (stagefile.Value, error) {
	switch e.Operation {
	case grammar.Field:
		return l.reader.Field(e.Number, e.Path)
	case grammar.Literal:
		return stagefile.Value{Kind: stagefile.Text, Text: []byte(e.Text)}, nil
	case grammar.FileName:
		return stagefile.Value{Kind: stagefile.Text, Text: []byte(l.current.file.key)}, nil
	case grammar.RowNumber:
		return stagefile.Value{Kind: stagefile.Number, Text: strconv.AppendInt(nil, l.current.parsed, 10)}, nil
	case grammar.Null:
		return stagefile.Value{}, nil
	case grammar.Iff:
		return l.choose(e)
	case grammar.Not, grammar.IsNull, grammar.IsNullValue:
		truth, err := l.truth(e)
		return stagefile.Value{Kind: stagefile.Boolean, Text: strconv.AppendBool(nil, truth)}, err
	case grammar.Cast, grammar.ParseJSON, grammar.ToBinary, grammar.NullIf:
	}
	v, err := l.evaluate(e.Arguments[0])
	if err != nil || v.Kind == stagefile.Null {
		return stagefile.Value{}, err
	}
	switch e.Operation {
	case grammar.Cast:
		return l.cast(v, e.Type)
	case grammar.ParseJSON:
		return parseJSON(v)
	case grammar.ToBinary:
		return toBinary(v, e.Text)
	}
	other, err := l.evaluate(e.Arguments[1])
	if err == nil && other.Kind == v.Kind && bytes.Equal(other.Text, v.Text) {
		return stagefile.Value{}, nil
	}
	return v, err
}

func (l *loader) choose(e grammar.Expression) (stagefile.Value, error) {
	truth, err := l.truth(e.Arguments[0])
	if err != nil {
		return stagefile.Value{}, err
	}
	if truth {
		return l.evaluate(e.Arguments[1])
	}
	return l.evaluate(e.Arguments[2])
}

func (l *loader) truth(e grammar.Expression) (bool, error) {
	switch e.Operation {
	case grammar.Not:
		truth, err := l.truth(e.Arguments[0])
		return !truth, err
	case grammar.IsNull:
		v, err := l.evaluate(e.Arguments[0])
		return v.Kind == stagefile.Null, err
	case grammar.IsNullValue:
		v, err := l.evaluate(e.Arguments[0])
		return v.IsJSONNull(), err
	}
	return false, unsupported("this condition is not understood in a COPY transformation")
}

// cast makes a value of the type that is not a VARIANT any more, unless the
// type says so.
func (l *loader) cast(v stagefile.Value, to grammar.Type) (stagefile.Value, error) {
	if to.Name == "BINARY" && v.Kind == stagefile.Binary {
		return v, nil
	}
	converted, err := stagefile.Convert(v, stagefile.Target{Type: to, Explicit: true}, l.options)
	if err != nil || converted.Kind != stagefile.Binary {
		return converted, err
	}
	// Convert leaves PostgreSQL's digits; what comes next wants bytes.
	content, err := stagefile.Decode(converted.Text[len(`\x`):], "HEX")
	return stagefile.Value{Kind: stagefile.Binary, Text: content}, err
}

// parseJSON makes a VARIANT of a text. A blank one is NULL.
func parseJSON(v stagefile.Value) (stagefile.Value, error) {
	if v.Kind != stagefile.Text {
		return stagefile.Value{}, unsupported("PARSE_JSON of what is no text is not understood")
	}
	return stagefile.ParseJSON(v.Text)
}

func toBinary(v stagefile.Value, format string) (stagefile.Value, error) {
	if v.Kind != stagefile.Text {
		return stagefile.Value{}, unsupported("TO_BINARY of what is no text is not understood")
	}
	content, err := stagefile.Decode(v.Text, format)
	return stagefile.Value{Kind: stagefile.Binary, Text: content}, err
}
