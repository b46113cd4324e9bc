package encode

import (
	"fmt"
	"io"

	"github.com/stagelift/stagelift/shared/encode/copybinary"
	"github.com/stagelift/stagelift/shared/table"
)

const (
	// lineBuffer is how much is given to the compressor at once, or a row more.
	lineBuffer = 64 << 10
	// lineBufferKept is the largest buffer that is kept for the next lines. One
	// that a wide row has made larger is let go.
	lineBufferKept = 1 << 20
)

// lines gathers lines of text and gives them to a compressor in large pieces.
type lines struct {
	compressor Compressor
	// plain is true without compression.
	plain bool
	text  []byte
}

func newLines(compression string) (lines, error) {
	compressor, err := NewCompressor(compression)
	return lines{compressor: compressor, plain: compression == "none", text: make([]byte, 0, lineBuffer)}, err
}

func (l *lines) flush() error {
	_, err := l.compressor.Write(l.text)
	if l.text = l.text[:0]; cap(l.text) > lineBufferKept {
		l.text = make([]byte, 0, lineBuffer)
	}
	return err
}

// Begin starts a part.
func (l *lines) Begin(w io.Writer) error {
	l.compressor.Reset(w)
	return nil
}

// Buffered is what is stored as it is. What is still to be compressed counts as
// little as what the compressor holds back: a small part would end long before
// it has the size that was asked for.
func (l *lines) Buffered() int64 {
	if !l.plain {
		return 0
	}
	return int64(len(l.text))
}

// End completes the part.
func (l *lines) End() error {
	if err := l.flush(); err != nil {
		return err
	}
	return l.compressor.Close()
}

// binaryRow is a row of COPY's binary format, taken apart.
type binaryRow struct {
	fields []table.Field
	values [][]byte
	key    []int
}

func newBinaryRow(fields []table.Field, key []int) binaryRow {
	return binaryRow{fields: fields, values: make([][]byte, len(fields)), key: key}
}

// Row returns the row of a message.
func (*binaryRow) Row(message []byte) ([]byte, error) { return copybinary.Row(message) }

// explain names the column and the row of an error.
func (r *binaryRow) explain(i int, err error) error {
	if len(r.key) == 0 {
		return fmt.Errorf("encoding column %s: %w", table.Quote(r.fields[i].Name), err)
	}
	key := copybinary.Key(r.fields, r.values, r.key)
	return fmt.Errorf("encoding column %s in the row %s: %w", table.Quote(r.fields[i].Name), key, err)
}
