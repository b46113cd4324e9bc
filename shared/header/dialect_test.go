package header

import (
	"encoding/csv"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDialectIsThatOfTheData(t *testing.T) {
	t.Parallel()
	yes := "id,name\n"
	for name, c := range map[string]struct {
		request Request
		names   []string
		data    string
		want    string
	}{
		"commas":                       {data: "1,a\n2,b\n", want: yes},
		"pipes":                        {data: "1|a\n2|b,c\n", want: "id|name\n"},
		"tabs":                         {data: "1\ta,b\n2\tc\n", want: "id\tname\n"},
		"semicolons":                   {data: "1,5;a\n2;b\n", want: "id;name\n"},
		"control characters":           {data: "1\x01a\n", want: "id\x01name\n"},
		"commas within quotes":         {data: "1,\"a,b\"\n2,\"c\"\"d,,\"\n", want: yes},
		"lines within quotes":          {data: "1,\"a\nb\"\n2,c\n", want: yes},
		"CRLF":                         {data: "1,a\r\n2,b\r\n", want: "id,name\r\n"},
		"no line's end":                {data: "1|a", want: "id|name\n"},
		"nothing":                      {data: "", want: yes},
		"only a newline":               {names: []string{"id"}, data: "\n", want: "id\n"},
		"one name":                     {names: []string{"id"}, data: "a,b\n", want: "id\n"},
		"one name with a comma":        {names: []string{"a,b"}, data: "1\n", want: "\"a,b\"\n"},
		"names that need quotes":       {names: []string{`a"b`, " c", "", "d\ne", "f g"}, data: "", want: "\"a\"\"b\",\" c\",\"\",\"d\ne\",f g\n"},
		"a delimiter that is asked":    {request: Request{Delimiter: "|"}, data: "1,a\n", want: "id|name\n"},
		"a quote that is asked":        {request: Request{Quote: "'"}, names: []string{"a,b", "it's", `c"d`}, data: "", want: "'a,b','it''s',c\"d\n"},
		"an ending that is asked":      {request: Request{LineEnding: "crlf"}, data: "1,a\n", want: "id,name\r\n"},
		"lines that are not alike":     {data: "a,b,c\nd\n", want: yes},
		"a start that ends in a field": {data: "1|a,b,c\n2|d,e\n3|f,g,", want: "id|name\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			names := c.names
			if names == nil {
				names = []string{"id", "name"}
			}
			d, err := c.request.dialect([]byte(c.data), name != "a start that ends in a field", len(names))
			if err != nil {
				t.Fatal(err)
			}
			line, err := d.line(names)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, string(line)); diff != "" {
				t.Errorf("header (-want +got):\n%s", diff)
			}
		})
	}
}

func TestHeaderThatDoesNotFitIsRefused(t *testing.T) {
	t.Parallel()
	_, err := (&Request{}).dialect([]byte("1,a,x\n2,b,y\n"), true, 2)
	wantError(t, err, `each line has 3 fields with "," between them, and the header has 2 names`)
	_, err = dialect{delimiter: ",", ending: "\n"}.line([]string{"a,b", "c"})
	wantError(t, err, `name "a,b" cannot be told from others without quotes`)
}

func TestHeaderThatIsThereIsFound(t *testing.T) {
	t.Parallel()
	names := []string{"id", "name"}
	d := dialect{",", `"`, "\n"}
	line, err := d.line(names)
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]int{
		"id,name\n1,a\n": 8, "id,name\r\n1,a\r\n": 9, "\"id\",\"name\"\n1,a\n": 12, "id,\"name\"\r\n": 11, "id,name": 7, "\"id\",name": 9,
		"": 0, "1,a\n": 0, "id\n": 0, "id,name,more\n": 0, "id,named\n": 0, "name,id\n": 0, "ID,NAME\n": 0, "\n": 0,
	} {
		if got := d.headed([]byte(text), line, names, true); got != want {
			t.Errorf("%q begins with a header of %d bytes, want %d", text, got, want)
		}
	}
	if got := d.headed([]byte("id,name"), line, names, false); got != 0 {
		t.Errorf("a start that goes on was taken for a header of %d bytes", got)
	}
}

// FuzzLine reads names back with the standard library.
func FuzzLine(f *testing.F) {
	f.Add("id\x00name", ",")
	f.Add("a,b\x00\"\x00 \x00", "|")
	f.Add("\x00", ";")
	f.Fuzz(func(t *testing.T, joined, delimiter string) {
		if len(delimiter) != 1 || strings.ContainsAny(joined, "\r") || strings.Contains("\"\r\n\x00", delimiter) || delimiter[0] >= 0x80 {
			return // encoding/csv reads CRLF within quotes as LF
		}
		names := strings.Split(joined, "\x00")
		d := dialect{delimiter, `"`, "\n"}
		line, err := d.line(names)
		if err != nil {
			t.Fatal(err)
		}
		r := csv.NewReader(strings.NewReader(string(line)))
		r.Comma = rune(delimiter[0])
		if got, err := r.Read(); err != nil || !slices.Equal(got, names) {
			t.Errorf("%q is read as %q, %v; want %q", line, got, err, names)
		}
		if got := d.headed(append(line, "1\n"...), line, names, true); got != len(line) {
			t.Errorf("%q is not found at its own start: %d", line, got)
		}
	})
}

// FuzzDialect holds the guess to any data.
func FuzzDialect(f *testing.F) {
	f.Add([]byte("1,a\n2,\"b\n"), 2, true)
	f.Add([]byte("\"\"\"|\r\n"), 1, false)
	f.Fuzz(func(t *testing.T, data []byte, names int, complete bool) {
		d, err := (&Request{}).dialect(data, complete, names)
		if err == nil && (!slices.Contains(delimiters, d.delimiter) || d.ending != "\n" && d.ending != "\r\n") {
			t.Errorf("dialect %+v", d)
		}
		if err := judgeText(data, complete); err == nil && len(data) > 0 && data[0] == 0 {
			t.Error("a zero was taken for text")
		}
	})
}
