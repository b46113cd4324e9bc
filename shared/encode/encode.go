// Package encode turns the rows that COPY sends into the bytes of a part.
//
// CSV is PostgreSQL's own: rows pass through as they come, one row with each
// Write, and are neither parsed nor changed. What is added is a header line,
// where one is wanted, and compression.
package encode

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/gzip"

	"github.com/stagelift/stagelift/shared/table"
)

// CSVHeader returns the line of column names, quoted where CSV needs it and
// ended by a newline.
func CSVHeader(names []string, delimiter string) []byte {
	var b strings.Builder
	for i, name := range names {
		if i > 0 {
			b.WriteString(delimiter)
		}
		if name == "" || strings.ContainsAny(name, delimiter+"\"\r\n") || name != strings.TrimSpace(name) {
			name = `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
		}
		b.WriteString(name)
	}
	b.WriteByte('\n')
	return []byte(b.String())
}

// Names returns the columns' names in order.
func Names(columns []table.Column) []string {
	names := make([]string, len(columns))
	for i, column := range columns {
		names[i] = column.Name
	}
	return names
}

// Compressor compresses one part after the other. Reset starts a part, the first
// too; Close ends it without closing what it writes to.
type Compressor interface {
	io.WriteCloser
	Reset(w io.Writer)
}

// NewCompressor returns a compressor for "none" or "gzip".
func NewCompressor(compression string) (Compressor, error) {
	switch compression {
	case "none":
		return &plain{}, nil
	case "gzip":
		// The fastest level: staged files live for hours, and the time that
		// another level takes costs more than the bytes it saves.
		w, err := gzip.NewWriterLevel(io.Discard, gzip.BestSpeed)
		if err != nil {
			return nil, fmt.Errorf("starting gzip: %w", err)
		}
		return w, nil
	}
	return nil, fmt.Errorf("compression %q: %w", compression, ErrUnknown)
}

// ErrUnknown marks a format or compression that there is no encoder for.
var ErrUnknown = errors.New("not known here")

// plain passes bytes on.
type plain struct{ io.Writer }

func (p *plain) Reset(w io.Writer) { p.Writer = w }
func (p *plain) Close() error      { return nil }
