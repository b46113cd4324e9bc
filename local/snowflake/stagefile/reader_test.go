package stagefile_test

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/local/snowflake/grammar"
	"github.com/stagelift/stagelift/local/snowflake/stagefile"
)

var nothing = io.NopCloser(strings.NewReader(""))

// quoted is the format that a loader sets; standard is what it gets when it
// sets nothing.
func quoted() grammar.Format {
	return grammar.Format{Type: "CSV", Delimiter: ',', Enclosure: '"', NullIf: []string{`\N`}}
}

func standard() grammar.Format {
	return grammar.Format{Type: "CSV", Delimiter: ',', Escape: '\\', NullIf: []string{`\N`}, EmptyAsNull: true}
}

// readAll reads all fields of all records as text; NULL is shown as <null>.
func readAll(r stagefile.Reader) (rows [][]string, err error) {
	for {
		if err := r.Next(); err != nil {
			if errors.Is(err, io.EOF) {
				return rows, nil
			}
			return rows, err
		}
		var row []string
		for i := range r.Fields() {
			v, err := r.Field(i+1, nil)
			if err != nil {
				return rows, err
			}
			if v.Kind == stagefile.Null {
				row = append(row, "<null>")
			} else {
				row = append(row, string(v.Text))
			}
		}
		rows = append(rows, row)
	}
}

func TestCSV(t *testing.T) {
	t.Parallel()
	enclosed, plain := quoted(), standard()
	empty := quoted()
	empty.NullIf, empty.EmptyAsNull = nil, true
	skipping := quoted()
	skipping.SkipHeader, skipping.SkipBlankLines = 2, true
	for name, c := range map[string]struct {
		format grammar.Format
		in     string
		want   [][]string
	}{
		"nothing":                       {enclosed, "", nil},
		"quotes, and none":              {enclosed, "\"a,b\",c\n\"say \"\"hi\"\"\",\"\n\"\n", [][]string{{"a,b", "c"}, {`say "hi"`, "\n"}}},
		"carriage returns end lines":    {enclosed, "a,\"b\r\n\"\r\nc,d\r\n", [][]string{{"a", "b\r\n"}, {"c", "d"}}},
		"and are data otherwise":        {enclosed, "a\rb\n", [][]string{{"a\rb"}}},
		"no last newline":               {enclosed, "a,", [][]string{{"a", ""}}},
		"NULL, however it is quoted":    {enclosed, "\\N,\"\\N\",\"\\\\N\"\n", [][]string{{"<null>", "<null>", `\\N`}}},
		"an empty field is a text":      {enclosed, ",\"\"\n", [][]string{{"", ""}}},
		"or NULL, unless quoted":        {empty, ",\"\"\n", [][]string{{"<null>", ""}}},
		"a quote within is data":        {enclosed, "a\"b, \"c\"\n", [][]string{{`a"b`, ` "c"`}}},
		"quotes are data by default":    {plain, "\"a\"\n", [][]string{{`"a"`}}},
		"a backslash escapes, too":      {plain, "a\\,b,c\\\\,\\\nd,\\N,\n", [][]string{{"a,b", `c\`, "\nd", "<null>", "<null>"}}},
		"lines are skipped":             {skipping, "x\n\"\ny\n\nz\n", [][]string{{"y"}, {"z"}}},
		"a byte order mark is left out": {enclosed, "\xef\xbb\xbfa\n", [][]string{{"a"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, in := range []io.Reader{strings.NewReader(c.in), iotest.OneByteReader(strings.NewReader(c.in))} {
				r, err := stagefile.NewCSV(in, nothing, c.format)
				if err != nil {
					t.Fatal(err)
				}
				got, err := readAll(r)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

func TestCSVRefuses(t *testing.T) {
	t.Parallel()
	broken := errors.New("connection reset")
	for name, c := range map[string]struct {
		format grammar.Format
		in     io.Reader
		want   string
		line   int64
	}{
		"a blank line":               {quoted(), strings.NewReader("a\n\nb\n"), "End of record reached", 2},
		"text after a quote":         {quoted(), strings.NewReader("\"a\n\"b\n"), "Found character 'b' instead of field delimiter", 1},
		"no closing quote":           {quoted(), strings.NewReader("a\n\"b"), "end of file", 2},
		"records of several lengths": {quoted(), strings.NewReader("a,b\nc\n"), "Number of columns", 2},
		"an odd escape":              {standard(), strings.NewReader("a\\qb\n"), "does not guess", 1},
		"not UTF-8":                  {quoted(), strings.NewReader("\xff\n"), "Invalid UTF8", 1},
		"reading breaks":             {quoted(), io.MultiReader(strings.NewReader("a,\"b"), iotest.ErrReader(broken)), broken.Error(), 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := stagefile.NewCSV(c.in, nothing, c.format)
			if err != nil {
				t.Fatal(err)
			}
			_, err = readAll(r)
			if err == nil || !strings.Contains(err.Error(), c.want) || r.Line() != c.line {
				t.Errorf("line %d: %v, want line %d with %q", r.Line(), err, c.line, c.want)
			}
		})
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	r, err := stagefile.NewJSON(strings.NewReader(
		`{"a": {"b": ["x"], "c": "\u00e9"}, "n": -1.50, "e": 1e2, "t": true, "null": null, "long": 123456789012345678901234567890123456789}`+"\n"+`[1]`), nothing, grammar.Format{})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Next(); err != nil {
		t.Fatal(err)
	}
	type value struct {
		Kind stagefile.Kind
		Text string
	}
	for path, want := range map[string]value{
		"a": {stagefile.JSON, `{"b": ["x"], "c": "\u00e9"}`}, "a.b": {stagefile.JSON, `["x"]`}, "a.c": {stagefile.Text, "é"},
		"n": {stagefile.Number, "-1.50"}, "e": {stagefile.Double, "100"}, "t": {stagefile.Boolean, "true"}, "null": {stagefile.JSON, "null"},
		"long": {stagefile.Double, "1.2345678901234568e+38"}, "A": {}, "a.x": {}, "n.x": {}, "a.b.x": {},
	} {
		v, err := r.Field(1, strings.Split(path, "."))
		if diff := cmp.Diff(want, value{v.Kind, string(v.Text)}); err != nil || diff != "" {
			t.Errorf("%s: %v %s", path, err, diff)
		}
	}
	if v, err := r.Field(2, nil); err != nil || v.Kind != stagefile.Null {
		t.Errorf("$2 is %v, %v", v, err)
	}
	if err := r.Next(); err != nil || r.Line() != 2 {
		t.Errorf("record %d: %v", r.Line(), err)
	}
	if err := r.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("after the last: %v", err)
	}
}

func TestJSONRefuses(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`{"a": 1, "b": {"a": 2, "a": 3}}`: `duplicate object attribute "a"`, `{"a": 1`: "Error parsing JSON", `{"a": "` + "\xff" + `"}`: "Invalid UTF8",
		`{"a": "\u0000"}`: "NUL", `{a: 1}`: "Error parsing JSON",
	} {
		r, err := stagefile.NewJSON(strings.NewReader(in), nothing, grammar.Format{})
		if err == nil {
			err = r.Next()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", in, err, want)
		}
	}
	for _, fine := range []string{`{"a": {"a": 1}, "b": [{"a": 1}, {"a": 1}]}`, `{"a": "\\u0000"}`, `{"a": "a", "b": "a"}`, `"a"`} {
		if err := stagefile.CheckJSON([]byte(fine), false); err != nil {
			t.Errorf("%s: %v", fine, err)
		}
	}
}

// FuzzCSV holds the reader against encoding/csv's writer: what that one writes
// comes back as it was, but for the text that stands for NULL.
func FuzzCSV(f *testing.F) {
	f.Add("a", "b,\"c", "d\ne")
	f.Add("", " x", "\r\n")
	f.Add(`\N`, `\.`, "é")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		a, b, c = strings.ToValidUTF8(a, ""), strings.ToValidUTF8(b, ""), strings.ToValidUTF8(c, "")
		want := [][]string{{"1", a, b, c}, {"2", c, a, b}}
		var text bytes.Buffer
		w := csv.NewWriter(&text)
		if err := w.WriteAll(want); err != nil {
			t.Fatal(err)
		}
		for _, row := range want {
			for i, value := range row {
				if value == `\N` {
					row[i] = "<null>"
				}
			}
		}
		r, err := stagefile.NewCSV(&text, nothing, quoted())
		if err != nil {
			t.Fatal(err)
		}
		got, err := readAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

// FuzzNoise: any bytes give records or an error, in whatever format.
func FuzzNoise(f *testing.F) {
	f.Add([]byte("a,\"b\"\r\n\\\"c\\"))
	f.Add([]byte(`{"a": [1, {"b": null}]} [1]`))
	f.Add([]byte("PAR1PAR1"))
	f.Fuzz(func(_ *testing.T, in []byte) {
		for _, format := range []grammar.Format{quoted(), standard()} {
			if r, err := stagefile.NewCSV(bytes.NewReader(in), nothing, format); err == nil {
				_, _ = readAll(r)
			}
		}
		if r, err := stagefile.NewJSON(bytes.NewReader(in), nothing, grammar.Format{}); err == nil {
			_, _ = readAll(r)
		}
	})
}
