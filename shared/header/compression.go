package header

import (
	"bytes"
	"compress/bzip2"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	ourbzip2 "github.com/stagelift/stagelift/shared/header/bzip2"
)

// compression is how an object is compressed, as its first bytes tell. Of each of
// these formats a file is a series, which is read as one text: gzip's members
// (RFC 1952, section 2.2), zstd's frames (RFC 8878, section 3), bzip2's streams.
type compression struct {
	name, extension string
	// starts reports whether bytes begin such a file.
	starts func([]byte) bool
	// window is how many bytes of a file are enough to see its first lines. A
	// bzip2 block must be there whole.
	window int64
	reader func(io.Reader) (io.Reader, error)
	writer func(io.Writer) (io.WriteCloser, error)
}

const (
	none = "none"
	// startBytes is how much of an object is looked at to judge it.
	startBytes = 64 << 10
	// readWindow is what zstd's highest levels make readers hold, writeWindow what
	// we make them hold; at its usual levels it is 8 MiB at most.
	readWindow, writeWindow = 128 << 20, 1 << 20
)

var compressions = []compression{
	{
		name: "gzip", extension: ".gz", window: startBytes,
		starts: func(b []byte) bool { return bytes.HasPrefix(b, []byte("\x1f\x8b")) },
		reader: func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) },
		writer: func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil },
	},
	{
		name: "zstd", extension: ".zst", window: 256 << 10,
		starts: func(b []byte) bool {
			skippable := len(b) >= 4 && b[0]&0xf0 == 0x50 && string(b[1:4]) == "\x2a\x4d\x18"
			return skippable || bytes.HasPrefix(b, []byte("\x28\xb5\x2f\xfd"))
		},
		reader: func(r io.Reader) (io.Reader, error) {
			return zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(readWindow))
		},
		writer: func(w io.Writer) (io.WriteCloser, error) {
			return zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(writeWindow))
		},
	},
	{
		name: "bzip2", extension: ".bz2", window: 1 << 20,
		// A text may well start with "BZh" and a digit; the number of the first
		// block, or of the end, tells.
		starts: func(b []byte) bool {
			return len(b) >= 10 && string(b[:3]) == "BZh" && (string(b[4:10]) == "1AY&SY" || string(b[4:10]) == "\x17rE8P\x90")
		},
		reader: func(r io.Reader) (io.Reader, error) { return bzip2.NewReader(r), nil },
		writer: func(w io.Writer) (io.WriteCloser, error) { return ourbzip2.NewWriter(w), nil },
	},
}

// otherwise are formats that are refused, by their first bytes. No text in UTF-8
// starts like one of the compressed ones.
var otherwise = []struct{ name, magic string }{
	{"xz", "\xfd7zXZ\x00"},
	{"lzop", "\x89LZO\x00"},
	{"lz4", "\x04\x22\x4d\x18"},
	{"snappy", "\xff\x06\x00\x00sNaPpY"},
}

// compressionOf tells how an object is compressed; nil is not at all. An object
// without bytes is what its name says.
func compressionOf(key string, start []byte) (*compression, error) {
	for i := range compressions {
		c := &compressions[i]
		if c.starts(start) || len(start) == 0 && strings.HasSuffix(key, c.extension) {
			return c, nil
		}
	}
	for _, o := range otherwise {
		if bytes.HasPrefix(start, []byte(o.magic)) {
			return nil, fmt.Errorf("it is compressed with %s, and only plain text, gzip, zstd and bzip2 can be given a header", o.name)
		}
	}
	return nil, nil //nolint:nilnil // not compressed is a good answer
}

func (c *compression) String() string {
	if c == nil {
		return none
	}
	return c.name
}

// pack compresses bytes into a member of their own.
func (c *compression) pack(text []byte) ([]byte, error) {
	if c == nil || len(text) == 0 {
		return text, nil
	}
	var member bytes.Buffer
	w, err := c.writer(&member)
	if err == nil {
		_, err = w.Write(text)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("compressing the header with %s: %w", c.name, err)
	}
	return member.Bytes(), nil
}

// peek decompresses what the first bytes of an object hold, up to limit bytes.
// That the bytes end in the middle is no error.
func (c *compression) peek(start []byte, limit int64) ([]byte, error) {
	if c == nil || len(start) == 0 {
		return start, nil
	}
	r, err := c.reader(bytes.NewReader(start))
	if err != nil {
		return nil, fmt.Errorf("decompressing its start with %s: %w", c.name, err)
	}
	defer closeReader(r)
	text, err := io.ReadAll(io.LimitReader(r, limit))
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, fmt.Errorf("decompressing its start with %s: %w", c.name, err)
	}
	return text, nil
}

// closeReader frees what a zstd decoder holds.
func closeReader(r io.Reader) {
	if d, ok := r.(*zstd.Decoder); ok {
		d.Close()
	}
}
