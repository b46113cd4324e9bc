package table_test

import (
	"math/big"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/shared/table"
)

func imageOf(t *testing.T, c table.Column) table.Image {
	t.Helper()
	if c.Name == "" {
		c.Name = "c"
	}
	image, err := table.ImageOf(c)
	if err != nil {
		t.Fatalf("%+v: %v", c, err)
	}
	return image
}

func TestNumericIsDecimalWhereItFits(t *testing.T) {
	t.Parallel()
	text := table.Parquet{Physical: table.ParquetBytes, Logical: table.ParquetString}
	decimal := func(precision, scale, length int) table.Parquet {
		return table.Parquet{
			Physical: table.ParquetFixed, Logical: table.ParquetDecimal,
			Precision: precision, Scale: scale, Length: length,
		}
	}
	for spelling, want := range map[string]struct {
		parquet             table.Parquet
		redshift, snowflake string
	}{
		"numeric":        {text, "VARCHAR(65535)", "VARCHAR(134217728)"},
		"numeric(1,0)":   {decimal(1, 0, 1), "DECIMAL(1,0)", "NUMBER(1,0)"},
		"numeric(12,2)":  {decimal(12, 2, 6), "DECIMAL(12,2)", "NUMBER(12,2)"},
		"numeric(38,37)": {decimal(38, 37, 16), "DECIMAL(38,37)", "NUMBER(38,37)"},
		"numeric(38,38)": {text, "VARCHAR(65535)", "VARCHAR(134217728)"},
		"numeric(39,0)":  {text, "VARCHAR(65535)", "VARCHAR(134217728)"},
		"numeric(5,-2)":  {decimal(7, 0, 4), "DECIMAL(7,0)", "NUMBER(7,0)"},
		"numeric(36,-3)": {text, "VARCHAR(65535)", "VARCHAR(134217728)"},
		"numeric(3,5)":   {decimal(5, 5, 3), "DECIMAL(5,5)", "NUMBER(5,5)"},
		"numeric(2,37)":  {decimal(37, 37, 16), "DECIMAL(37,37)", "NUMBER(37,37)"},
		"numeric(2,38)":  {text, "VARCHAR(65535)", "VARCHAR(134217728)"},
		"money":          {decimal(22, 3, 10), "DECIMAL(22,3)", "NUMBER(22,3)"},
	} {
		t.Run(spelling, func(t *testing.T) {
			t.Parallel()
			image := imageOf(t, table.Column{Type: spelling})
			if diff := cmp.Diff(want.parquet, image.Parquet); diff != "" {
				t.Errorf("Parquet (-want +got):\n%s", diff)
			}
			if image.Redshift != want.redshift || image.Snowflake != want.snowflake {
				t.Errorf("becomes %s and %s, want %s and %s", image.Redshift, image.Snowflake, want.redshift, want.snowflake)
			}
			if image.Wire != table.WireNumeric || image.JSON != table.JSONNumber {
				t.Errorf("is sent as wire %d and written as JSON %d, want a numeric and a number", image.Wire, image.JSON)
			}
		})
	}
}

func TestDecimalIsTheShortestThatHoldsItsDigits(t *testing.T) {
	t.Parallel()
	for precision := 1; precision <= 38; precision++ {
		image := imageOf(t, table.Column{Type: "numeric(" + big.NewInt(int64(precision)).String() + ",0)"})
		largest := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(precision)), nil)
		largest.Sub(largest, big.NewInt(1))
		if want := largest.BitLen()/8 + 1; image.Parquet.Length != want {
			t.Errorf("%d digits take %d bytes, want %d", precision, image.Parquet.Length, want)
		}
	}
}

// Redshift counts bytes and Snowflake characters.
func TestTextKeepsItsLength(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ spelling, kind, redshift, snowflake string }{
		{"character varying(40)", "", "VARCHAR(160)", "VARCHAR(40)"},
		{"character varying(16383)", "", "VARCHAR(65532)", "VARCHAR(16383)"},
		{"character varying(16384)", "", "VARCHAR(65535)", "VARCHAR(16384)"},
		{"character varying", "", "VARCHAR(65535)", "VARCHAR(134217728)"},
		{"character(3)", "", "VARCHAR(12)", "VARCHAR(3)"},
		{"bpchar", "", "VARCHAR(65535)", "VARCHAR(134217728)"},
		{"text", "", "VARCHAR(65535)", "VARCHAR(134217728)"},
		{"bit(5)", "", "VARCHAR(5)", "VARCHAR(5)"},
		{"bit varying(83886080)", "", "VARCHAR(65535)", "VARCHAR(83886080)"},
		{"interval day to second(3)", "", "VARCHAR(67)", "VARCHAR(67)"},
		{"public.mood", "enum", "VARCHAR(63)", "VARCHAR(63)"},
		{"public.mood", "", "VARCHAR(65535)", "VARCHAR(134217728)"},
	} {
		image := imageOf(t, table.Column{Type: c.spelling, Kind: c.kind})
		if image.Redshift != c.redshift || image.Snowflake != c.snowflake {
			t.Errorf("%s %s becomes %s and %s, want %s and %s",
				c.spelling, c.kind, image.Redshift, image.Snowflake, c.redshift, c.snowflake)
		}
	}
}

// Whatever the elements are, and whatever a column of them alone would be.
func TestArraysAndCompositesAreJSON(t *testing.T) {
	t.Parallel()
	want := table.Image{
		Sent: table.FormJSON, Wire: table.WireJSON, JSON: table.JSONRaw,
		Parquet:  table.Parquet{Physical: table.ParquetBytes, Logical: table.ParquetString},
		Redshift: "SUPER", Snowflake: "VARIANT",
	}
	for _, c := range []table.Column{
		{Type: "integer[]"},
		{Type: "text[][]"},
		{Type: "numeric(4,1)[]"},
		{Type: "bytea[]"},
		{Type: "jsonb[]"},
		{Type: "public.mood[]", Kind: "enum"},
		{Type: "int4range[]", Kind: "range"},
		{Type: "public.pair", Kind: "composite"},
		{Type: "public.pair[]", Kind: "composite"},
	} {
		if diff := cmp.Diff(want, imageOf(t, c)); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", c, diff)
		}
	}
}

func TestAnyTypeCanBeCarriedAsText(t *testing.T) {
	t.Parallel()
	want := table.Image{
		Sent: table.FormText, Wire: table.WireText, JSON: table.JSONString,
		Parquet:  table.Parquet{Physical: table.ParquetBytes, Logical: table.ParquetString},
		Redshift: "VARCHAR(65535)", Snowflake: "VARCHAR(134217728)",
	}
	for _, spelling := range []string{"numeric(12,2)", "date", "timestamp with time zone", "money", "bytea", "integer[]"} {
		if diff := cmp.Diff(want, imageOf(t, table.Column{Type: spelling, AsText: true})); diff != "" {
			t.Errorf("%s as text (-want +got):\n%s", spelling, diff)
		}
	}
}

// What PostgreSQL prints for one is no text before version 15, as text or not.
func TestCharIsNeverAskedForAsText(t *testing.T) {
	t.Parallel()
	for asText, want := range map[bool]string{false: "VARCHAR(4)", true: "VARCHAR(65535)"} {
		image := imageOf(t, table.Column{Type: `"char"`, AsText: asText})
		if image.Sent != table.FormValue || image.Wire != table.WireChar || image.JSON != table.JSONString || image.Redshift != want {
			t.Errorf("as text %v: %+v, want its byte, a string, %s", asText, image, want)
		}
	}
}

// Text that the server has checked when it took it is not looked at again.
func TestUncheckedIsWhatTheServerPrints(t *testing.T) {
	t.Parallel()
	for want, columns := range map[bool][]table.Column{
		true: {
			{Type: `"char"[]`},
			{Type: "public.pair", Kind: "composite"},
			{Type: "text[]"},
			{Type: "public.span", Kind: "range"},
			{Type: "public.hstore"},
			{Type: "xml"},
			{Type: "date", AsText: true},
		},
		false: {
			{Type: `"char"`},
			{Type: "text"},
			{Type: "character varying(40)"},
			{Type: "name"},
			{Type: "json"},
			{Type: "jsonb"},
			{Type: "public.mood", Kind: "enum"},
			{Type: "bytea"},
			{Type: "numeric"},
			{Type: "money"},
		},
	} {
		for _, c := range columns {
			if got := imageOf(t, c).Unchecked(); got != want {
				t.Errorf("%s: unchecked %v, want %v", c.Type, got, want)
			}
		}
	}
}

func TestLimitedIsWhatParquetCannotHoldWhole(t *testing.T) {
	t.Parallel()
	for want, spellings := range map[bool][]string{
		true: {
			"numeric(12,2)", "numeric(3,5)", "money", "date", "time without time zone",
			"timestamp without time zone", "timestamp(3) with time zone",
		},
		false: {
			"boolean", "smallint", "bigint", "oid", "real", "double precision", "numeric", "numeric(39,0)", "text",
			"bytea", "time with time zone", "interval", "uuid", "jsonb", "date[]", "daterange", "public.unheard_of",
		},
	} {
		for _, spelling := range spellings {
			if got := imageOf(t, table.Column{Type: spelling}).Limited(); got != want {
				t.Errorf("%s: limited %v, want %v", spelling, got, want)
			}
			if imageOf(t, table.Column{Type: spelling, AsText: true}).Limited() {
				t.Errorf("%s as text is limited", spelling)
			}
		}
	}
}

func TestUnreadableTypeNamesItsColumn(t *testing.T) {
	t.Parallel()
	_, err := table.ImageOf(table.Column{Name: "total", Type: ""})
	if err == nil {
		t.Fatal("a type without a name was taken")
	}
	want := `column "total": parsing type "": not a type as format_type() spells it`
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
}

var creatable = regexp.MustCompile(`^[A-Z_ ]+(\([1-9]\d*\)|\(\d+,\d+\))?$`)

// No spelling makes a column that a target would refuse to create.
func FuzzEveryTypeHasAnImage(f *testing.F) {
	for _, spelling := range []string{
		"numeric(1000,-1000)", "numeric(1,1000)", "character varying(10485760)", "bit varying(83886080)",
		"interval second(3)", "public.geometry(Point,4326)", `public."odd(3)[]"`, "numeric(0,0)", "bit(-1)",
	} {
		f.Add(spelling, "")
	}
	f.Add("public.mood[]", "enum")
	f.Fuzz(func(t *testing.T, spelling, kind string) {
		image, err := table.ImageOf(table.Column{Name: "c", Type: spelling, Kind: kind})
		if err != nil {
			return
		}
		p := image.Parquet
		decimal := 1 <= p.Precision && p.Precision <= 38 && 0 <= p.Scale && p.Scale <= min(p.Precision, 37) && 1 <= p.Length && p.Length <= 16
		if p.Logical == table.ParquetDecimal && !decimal {
			t.Errorf("%q becomes %+v in Parquet", spelling, p)
		}
		for _, target := range []string{image.Redshift, image.Snowflake} {
			if !creatable.MatchString(target) {
				t.Errorf("%q becomes %q in a warehouse", spelling, target)
			}
		}
	})
}
