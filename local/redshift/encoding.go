package redshift

import (
	"bufio"
	"io"
	"unicode/utf16"
	"unicode/utf8"
)

var errEncoding = faulty(1221, "Encoding of the file is not the same as that specified in the COPY command")

// decoded reads a text in one of COPY's encodings as UTF-8.
func decoded(in io.Reader, encoding string) (io.Reader, error) {
	if encoding == "" {
		return in, nil
	}
	d := &decoder{in: bufio.NewReaderSize(in, 64<<10)}
	if encoding == "ISO88591" {
		d.next = d.latin1
		return d, nil
	}
	d.next = d.utf16
	mark, _ := d.in.Peek(2) // what is shorter is none
	switch {
	case string(mark) == "\xff\xfe" && encoding != "UTF16BE":
		d.little = true
	case string(mark) == "\xfe\xff" && encoding != "UTF16LE":
	case encoding == "UTF16" && len(mark) > 0, string(mark) == "\xff\xfe", string(mark) == "\xfe\xff":
		return nil, errEncoding // no mark, or the other one's
	default:
		d.little = encoding == "UTF16LE"
		return d, nil
	}
	_, _ = d.in.Discard(len(mark)) // it was looked at
	return d, nil
}

type decoder struct {
	in     *bufio.Reader
	little bool
	next   func() (rune, error)
	unread []byte
	err    error
}

func (d *decoder) Read(p []byte) (int, error) {
	for len(d.unread) < len(p) && d.err == nil {
		var r rune
		if r, d.err = d.next(); d.err == nil {
			d.unread = utf8.AppendRune(d.unread, r)
		}
	}
	if len(d.unread) == 0 {
		return 0, d.err
	}
	n := copy(p, d.unread)
	d.unread = append(d.unread[:0], d.unread[n:]...)
	return n, nil
}

func (d *decoder) latin1() (rune, error) {
	c, err := d.in.ReadByte()
	return rune(c), err
}

func (d *decoder) utf16() (rune, error) {
	one, err := d.unit()
	if err != nil || !utf16.IsSurrogate(one) {
		return one, err
	}
	two, err := d.unit()
	r := utf16.DecodeRune(one, two)
	if err != nil || r == utf8.RuneError {
		return 0, errEncoding
	}
	return r, nil
}

func (d *decoder) unit() (rune, error) {
	one, err := d.in.ReadByte()
	if err != nil {
		return 0, err
	}
	two, err := d.in.ReadByte()
	if err != nil {
		return 0, errEncoding
	}
	if d.little {
		one, two = two, one
	}
	return rune(one)<<8 | rune(two), nil
}
