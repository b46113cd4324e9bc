package copycsv

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// Field is one field of a row.
type Field struct {
	// Text is the field without its quotes. It is good until the next Read.
	Text []byte
	// Quoted is true when the field stood in quotes.
	Quoted bool
}

// Reader reads rows one at a time, holding no more than one.
type Reader struct {
	in        *bufio.Reader
	quote     byte
	delimiter byte
	line      int
	start     int
	// bare is true when the row read last ended in a line feed alone.
	bare   bool
	row    []byte
	marks  []mark
	fields []Field
}

// mark is where a field ends in row.
type mark struct {
	end    int
	quoted bool
}

// NewReader reads from in. quote and delimiter are ASCII characters that
// differ from each other and from \r and \n.
func NewReader(in io.Reader, quote, delimiter byte) *Reader {
	return &Reader{in: bufio.NewReaderSize(in, 64<<10), quote: quote, delimiter: delimiter, line: 1}
}

// Line is the number of the line that the row read last began on, from 1.
func (r *Reader) Line() int { return r.start }

// Blank tells whether the row read last is a line of nothing but a line feed.
func (r *Reader) Blank() bool {
	return r.bare && len(r.fields) == 1 && len(r.fields[0].Text) == 0 && !r.fields[0].Quoted
}

// SkipLine leaves out a line, whatever stands in it.
func (r *Reader) SkipLine() error {
	for {
		_, err := r.in.ReadSlice('\n')
		switch {
		case err == nil:
			r.line++
			return nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return err
		}
	}
}

// Read returns the next row, or io.EOF after the last. The fields are good
// until the next Read.
func (r *Reader) Read() ([]Field, error) {
	r.row, r.marks, r.start, r.bare = r.row[:0], r.marks[:0], r.line, false
	if _, err := r.in.Peek(1); err != nil {
		return nil, err
	}
	for more := true; more; {
		begin := len(r.row)
		quoted, err := r.plain(begin)
		if err == nil && quoted {
			err = r.inQuotes()
		}
		if err != nil {
			return nil, err
		}
		r.marks = append(r.marks, mark{len(r.row), quoted})
		if more, err = r.separator(); err != nil {
			return nil, err
		}
	}
	return r.cut(), nil
}

func (r *Reader) cut() []Field {
	r.fields = r.fields[:0]
	begin := 0
	for _, m := range r.marks {
		r.fields = append(r.fields, Field{Text: r.row[begin:m.end:m.end], Quoted: m.quoted})
		begin = m.end
	}
	return r.fields
}

// plain takes text up to a delimiter, a line end or the end of the file. A
// quote after nothing but white space opens a quoted field instead.
func (r *Reader) plain(begin int) (quoted bool, err error) {
	for {
		window, err := r.window()
		if err != nil || len(window) == 0 {
			return false, err
		}
		n := 0
		for n < len(window) && !r.ends(window[n]) {
			n++
		}
		r.row = append(r.row, window[:n]...)
		if n == len(window) {
			r.discard(n)
			continue
		}
		if window[n] != r.quote {
			r.discard(n)
			return false, nil
		}
		if !r.blank(r.row[begin:]) {
			return false, ErrQuoteFormat
		}
		r.row = r.row[:begin]
		r.discard(n + 1)
		return true, nil
	}
}

func (r *Reader) ends(c byte) bool { return c == r.delimiter || c == r.quote || c == '\n' || c == '\r' }

// inQuotes takes text up to the closing quote, and the white space after it.
func (r *Reader) inQuotes() error {
	for {
		window, err := r.window()
		if err != nil {
			return err
		}
		if len(window) == 0 {
			return ErrEndQuote
		}
		n := bytes.IndexByte(window, r.quote)
		text := window
		if n >= 0 {
			text = window[:n]
		}
		r.row = append(r.row, text...)
		r.line += bytes.Count(text, []byte{'\n'})
		if n < 0 {
			r.discard(len(window))
			continue
		}
		r.discard(n + 1)
		if next, err := r.peek(); err != nil || next != int(r.quote) {
			return errors.Join(err, r.trailingBlanks())
		}
		r.row = append(r.row, r.quote)
		r.discard(1)
	}
}

func (r *Reader) trailingBlanks() error {
	for {
		next, err := r.peek()
		if err != nil || next < 0 || !r.blank([]byte{byte(next)}) {
			return err
		}
		r.discard(1)
	}
}

// separator takes what follows a field and tells whether another one does.
func (r *Reader) separator() (more bool, err error) {
	next, err := r.peek()
	if err != nil || next < 0 {
		return false, err
	}
	r.discard(1)
	switch byte(next) {
	case r.delimiter:
		return true, nil
	case '\n':
		r.line++
		r.bare = true
		return false, nil
	case '\r':
		if next, err = r.peek(); err != nil || next != '\n' {
			return false, errors.Join(err, ErrNewline)
		}
		r.discard(1)
		r.line++
		return false, nil
	}
	return false, ErrQuoteFormat
}

// window is what is at hand to look at; empty at the end of the file.
func (r *Reader) window() ([]byte, error) {
	if len(r.row) > MaxRow {
		return nil, ErrRowSize
	}
	if r.in.Buffered() == 0 {
		if _, err := r.in.Peek(1); err != nil {
			return nil, endIsFine(err)
		}
	}
	return r.in.Peek(r.in.Buffered())
}

// peek returns the next byte, or -1 at the end of the file.
func (r *Reader) peek() (int, error) {
	b, err := r.in.Peek(1)
	if err != nil {
		return -1, endIsFine(err)
	}
	return int(b[0]), nil
}

func (r *Reader) discard(n int) { _, _ = r.in.Discard(n) } // buffered already: it cannot fall short

func (r *Reader) blank(b []byte) bool {
	for _, c := range b {
		if c == r.delimiter || c != ' ' && c != '\t' {
			return false
		}
	}
	return true
}

func endIsFine(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
