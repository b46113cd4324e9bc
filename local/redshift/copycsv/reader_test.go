package copycsv_test

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/local/redshift/copycsv"
)

type field struct {
	Text   string
	Quoted bool
}

func readAll(r *copycsv.Reader) ([][]field, error) {
	var rows [][]field
	for {
		fields, err := r.Read()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return rows, err
		}
		row := make([]field, len(fields))
		for i, f := range fields {
			row[i] = field{string(f.Text), f.Quoted}
		}
		rows = append(rows, row)
	}
}

func TestReads(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		in   string
		want [][]field
	}{
		"nothing":                 {"", nil},
		"plain":                   {"a,b\nc,d\n", [][]field{{{"a", false}, {"b", false}}, {{"c", false}, {"d", false}}}},
		"no last newline":         {"a,b", [][]field{{{"a", false}, {"b", false}}}},
		"crlf ends a line":        {"a,\"b\"\r\nc,d\r\n", [][]field{{{"a", false}, {"b", true}}, {{"c", false}, {"d", false}}}},
		"crlf stays in quotes":    {"\"a\r\nb\n\",c\n", [][]field{{{"a\r\nb\n", true}, {"c", false}}}},
		"doubled quotes":          {`"say ""hi""",""""` + "\n", [][]field{{{`say "hi"`, true}, {`"`, true}}}},
		"quoted or not":           {`\N,"\N",,""` + "\n", [][]field{{{`\N`, false}, {`\N`, true}, {"", false}, {"", true}}}},
		"delimiter in quotes":     {`"a,b",c`, [][]field{{{"a,b", true}, {"c", false}}}},
		"empty line":              {"\na\n", [][]field{{{"", false}}, {{"a", false}}}},
		"last field empty":        {"a,\n", [][]field{{{"a", false}, {"", false}}}},
		"last field empty at end": {"a,", [][]field{{{"a", false}, {"", false}}}},
		"white space round quotes": {
			"  \"a\" \t, b \n",
			[][]field{{{"a", true}, {" b ", false}}},
		},
		"backslash is nothing special": {`"a\",b\` + "\n", [][]field{{{`a\`, true}, {`b\`, false}}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, in := range []io.Reader{strings.NewReader(c.in), iotest.OneByteReader(strings.NewReader(c.in))} {
				got, err := readAll(copycsv.NewReader(in, '"', ','))
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

func TestRefuses(t *testing.T) {
	t.Parallel()
	broken := errors.New("connection reset")
	for name, c := range map[string]struct {
		in   io.Reader
		want error
		line int
	}{
		"quote in a plain field":   {strings.NewReader("a\nb\"c\n"), copycsv.ErrQuoteFormat, 2},
		"text after a quote":       {strings.NewReader("\"a\nb\",x\n\"c\"d\n"), copycsv.ErrQuoteFormat, 3},
		"no closing quote":         {strings.NewReader("a\n\"b\nc"), copycsv.ErrEndQuote, 2},
		"carriage return":          {strings.NewReader("a\rb\n"), copycsv.ErrNewline, 1},
		"carriage return at end":   {strings.NewReader("a\r"), copycsv.ErrNewline, 1},
		"row too long, quoted":     {io.MultiReader(strings.NewReader(`"`), endless('a')), copycsv.ErrRowSize, 1},
		"reading breaks":           {io.MultiReader(strings.NewReader("a,b"), iotest.ErrReader(broken)), broken, 1},
		"reading breaks in quotes": {io.MultiReader(strings.NewReader(`a,"b`), iotest.ErrReader(broken)), broken, 1},
		"reading breaks at a quote": {
			io.MultiReader(strings.NewReader(`a,"b"`), iotest.ErrReader(broken)),
			broken, 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := copycsv.NewReader(c.in, '"', ',')
			_, err := readAll(r)
			if !errors.Is(err, c.want) {
				t.Errorf("error is %v, want %v", err, c.want)
			}
			if r.Line() != c.line {
				t.Errorf("line is %d, want %d", r.Line(), c.line)
			}
		})
	}
}

func TestSkipLine(t *testing.T) {
	t.Parallel()
	r := copycsv.NewReader(strings.NewReader(strings.Repeat("long", 50_000)+"\n\"a\"\n"), '"', ',')
	if err := r.SkipLine(); err != nil {
		t.Fatal(err)
	}
	got, err := readAll(r)
	if diff := cmp.Diff([][]field{{{"a", true}}}, got); err != nil || diff != "" {
		t.Error(err, diff)
	}
	if err := r.SkipLine(); !errors.Is(err, io.EOF) {
		t.Errorf("error is %v, want io.EOF", err)
	}
}

// FuzzReader holds the reader against encoding/csv's writer: what that one
// writes comes back as it was, whatever the fields hold.
func FuzzReader(f *testing.F) {
	f.Add("a", "b,\"c", "d\ne", byte(7))
	f.Add("", " x", "\r\n", byte(1))
	f.Add(`\N`, `\.`, "é\x00\xff", byte(3))
	f.Fuzz(func(t *testing.T, a, b, c string, chunk byte) {
		want := [][]string{{a, b, c}, {c, a, b}}
		var text bytes.Buffer
		w := csv.NewWriter(&text)
		if err := w.WriteAll(want); err != nil {
			t.Fatal(err)
		}
		in := &chunked{&text, int(chunk) + 1}
		rows, err := readAll(copycsv.NewReader(in, '"', ','))
		if err != nil {
			t.Fatal(err)
		}
		var got [][]string
		for _, row := range rows {
			var texts []string
			for _, f := range row {
				texts = append(texts, f.Text)
			}
			got = append(got, texts)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

// FuzzNoise: any bytes give rows or an error, and never hang or panic.
func FuzzNoise(f *testing.F) {
	f.Add([]byte("a,\"b\"\r\n\"c"))
	f.Fuzz(func(_ *testing.T, in []byte) {
		_, _ = readAll(copycsv.NewReader(bytes.NewReader(in), '"', ','))
	})
}

func BenchmarkRead(b *testing.B) {
	line := []byte("1234567,\"a, quoted\",some plain text,2026-01-02 03:04:05.123456,\\N,12.50\n")
	text := bytes.Repeat(line, 10_000)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		r := copycsv.NewReader(bytes.NewReader(text), '"', ',')
		for {
			if _, err := r.Read(); err != nil {
				break
			}
		}
	}
}

type endless byte

func (e endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(e)
	}
	return len(p), nil
}

// chunked hands out a few bytes at a time, so that every token is split.
type chunked struct {
	in   io.Reader
	size int
}

func (c *chunked) Read(p []byte) (int, error) { return c.in.Read(p[:min(len(p), c.size)]) }
