package encode

import (
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// Compressor compresses one part after the other. Reset starts a part, the first
// too; Close ends it without closing what it writes to.
type Compressor interface {
	io.WriteCloser
	Reset(w io.Writer)
}

// zstdWindow is how far back a match may lie. A larger one finds little more in
// rows, and costs its size twice over: a stream with this one takes 1.2 MB, with
// gzip 0.8 MB.
const zstdWindow = 512 << 10

// NewCompressor returns a compressor for "none", "gzip" or "zstd". It works in
// the caller's goroutine, and the same bytes written in the same way give the
// same bytes.
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
	case "zstd":
		w, err := zstd.NewWriter(io.Discard, zstd.WithEncoderLevel(zstd.SpeedFastest),
			zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(zstdWindow), zstd.WithLowerEncoderMem(true))
		if err != nil {
			return nil, fmt.Errorf("starting zstd: %w", err)
		}
		return w, nil
	}
	return nil, fmt.Errorf("compression %q: %w", compression, ErrUnknown)
}

// plain passes bytes on.
type plain struct{ io.Writer }

func (p *plain) Reset(w io.Writer) { p.Writer = w }
func (p *plain) Close() error      { return nil }
