package stagefile

import (
	"math/big"
	"regexp"
	"strconv"
	"strings"
)

var plainNumber = regexp.MustCompile(`^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?$`)

// toNumber rounds to the scale, half away from zero. More digits before the
// point than there is room for are an error.
func toNumber(v Value, to Target) (Value, error) {
	text := string(v.Text)
	switch v.Kind {
	case Text, Number, Double:
	case Boolean:
		text = map[string]string{"true": "1", "false": "0"}[text]
	default:
		return Value{}, cannot(v, to)
	}
	if !plainNumber.MatchString(text) {
		return Value{}, wrong("100038", "22018", "Numeric value '%s' is not recognized", shown(v))
	}
	exact, ok := new(big.Rat).SetString(text)
	if !ok {
		return Value{}, wrong("100038", "22018", "Numeric value '%s' is not recognized", shown(v))
	}
	rounded := exact.FloatString(to.Scale)
	whole, _, _ := strings.Cut(strings.TrimPrefix(rounded, "-"), ".")
	if len(strings.TrimLeft(whole, "0")) > to.Precision-to.Scale {
		return Value{}, wrong("100039", "22003", "Numeric value '%s' is out of range", shown(v))
	}
	return Value{Kind: Number, Text: []byte(rounded)}, nil
}

// toFloat takes numbers, and the names of those that are none ("Special
// values").
func toFloat(v Value) (Value, error) {
	switch v.Kind {
	case Text, Number, Double:
	default:
		return Value{}, cannot(v, Target{})
	}
	text := string(v.Text)
	switch strings.ToLower(text) {
	case "nan":
		return Value{Kind: Double, Text: []byte("NaN")}, nil
	case "inf", "infinity", "+inf":
		return Value{Kind: Double, Text: []byte("Infinity")}, nil
	case "-inf", "-infinity":
		return Value{Kind: Double, Text: []byte("-Infinity")}, nil
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || !plainNumber.MatchString(text) {
		return Value{}, wrong("100038", "22018", "Numeric value '%s' is not recognized", shown(v))
	}
	return Value{Kind: Double, Text: strconv.AppendFloat(nil, f, 'g', -1, 64)}, nil
}
