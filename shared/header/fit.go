package header

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/stagelift/stagelift/shared/encode"
)

// startBytes is how much of an object is looked at to judge it.
const startBytes = 512

const gzipMagic = "\x1f\x8b"

// compressed are the formats that a line of text cannot be put in front of, by
// their first bytes. No text in UTF-8 starts like one of them.
var compressed = []struct{ name, magic string }{
	{"zstd", "\x28\xb5\x2f\xfd"},
	{"xz", "\xfd7zXZ\x00"},
	{"lzop", "\x89LZO\x00"},
	{"lz4", "\x04\x22\x4d\x18"},
	{"snappy", "\xff\x06\x00\x00sNaPpY"},
}

// fit makes the header one of a kind with the object that starts with start. A
// gzip file is a series of members that are read as one (RFC 1952, section
// 2.2), so the header becomes a member of its own.
func fit(line []byte, key string, start []byte) ([]byte, error) {
	if bytes.HasPrefix(start, []byte(gzipMagic)) || len(start) == 0 && strings.HasSuffix(key, ".gz") {
		return gzipped(line)
	}
	for _, c := range compressed {
		if bytes.HasPrefix(start, []byte(c.magic)) {
			return nil, fmt.Errorf("it is compressed with %s, and only plain text and gzip can be given a header", c.name)
		}
	}
	// A text may well start with "BZh" and a digit; the number of the first block
	// tells.
	if len(start) >= 10 && string(start[:3]) == "BZh" && string(start[4:10]) == "1AY&SY" {
		return nil, errors.New("it is compressed with bzip2, and only plain text and gzip can be given a header")
	}
	if at := bytes.IndexByte(start, 0); at >= 0 {
		return nil, fmt.Errorf("it is not text in UTF-8: byte %d is zero, as in Parquet, ORC, Avro or UTF-16; a header would spoil it", at)
	}
	return line, nil
}

func gzipped(line []byte) ([]byte, error) {
	compressor, err := encode.NewCompressor("gzip")
	if err != nil {
		return nil, err
	}
	var member bytes.Buffer
	compressor.Reset(&member)
	if _, err := compressor.Write(line); err != nil {
		return nil, fmt.Errorf("compressing the header: %w", err)
	}
	if err := compressor.Close(); err != nil {
		return nil, fmt.Errorf("compressing the header: %w", err)
	}
	return member.Bytes(), nil
}
