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

// csvReader reads records of fields.
type csvReader struct {
	in       *bufio.Reader
	close    io.Closer
	format   grammar.Format
	names    []string
	line     int64
	start    int64
	begun    bool
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
		return Value{}, wrong("100144", "22000", "Invalid UTF8 detected in string")
	}
	return Value{Kind: Text, Text: text}, nil
}

// Next reads a record. All records of a file must have as many fields as its
// first ("ERROR_ON_COLUMN_COUNT_MISMATCH").
func (r *csvReader) Next() error {
	for {
		r.text, r.fields, r.start = r.text[:0], r.fields[:0], r.line
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
	next, err := r.peek()
	if err != nil {
		return err
	}
	if r.format.Enclosure != 0 && next == int(r.format.Enclosure) {
		r.discard()
		f.enclosed = true
		return r.enclosed()
	}
	return r.plain(f)
}

// plain takes text up to a delimiter or a line's end. Quotes in it are data.
func (r *csvReader) plain(f *csvField) error {
	for {
		next, err := r.peek()
		if err != nil {
			return err
		}
		switch {
		case next < 0, next == int(r.format.Delimiter), next == '\n':
			return r.tooLong(f.begin)
		case next == '\r':
			if two, _ := r.in.Peek(2); len(two) == 2 && two[1] == '\n' {
				return nil
			}
		case r.format.Escape != 0 && next == int(r.format.Escape):
			if err := r.escape(f); err != nil {
				return err
			}
			continue
		}
		r.discard()
		r.text = append(r.text, byte(next))
	}
}

// escape takes an escape and what it escapes. Other sequences than those that
// the documentation explains are kept as they are, for NULL_IF alone.
func (r *csvReader) escape(f *csvField) error {
	r.discard()
	next, err := r.peek()
	if err != nil {
		return err
	}
	switch {
	case next < 0:
		return wrong("100016", "22000", "End of file reached after an escape character")
	case next == int(r.format.Escape), next == int(r.format.Delimiter), next == '\n':
		if next == '\n' {
			r.line++
		}
		r.text = append(r.text, byte(next))
	default:
		r.text = append(r.text, r.format.Escape, byte(next))
		f.odd = true
	}
	r.discard()
	return nil
}

// enclosed takes text up to the closing character; a doubled one is data.
func (r *csvReader) enclosed() error {
	begin := len(r.text)
	for {
		next, err := r.peek()
		if err != nil {
			return err
		}
		if next < 0 {
			return wrong("100016", "22000", "Found end of file while looking for the closing %q", r.format.Enclosure)
		}
		r.discard()
		if next == int(r.format.Enclosure) {
			after, err := r.peek()
			if err != nil {
				return err
			}
			if after != next {
				return r.tooLong(begin)
			}
			r.discard()
		}
		if next == '\n' {
			r.line++
		}
		r.text = append(r.text, byte(next))
		if len(r.text)-begin > maxField {
			return r.tooLong(begin)
		}
	}
}

func (r *csvReader) tooLong(begin int) error {
	if n := len(r.text) - begin; n > maxField {
		return wrong("100082", "22000", "Max LOB size (%d) exceeded, actual size of parsed column is %d", maxField, n)
	}
	return nil
}

// separator takes what follows a field and tells whether another one does.
func (r *csvReader) separator() (more bool, err error) {
	next, err := r.peek()
	if err != nil || next < 0 {
		return false, err
	}
	r.discard()
	if next == '\r' {
		if next, err = r.peek(); err != nil {
			return false, err
		}
		if next == '\n' {
			r.discard()
		}
	}
	switch next {
	case int(r.format.Delimiter):
		return true, nil
	case '\n':
		r.line++
		return false, nil
	}
	return false, wrong("100016", "22000", "Found character %q instead of field delimiter %q", rune(next), r.format.Delimiter)
}

// peek returns the next byte, or -1 at the end of the file.
func (r *csvReader) peek() (int, error) {
	b, err := r.in.Peek(1)
	switch {
	case errors.Is(err, io.EOF):
		return -1, nil
	case err != nil:
		return 0, err
	}
	return int(b[0]), nil
}

func (r *csvReader) discard() { _, _ = r.in.Discard(1) } // peeked at: it is there
