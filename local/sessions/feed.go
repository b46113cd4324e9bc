package sessions

import (
	"bytes"
	"io"
)

// BatchBytes is how much text is to be made at a time, about a message's worth.
const BatchBytes = 64 << 10

// Feed is what PostgreSQL's COPY … FROM STDIN reads: rows in its text format,
// made a batch at a time.
type Feed struct {
	// Fill appends to Text, about BatchBytes; end is true when there is no more.
	Fill func() (end bool, err error)
	// Text is the batch.
	Text []byte
	// Err is what Fill ended with.
	Err error

	unread []byte
}

// Read makes a batch when the last one was read.
func (f *Feed) Read(p []byte) (int, error) {
	for len(f.unread) == 0 {
		if f.Err != nil {
			return 0, f.Err
		}
		f.Text = f.Text[:0]
		end, err := f.Fill()
		if err != nil {
			f.Err = err
			return 0, err
		}
		if f.unread = f.Text; end && len(f.Text) == 0 {
			return 0, io.EOF
		}
	}
	n := copy(p, f.unread)
	f.unread = f.unread[n:]
	return n, nil
}

// AppendField writes a value to a row, with a backslash before what the format
// gives a meaning of its own.
func AppendField(row, value []byte) []byte {
	for len(value) > 0 {
		n := bytes.IndexAny(value, "\\\t\n\r")
		if n < 0 {
			break
		}
		row = append(row, value[:n]...)
		switch value[n] {
		case '\\':
			row = append(row, `\\`...)
		case '\t':
			row = append(row, `\t`...)
		case '\n':
			row = append(row, `\n`...)
		case '\r':
			row = append(row, `\r`...)
		}
		value = value[n+1:]
	}
	return append(row, value...)
}
