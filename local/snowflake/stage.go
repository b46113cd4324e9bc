package snowflake

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/stagelift/stagelift/local/snowflake/grammar"
	"github.com/stagelift/stagelift/local/snowflake/stagefile"
)

// file is an object to load, at the version that was looked at.
type file struct {
	bucket, key, etag string
	// name is the key below the stage's URL.
	name string
}

func (f file) url() string { return "s3://" + f.bucket + "/" + f.key }

// files lists what a COPY is to load. Names are appended to the URL as they
// are: no slash comes between ("COPY INTO <table>", FILES).
func (s *session) files(ctx context.Context, c *grammar.Copy) ([]file, error) {
	key := s.key(c.Stage)
	url, known := s.server.options.Stages[key.Schema+"."+key.Name]
	if !known {
		return nil, doesNotExist("Stage", c.Stage.String())
	}
	bucket, root, _ := strings.Cut(strings.TrimPrefix(url, "s3://"), "/")
	prefix := root
	if c.Path != "" {
		if prefix != "" && !strings.HasSuffix(prefix, "/") {
			prefix += "/"
		}
		prefix += c.Path
	}
	if c.Files == nil {
		return s.server.list(ctx, bucket, root, prefix)
	}
	var list []file
	for i, name := range c.Files {
		if slices.Contains(c.Files[:i], name) {
			return nil, unsupported("a file that FILES lists twice (%s) is not imitated", name)
		}
		f := file{bucket: bucket, key: prefix + name}
		f.name = strings.TrimPrefix(f.key, root)
		head, err := s.server.s3.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &bucket, Key: &f.key})
		var missing *types.NotFound
		switch {
		case errors.As(err, &missing) && c.OnError.Action != "ABORT_STATEMENT":
			continue
		case errors.As(err, &missing):
			return nil, sqlError{"091016", "22000", fmt.Sprintf("Remote file '%s' was not found. There are several potential causes. "+
				"The file might not exist. The required credentials may be missing or invalid.", f.url())}
		case err != nil:
			return nil, fmt.Errorf("looking at %s: %w", f.url(), err)
		}
		f.etag = aws.ToString(head.ETag)
		list = append(list, f)
	}
	return list, nil
}

func (s *Server) list(ctx context.Context, bucket, root, prefix string) ([]file, error) {
	var list []file
	pages := s3.NewListObjectsV2Paginator(s.s3, &s3.ListObjectsV2Input{Bucket: &bucket, Prefix: &prefix})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("listing s3://%s/%s: %w", bucket, prefix, err)
		}
		for _, object := range page.Contents {
			key := aws.ToString(object.Key)
			list = append(list, file{bucket: bucket, key: key, etag: aws.ToString(object.ETag), name: strings.TrimPrefix(key, root)})
		}
	}
	return list, nil
}

// remove purges files. Whatever goes wrong is no error, as with Snowflake.
func (s *Server) remove(ctx context.Context, list []file) {
	for _, f := range list {
		if _, err := s.s3.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &f.bucket, Key: &f.key}); err != nil {
			s.log.WarnContext(ctx, "purging a file", slog.String("file", f.url()), slog.Any("error", err))
		}
	}
}

// open reads a file; one that changed since it was looked at is an error.
func (s *Server) open(ctx context.Context, f file, format grammar.Format) (stagefile.Reader, error) {
	out, err := s.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: &f.bucket, Key: &f.key, IfMatch: &f.etag})
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", f.url(), err)
	}
	reader, err := newReader(out.Body, format)
	if err != nil {
		_ = out.Body.Close() // it is given up
		return nil, err
	}
	return reader, nil
}

func newReader(body io.ReadCloser, format grammar.Format) (stagefile.Reader, error) {
	if format.Type == "PARQUET" {
		return parquetFile(body, format)
	}
	in, err := decompressed(body, format.Compression)
	if err != nil {
		return nil, err
	}
	if format.Type == "JSON" {
		return stagefile.NewJSON(in, body, format)
	}
	return stagefile.NewCSV(in, body, format)
}

// decompressed undoes the compression that was said, or that the first bytes
// tell.
func decompressed(body io.Reader, compression string) (io.Reader, error) {
	in := bufio.NewReaderSize(body, 64<<10)
	if compression == "AUTO" {
		start, _ := in.Peek(4) // what is shorter is not compressed
		compression = "NONE"
		for _, mark := range []struct{ name, bytes string }{{"GZIP", "\x1f\x8b"}, {"ZSTD", "\x28\xb5\x2f\xfd"}, {"BZ2", "BZh"}} {
			if bytes.HasPrefix(start, []byte(mark.bytes)) {
				compression = mark.name
			}
		}
	}
	var out io.Reader = in
	var err error
	switch compression {
	case "GZIP":
		out, err = gzip.NewReader(in)
	case "ZSTD":
		var z *zstd.Decoder
		z, err = zstd.NewReader(in, zstd.WithDecoderConcurrency(1))
		out = z
	case "BZ2":
		out = bzip2.NewReader(in)
	}
	if err != nil {
		return nil, sqlError{"100016", "22000", "Error decompressing the file as " + compression + ": " + err.Error()}
	}
	return out, nil
}

// unlinked is a temporary file that has no name any more.
type unlinked struct{ *os.File }

// parquetFile keeps a file on disk, since Parquet is read from its end.
func parquetFile(body io.ReadCloser, format grammar.Format) (stagefile.Reader, error) {
	disk, err := os.CreateTemp("", "snowflake-*.parquet")
	if err != nil {
		return nil, fmt.Errorf("keeping a file: %w", err)
	}
	size, err := io.Copy(disk, body)
	if err = errors.Join(err, os.Remove(disk.Name()), body.Close()); err != nil {
		return nil, errors.Join(fmt.Errorf("keeping a file: %w", err), disk.Close())
	}
	reader, err := stagefile.NewParquet(disk, size, unlinked{disk}, format)
	if err != nil {
		return nil, errors.Join(err, disk.Close())
	}
	return reader, nil
}
