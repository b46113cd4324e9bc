package stagefile

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/stagelift/stagelift/local/snowflake/grammar"
)

// maxField is the most that one field may hold, in bytes.
const maxField = grammar.MaxVarchar

// replacement is U+FFFD, once for each run of bytes that are not UTF-8.
var replacement = []byte("\uFFFD")

// csvReader reads records of fields.
type csvReader struct {
	in       *bufio.Reader
	close    io.Closer
	format   grammar.Format
	names    []string
	line     int64
	start    int64
	begun    bool
	raw      []byte
	text     []byte
	fields   []csvField
	expected int
}

// csvField is a part of text. odd is true when an escape sequence stood in it
// that is not documented.
type csvField struct {
	begin, end    int
	enclosed, odd bool
}

// NewCSV reads CSV. closer is closed with the reader.
func NewCSV(in io.Reader, closer io.Closer, f grammar.Format) (Reader, error) {
	r := &csvReader{in: bufio.NewReaderSize(in, 64<<10), close: closer, format: f, line: 1}
	if mark, _ := r.in.Peek(3); bytes.Equal(mark, []byte("\xef\xbb\xbf")) {
		_, _ = r.in.Discard(len(mark)) // it was looked at
	}
	for range f.SkipHeader {
		if err := r.skipLine(); err != nil {
			return nil, err
		}
	}
	if f.ParseHeader {
		if err := r.header(); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func (r *csvReader) Close() error { return r.close.Close() }

func (r *csvReader) skipLine() error {
	for {
		_, err := r.in.ReadSlice('\n')
		switch {
		case err == nil:
			r.line++
			return nil
		case errors.Is(err, io.EOF):
			return nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return err
		}
	}
}

func (r *csvReader) header() error {
	if err := r.Next(); err != nil {
		if errors.Is(err, io.EOF) {
			return nil
		}
		return err
	}
	for _, f := range r.fields {
		r.names = append(r.names, string(r.text[f.begin:f.end]))
	}
	r.begun = false
	return nil
}

func (r *csvReader) Line() int64 { return r.start }
func (r *csvReader) Fields() int { return len(r.fields) }

func (r *csvReader) Record() []byte { return bytes.TrimRight(r.raw, "\r\n") }

func (r *csvReader) Named(name string, exact bool) (Value, bool, error) {
	i := slices.IndexFunc(r.names, func(n string) bool { return n == name || !exact && strings.EqualFold(n, name) })
	if i < 0 {
		return Value{}, false, nil
	}
	v, err := r.Field(i+1, nil)
	return v, true, err
}

func (r *csvReader) Field(number int, path []string) (Value, error) {
	if len(path) > 0 {
		return Value{}, refused("a path into a field of CSV")
	}
	if number > len(r.fields) {
		return Value{}, nil
	}
	f := r.fields[number-1]
	text := r.text[f.begin:f.end]
	if slices.Contains(r.format.NullIf, string(text)) {
		return Value{}, nil
	}
	if len(text) == 0 && !f.enclosed && r.format.EmptyAsNull {
		return Value{}, nil
	}
	if f.odd {
		return Value{}, refused("the escape sequence in a field that is not enclosed")
	}
	if !utf8.Valid(text) {
		if r.format.ReplaceInvalid {
			return Value{Kind: Text, Text: bytes.ToValidUTF8(text, replacement)}, nil
		}
		return Value{}, wrong("100144", "22000", "Invalid UTF8 detected in string")
	}
	return Value{Kind: Text, Text: text}, nil
}

// Next reads a record. All records of a file must have as many fields as its
// first ("ERROR_ON_COLUMN_COUNT_MISMATCH").
func (r *csvReader) Next() error {
	for {
		r.raw, r.text, r.fields, r.start = r.raw[:0], r.text[:0], r.fields[:0], r.line
		next, err := r.peek()
		if err != nil {
			return err
		}
		if next < 0 {
			return io.EOF
		}
		blank, err := r.blank(next)
		if err != nil {
			return err
		}
		if !blank {
			break
		}
		if !r.format.SkipBlankLines {
			return wrong("100016", "22000", "End of record reached while expected to parse column")
		}
	}
	for more := true; more; {
		f := csvField{begin: len(r.text)}
		err := r.field(&f)
		if err == nil {
			f.end = len(r.text)
			r.fields = append(r.fields, f)
			more, err = r.separator()
		}
		if err != nil {
			return err
		}
	}
	if r.begun && len(r.fields) != r.expected {
		return wrong("100080", "22000", "Number of columns in file (%d) differs from that of the records before (%d)", len(r.fields), r.expected)
	}
	r.begun, r.expected = true, len(r.fields)
	return nil
}

// blank takes a line's end that stands where a record should begin.
func (r *csvReader) blank(next int) (bool, error) {
	if next == '\r' {
		two, err := r.in.Peek(2)
		if err != nil && !errors.Is(err, io.EOF) {
			return false, err
		}
		if len(two) < 2 || two[1] != '\n' {
			return false, nil
		}
		r.discard()
		next = '\n'
	}
	if next != '\n' {
		return false, nil
	}
	r.discard()
	r.line++
	return true, nil
}

func (r *csvReader) field(f *csvField) error {
	next, err := r.spaces()
	if err != nil {
		return err
	}
	if r.format.Enclosure != 0 && next == int(r.format.Enclosure) {
		r.discard()
		f.enclosed = true
		if err := r.enclosed(); err != nil {
			return err
		}
		_, err := r.spaces()
		return err
	}
	if err := r.plain(f); err != nil {
		return err
	}
	if r.format.TrimSpace {
		r.text = r.text[:f.begin+len(bytes.TrimRight(r.text[f.begin:], " \t"))]
	}
	return nil
}

// spaces leaves out white space where TRIM_SPACE says so, and peeks.
func (r *csvReader) spaces() (next int, err error) {
	for {
		next, err = r.peek()
		if err != nil || !r.format.TrimSpace || next != ' ' && next != '\t' || next == int(r.format.Delimiter) {
			return next, err
		}
		r.discard()
	}
}
