package object

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// Listed is an object as a listing tells it.
type Listed struct {
	Key  string
	Size int64
}

// List lists the objects whose keys start with prefix and come after the key
// after, in the order of their keys' bytes. It asks for more as it is read, and
// ends with an error that it meets.
func (s *Store) List(ctx context.Context, bucket, prefix, after string) iter.Seq2[Listed, error] {
	return func(yield func(Listed, error) bool) {
		pages := s3.NewListObjectsV2Paginator(s.client, &s3.ListObjectsV2Input{
			Bucket: &bucket, Prefix: optional(prefix), StartAfter: optional(after),
		})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				yield(Listed{}, fmt.Errorf("listing s3://%s/%s: %w", bucket, prefix, err))
				return
			}
			for _, o := range page.Contents {
				if !yield(Listed{aws.ToString(o.Key), aws.ToInt64(o.Size)}, nil) {
					return
				}
			}
		}
	}
}

// Delete deletes the current object if it is the one that etag names; else the
// error is ErrChanged, or ErrNotFound if it is gone. An empty etag names any. In
// a bucket with versions it stays as a version.
func (s *Store) Delete(ctx context.Context, l Location, etag string) error {
	var sent attempts
	_, err := s.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &l.Bucket, Key: &l.Key, IfMatch: optional(etag)}, sent.count, retryConflicts)
	switch {
	case err == nil, sent > 1 && missing(err):
		return nil // the answer to the first attempt was lost
	case statusOf(err) == http.StatusPreconditionFailed:
		err = fmt.Errorf("%w: %w", ErrChanged, err)
	case sent.uncertain(err):
		err = s.settleDelete(ctx, l, etag, err)
	default:
		err = asNotFound(err)
	}
	if err != nil {
		return at("deleting", l, err)
	}
	return nil
}

// SetTags replaces an object's tags, of the given version or, if that is empty,
// of the current one.
func (s *Store) SetTags(ctx context.Context, l Location, versionID string, tags map[string]string) error {
	set := []types.Tag{}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		set = append(set, types.Tag{Key: aws.String(key), Value: aws.String(tags[key])})
	}
	_, err := s.client.PutObjectTagging(ctx, &s3.PutObjectTaggingInput{
		Bucket: &l.Bucket, Key: &l.Key, VersionId: optional(versionID), Tagging: &types.Tagging{TagSet: set},
		ChecksumAlgorithm: types.ChecksumAlgorithmCrc32c, // S3 wants a checksum of this one
	})
	if err != nil {
		return at("tagging", l, asNotFound(err))
	}
	return nil
}

// AbortUploadsOf ends the unfinished uploads to one key that were started more
// than olderThan ago, as AbortUploads does for many.
func (s *Store) AbortUploadsOf(ctx context.Context, l Location, olderThan time.Duration) (int, error) {
	uploads, err := s.Uploads(ctx, l.Bucket, l.Key)
	if err != nil {
		return 0, err
	}
	return s.abortOld(ctx, slices.DeleteFunc(uploads, func(u Upload) bool { return u.Location != l }), olderThan)
}
