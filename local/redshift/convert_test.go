package redshift

import (
	"strings"
	"testing"

	"github.com/stagelift/stagelift/local/redshift/grammar"
)

func TestConverts(t *testing.T) {
	t.Parallel()
	plain, auto, round := &grammar.Copy{}, &grammar.Copy{TimeAuto: true}, &grammar.Copy{RoundDecimals: true}
	longString := `"` + strings.Repeat("x", maxSuperString+1) + `"`
	for name, c := range map[string]struct {
		kind    string
		options *grammar.Copy
		in      string
		// want is the text for PostgreSQL; empty means refused.
		want string
	}{
		"smallint":                 {"smallint", plain, "-32768", "-32768"},
		"smallint, plus":           {"smallint", plain, "+7", "7"},
		"smallint, beyond":         {"smallint", plain, "32768", ""},
		"bigint":                   {"bigint", plain, "9223372036854775807", "9223372036854775807"},
		"bigint, beyond":           {"bigint", plain, "9223372036854775808", ""},
		"integer, fraction":        {"integer", plain, "1.0", ""},
		"integer, space":           {"integer", plain, " 1", ""},
		"decimal":                  {"numeric(5,2)", plain, "-123.45", "-0123.45"},
		"decimal, cut":             {"numeric(5,2)", plain, "1.999", "01.99"},
		"decimal, rounded":         {"numeric(5,2)", round, "1.999", "01.999"},
		"decimal, no whole part":   {"numeric(5,2)", plain, ".5", "0.5"},
		"decimal, zeros":           {"numeric(3,2)", plain, "0001.5", "01.5"},
		"decimal, beyond":          {"numeric(5,2)", plain, "1000", ""},
		"decimal, NaN":             {"numeric(5,2)", plain, "NaN", ""},
		"decimal, exponent":        {"numeric(5,2)", plain, "1e2", ""},
		"decimal, dot":             {"numeric(5,2)", plain, ".", ""},
		"decimal, sign":            {"numeric(5,2)", plain, "-", ""},
		"decimal, 19 digits":       {"numeric(19,2)", plain, "92233720368547758.07", "092233720368547758.07"},
		"decimal, beyond 64 bits":  {"numeric(19,2)", plain, "92233720368547758.08", ""},
		"decimal, 38 digits":       {"numeric(38,0)", plain, strings.Repeat("9", 38), "0" + strings.Repeat("9", 38)},
		"real":                     {"real", plain, "1.5e3", "1.5e3"},
		"real, beyond":             {"real", plain, "1e39", ""},
		"double, NaN":              {"double precision", plain, "NaN", "NaN"},
		"double, Go's":             {"double precision", plain, "0x1p4", ""},
		"double, Go's too":         {"double precision", plain, "1_000", ""},
		"boolean":                  {"boolean", plain, "True", "t"},
		"boolean, no":              {"boolean", plain, "n", "f"},
		"boolean, on":              {"boolean", plain, "on", ""},
		"char":                     {"character(3)", plain, "abc", "abc"},
		"char, multibyte":          {"character(3)", plain, "é", ""},
		"varchar, escapes":         {"character varying(9)", plain, "\\\t\n\r", `\\\t\n\r`},
		"varchar, bytes":           {"character varying(3)", plain, "éé", ""},
		"date":                     {"date", plain, "2024-02-29", "2024-02-29"},
		"date, no such day":        {"date", plain, "2023-02-29", ""},
		"date, year 0":             {"date", plain, "0000-01-01", ""},
		"date, five digits":        {"date", plain, "10000-01-01", ""},
		"date, infinity":           {"date", plain, "-infinity", ""},
		"date, BC":                 {"date", plain, "0044-03-15 BC", ""},
		"timestamp":                {"timestamp without time zone", plain, "2026-01-02 03:04:05.123456", "2026-01-02 03:04:05.123456"},
		"timestamp, date alone":    {"timestamp without time zone", plain, "2026-01-02", "2026-01-02"},
		"timestamp, T":             {"timestamp without time zone", plain, "2026-01-02T03:04:05", ""},
		"timestamp, T, auto":       {"timestamp without time zone", auto, "2026-01-02T03:04:05", "2026-01-02T03:04:05"},
		"timestamp, zone":          {"timestamp without time zone", auto, "2026-01-02 03:04:05+00", ""},
		"timestamp, 7 digits":      {"timestamp without time zone", plain, "2026-01-02 03:04:05.1234567", ""},
		"timestamp, 24 hours":      {"timestamp without time zone", plain, "2026-01-02 24:00:00", ""},
		"timestamp, no fraction":   {"timestamp without time zone", plain, "2026-01-02 03:04:05.", ""},
		"timestamptz":              {"timestamp with time zone", plain, "2026-01-02 03:04:05.5+05:30", "2026-01-02 03:04:05.5+05:30"},
		"timestamptz, short":       {"timestamp with time zone", plain, "2026-01-02 03:04:05-08", "2026-01-02 03:04:05-08"},
		"timestamptz, no zone":     {"timestamp with time zone", plain, "2026-01-02 03:04:05", "2026-01-02 03:04:05"},
		"timestamptz, name":        {"timestamp with time zone", plain, "2026-01-02 03:04:05 CET", ""},
		"time":                     {"time without time zone", plain, "23:59:59.999999", "23:59:59.999999"},
		"time, midnight":           {"time without time zone", plain, "24:00:00", "24:00:00"},
		"time, after it":           {"time without time zone", plain, "24:00:00.1", ""},
		"timetz":                   {"time with time zone", plain, "01:02:03+02", "01:02:03+02"},
		"super":                    {"jsonb", plain, `{"a": "b\n"}`, `{"a": "b\\n"}`},
		"super, broken":            {"jsonb", plain, `{"a"`, ""},
		"super, long string":       {"jsonb", plain, longString, ""},
		"varbyte":                  {"bytea", plain, "00fF", `\\x00fF`},
		"varbyte, odd":             {"bytea", plain, "00f", ""},
		"varbyte, PostgreSQL's \\": {"bytea", plain, `\x00`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			column, err := newColumn("c", c.kind, false)
			if err != nil {
				t.Fatal(err)
			}
			got, err := column.convert([]byte("before\t"), []byte(c.in), c.options)
			switch {
			case c.want == "" && err == nil:
				t.Errorf("%q became %q", c.in, got)
			case c.want != "" && err != nil:
				t.Error(err)
			case c.want != "" && string(got) != "before\t"+c.want:
				t.Errorf("%q became %q, want %q", c.in, got, c.want)
			}
		})
	}
}
