package object

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// maxResumes bounds how often one reader goes on after a broken connection
// without having read anything in between.
const maxResumes = 5

// reader reads a range of an object over as many connections as it takes.
type reader struct {
	ctx        context.Context //nolint:containedctx // io.Reader has no room for it
	store      *Store
	location   Location
	options    OpenOptions // what is still to be read
	attributes Attributes
	left       int64
	body       io.ReadCloser
	resumes    int
}

func (s *Store) open(ctx context.Context, l Location, o OpenOptions) (*reader, error) {
	r := &reader{ctx: ctx, store: s, location: l, options: o}
	out, err := r.request()
	if err != nil {
		return nil, err
	}
	r.body, r.left = out.Body, aws.ToInt64(out.ContentLength)
	r.options.ETag = aws.ToString(out.ETag)
	r.options.Length = r.left
	sum := told{out.ChecksumCRC32C, out.ChecksumCRC32, out.ChecksumCRC64NVME}.whole(out.ChecksumType)
	r.attributes = Attributes{
		Size: r.left, ETag: aws.ToString(out.ETag), VersionID: aws.ToString(out.VersionId),
		CRC32C: sum.crc32C(), Checksum: sum,
		LastModified: aws.ToTime(out.LastModified),
		Headers: Headers{
			ContentType: aws.ToString(out.ContentType), ContentEncoding: aws.ToString(out.ContentEncoding),
			ContentDisposition: aws.ToString(out.ContentDisposition), ContentLanguage: aws.ToString(out.ContentLanguage),
			CacheControl: aws.ToString(out.CacheControl), StorageClass: string(out.StorageClass),
			Encryption: encryption(out.ServerSideEncryption, out.SSEKMSKeyId, out.BucketKeyEnabled), Metadata: out.Metadata,
		},
	}
	if o.Length > 0 && r.left != o.Length {
		return nil, errors.Join(fmt.Errorf("bytes %d to %d were asked for, and only %d are there", o.Offset, o.Offset+o.Length, r.left), r.Close())
	}
	return r, nil
}

func (r *reader) request() (*s3.GetObjectOutput, error) {
	in := &s3.GetObjectInput{
		Bucket: &r.location.Bucket, Key: &r.location.Key,
		IfMatch: optional(r.options.ETag), VersionId: optional(r.options.VersionID),
	}
	switch {
	case r.options.Length > 0:
		in.Range = aws.String(byteRange(r.options.Offset, r.options.Length))
	case r.options.Offset > 0:
		in.Range = aws.String(fmt.Sprintf("bytes=%d-", r.options.Offset))
	default:
		in.ChecksumMode = types.ChecksumModeEnabled
	}
	out, err := r.store.client.GetObject(r.ctx, in)
	switch {
	case err == nil:
		return out, nil
	case r.options.ETag != "":
		return nil, asChanged(err)
	}
	return nil, asNotFound(err)
}

// byteRange is how HTTP and S3 write a range: both ends belong to it.
func byteRange(offset, length int64) string {
	return fmt.Sprintf("bytes=%d-%d", offset, offset+length-1)
}

// Read reads what the connection has, or goes on over another.
func (r *reader) Read(p []byte) (int, error) {
	for {
		n, err := r.body.Read(p)
		r.options.Offset += int64(n)
		r.left -= int64(n)
		r.options.Length = r.left
		if n > 0 {
			r.resumes = 0
		}
		broken := err != nil && r.left > 0
		if !broken {
			return n, err
		}
		if err := r.resume(err); err != nil {
			return n, at("reading", r.location, err)
		}
		if n > 0 {
			return n, nil
		}
	}
}

// resume opens the rest of the range.
func (r *reader) resume(cause error) error {
	r.resumes++
	if r.resumes > maxResumes || r.ctx.Err() != nil {
		if errors.Is(cause, io.EOF) {
			cause = io.ErrUnexpectedEOF
		}
		return errors.Join(cause, r.ctx.Err())
	}
	out, err := r.request()
	if err != nil {
		return err
	}
	_ = r.body.Close()
	r.body = out.Body
	return nil
}

// Close gives the connection back.
func (r *reader) Close() error { return r.body.Close() }
