package encode_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stagelift/stagelift/shared/encode"
	"github.com/stagelift/stagelift/shared/table"
)

// field is a field of CSV, which tells NULL from a string by its quotes.
type field struct {
	text   string
	quoted bool
}

// readCSV reads CSV as RFC 4180 defines it, and strictly: quotes stand round a
// whole field or nowhere, and rows end with a newline.
func readCSV(text []byte, delimiter byte) ([][]field, error) {
	var rows [][]field
	var row []field
	for len(text) > 0 {
		value, rest, err := readField(text, delimiter)
		if err != nil {
			return nil, fmt.Errorf("row %d, field %d: %w", len(rows)+1, len(row)+1, err)
		}
		row = append(row, value)
		if rest[0] == '\n' {
			rows, row = append(rows, row), nil
		}
		text = rest[1:]
	}
	if row != nil {
		return nil, errors.New("the last row has no end")
	}
	return rows, nil
}

// readField reads to the delimiter or the newline, which rest begins with.
func readField(text []byte, delimiter byte) (value field, rest []byte, err error) {
	if text[0] != '"' {
		end := bytes.IndexAny(text, string([]byte{delimiter, '\n', '"', '\r'}))
		if end < 0 || text[end] == '"' || text[end] == '\r' {
			return field{}, nil, errors.New("a field without quotes has no end, or a quote or carriage return in it")
		}
		return field{text: string(text[:end])}, text[end:], nil
	}
	value.quoted = true
	var b bytes.Buffer
	for text = text[1:]; ; text = text[1:] {
		end := bytes.IndexByte(text, '"')
		if end < 0 || end+1 == len(text) {
			return field{}, nil, errors.New("a field in quotes has no end")
		}
		b.Write(text[:end])
		text = text[end+1:]
		switch text[0] {
		case '"':
			b.WriteByte('"')
		case delimiter, '\n':
			value.text = b.String()
			return value, text, nil
		default:
			return field{}, nil, errors.New("a closing quote is followed by text")
		}
	}
}

func (s *source) csvForm(f table.Field) string { return s.form(f, "encode(%s, 'hex')", "%s") }

func TestCSVConforms(t *testing.T) {
	t.Parallel()
	s, fields, described := conforming(t)
	want := s.asked(t, "every type", fields, s.csvForm)
	for _, dialect := range []struct{ name, delimiter, null string }{
		{"as Redshift has it", ",", `\N`},
		{"empty for NULL", "\t", ""},
		{"a word for NULL", "|", "NULL"},
	} {
		t.Run(dialect.name, func(t *testing.T) {
			t.Parallel()
			options := csvOptions()
			options.CSV = encode.CSVOptions{Header: true, Delimiter: dialect.delimiter, Null: dialect.null}
			part, err := s.write(t, described, writing{Fields: fields, Options: options})
			if err != nil {
				t.Fatal(err)
			}
			rows, err := readCSV(part, dialect.delimiter[0])
			if err != nil {
				t.Fatal(err)
			}
			if len(rows) != len(want)+1 {
				t.Fatalf("%d rows, want %d and a header", len(rows), len(want))
			}
			for i, field := range fields {
				if rows[0][i].text != field.Name {
					t.Errorf("column %d is called %q, want %q", i+1, rows[0][i].text, field.Name)
				}
			}
			for i, row := range rows[1:] {
				compareCSV(t, i, fields, want[i], row, dialect.null)
			}
		})
	}
}

// What PostgreSQL printed as it is, it reads back as what it was.
func TestPostgreSQLReadsItsCSVBack(t *testing.T) {
	t.Parallel()
	s, fields, described := conforming(t)
	fields = slices.DeleteFunc(fields, func(f table.Field) bool { return s.form(f, "", "%s") != "%s" })
	part, err := s.write(t, described, writing{Fields: fields, Options: csvOptions()})
	if err != nil {
		t.Fatal(err)
	}
	s.exec(t, `CREATE TABLE public."read back" (LIKE public."every type")`)
	names := make([]string, len(fields))
	for i, field := range fields {
		names[i] = table.Quote(field.Name)
	}
	_, err = s.admin.PgConn().CopyFrom(t.Context(), bytes.NewReader(part),
		`COPY public."read back" (`+strings.Join(names, ", ")+`) FROM STDIN (FORMAT csv, NULL '\N')`)
	if err != nil {
		t.Fatal(err)
	}
	printed := func(table.Field) string { return "%s" }
	want, got := s.asked(t, "every type", fields, printed), s.asked(t, "read back", fields, printed)
	if len(got) != len(want) {
		t.Fatalf("%d rows were read back, want %d", len(got), len(want))
	}
	for row := range want {
		for i, field := range fields {
			differ(t, row, field, want[row][i], got[row][i])
		}
	}
}

func compareCSV(t *testing.T, row int, fields []table.Field, want []printed, got []field, null string) {
	t.Helper()
	if len(got) != len(fields) {
		t.Fatalf("row %d has %d fields, want %d", row+1, len(got), len(fields))
	}
	for i := range fields {
		value := &got[i].text
		if !got[i].quoted && *value == null {
			value = nil
		}
		differ(t, row, fields[i], want[i], value)
	}
}
