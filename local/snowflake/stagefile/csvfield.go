package stagefile

import (
	"errors"
	"io"
)

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

func (r *csvReader) discard() {
	b, _ := r.in.ReadByte() // peeked at: it is there
	r.raw = append(r.raw, b)
}
