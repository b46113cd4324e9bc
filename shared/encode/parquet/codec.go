package parquet

import (
	"fmt"

	"github.com/golang/snappy"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
)

// codec compresses pages.
type codec interface {
	// compress returns src compressed, in the place of dst if that is large
	// enough. Without compression it is src itself.
	compress(dst, src []byte) ([]byte, error)
	// number is the codec's in the file (Parquet format, CompressionCodec).
	number() int
}

// newCodec returns the codec of a name. Both gzip and zstd work at their
// fastest: staged files live for hours, and the time that another level takes
// costs more than the bytes it saves.
func newCodec(compression string) (codec, error) {
	switch compression {
	case "none":
		return stored{}, nil
	case "snappy":
		return snappied{}, nil
	case "gzip":
		g := &gzipped{}
		var err error
		if g.writer, err = gzip.NewWriterLevel(&g.to, gzip.BestSpeed); err != nil {
			return nil, fmt.Errorf("starting gzip: %w", err)
		}
		return g, nil
	case "zstd":
		writer, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1),
			zstd.WithWindowSize(maxPageBytes), zstd.WithLowerEncoderMem(true), zstd.WithEncoderCRC(false))
		if err != nil {
			return nil, fmt.Errorf("starting zstd: %w", err)
		}
		return zstandard{writer}, nil
	}
	return nil, fmt.Errorf("compression %q: want snappy, zstd, gzip or none", compression)
}

type stored struct{}

func (stored) compress(_, src []byte) ([]byte, error) { return src, nil }
func (stored) number() int                            { return 0 }

// snappied looks for matches of six bytes. Pages of text and keys are not much
// larger for it.
type snappied struct{}

func (snappied) compress(dst, src []byte) ([]byte, error) {
	return s2.EncodeSnappy(dst[:cap(dst)], src), nil
}
func (snappied) number() int { return 1 }

// snappiedClosely looks for matches of four bytes, in blocks of 64 KiB, for twice
// the time. It finds more in numbers and in hexadecimal digits.
type snappiedClosely struct{}

func (snappiedClosely) compress(dst, src []byte) ([]byte, error) {
	return snappy.Encode(dst[:cap(dst)], src), nil
}
func (snappiedClosely) number() int { return 1 }

type gzipped struct {
	writer *gzip.Writer
	to     sink
}

func (g *gzipped) compress(dst, src []byte) ([]byte, error) {
	g.to.b = dst[:0]
	g.writer.Reset(&g.to)
	if _, err := g.writer.Write(src); err != nil {
		return nil, err
	}
	if err := g.writer.Close(); err != nil {
		return nil, err
	}
	packed := g.to.b
	g.to.b = nil
	return packed, nil
}
func (*gzipped) number() int { return 2 }

// sink collects what is written.
type sink struct{ b []byte }

func (s *sink) Write(p []byte) (int, error) {
	s.b = append(s.b, p...)
	return len(p), nil
}

type zstandard struct{ writer *zstd.Encoder }

func (z zstandard) compress(dst, src []byte) ([]byte, error) {
	return z.writer.EncodeAll(src, dst[:0]), nil
}
func (zstandard) number() int { return 6 }
