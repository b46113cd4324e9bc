package object

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// Upload is a multipart upload that has neither been completed nor aborted.
type Upload struct {
	Location Location
	// ID is S3's name for it.
	ID string
	// Started is S3's clock.
	Started time.Time
}

// Uploads lists the unfinished uploads to keys that start with prefix, those of
// living writers among them.
func (s *Store) Uploads(ctx context.Context, bucket, prefix string) ([]Upload, error) {
	var uploads []Upload
	pages := s3.NewListMultipartUploadsPaginator(s.client, &s3.ListMultipartUploadsInput{
		Bucket: &bucket, Prefix: optional(prefix),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("listing the unfinished uploads below s3://%s/%s: %w", bucket, prefix, err)
		}
		for _, u := range page.Uploads {
			uploads = append(uploads, Upload{
				Location: Location{bucket, aws.ToString(u.Key)}, ID: aws.ToString(u.UploadId), Started: aws.ToTime(u.Initiated),
			})
		}
	}
	return uploads, nil
}

// AbortUploads ends the unfinished uploads below prefix that were started more
// than olderThan ago, and returns how many. It is for what killed processes
// leave behind: olderThan must be longer than any writer lives, since an upload
// that is still being written would be lost. The two clocks, S3's and ours, are
// trusted to agree.
//
// It stops at the first error and returns how far it came.
func (s *Store) AbortUploads(ctx context.Context, bucket, prefix string, olderThan time.Duration) (int, error) {
	uploads, err := s.Uploads(ctx, bucket, prefix)
	if err != nil {
		return 0, err
	}
	return s.abortOld(ctx, uploads, olderThan)
}

func (s *Store) abortOld(ctx context.Context, uploads []Upload, olderThan time.Duration) (int, error) {
	limit := time.Now().Add(-olderThan)
	aborted := 0
	for _, u := range uploads {
		if u.Started.After(limit) {
			continue
		}
		if err := s.abort(ctx, u.Location, u.ID); err != nil {
			return aborted, err
		}
		aborted++
	}
	return aborted, nil
}

// abort ends an upload; one that is gone already is no error.
func (s *Store) abort(ctx context.Context, l Location, id string) error {
	_, err := s.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &l.Bucket, Key: &l.Key, UploadId: &id})
	if err != nil && codeOf(err) != "NoSuchUpload" {
		return at("aborting the upload of", l, err)
	}
	return nil
}
