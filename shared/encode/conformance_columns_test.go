package encode_test

import (
	"strings"
)

// column is a type with the values that are written and read back, as literals
// that PostgreSQL takes. Its name is its type.
type column struct {
	Type   string
	Values []string
	// Beyond are values that the type's column in Parquet cannot hold.
	Beyond []string
	// Since is the major version of PostgreSQL that brought the type, and
	// NewerSince the one that takes the Newer of its values; 0 is every version.
	Since, NewerSince int
	Newer             []string
}

// schema has what the types below need.
const schema = `
CREATE EXTENSION hstore;
CREATE EXTENSION citext;
CREATE EXTENSION ltree;
CREATE EXTENSION cube;
CREATE TYPE mood AS ENUM ('ok', 'sad, "very"', 'größe', '');
CREATE TYPE pair AS (a integer, b text);
CREATE TYPE nest AS (p pair, list integer[], at timestamp with time zone, raw bytea);
CREATE TYPE floatrange AS RANGE (subtype = float8);
CREATE DOMAIN email AS text CHECK (VALUE LIKE '%@%');
CREATE DOMAIN price AS numeric(6,2);
CREATE DOMAIN series AS integer[];
CREATE DOMAIN feeling AS mood;
CREATE DOMAIN couple AS pair;`

func nines(n int) string { return strings.Repeat("9", n) }

// everyCharacter holds all of Unicode but NUL, which PostgreSQL has not in
// text, and the surrogates, which are no characters.
func everyCharacter() string {
	var b strings.Builder
	for r := rune(1); r <= 0x10ffff; r++ {
		if r < 0xd800 || r > 0xdfff {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func everyByte() string {
	const digits = "0123456789abcdef"
	var b strings.Builder
	b.WriteString(`\x`)
	for i := range 256 {
		b.WriteByte(digits[i>>4])
		b.WriteByte(digits[i&15])
	}
	return b.String()
}

// tricky are texts that formats give a meaning of their own.
var tricky = []string{
	"", " ", "plain", `\N`, `"\N"`, `\.`, `\`, `\\n`, `"`, `""`, `'`, ",", "a,b", "a\tb", "line\nbreak", "cr\rlf\r\nend", "\n",
	"NULL", "null", "  spaces  ", "größe", "名前", "𝄞", "e\u0301", "\u2028\u2029", "\ufeff", "\u0001\u001f\u007f\b\f", "</script>&<>", "{}", "NaN",
}

var (
	digitsBefore = nines(131072)
	digitsBehind = nines(16383)

	timestamps = []string{
		"4714-11-24 00:00:00 BC", "0044-03-15 12:00:00.5 BC", "0001-01-01 00:00:00", "1969-12-31 23:59:59.999999",
		"1970-01-01 00:00:00", "2000-01-01 00:00:00", "1999-12-31 23:59:59.999999", "2026-11-21 00:30:00.000001", "2026-11-21 00:30:00.120000",
		"2024-02-29 23:59:59", "9999-12-31 23:59:59.999999", "10000-01-01 00:00:00", "12345-06-07 08:09:10.11", "294247-01-10 04:00:54.775807",
	}
	timestampsBeyond = []string{"294247-01-10 04:00:54.775808", "294276-12-31 23:59:59.999999", "infinity", "-infinity"}
)

// numbers are the types of numbers, with their smallest and largest values.
var numbers = []column{
	{Type: "boolean", Values: []string{"true", "false"}},
	{Type: "smallint", Values: []string{"-32768", "32767", "0", "-1"}},
	{Type: "integer", Values: []string{"-2147483648", "2147483647", "0", "-1"}},
	{Type: "bigint", Values: []string{"-9223372036854775808", "9223372036854775807", "0", "9007199254740993"}},
	{Type: "oid", Values: []string{"0", "4294967295", "2147483648"}},
	{Type: "real", Values: []string{
		"0", "-0", "NaN", "Infinity", "-Infinity", "1e-45", "-3.4028235e38", "1.1754944e-38", "0.1", "0.0001", "0.00001", "999999", "1e6", "16777216",
	}},
	{Type: "double precision", Values: []string{
		"0", "-0", "NaN", "Infinity", "-Infinity", "5e-324", "-1.7976931348623157e308", "2.2250738585072014e-308", "0.1", "0.30000000000000004",
		"0.0001", "0.00001", "100000000000000", "1e15", "1e16", "123456789012345680", "9007199254740993",
	}},
	{Type: "numeric(12,2)", Values: []string{"9999999999.99", "-9999999999.99", "0", "-0.01", "1.5"}, Beyond: []string{"NaN"}},
	{Type: "numeric(1,0)", Values: []string{"9", "-9", "0"}, Beyond: []string{"NaN"}},
	{Type: "numeric(2,-3)", Since: 15, Values: []string{"99000", "-99000", "0", "1000", "1499"}, Beyond: []string{"NaN"}},
	{Type: "numeric(3,5)", Since: 15, Values: []string{"0.00999", "-0.00999", "0", "0.00001"}, Beyond: []string{"NaN"}},
	{Type: "numeric(18,9)", Values: []string{nines(9) + "." + nines(9), "-" + nines(9) + "." + nines(9)}, Beyond: []string{"NaN"}},
	{Type: "numeric(19,0)", Values: []string{nines(19), "-" + nines(19), "9223372036854775808"}, Beyond: []string{"NaN"}},
	{Type: "numeric(38,0)", Values: []string{nines(38), "-" + nines(38), "1", "-1"}, Beyond: []string{"NaN"}},
	{Type: "numeric(38,37)", Values: []string{"9." + nines(37), "-9." + nines(37), "0." + strings.Repeat("0", 36) + "1"}, Beyond: []string{"NaN"}},
	{Type: "numeric(38,38)", Values: []string{"0." + nines(38), "NaN"}},
	{Type: "numeric(39,0)", Values: []string{nines(39), "-" + nines(39), "NaN"}},
	{Type: "numeric(1000,500)", Values: []string{nines(500) + "." + nines(500), "0", "NaN"}},
	{Type: "numeric", Values: []string{
		"0", "0.000", "-0.0", "NaN", "1.10", "100000", "0.0001", "1e100", "-1e-100",
		digitsBefore + "." + digitsBehind, "-" + digitsBefore, "1e131071", "1e-16383",
	}, NewerSince: 14, Newer: []string{"Infinity", "-Infinity"}},
	{Type: "money", Values: []string{"-92233720368547758.08", "92233720368547758.07", "0", "-0.01", "1234.50"}},
}

// texts are the types of text and bytes.
var texts = []column{
	{Type: "text", Values: append(tricky, everyCharacter())},
	{Type: "character varying(40)", Values: append(tricky, strings.Repeat("𝄞", 40))},
	{Type: "character varying", Values: tricky},
	{Type: "character(3)", Values: []string{"", "a", "abc", " b ", "𝄞𝄞𝄞", "\n", `\N`}},
	{Type: "bpchar", Values: []string{"", "a", "a   "}},
	{Type: "name", Values: []string{"", "a", strings.Repeat("n", 63), `"quoted"`}},
	{Type: `"char"`, Values: []string{"", "a", `"`, ",", "\n", `\303`}},
	{Type: "bytea", Values: []string{`\x`, `\x00`, everyByte(), `\x5c4e`}},
	{Type: "xml", Values: []string{"<a>1</a>", "<a b=\"c\">\n<!-- d --></a>", "text"}},
	{Type: "json", Values: []string{
		`{}`, `[]`, `null`, `"a"`, `1e400`, `-0.10`, nines(50), `true`, "{\n \"a\" :\t1 ,\r\n \"b\" : [ 1,\n2 ]\n}", `{"a":1,"a":2}`,
		`"\u0000"`, `"\ud834\udd1e \u2028 \n \" \\"`, ` [ "a  b" ] `, `{"größe":"名前"}`,
	}},
	{Type: "jsonb", Values: []string{
		`{}`, `[]`, `null`, `"a"`, `1e400`, `-0.10`, nines(50), `true`, "{\n \"b\" : 1 , \"a\" : [ 1,\n2 ]}", `{"a":1,"a":2}`,
		`"\ud834\udd1e \u2028 \n \" \\"`, `{"größe":"名前"}`,
	}},
	{Type: "uuid", Values: []string{
		"00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff", "0190b5a2-7c3d-7e8f-9a0b-1c2d3e4f5a6b",
	}},
	{Type: "bit(5)", Values: []string{"00000", "10101", "11111"}},
	{Type: "bit(1)", Values: []string{"0", "1"}},
	{Type: "bit varying(40)", Values: []string{"", "1", strings.Repeat("10", 20)}},
	{Type: "bit varying", Values: []string{"", strings.Repeat("01", 1000)}},
}

// times are the types of time.
var times = []column{
	{
		Type:   "date",
		Values: []string{"4714-11-24 BC", "0044-03-15 BC", "0001-01-01", "1582-10-10", "1969-12-31", "1970-01-01", "2000-02-29", "9999-12-31", "10000-01-01", "5874897-12-31"},
		Beyond: []string{"infinity", "-infinity"},
	},
	{Type: "time without time zone", Values: []string{"00:00:00", "23:59:59.999999", "12:34:56.7", "00:00:00.000001"}, Beyond: []string{"24:00:00"}},
	{Type: "time(3) without time zone", Values: []string{"12:34:56.789"}, Beyond: []string{"24:00:00"}},
	{Type: "time with time zone", Values: []string{
		"00:00:00+00", "00:00:00+15:59:59", "24:00:00-15:59:59", "12:34:56.000001+05:30", "01:02:03.4-08", "12:00:00-00:30",
	}},
	{Type: "timestamp without time zone", Values: timestamps, Beyond: timestampsBeyond},
	{Type: "timestamp(3) without time zone", Values: []string{"2026-11-21 00:30:00.123"}, Beyond: []string{"infinity"}},
	{Type: "timestamp with time zone", Values: append(timestamps, "2026-11-21 00:30:00+05:30"), Beyond: timestampsBeyond},
	{Type: "timestamp(0) with time zone", Values: []string{"2026-11-21 00:30:00-08"}, Beyond: []string{"-infinity"}},
	{Type: "interval", Values: []string{
		"0", "1 year 2 mons -3 days 04:05:06.789", "-1 mon +1 day -00:00:00.000001",
		"-178000000 years -11 mons -2147483648 days -2147483647:59:59.999999", "178000000 years 11 mons 2147483647 days 2147483647:59:59.999999",
	}, NewerSince: 15, Newer: []string{
		"-178000000 years -11 mons -2147483648 days -2562047788:00:54.775807", "178000000 years 11 mons 2147483647 days 2562047788:00:54.775807",
	}},
	{Type: "interval day to second(3)", Values: []string{"3 days 04:05:06.789"}},
	{Type: "interval year to month", Values: []string{"-1 year -2 mons"}},
}

// others are the types that no target knows.
var others = []column{
	{Type: "inet", Values: []string{"10.1.2.3", "10.1.2.3/8", "::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fff0/127", "::ffff:255.255.255.255/100"}},
	{Type: "cidr", Values: []string{"10.0.0.0/8", "10.1.2.3/32", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/127"}},
	{Type: "macaddr", Values: []string{"08:00:2b:01:02:03"}},
	{Type: "macaddr8", Values: []string{"08:00:2b:01:02:03:04:05"}},
	{Type: "pg_lsn", Values: []string{"0/0", "FFFFFFFF/FFFFFFFF"}},
	{Type: "point", Values: []string{"(1,2)", "(-0,NaN)", "(Infinity,1e300)"}},
	{Type: "line", Values: []string{"{1,2,3}"}},
	{Type: "lseg", Values: []string{"[(0,0),(1,1)]"}},
	{Type: "box", Values: []string{"(2,2),(0,0)"}},
	{Type: "path", Values: []string{"((0,0),(1,1))", "[(0,0),(1,1)]"}},
	{Type: "polygon", Values: []string{"((0,0),(1,1),(1,0))"}},
	{Type: "circle", Values: []string{"<(0,0),0.1>"}},
	{Type: "tsvector", Values: []string{"", "'a':1A 'fat':2B,4C 'it''s'"}},
	{Type: "tsquery", Values: []string{"'fat' & ( 'rat' | 'cat':AB )"}},
	{Type: "jsonpath", Values: []string{`$."a"[*]?(@ > 1)`}},
	{Type: "xid8", Values: []string{"18446744073709551615"}},
	{Type: "pg_snapshot", Values: []string{"10:20:10,14,15"}},
	{Type: "tid", Values: []string{"(4294967295,65535)"}},
	{Type: "regclass", Values: []string{"pg_class", "0"}},
	{Type: "regtype", Values: []string{"timestamp with time zone"}},
	{Type: "oidvector", Values: []string{"1 2 4294967295", ""}},
	{Type: "int2vector", Values: []string{"1 -2 3", ""}},
	{Type: "refcursor", Values: []string{"a b"}},
	{Type: "aclitem", Values: []string{"pg_monitor=r/pg_monitor"}},
	{Type: "int4range", Values: []string{"empty", "[1,10)", "(,)", "[-2147483648,)"}},
	{Type: "int8range", Values: []string{"[1,9223372036854775807)"}},
	{Type: "numrange", Values: []string{"[1.10,2.20]", "(,NaN)"}, NewerSince: 14, Newer: []string{"[Infinity,)"}},
	{Type: "tsrange", Values: []string{`["2026-11-21 00:30:00","infinity")`}},
	{Type: "tstzrange", Values: []string{`["0044-03-15 00:00:00+00 BC","2026-11-21 00:30:00+00")`}},
	{Type: "daterange", Values: []string{"[2026-11-21,2026-11-22)", "[-infinity,infinity]"}},
	{Type: "int4multirange", Since: 14, Values: []string{"{}", "{[1,3),[5,7)}"}},
	{Type: "nummultirange", Since: 14, Values: []string{"{[1.10,2.20],(3,)}"}},
	{Type: "public.floatrange", Values: []string{"[-Infinity,0.1)", "empty"}},
	{Type: "public.floatmultirange", Since: 14, Values: []string{"{[0,1),[2,3)}"}},
	{Type: "public.mood", Values: []string{"ok", `sad, "very"`, "größe", ""}},
	{Type: "public.hstore", Values: []string{"", `"a"=>"1", "b"=>NULL, "q\"uote"=>"\\ ,"`}},
	{Type: "public.citext", Values: []string{"", "MiXed", `\N`}},
	{Type: "public.ltree", Values: []string{"a.b.c"}},
	{Type: "public.cube", Values: []string{"(1, 2),(3, 4)"}},
}

// compounds are arrays, composites and domains.
var compounds = []column{
	{Type: "integer[]", Values: []string{"{}", "{1,NULL,-3}", "{{1,2},{3,4}}", "[5:6]={1,2}", "{{{1}},{{2}}}", "{NULL}"}},
	{Type: "integer[3][3]", Values: []string{"{1}", "{{1,2},{3,4}}"}},
	{Type: "bigint[]", Values: []string{"{9223372036854775807,9007199254740993}"}},
	{Type: "boolean[]", Values: []string{"{t,f,NULL}"}},
	{Type: "text[]", Values: []string{"{}", `{"a,b","q\"uote","",NULL,"NULL","back\\slash","line` + "\n" + `break","名前"}`}},
	{Type: "character(3)[]", Values: []string{"{a,abc}"}},
	{Type: "double precision[]", Values: []string{"{NaN,Infinity,-Infinity,-0,1e300,0.1}"}},
	{Type: "numeric[]", Values: []string{"{NaN,1.10," + nines(200) + "}"}, NewerSince: 14, Newer: []string{"{Infinity,-Infinity}"}},
	{Type: "numeric(4,1)[]", Values: []string{"{1.5,NaN}"}},
	{Type: "money[]", Values: []string{"{1.50}"}},
	{Type: "bytea[]", Values: []string{`{"\\x00ff",NULL}`}},
	{Type: "date[]", Values: []string{"{infinity,0044-03-15 BC,12345-06-07}"}},
	{Type: "timestamp with time zone[]", Values: []string{`{"2026-11-21 00:30:00+02",-infinity}`}},
	{Type: "timestamp(3) without time zone[]", Values: []string{`{"2026-11-21 00:30:00.123"}`}},
	{Type: "interval[]", Values: []string{`{"1 year -3 days"}`}},
	{Type: "uuid[]", Values: []string{"{00000000-0000-0000-0000-000000000000}"}},
	{Type: "json[]", Values: []string{"{\"{\n \\\"a\\\" : 1\n}\",NULL,\"null\"}", "{\"[1,\n2]\"}"}},
	{Type: "jsonb[]", Values: []string{`{"{\"a\": [1]}","null"}`}},
	{Type: "int4range[]", Values: []string{`{"[1,10)",empty}`}},
	{Type: "public.mood[]", Values: []string{`{ok,"sad, \"very\"",NULL,""}`}},
	{Type: "public.hstore[]", Values: []string{`{"a=>1"}`}},
	{Type: "public.pair[]", Values: []string{`{"(1,x)",NULL,"(,)"}`}},
	{Type: "public.email[]", Values: []string{`{a@b,"c,@d"}`}},
	{Type: "public.pair", Values: []string{"(1,x)", "(,)", `(2,"a ""b"", c")`}},
	{Type: "public.nest", Values: []string{`("(1,x)","{1,2}","2026-11-21 00:30:00+00","\\x00ff")`, "(,,,)"}},
	{Type: "public.email", Values: []string{"a@b", "größe@名前"}},
	{Type: "public.price", Values: []string{"9999.99", "-0.01"}, Beyond: []string{"NaN"}},
	{Type: "public.series", Values: []string{"{1,2}", "{}"}},
	{Type: "public.feeling", Values: []string{"ok"}},
	{Type: "public.couple", Values: []string{"(1,x)"}},
}
