package encode_test

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/shared/encode"
	"github.com/stagelift/stagelift/shared/table"
)

func TestHeaderIsQuotedWhereCSVNeedsIt(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		names     []string
		delimiter string
		want      string
	}{
		"plain names":       {[]string{"id", "total_2", "größe"}, ",", "id,total_2,größe\n"},
		"one name":          {[]string{"id"}, ",", "id\n"},
		"delimiter":         {[]string{"a,b", "c"}, ",", "\"a,b\",c\n"},
		"quote":             {[]string{`the "note"`}, ",", "\"the \"\"note\"\"\"\n"},
		"newline":           {[]string{"a\nb", "c\rd"}, ",", "\"a\nb\",\"c\rd\"\n"},
		"spaces around":     {[]string{" a", "b ", "c d"}, ",", "\" a\",\"b \",c d\n"},
		"empty":             {[]string{"", "b"}, ",", "\"\",b\n"},
		"another delimiter": {[]string{"a,b", "c|d"}, "|", "a,b|\"c|d\"\n"},
		"tab":               {[]string{"a b", "c\td"}, "\t", "a b\t\"c\td\"\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := string(encode.CSVHeader(c.names, c.delimiter))
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("header (-want +got):\n%s", diff)
			}
		})
	}
}

// Whatever the names are, an independent reader finds one record of them, and
// goes on with the row that follows.
func FuzzHeaderReadsBack(f *testing.F) {
	f.Add("id", "total", "note", byte(','))
	f.Add(`the "note"`, "a,b", "a\nb", byte(','))
	f.Add("", " ", "\t", byte('|'))
	f.Add(`\.`, `\N`, `"`, byte('\t'))
	f.Add("\u0085x", "x\u00a0", "名前", byte(';'))
	f.Add("\xff", "\x00", "#", byte(','))
	f.Fuzz(func(t *testing.T, a, b, c string, delimiter byte) {
		names := []string{a, b, c}
		if delimiter == 0 || delimiter == '"' || delimiter == '\r' || delimiter == '\n' || delimiter >= 0x80 {
			return // no delimiter of CSV
		}
		if strings.Contains(a+"|"+b+"|"+c, "\r") {
			return // encoding/csv reads "\r\n" as "\n", quoted or not
		}
		next := "1"
		if delimiter == '1' {
			next = "2"
		}
		text := append(encode.CSVHeader(names, string(delimiter)), next+"\n"...)
		reader := csv.NewReader(bytes.NewReader(text))
		reader.Comma, reader.FieldsPerRecord = rune(delimiter), -1
		records, err := reader.ReadAll()
		if err != nil {
			t.Fatalf("header %q: %v", text, err)
		}
		if diff := cmp.Diff([][]string{names, {next}}, records); diff != "" {
			t.Fatalf("header %q read back (-want +got):\n%s", text, diff)
		}
	})
}

func TestNamesKeepTheirOrder(t *testing.T) {
	t.Parallel()
	got := encode.Names([]table.Column{{Name: "b", Type: "integer"}, {Name: "a", Type: "text"}})
	if diff := cmp.Diff([]string{"b", "a"}, got); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
}

// One compressor serves part after part, and each part can be read by itself.
func TestCompressorIsUsedForManyParts(t *testing.T) {
	t.Parallel()
	parts := []string{"a,b\n1,2\n", strings.Repeat("row after row\n", 100_000), "x", ""}
	for name, open := range decompress {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			compressor, err := encode.NewCompressor(name)
			if err != nil {
				t.Fatal(err)
			}
			for i, want := range parts {
				var stored bytes.Buffer
				compressor.Reset(&stored)
				for rest := want; rest != ""; rest = rest[min(len(rest), 1000):] {
					if _, err := io.WriteString(compressor, rest[:min(len(rest), 1000)]); err != nil {
						t.Fatal(err)
					}
				}
				if err := compressor.Close(); err != nil {
					t.Fatal(err)
				}
				reader, err := open(&stored)
				if err != nil {
					t.Fatalf("part %d: %v", i, err)
				}
				got, err := io.ReadAll(reader)
				if err != nil || string(got) != want {
					t.Errorf("part %d reads as %d bytes, want %d; %v", i, len(got), len(want), err)
				}
				if stored.Len() != 0 {
					t.Errorf("part %d is followed by %d bytes more", i, stored.Len())
				}
			}
		})
	}
}

func TestCompressionIsSmallerAndAlwaysTheSame(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("row after row\n", 10_000)
	for _, name := range []string{"gzip", "zstd"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var stored [2]bytes.Buffer
			for i := range stored {
				compressor, err := encode.NewCompressor(name)
				if err != nil {
					t.Fatal(err)
				}
				compressor.Reset(&stored[i])
				if _, err := io.WriteString(compressor, text); err != nil {
					t.Fatal(err)
				}
				if err := compressor.Close(); err != nil {
					t.Fatal(err)
				}
			}
			if !bytes.Equal(stored[0].Bytes(), stored[1].Bytes()) {
				t.Error("the same rows gave other bytes")
			}
			if stored[0].Len() > len(text)/10 {
				t.Errorf("%d bytes became %d", len(text), stored[0].Len())
			}
		})
	}
}

// What a part is written to may fail, and the part must not look whole then.
func TestCompressorPassesErrorsOn(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for _, name := range []string{"none", "gzip", "zstd"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			compressor, err := encode.NewCompressor(name)
			if err != nil {
				t.Fatal(err)
			}
			compressor.Reset(failing{broken})
			_, err = io.WriteString(compressor, "x")
			if err = errors.Join(err, compressor.Close()); !errors.Is(err, broken) {
				t.Errorf("got %v, want %v", err, broken)
			}
		})
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestUnknownCompressionIsRefused(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "zip", "GZIP", "snappy"} {
		if _, err := encode.NewCompressor(name); !errors.Is(err, encode.ErrUnknown) {
			t.Errorf("compression %q: got %v, want ErrUnknown", name, err)
		}
	}
}

func TestOptionsThatAFormatHasNotAreRefusedWithWhatItHas(t *testing.T) {
	t.Parallel()
	for want, o := range map[string]encode.Options{
		`format "orc": not known here; there are csv, jsonl, parquet`:                      {Format: "orc", Compression: "none"},
		`compression "snappy" of csv: not known here; there are none, gzip, zstd`:          {Format: "csv", Compression: "snappy"},
		`compression "" of jsonl: not known here; there are none, gzip, zstd`:              {Format: "jsonl"},
		`compression "lzo" of parquet: not known here; there are none, snappy, gzip, zstd`: {Format: "parquet", Compression: "lzo"},
		`delimiter is "||", want one ASCII character`:                                      {Format: "csv", Compression: "none", CSV: encode.CSVOptions{Header: true, Delimiter: "||"}},
		`NULL in the only column would be an empty line`:                                   {Format: "csv", Compression: "none", CSV: encode.CSVOptions{Delimiter: ","}},
		`field 1 of the key or of those that repeat: there are 1`:                          {Format: "jsonl", Compression: "none", Key: []int{0, 1}},
		`field -1 of the key or of those that repeat: there are 1`:                         {Format: "parquet", Compression: "none", Repeats: []int{-1}},
	} {
		_, err := encode.New([]table.Field{jsonField("id", table.WireText, table.JSONString)}, o)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func BenchmarkCompressor(b *testing.B) {
	row := []byte("1042,2026-11-21 00:30:00+00,open,\"a note, quoted\",12.50\n")
	for _, name := range []string{"none", "gzip", "zstd"} {
		b.Run(name, func(b *testing.B) {
			compressor, err := encode.NewCompressor(name)
			if err != nil {
				b.Fatal(err)
			}
			compressor.Reset(io.Discard)
			b.SetBytes(int64(len(row)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := compressor.Write(row); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
