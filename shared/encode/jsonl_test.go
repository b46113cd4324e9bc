package encode_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/stagelift/stagelift/local/pgserver/pgtest"
	"github.com/stagelift/stagelift/shared/encode"
	"github.com/stagelift/stagelift/shared/encode/copybinary"
	"github.com/stagelift/stagelift/shared/table"
)

// binaryRow makes a row of values; nil is NULL.
func binaryRow(values ...[]byte) []byte {
	row := binary.BigEndian.AppendUint16(nil, uint16(len(values)))
	for _, value := range values {
		if value == nil {
			row = append(row, 0xff, 0xff, 0xff, 0xff)
			continue
		}
		row = append(binary.BigEndian.AppendUint32(row, uint32(len(value))), value...)
	}
	return row
}

func jsonField(name string, wire table.Wire, form table.JSON) table.Field {
	return table.Field{Column: table.Column{Name: name, Nullable: true}, Image: table.Image{Wire: wire, JSON: form}}
}

func newEncoder(t testing.TB, fields []table.Field, o encode.Options) encode.Encoder {
	t.Helper()
	encoder, err := encode.New(fields, o)
	if err != nil {
		t.Fatal(err)
	}
	return encoder
}

// lines writes rows as one part.
func lines(t testing.TB, fields []table.Field, rows ...[]byte) string {
	t.Helper()
	encoder := newEncoder(t, fields, jsonlOptions())
	var part bytes.Buffer
	err := encoder.Begin(&part)
	for _, row := range rows {
		err = errors.Join(err, encoder.Write(row))
	}
	if err = errors.Join(err, encoder.End()); err != nil {
		t.Fatal(err)
	}
	return part.String()
}

func TestTextIsEscapedWhereJSONMustBe(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, want string }{
		"empty":                    {"", `""`},
		"nothing to escape":        {"a long text of many words, größe, 名前, 𝄞, </script>, ' and / and \u2028\u2029\u007f", `"a long text of many words, größe, 名前, 𝄞, </script>, ' and / and ` + "\u2028\u2029\u007f" + `"`},
		"quotes and backslashes":   {`"a\b"`, `"\"a\\b\""`},
		"letters of their own":     {"\b\t\n\f\r", `"\b\t\n\f\r"`},
		"other control characters": {"\x01\x1f\x0b", `"\u0001\u001f\u000b"`},
		"at the end of a word":     {"1234567\n1234567\"", `"1234567\n1234567\""`},
		"behind a long text":       {strings.Repeat("x", 33) + "\\", `"` + strings.Repeat("x", 33) + `\\"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := lines(t, []table.Field{jsonField("v", table.WireText, table.JSONString)}, binaryRow([]byte(c.text)))
			if diff := cmp.Diff(`{"v":`+c.want+"}\n", got); diff != "" {
				t.Errorf("line (-want +got):\n%s", diff)
			}
		})
	}
}

func TestValuesHaveTheirFormInJSON(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		wire table.Wire
		form table.JSON
		raw  string
		want string
	}{
		"NULL":                  {wire: table.WireInt32, form: table.JSONNumber, want: "null"},
		"a boolean":             {table.WireBool, table.JSONBoolean, "\x01", "true"},
		"a boolean that is not": {table.WireBool, table.JSONBoolean, "\x00", "false"},
		"a bigint":              {table.WireInt64, table.JSONNumber, "\x7f\xff\xff\xff\xff\xff\xff\xff", "9223372036854775807"},
		"NaN":                   {table.WireFloat64, table.JSONNumber, "\x7f\xf8\x00\x00\x00\x00\x00\x00", `"NaN"`},
		"infinity":              {table.WireFloat32, table.JSONNumber, "\x7f\x80\x00\x00", `"Infinity"`},
		"-infinity":             {table.WireNumeric, table.JSONNumber, "\x00\x00\x00\x00\xf0\x00\x00\x00", `"-Infinity"`},
		"a numeric":             {table.WireNumeric, table.JSONNumber, "\x00\x01\x00\x00\x40\x00\x00\x02\x00\x07", "-7.00"},
		"bytes":                 {table.WireBytes, table.JSONBase64, "\xfb\xff\xfe\x00", `"+//+AA=="`},
		"no bytes":              {table.WireBytes, table.JSONBase64, "", `""`},
		"an infinite date":      {table.WireDate, table.JSONString, "\x7f\xff\xff\xff", `"infinity"`},
		"a timestamp in UTC":    {table.WireTimestampTZ, table.JSONString, "\x00\x00\x00\x00\x00\x00\x00\x01", `"2000-01-01T00:00:00.000001+00:00"`},
		"json on lines":         {table.WireJSON, table.JSONRaw, "{\n\"a\\n\" :\r\n\t1}", "{ \"a\\n\" :  \t1}"},
		"jsonb":                 {table.WireJSONB, table.JSONRaw, "\x01[1, 2]", "[1, 2]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			raw := []byte(c.raw)
			if name == "NULL" {
				raw = nil
			}
			got := lines(t, []table.Field{jsonField(`the "v"`, c.wire, c.form)}, binaryRow(raw))
			if diff := cmp.Diff(`{"the \"v\"":`+c.want+"}\n", got); diff != "" {
				t.Errorf("line (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRowWithoutColumnsIsAnEmptyObject(t *testing.T) {
	t.Parallel()
	if got := lines(t, nil, binaryRow(), binaryRow()); got != "{}\n{}\n" {
		t.Errorf("got %q, want two empty objects", got)
	}
}

// What a server makes of a whole row as JSON is the line that we write, byte by
// byte. Only bytea is another matter: PostgreSQL has it as hexadecimal text.
func TestLineIsTheRowAsPostgreSQLHasItInJSON(t *testing.T) {
	t.Parallel()
	connection, err := pgconn.Connect(t.Context(), pgtest.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close(t.Context()) })
	if _, err := connection.Exec(t.Context(), "SET TimeZone TO UTC; SET DateStyle TO ISO").ReadAll(); err != nil {
		t.Fatal(err)
	}
	fields := []table.Field{
		jsonField("id", table.WireInt32, table.JSONNumber), jsonField(`a "name"`, table.WireText, table.JSONString),
		jsonField("total", table.WireNumeric, table.JSONNumber), jsonField("score", table.WireFloat64, table.JSONNumber),
		jsonField("active", table.WireBool, table.JSONBoolean), jsonField("größe", table.WireDate, table.JSONString),
		jsonField("at", table.WireTimestampTZ, table.JSONString), jsonField("local", table.WireTimestamp, table.JSONString),
		jsonField("of", table.WireTime, table.JSONString), jsonField("zone", table.WireTimeTZ, table.JSONString),
		jsonField("uuid", table.WireUUID, table.JSONString), jsonField("document", table.WireJSONB, table.JSONRaw),
	}
	const query = `SELECT x.*, row_to_json(x)::text FROM (SELECT i AS id, chr(i) || repeat(chr(i), i % 20) AS "a ""name""",
		nullif(i, 9)::numeric / 7 AS total, CASE WHEN i % 50 = 0 THEN 'NaN' ELSE i / 7.0::float8 END AS score, i % 2 = 0 AS active,
		date '2020-01-01' - i * 500 AS "größe", timestamptz '2020-01-01' - i * interval '1.001 years' AS at,
		timestamp 'infinity' AS local, time '00:00' + i * interval '1.000001 s' AS of, timetz '12:00:00+05:30' AS zone,
		md5(i::text)::uuid AS uuid, jsonb_build_object('i', i, 'c', chr(i)) AS document FROM generate_series(1, 3000) AS i) AS x`
	values, compared := make([][]byte, len(fields)+1), 0
	_, err = connection.CopyTo(t.Context(), write(func(message []byte) error {
		row, err := copybinary.Row(message)
		if err != nil || row == nil {
			return err
		}
		if err := copybinary.Split(row, values); err != nil {
			return err
		}
		compared++
		want := string(values[len(fields)]) + "\n"
		if diff := cmp.Diff(want, lines(t, fields, binaryRow(values[:len(fields)]...))); diff != "" {
			t.Errorf("line (-want +got):\n%s", diff)
		}
		return nil
	}), "COPY ("+query+") TO STDOUT (FORMAT binary)")
	if err != nil || compared != 3000 {
		t.Errorf("%d rows were compared: %v", compared, err)
	}
}

type write func([]byte) error

func (w write) Write(p []byte) (int, error) { return len(p), w(p) }

func FuzzTextReadsBackFromJSON(f *testing.F) {
	f.Add([]byte("plain text"))
	f.Add([]byte("1234567\"\\\n\x00\x1f\x7f\u2028𝄞"))
	f.Add([]byte("not UTF-8: \xff\xed\xa0\x80"))
	fields := []table.Field{jsonField("v", table.WireText, table.JSONString)}
	f.Fuzz(func(t *testing.T, text []byte) {
		encoder := newEncoder(t, fields, jsonlOptions())
		var part bytes.Buffer
		err := errors.Join(encoder.Begin(&part), encoder.Write(binaryRow(text)))
		if !utf8.Valid(text) {
			if err == nil || !strings.Contains(err.Error(), "not UTF-8") {
				t.Fatalf("%q gave %v, want an error", text, err)
			}
			return
		}
		if err = errors.Join(err, encoder.End()); err != nil {
			t.Fatal(err)
		}
		var got struct{ V string }
		if err := json.Unmarshal(part.Bytes(), &got); err != nil || got.V != string(text) || bytes.Count(part.Bytes(), []byte("\n")) != 1 {
			t.Fatalf("%q was written as %q and reads as %q: %v", text, part.Bytes(), got.V, err)
		}
	})
}

// Any bytes are either refused or a line of JSON.
func FuzzRowIsALineOfJSONOrRefused(f *testing.F) {
	fields := []table.Field{
		jsonField("a", table.WireInt32, table.JSONNumber), jsonField("b", table.WireFloat64, table.JSONNumber),
		jsonField("c", table.WireNumeric, table.JSONNumber), jsonField("d", table.WireTimestamp, table.JSONString),
		jsonField("e", table.WireText, table.JSONString), jsonField("f", table.WireBytes, table.JSONBase64),
	}
	f.Add(binaryRow(nil, nil, nil, nil, nil, nil))
	f.Add(binaryRow(make([]byte, 4), make([]byte, 8), make([]byte, 8), make([]byte, 8), []byte("a"), []byte{}))
	f.Fuzz(func(t *testing.T, row []byte) {
		encoder := newEncoder(t, fields, jsonlOptions())
		var part bytes.Buffer
		if err := errors.Join(encoder.Begin(&part), encoder.Write(row)); err != nil {
			return
		}
		if err := encoder.End(); err != nil {
			t.Fatal(err)
		}
		if line, rest, _ := bytes.Cut(part.Bytes(), []byte("\n")); !json.Valid(line) || len(rest) != 0 {
			t.Fatalf("%x was written as %q", row, part.Bytes())
		}
	})
}

func TestValueThatCannotBeReadNamesItsColumnAndRow(t *testing.T) {
	t.Parallel()
	fields := []table.Field{
		jsonField("id", table.WireInt32, table.JSONNumber), jsonField("note", table.WireText, table.JSONString),
		jsonField("json", table.WireJSON, table.JSONRaw), jsonField("jsonb", table.WireJSONB, table.JSONRaw),
		jsonField("n", table.WireNumeric, table.JSONNumber), jsonField("b", table.WireBool, table.JSONBoolean),
	}
	five := []byte{0, 0, 0, 5}
	for want, row := range map[string][]byte{
		`column "note" in the row id=5: text that is not UTF-8`:   binaryRow(five, []byte("\xff"), nil, nil, nil, nil),
		`column "json" in the row id=5: text that is not UTF-8`:   binaryRow(five, nil, []byte("\"\xff\""), nil, nil, nil),
		`column "jsonb" in the row id=5: reading a jsonb`:         binaryRow(five, nil, nil, []byte("{}"), nil, nil),
		`column "n" in the row id=5: reading a numeric: 2 bytes`:  binaryRow(five, nil, nil, nil, []byte("ab"), nil),
		`column "b" in the row id=5: reading a boolean: 0 bytes`:  binaryRow(five, nil, nil, nil, nil, []byte{}),
		`column "id" in the row id=?: reading an integer: 1 byte`: binaryRow([]byte{5}, nil, nil, nil, nil, nil),
		`splitting a row: 2 fields, want 6`:                       binaryRow(five, nil),
	} {
		o := jsonlOptions()
		o.Key = []int{0}
		encoder := newEncoder(t, fields, o)
		err := errors.Join(encoder.Begin(io.Discard), encoder.Write(row))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestValueThatCannotBeReadNamesItsColumnWithoutAKey(t *testing.T) {
	t.Parallel()
	encoder := newEncoder(t, []table.Field{jsonField("id", table.WireInt32, table.JSONNumber)}, jsonlOptions())
	err := errors.Join(encoder.Begin(io.Discard), encoder.Write(binaryRow([]byte{})))
	if err == nil || !strings.HasPrefix(err.Error(), `encoding column "id": reading an integer`) {
		t.Errorf("got %v, want the column", err)
	}
}
