package load

import (
	"bytes"
	"compress/bzip2"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/stagelift/stagelift/shared/encode/parquet/footer"
	"github.com/stagelift/stagelift/shared/object"
)

// headerBytes is how much of an object is read for its header.
const headerBytes = 256 << 10

// header reads the names in an object's first line.
func (j *Job) header(ctx context.Context, a arrival) ([]string, error) {
	if a.Bytes == 0 {
		return nil, errors.New("the object is empty")
	}
	body, err := j.Store.Open(ctx, a.location(), object.OpenOptions{ETag: a.ETag, Length: min(headerBytes, a.Bytes)})
	if err != nil {
		return nil, err
	}
	defer func() { _ = body.Close() }() // read only
	return readHeader(body, a.route)
}

func readHeader(body io.Reader, r Route) ([]string, error) {
	in, err := expand(body, r.format().Compression)
	if err != nil {
		return nil, err
	}
	reader := csv.NewReader(in)
	reader.Comma = rune(r.format().Delimiter[0])
	names, err := reader.Read()
	if err != nil {
		return nil, err
	}
	names[0] = string(bytes.TrimPrefix([]byte(names[0]), []byte("\xef\xbb\xbf")))
	for i, name := range names {
		if name == "" {
			return nil, fmt.Errorf("column %d has no name", i+1)
		}
	}
	return names, nil
}

func expand(body io.Reader, compression string) (io.Reader, error) {
	switch compression {
	case "none":
		return body, nil
	case "gzip":
		return gzip.NewReader(body)
	case "zstd":
		return zstd.NewReader(body, zstd.WithDecoderConcurrency(1))
	case "bzip2":
		return bzip2.NewReader(body), nil
	}
	return nil, fmt.Errorf("compression %q is not one that is loaded", compression)
}

// footer reads what an object of Parquet says of itself.
func (j *Job) footer(ctx context.Context, a arrival) (footer.File, error) {
	return footer.Read(a.Bytes, func(offset, length int64) (io.ReadCloser, error) {
		return j.Store.Open(ctx, a.location(), object.OpenOptions{ETag: a.ETag, Offset: offset, Length: length})
	})
}
