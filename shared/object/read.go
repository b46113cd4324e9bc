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

// Stat returns an object's attributes. The error is ErrNotFound for an object
// that is not there.
func (s *Store) Stat(ctx context.Context, l Location) (Attributes, error) {
	out, err := s.client.HeadObject(ctx, &s3.HeadObjectInput{
		Bucket: &l.Bucket, Key: &l.Key, ChecksumMode: types.ChecksumModeEnabled,
	})
	if err != nil {
		return Attributes{}, at("looking at", l, asNotFound(err))
	}
	sum := told{out.ChecksumCRC32C, out.ChecksumCRC32, out.ChecksumCRC64NVME}.whole(out.ChecksumType)
	return Attributes{
		Size: aws.ToInt64(out.ContentLength), ETag: aws.ToString(out.ETag), VersionID: aws.ToString(out.VersionId),
		CRC32C: sum.crc32C(), Checksum: sum,
		LastModified: aws.ToTime(out.LastModified),
		Headers: Headers{
			ContentType: aws.ToString(out.ContentType), ContentEncoding: aws.ToString(out.ContentEncoding),
			ContentDisposition: aws.ToString(out.ContentDisposition), ContentLanguage: aws.ToString(out.ContentLanguage),
			CacheControl: aws.ToString(out.CacheControl), StorageClass: string(out.StorageClass),
			Encryption: encryption(out.ServerSideEncryption, out.SSEKMSKeyId, out.BucketKeyEnabled), Metadata: out.Metadata,
		},
	}, nil
}

func encryption(algorithm types.ServerSideEncryption, key *string, bucketKey *bool) Encryption {
	return Encryption{string(algorithm), aws.ToString(key), aws.ToBool(bucketKey)}
}

// Tags returns an object's tags, of the given version or, if that is empty, of
// the current one.
func (s *Store) Tags(ctx context.Context, l Location, versionID string) (map[string]string, error) {
	out, err := s.client.GetObjectTagging(ctx, &s3.GetObjectTaggingInput{
		Bucket: &l.Bucket, Key: &l.Key, VersionId: optional(versionID),
	})
	if err != nil {
		return nil, at("reading the tags of", l, asNotFound(err))
	}
	tags := make(map[string]string, len(out.TagSet))
	for _, tag := range out.TagSet {
		tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return tags, nil
}

// Get returns a whole object, which must not be longer than limit bytes.
func (s *Store) Get(ctx context.Context, l Location, limit int64) ([]byte, Attributes, error) {
	r, err := s.open(ctx, l, OpenOptions{})
	if err != nil {
		return nil, Attributes{}, at("reading", l, err)
	}
	defer func() { _ = r.Close() }()
	if r.attributes.Size > limit {
		return nil, r.attributes, at("reading", l,
			fmt.Errorf("it has %d bytes, more than the %d that are allowed here", r.attributes.Size, limit))
	}
	content := make([]byte, r.attributes.Size)
	if _, err := io.ReadFull(r, content); err != nil {
		return nil, r.attributes, at("reading", l, err)
	}
	// The end is where the checksum is compared.
	if _, err := r.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		return nil, r.attributes, at("reading", l, fmt.Errorf("it does not end after %d bytes: %w", len(content), err))
	}
	return content, r.attributes, nil
}

// OpenOptions say what is read. The zero value reads the whole current object.
type OpenOptions struct {
	// ETag, if set, must be the object's; else the error is ErrChanged.
	ETag string
	// VersionID, if set, names the version.
	VersionID string
	// Offset and Length are a range in bytes. A Length of 0 means to the end.
	Offset, Length int64
}

// Open starts reading. The reader must be closed. When a connection breaks, or
// falls silent while it is read from, it goes on where it was, as long as the
// object has not changed: what is read is of one version, or ends in ErrChanged.
func (s *Store) Open(ctx context.Context, l Location, o OpenOptions) (io.ReadCloser, error) {
	r, err := s.open(ctx, l, o)
	if err != nil {
		return nil, at("reading", l, err)
	}
	return r, nil
}
