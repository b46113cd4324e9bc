package redshift

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
)

// inUTF16 writes a text so, with a mark in front if it is not empty.
func inUTF16(mark, text string, order binary.AppendByteOrder) string {
	out := []byte(mark)
	for _, unit := range utf16.Encode([]rune(text)) {
		out = order.AppendUint16(out, unit)
	}
	return string(out)
}

// What each option makes of a file ("Data conversion parameters"), beside what
// comes of it without.
func TestCopyConverts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const columns = "CREATE TEMP TABLE t (i INT, v VARCHAR(5), c CHAR(3), d DATE, w TIMESTAMP)"
	long := strings.Repeat("x", 4<<20)
	for name, c := range map[string]struct {
		file, options string
		// want are the rows, or refused is why there are none.
		want    []string
		refused string
	}{
		"too long":              {file: "1,ääää,abc,,\n", refused: "8 bytes for VARCHAR(5)"},
		"truncated":             {file: "1,ääää,abcd,,\n", options: "TRUNCATECOLUMNS", want: []string{"1|ää|abc|-|-"}},
		"truncated, numbers":    {file: "99999999999,a,abc,,\n", options: "TRUNCATECOLUMNS", refused: "Overflow"},
		"truncated, large row":  {file: "1," + long + ",abc,,\n", options: "TRUNCATECOLUMNS", refused: "bytes for VARCHAR(5)"},
		"invalid":               {file: "1,a\xe1\x80b,abc,,\n", refused: "invalid or unsupported UTF8"},
		"replaced":              {file: "1,a\xe1\x80b,abc,,\n2,\xff\uFFFEz,abc,,\n", options: "ACCEPTINVCHARS", want: []string{"1|a??b|abc|-|-", "2|????z|abc|-|-"}},
		"replaced by":           {file: "1,\xe1\x80,abc,,\n", options: "ACCEPTINVCHARS AS '^'", want: []string{"1|^^|abc|-|-"}},
		"replaced in CHAR":      {file: "1,a,\xff,,\n", options: "ACCEPTINVCHARS", refused: "Multibyte character not supported for CHAR"},
		"noncharacters":         {file: "1,\uFDD0,abc,,\n", want: []string{"1|\uFDD0|abc|-|-"}},
		"blank":                 {file: " ,  ,  , ,\t\n", want: []string{"-|  |   |-|-"}},
		"blank as null":         {file: " ,  ,\"  \",,\n2,,,,\n", options: "BLANKSASNULL", want: []string{"-|-|-|-|-", "2||   |-|-"}},
		"trimmed":               {file: "1,a  ,b  ,,\n", options: "TRIMBLANKS", want: []string{"1|a|b  |-|-"}},
		"trimmed to fit":        {file: "1,abcde   ,b,,\n", options: "TRIMBLANKS", want: []string{"1|abcde|b  |-|-"}},
		"blank lines":           {file: "1,a,b,,\n\n2,a,b,,\n", refused: "line 2: Delimiter not found"},
		"blank lines ignored":   {file: "\n1,a,b,,\n\n\n2,a,b,,\n", options: "IGNOREBLANKLINES", want: []string{"1|a|b  |-|-", "2|a|b  |-|-"}},
		"not quite blank lines": {file: "1,a,b,,\r\n\r\n", options: "IGNOREBLANKLINES", refused: "line 2: Delimiter not found"},
		"filled":                {file: "1\n2,a\n", options: "FILLRECORD", want: []string{"1||-|-|-", "2|a|-|-|-"}},
		"filled with nulls":     {file: "1\n", options: "FILLRECORD EMPTYASNULL", want: []string{"1|-|-|-|-"}},
		"filled too far":        {file: "1,a,b,,,x\n", options: "FILLRECORD", refused: "Extra column(s) found"},
		"dates":                 {file: "1,,,31.03.2003,\n", options: "DATEFORMAT 'DD.MM.YYYY'", want: []string{"1||   |2003-03-31|-"}},
		"dates by name":         {file: "1,,,\"March 31, 2003\",\n2,,,\"Mar 1, 2003\",\n", options: "DATEFORMAT AS 'MON DD, YYYY'", refused: "line 2, column d: Invalid Date"},
		"dates with hours":      {file: "1,,,2003-03-31 25,\n", options: "DATEFORMAT 'YYYY-MM-DD HH'", refused: "column d: Invalid Date"},
		"no such date":          {file: "1,,,2003-02-31,\n", options: "DATEFORMAT 'YYYY-MM-DD'", refused: "column d: Invalid Date"},
		"times": {
			file: "1,,,,03.31.2003 18:45:05\n2,,,,03.31.2003 18:45:05.123456\n", options: "TIMEFORMAT AS 'MM.DD.YYYY HH:MI:SS'",
			want: []string{"1||   |-|2003-03-31 18:45:05", "2||   |-|2003-03-31 18:45:05.123456"},
		},
		"half a day": {
			file: "1,,,,2003-03-31 12:05 AM\n2,,,,2003-03-31 12:05 PM\n", options: "TIMEFORMAT 'YYYY-MM-DD HH12:MI AM'",
			want: []string{"1||   |-|2003-03-31 00:05:00", "2||   |-|2003-03-31 12:05:00"},
		},
		"thirteen o'clock": {file: "1,,,,2003-03-31 13:05 AM\n", options: "TIMEFORMAT 'YYYY-MM-DD HH12:MI AM'", refused: "column w: Invalid timestamp"},
		"epoch":            {file: "1,,,,1700000000\n2,,,,-1\n", options: "TIMEFORMAT 'epochsecs'", want: []string{"1||   |-|2023-11-14 22:13:20", "2||   |-|1969-12-31 23:59:59"}},
		"epoch, ms":        {file: "1,,,,1700000000123\n", options: "TIMEFORMAT 'epochmillisecs'", want: []string{"1||   |-|2023-11-14 22:13:20.123"}},
		"latin":            {file: "1,\xe4\xff,a,,\n", options: "ENCODING ISO88591", want: []string{"1|äÿ|a  |-|-"}},
		"utf16":            {file: inUTF16("\xff\xfe", "1,ä😀,a,,\n", binary.LittleEndian), options: "ENCODING UTF16", refused: "bytes for VARCHAR(5)"},
		"utf16, big":       {file: inUTF16("\xfe\xff", "1,😀,a,,\n", binary.BigEndian), options: "ENCODING UTF16", want: []string{"1|😀|a  |-|-"}},
		"utf16, unmarked":  {file: inUTF16("", "1,ä,a,,\n", binary.LittleEndian), options: "ENCODING AS 'UTF16LE'", want: []string{"1|ä|a  |-|-"}},
		"utf16, no mark":   {file: inUTF16("", "1,ä,a,,\n", binary.LittleEndian), options: "ENCODING UTF16", refused: "Encoding of the file is not the same"},
		"utf16, other":     {file: inUTF16("\xff\xfe", "1,ä,a,,\n", binary.LittleEndian), options: "ENCODING UTF16BE", refused: "Encoding of the file is not the same"},
		"utf16, cut":       {file: inUTF16("\xff\xfe", "1,ä,a,,\n", binary.LittleEndian) + "x", options: "ENCODING UTF16", refused: "Encoding of the file is not the same"},
		"utf16, halves":    {file: inUTF16("\xff\xfe", "1,", binary.LittleEndian) + "\x3d\xd8a\x00", options: "ENCODING UTF16", refused: "Encoding of the file is not the same"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := b.of(t)
			sql := copyFrom(b.put("in/"+strings.ReplaceAll(name, "'", "")+"/a", []byte(c.file)), c.options)
			if c.refused != "" {
				b.mustFail([]string{c.refused}, columns, sql)
				return
			}
			out := b.must(columns, sql, "SELECT * FROM t ORDER BY i NULLS FIRST")
			var got []string
			for _, row := range b.records(*out.Id + ":3") {
				var texts []string
				for _, value := range row {
					texts = append(texts, strings.Replace(fmt.Sprint(value), "<nil>", "-", 1))
				}
				got = append(got, strings.Join(texts, "|"))
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTimeFormatOfAZone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.must("CREATE TABLE t (w TIMESTAMPTZ)")
	b.mustFail([]string{"use 'auto'"}, copyFrom(b.put("in/a", []byte("2003.01.02\n")), "TIMEFORMAT 'YYYY.MM.DD'"))
	b.must(copyFrom(b.put("in/b", []byte("1700000000\n")), "TIMEFORMAT 'epochsecs'"))
	if diff := cmp.Diff([]string{"2023-11-14 22:13:20"}, b.look("SELECT (w AT TIME ZONE 'UTC')::text FROM t")); diff != "" {
		t.Error(diff)
	}
}

// Rows that cannot be loaded are left out and told, until there are as many as
// MAXERROR.
func TestMaxError(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.must("CREATE TABLE t (i INT NOT NULL, v VARCHAR(2))")
	url := b.put("in/a", []byte("1,a\nx,b\n3,abc\n4,d\n\\N,e\n6\n7,g,h\n8,\xff\n99999999999,i\n10,j\n"))
	out := b.must(copyFrom(url, "MAXERROR 8"))
	if got := out.SubStatements[0].ResultRows; got != 3 {
		t.Errorf("%d rows were loaded", got)
	}
	if diff := cmp.Diff([]string{"1", "4", "10"}, b.look("SELECT i::text FROM t ORDER BY t.i")); diff != "" {
		t.Error(diff)
	}
	told := func(query int64) []string {
		return b.look(fmt.Sprintf("SELECT concat_ws(' ', line_number, column_name, column_type, column_length, error_code) "+
			"FROM redshift_system.sys_load_error_detail WHERE query_id = %d AND file_name = '%s' AND database_name = 'dev' ORDER BY line_number", query, url))
	}
	want := []string{"2 i int4  1207", "3 v varchar 2 1204", "5 i int4  1213", "6    1214", "7    1202", "8 v varchar 2 1220", "9 i int4  1222"}
	if diff := cmp.Diff(want, told(out.SubStatements[0].RedshiftQueryId)); diff != "" {
		t.Error(diff)
	}
	failed := b.run("DELETE FROM t", copyFrom(url, "MAXERROR 7"))
	if failed.Status != "FAILED" || !strings.Contains(*failed.Error, "line 9, column i: Overflow") {
		t.Errorf("%s: %s", failed.Status, *failed.Error)
	}
	if diff := cmp.Diff(want, told(failed.SubStatements[1].RedshiftQueryId)); diff != "" {
		t.Error(diff)
	}
	for _, options := range []string{"", "MAXERROR 0", "MAXERROR 1"} {
		b.mustFail([]string{"line 2, column i: Invalid digit"}, copyFrom(url, options))
	}
	b.mustFail([]string{"Invalid quote formatting"}, copyFrom(b.put("in/q", []byte("1,a\"b\n2,c\n")), "MAXERROR 100"))
}

// Invalid text is as invalid in JSON, and replaced there too.
func TestInvalidTextInJSON(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.must("CREATE TABLE t (i INT, v VARCHAR(9), s SUPER)")
	url := b.put("in/a", []byte("{\"i\": 1, \"v\": \"a\xffb\"}\n{\"i\": \"x\"}\n{\"i\": 3, \"v\": \"c\", \"s\": {}}\n"))
	b.mustFail([]string{"line 1: column v: String contains invalid or unsupported UTF8"}, b.copyAs(url, "JSON 'auto'"))
	b.must(b.copyAs(url, "JSON 'auto' ACCEPTINVCHARS '\"' MAXERROR 2"))
	if diff := cmp.Diff([]string{`1 a"b`, "3 c"}, b.look("SELECT i || ' ' || v FROM t ORDER BY i")); diff != "" {
		t.Error(diff)
	}
	b.mustFail([]string{"column s: String contains invalid"}, b.copyAs(b.put("in/b", []byte("{\"s\": \"\xff\"}\n")), "JSON 'auto' ACCEPTINVCHARS"))
}
