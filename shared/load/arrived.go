package load

import (
	"bytes"
	"compress/bzip2"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

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

// unloaded is the manifest that UNLOAD writes, as far as it is used.
type unloaded struct {
	Entries []struct {
		URL string `json:"url"`
	} `json:"entries"`
}

// planManifest makes the load of what a manifest lists. UNLOAD writes it last,
// so all it lists is there.
func (j *Job) planManifest(ctx context.Context, a arrival) (planned, error) {
	data, _, err := j.Store.Get(ctx, a.location(), receiptLimit)
	if err != nil {
		return planned{}, fmt.Errorf("loading %s: %w", a.location(), err)
	}
	var u unloaded
	if err := json.Unmarshal(data, &u); err != nil {
		return planned{}, fmt.Errorf("loading %s: it is no manifest: %w", a.location(), err)
	}
	if len(u.Entries) == 0 {
		return planned{}, fmt.Errorf("loading %s: the manifest lists nothing", a.location())
	}
	members := make([]arrival, len(u.Entries))
	for i, entry := range u.Entries {
		at, err := ParseURL(entry.URL)
		if err != nil {
			return planned{}, fmt.Errorf("loading %s: entry %d: %w", a.location(), i, err)
		}
		found, err := j.Store.Stat(ctx, at)
		if err != nil {
			return planned{}, fmt.Errorf("loading %s: %w", a.location(), err)
		}
		members[i] = arrival{Bucket: at.Bucket, Key: at.Key, ETag: found.ETag, Bytes: found.Size, Modified: a.Modified}
	}
	p := j.loadOf(a.id(), a.route, a.columns, members)
	p.Source.Schema, p.from = a.Bucket, a.location()
	return p, j.writeManifest(ctx, p, members)
}
