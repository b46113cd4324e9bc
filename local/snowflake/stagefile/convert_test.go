package stagefile_test

import (
	"math/big"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/local/snowflake/grammar"
	"github.com/stagelift/stagelift/local/snowflake/stagefile"
)

func target(t testing.TB, kind string) stagefile.Target {
	t.Helper()
	parsed, err := grammar.ParseType(kind)
	if err != nil {
		t.Fatal(err)
	}
	return stagefile.Target{Type: parsed}
}

func text(s string) stagefile.Value { return stagefile.Value{Kind: stagefile.Text, Text: []byte(s)} }

func TestConverts(t *testing.T) {
	t.Parallel()
	variant := func(kind stagefile.Kind, s string) stagefile.Value {
		return stagefile.Value{Kind: kind, Text: []byte(s), Variant: true}
	}
	for _, c := range []struct {
		value    stagefile.Value
		to, want string
	}{
		{text("é€"), "VARCHAR(2)", "é€"},
		{variant(stagefile.JSON, `{"a": [1]}`), "VARCHAR", `{"a":[1]}`},
		{text("-12.345"), "NUMBER(4,2)", "-12.35"},
		{text("0.005"), "NUMBER(4,2)", "0.01"},
		{text("1e3"), "NUMBER(4,0)", "1000"},
		{text("+5."), "NUMBER(1,0)", "5"},
		{text(strings.Repeat("9", 38)), "NUMBER(38,0)", strings.Repeat("9", 38)},
		{text("-inf"), "FLOAT", "-Infinity"},
		{text("nan"), "FLOAT", "NaN"},
		{variant(stagefile.Double, "inf"), "FLOAT", "Infinity"},
		{text("1.5e-7"), "FLOAT", "1.5e-07"},
		{text("YES"), "BOOLEAN", "true"},
		{variant(stagefile.Number, "0"), "BOOLEAN", "false"},
		{text("2024-02-29"), "DATE", "2024-02-29"},
		{text("23:59:59.999999"), "TIME(6)", "23:59:59.999999"},
		{text("2026-01-02 03:04:05.120000000"), "TIMESTAMP_NTZ(2)", "2026-01-02 03:04:05.120000000"},
		{text("2026-01-02T03:04:05"), "TIMESTAMP_NTZ(9)", "2026-01-02 03:04:05"},
		{text("2026-01-02 03:04:05+00"), "TIMESTAMP_TZ(6)", "2026-01-02 03:04:05+00"},
		{text("2026-01-02 03:04:05 +0530"), "TIMESTAMP_TZ(6)", "2026-01-02 03:04:05+0530"},
		{text("2026-01-02T03:04:05.5-07:00"), "TIMESTAMP_TZ(6)", "2026-01-02 03:04:05.5-07:00"},
		{variant(stagefile.TimestampLTZ, "2026-01-02 03:04:05+00"), "TIMESTAMP_TZ(6)", "2026-01-02 03:04:05+00"},
		{text("c0DE"), "BINARY(2)", `\xc0de`},
		{variant(stagefile.Text, `say "hi"`), "VARIANT", `"say \"hi\""`},
		{variant(stagefile.JSON, "null"), "VARIANT", "null"},
		{variant(stagefile.JSON, "[1]"), "ARRAY", "[1]"},
	} {
		got, err := stagefile.Convert(c.value, target(t, c.to), stagefile.Options{})
		if diff := cmp.Diff(c.want, string(got.Text)); err != nil || diff != "" {
			t.Errorf("%q as %s: %v %s", c.value.Text, c.to, err, diff)
		}
	}
	for _, c := range []string{"NUMBER", "VARCHAR", "DATE", "BOOLEAN", "BINARY"} {
		got, err := stagefile.Convert(variant(stagefile.JSON, "null"), target(t, c), stagefile.Options{})
		if err != nil || got.Kind != stagefile.Null {
			t.Errorf("JSON's null as %s is %q, %v", c, got.Text, err)
		}
	}
}

func TestDoesNotConvert(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		value    stagefile.Value
		to, want string
	}{
		{text("abc"), "VARCHAR(2)", "character length limit (2) exceeded"},
		{text("a\x00"), "VARCHAR", "NUL"},
		{stagefile.Value{Kind: stagefile.Binary, Text: []byte("a")}, "VARCHAR", "bytes as a VARCHAR"},
		{text(""), "NUMBER", "Numeric value '' is not recognized"},
		{text("0x10"), "NUMBER", "not recognized"},
		{text("1/2"), "NUMBER", "not recognized"},
		{text("NaN"), "NUMBER", "not recognized"},
		{text("99.995"), "NUMBER(4,2)", "out of range"},
		{text("1_0"), "FLOAT", "not recognized"},
		{text("maybe"), "BOOLEAN", "Boolean value 'maybe' is not recognized"},
		{text("2023-02-29"), "DATE", "Date '2023-02-29' is not recognized"},
		{text("infinity"), "DATE", "is not recognized"},
		{text("12026-01-01"), "DATE", "is not recognized"},
		{text("0044-03-15 BC"), "DATE", "is not recognized"},
		{text("24:00:00"), "TIME", "Time '24:00:00' is not recognized"},
		{text("01:02:03+00"), "TIME", "is not recognized"},
		{text("01:02:03.123456789"), "TIME(9)", "9 digits of a second"},
		{text("2026-01-02 03:04:05.123"), "TIMESTAMP_NTZ(2)", "3 digits of a second"},
		{text("2026-01-02 03:04:05"), "TIMESTAMP_TZ", "has no offset"},
		{text("2026-01-02 03:04:05+00"), "TIMESTAMP_NTZ", "has no offset"},
		{text("2026-01-02T03:04:05+00"), "TIMESTAMP_TZ", "is not recognized"},
		{text("2026-01-02 23:59:60"), "TIMESTAMP_NTZ", "is not recognized"},
		{stagefile.Value{Kind: stagefile.TimestampLTZ, Text: []byte("2026-01-02 03:04:05+00")}, "TIMESTAMP_NTZ", "by the session's time zone"},
		{text("c0d"), "BINARY", "not a legal hex-encoded value"},
		{text("c0de"), "BINARY(1)", "too long"},
		{text("{}"), "VARIANT", "without PARSE_JSON"},
		{stagefile.Value{Kind: stagefile.JSON, Text: []byte("{}"), Variant: true}, "ARRAY", "JSON as a ARRAY"},
	} {
		if _, err := stagefile.Convert(c.value, target(t, c.to), stagefile.Options{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q as %s: %v, want %q", c.value.Text, c.to, err, c.want)
		}
	}
	explicit := target(t, "BINARY")
	explicit.Explicit = true
	if _, err := stagefile.Convert(text("AA=="), explicit, stagefile.Options{File: stagefile.Forms{Binary: "BASE64"}}); err == nil {
		t.Error("a cast took the file format's BINARY_FORMAT, which is not documented")
	}
}

// FuzzNumber: whatever is taken for a number is within half a unit of the last
// place of what math/big reads.
func FuzzNumber(f *testing.F) {
	for _, s := range []string{"1", "-0.005", "1e-40", ".5", "99.999", "+1E+3"} {
		f.Add(s, uint8(5), uint8(2))
	}
	f.Fuzz(func(t *testing.T, s string, precision, scale uint8) {
		to := stagefile.Target{Type: grammar.Type{Name: "NUMBER", Precision: int(precision%38) + 1}}
		to.Scale = int(scale) % (min(to.Precision, 37) + 1)
		got, err := stagefile.Convert(text(s), to, stagefile.Options{})
		if err != nil {
			return
		}
		exact, ok := new(big.Rat).SetString(s)
		rounded, okRounded := new(big.Rat).SetString(string(got.Text))
		if !ok || !okRounded {
			t.Fatalf("%q became %q", s, got.Text)
		}
		half := new(big.Rat).SetFrac(big.NewInt(1), new(big.Int).Mul(big.NewInt(2), new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(to.Scale)), nil)))
		if off := new(big.Rat).Sub(exact, rounded); off.Abs(off).Cmp(half) > 0 {
			t.Errorf("%q became %q as %s", s, got.Text, to.Type)
		}
		if digits := strings.Trim(strings.ReplaceAll(string(got.Text), ".", ""), "-"); len(strings.TrimLeft(digits, "0")) > to.Precision {
			t.Errorf("%q became %q as %s", s, got.Text, to.Type)
		}
	})
}
