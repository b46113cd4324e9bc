package stagefile

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// Convert turns a value into one of a type, in PostgreSQL's words. NULL stays
// NULL; JSON's null becomes NULL unless the type can hold it.
func Convert(v Value, to Target, o Options) (Value, error) {
	semi := to.Name == "VARIANT" || to.Name == "ARRAY" || to.Name == "OBJECT"
	if v.Kind == Null || v.IsJSONNull() && !semi {
		return Value{}, nil
	}
	switch to.Name {
	case "VARCHAR":
		return toVarchar(v, to, o)
	case "NUMBER":
		return toNumber(v, to)
	case "FLOAT":
		return toFloat(v)
	case "BOOLEAN":
		return toBoolean(v)
	case "BINARY":
		return toBinary(v, to, o)
	case "DATE":
		return toDate(v, o.forms(to).Date)
	case "TIME":
		return toTime(v, to, o.forms(to).Time)
	case "TIMESTAMP_NTZ":
		return toTimestamp(v, to, o.forms(to).Timestamp, false)
	case "TIMESTAMP_TZ", "TIMESTAMP_LTZ":
		return toTimestamp(v, to, o.forms(to).Timestamp, true)
	}
	return toVariant(v, to)
}

func cannot(v Value, to Target) error {
	name := [...]string{"NULL", "a text", "a number", "a double", "a boolean", "bytes", "a date", "a time", "a timestamp", "a timestamp with a zone", "JSON"}
	return refused("%s as a %s", name[v.Kind], to.Type)
}

func toVarchar(v Value, to Target, o Options) (Value, error) {
	switch v.Kind {
	case Text, Number, Boolean, Date:
	case JSON:
		var b bytes.Buffer
		if err := json.Compact(&b, v.Text); err != nil {
			return Value{}, err
		}
		v.Text = b.Bytes()
	default:
		return Value{}, cannot(v, to)
	}
	switch {
	case !utf8.Valid(v.Text):
		return Value{}, wrong("100144", "22000", "Invalid UTF8 detected in string")
	case bytes.IndexByte(v.Text, 0) >= 0:
		return Value{}, refused("NUL in a text")
	}
	if n := utf8.RuneCount(v.Text); n > to.Length || len(v.Text) > maxField {
		if !o.Truncate || to.Explicit || len(v.Text) > maxField {
			return Value{}, wrong("100078", "22000", "User character length limit (%d) exceeded by a string of %d characters", to.Length, n)
		}
		for ; n > to.Length; n-- {
			_, size := utf8.DecodeLastRune(v.Text)
			v.Text = v.Text[:len(v.Text)-size]
		}
	}
	return Value{Kind: Text, Text: v.Text}, nil
}

// toBoolean takes the texts that "Logical data types" lists, in any case.
func toBoolean(v Value) (Value, error) {
	truth := ""
	switch v.Kind {
	case Boolean:
		truth = string(v.Text)
	case Text:
		switch strings.ToLower(string(v.Text)) {
		case "true", "t", "yes", "y", "on", "1":
			truth = "true"
		case "false", "f", "no", "n", "off", "0":
			truth = "false"
		}
	case Number:
		truth = "false"
		if strings.Trim(string(v.Text), "-0.") != "" {
			truth = "true"
		}
	}
	if truth == "" {
		return Value{}, wrong("100037", "22018", "Boolean value '%s' is not recognized", shown(v))
	}
	return Value{Kind: Boolean, Text: []byte(truth)}, nil
}

// toBinary leaves hexadecimal digits, as PostgreSQL reads them.
func toBinary(v Value, to Target, o Options) (Value, error) {
	content := v.Text
	switch {
	case v.Kind == Text:
		var err error
		if content, err = Decode(v.Text, cmp.Or(o.forms(to).Binary, "HEX")); err != nil {
			return Value{}, err
		}
	case v.Kind != Binary:
		return Value{}, cannot(v, to)
	}
	if len(content) > to.Length {
		return Value{}, wrong("100145", "22000", "Binary value of %d bytes is too long and would be truncated, the column takes %d", len(content), to.Length)
	}
	return Value{Kind: Binary, Text: append([]byte(`\x`), hex.AppendEncode(nil, content)...)}, nil
}

// Decode reads a text in a binary format.
func Decode(text []byte, format string) ([]byte, error) {
	var out []byte
	var err error
	switch format {
	case "HEX":
		out, err = hex.AppendDecode(nil, text)
	case "BASE64":
		out, err = base64.StdEncoding.Strict().AppendDecode(nil, text)
	default:
		out = text
	}
	if err != nil {
		return nil, wrong("100115", "22000", "The following string is not a legal %s-encoded value: '%s'", strings.ToLower(format), shown(Value{Text: text}))
	}
	return out, nil
}

func toVariant(v Value, to Target) (Value, error) {
	switch {
	case !v.Variant:
		return Value{}, refused("a text as a %s without PARSE_JSON", to.Type)
	case to.Name != "VARIANT" && (v.Kind != JSON || v.Text[0] != map[string]byte{"ARRAY": '[', "OBJECT": '{'}[to.Name]):
		return Value{}, cannot(v, to)
	}
	switch v.Kind {
	case JSON, Number, Boolean:
		return v, nil
	case Text:
		text, err := json.Marshal(string(v.Text))
		return Value{Kind: JSON, Text: text, Variant: true}, err
	case Double:
		if strings.Trim(string(v.Text), "-+.0123456789e") == "" {
			return v, nil
		}
	}
	return Value{}, cannot(v, to)
}

// shown is as much of a value as an error message shows.
func shown(v Value) string {
	const most = 100
	text := v.Text
	if len(text) > most {
		text = text[:most]
	}
	return strings.ToValidUTF8(strings.ReplaceAll(string(text), "\x00", ""), "")
}
