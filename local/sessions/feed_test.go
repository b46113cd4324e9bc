package sessions_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stagelift/stagelift/local/sessions"
)

// What is made arrives whole, in whatever pieces it is asked for, and the
// reason why it ends early is kept.
func TestFeed(t *testing.T) {
	t.Parallel()
	var f sessions.Feed
	rounds := 0
	f.Fill = func() (bool, error) {
		rounds++
		f.Text = append(f.Text, strings.Repeat("x", rounds)...)
		return rounds == 3, nil
	}
	for want := 1; want <= 6; want++ {
		if n, err := f.Read(make([]byte, 1)); n != 1 || err != nil {
			t.Fatalf("byte %d: %d, %v", want, n, err)
		}
	}
	f.Fill = func() (bool, error) { return true, nil }
	if _, err := f.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the end is %v", err)
	}
	broken := errors.New("broken")
	f.Fill = func() (bool, error) { return false, broken }
	for range 2 {
		if _, err := f.Read(make([]byte, 1)); !errors.Is(err, broken) || !errors.Is(f.Err, broken) {
			t.Errorf("%v, kept as %v", err, f.Err)
		}
	}
}

// FuzzEscaped: one value stays one field of one line, and reads back.
func FuzzEscaped(f *testing.F) {
	f.Add("a\\N\t\r\n")
	f.Add(`\.`)
	f.Fuzz(func(t *testing.T, in string) {
		out := string(sessions.AppendField(nil, []byte(in)))
		if strings.ContainsAny(out, "\t\n\r") || out == `\N` || out == `\.` {
			t.Errorf("%q became %q", in, out)
		}
		back := strings.NewReplacer(`\\`, `\`, `\t`, "\t", `\n`, "\n", `\r`, "\r").Replace(out)
		if back != in {
			t.Errorf("%q came back as %q", in, back)
		}
	})
}
