package stagefile_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/local/snowflake/grammar"
	"github.com/stagelift/stagelift/local/snowflake/stagefile"
)

func layout(t *testing.T, kind, format string) grammar.Layout {
	t.Helper()
	l, err := grammar.ParseLayout(kind, format)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestFormats(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ to, format, value, want string }{
		{"DATE", "DD.MM.YYYY", "29.02.2024", "2024-02-29"},
		{"DATE", "DD.MM.YYYY", "1.2.2024", "2024-02-01"},
		{"DATE", "YYYYMMDD", "20240201", "2024-02-01"},
		{"DATE", "mon DD, YYYY", "feb 3, 2024", "2024-02-03"},
		{"DATE", "MON DD, YYYY", "February 3, 2024", "2024-02-03"},
		{"DATE", "MMMM DD, YYYY", "May 3, 2024", "2024-05-03"},
		{"TIME", "HH12:MI:SS AM", "12:05:06 am", "00:05:06"},
		{"TIME", "HH12:MI PM", "12:05 PM", "12:05:00"},
		{"TIME", "HH12:MI PM", "1:05 pm", "13:05:00"},
		{"TIME", "HH24:MI:SS.FF3", "23:59:59.5", "23:59:59.5"},
		{"TIMESTAMP_NTZ", `YYYY-MM-DD"T"HH24:MI:SS.FF`, "2026-01-02T03:04:05.123456", "2026-01-02 03:04:05.123456"},
		{"TIMESTAMP_NTZ", "YYYY-MM-DD", "2026-01-02", "2026-01-02 00:00:00"},
		{"TIMESTAMP_TZ", "YYYY-MM-DD HH24:MI:SS TZHTZM", "2026-01-02 03:04:05 -0530", "2026-01-02 03:04:05-05:30"},
		{"TIMESTAMP_TZ", "YYYY-MM-DD HH24:MI:SSTZH:TZM", "2026-01-02 03:04:05+05:30", "2026-01-02 03:04:05+05:30"},
		{"TIMESTAMP_TZ", "YYYY-MM-DD HH24:MI:SS TZH", "2026-01-02 03:04:05 +01", "2026-01-02 03:04:05+01:00"},
	} {
		kind, _, _ := strings.Cut(c.to, "_")
		l := layout(t, kind, c.format)
		forms := stagefile.Forms{Date: l, Time: l, Timestamp: l}
		got, err := stagefile.Convert(text(c.value), target(t, c.to), stagefile.Options{File: forms})
		if err != nil || string(got.Text) != c.want {
			t.Errorf("%s by %s as %s is %q, %v, want %s", c.value, c.format, c.to, got.Text, err, c.want)
		}
	}
	for _, c := range []struct{ to, format, value string }{
		{"DATE", "DD.MM.YYYY", "2024-02-29"},
		{"DATE", "DD.MM.YYYY", "30.02.2024"},
		{"DATE", "DD.MM.YYYY", "29.02.24"},
		{"DATE", "DD.MM.YYYY", "29.02.2024 "},
		{"DATE", "DD.MM.YYYY", "029.2.2024"},
		{"DATE", "MMMM DD, YYYY", "Feb 3, 2024"},
		{"TIME", "HH12:MI AM", "13:05 AM"},
		{"TIME", "HH12:MI AM", "00:05 AM"},
		{"TIME", "HH12:MI AM", "11:05"},
		{"TIME", "HH24:MI:SS", "23:59:59.5"},
		{"TIME", "HH24:MI:SS.FF", "23:59:59"},
		{"TIME", "HH24:MI:SS.FF3", "23:59:59.1234"},
		{"TIMESTAMP_NTZ", "YYYY-MM-DD HH24:MI:SS", "2026-01-02 25:04:05"},
		{"TIMESTAMP_NTZ", "YYYY-MM-DD HH24:MI:SS TZH", "2026-01-02 03:04:05 +01"},
		{"TIMESTAMP_TZ", "YYYY-MM-DD HH24:MI:SS", "2026-01-02 03:04:05"},
		{"TIMESTAMP_TZ", "YYYY-MM-DD HH24:MI:SS TZH", "2026-01-02 03:04:05 01"},
		{"TIMESTAMP_TZ", "YYYY-MM-DD HH24:MI:SS TZH", "2026-01-02 03:04:05 +1"},
	} {
		kind, _, _ := strings.Cut(c.to, "_")
		l := layout(t, kind, c.format)
		forms := stagefile.Forms{Date: l, Time: l, Timestamp: l}
		if got, err := stagefile.Convert(text(c.value), target(t, c.to), stagefile.Options{File: forms}); err == nil {
			t.Errorf("%s by %s as %s is %q", c.value, c.format, c.to, got.Text)
		}
	}
}

// The file format says what texts are, and the session where it says nothing,
// or where there is a cast.
func TestWhoseFormatCounts(t *testing.T) {
	t.Parallel()
	german, american := layout(t, "DATE", "DD.MM.YYYY"), layout(t, "DATE", "MM/DD/YYYY")
	both := stagefile.Options{
		File: stagefile.Forms{Date: german, Binary: "UTF8"}, Session: stagefile.Forms{Date: american, Binary: "BASE64"},
	}
	date, bytes := target(t, "DATE"), target(t, "BINARY")
	for _, c := range []struct {
		o           stagefile.Options
		explicit    bool
		date, bytes string
	}{
		{both, false, "01.02.2026", "AA=="},
		{both, true, "02/01/2026", "QUE9PQ=="},
		{stagefile.Options{Session: both.Session}, false, "02/01/2026", "41413d3d"},
		{stagefile.Options{File: both.File}, true, "2026-02-01", "41413d3d"},
	} {
		date.Explicit, bytes.Explicit = c.explicit, c.explicit
		got, err := stagefile.Convert(text(c.date), date, c.o)
		if err != nil || string(got.Text) != "2026-02-01" {
			t.Errorf("%s is %q, %v", c.date, got.Text, err)
		}
		if got, err = stagefile.Convert(text(c.bytes), bytes, c.o); err != nil || string(got.Text) != `\x41413d3d` {
			t.Errorf("%s is %q, %v", c.bytes, got.Text, err)
		}
	}
}

// TRIM_SPACE takes white space away outside of enclosures. Without it a quote
// behind a space is data, and a space behind a closing quote is wrong.
func TestTrimSpace(t *testing.T) {
	t.Parallel()
	read := func(trim bool) ([][]string, error) {
		f := quoted()
		f.TrimSpace, f.EmptyAsNull = trim, true
		r, err := stagefile.NewCSV(strings.NewReader(" a b ,\t\" c \" , \n\"d\",e ,\"\" \n"), nothing, f)
		if err != nil {
			t.Fatal(err)
		}
		return readAll(r)
	}
	rows, err := read(true)
	if diff := cmp.Diff([][]string{{"a b", " c ", "<null>"}, {"d", "e", ""}}, rows); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
	rows, err = read(false)
	if diff := cmp.Diff([][]string{{" a b ", "\t\" c \" ", " "}}, rows); err == nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
}

// A record is told as it stands in the file.
func TestRecord(t *testing.T) {
	t.Parallel()
	r, err := stagefile.NewCSV(strings.NewReader("a,\"b\"\"\nc\"\r\nd,e\n"), nothing, quoted())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"a,\"b\"\"\nc\"", "d,e"} {
		if err := r.Next(); err != nil || string(r.Record()) != want {
			t.Errorf("record is %q, %v, want %q", r.Record(), err, want)
		}
	}
}
