package object

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
)

func TestAbortUploads(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, key := range []string{"run/1 a", "run/2+b", "other/c"} {
		_, err := b.behind.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: &b.bucket, Key: &key})
		check(t, err)
	}
	if n, err := b.AbortUploads(t.Context(), b.bucket, "run/", time.Hour); n != 0 || err != nil {
		t.Errorf("aborted %d young uploads, %v", n, err)
	}
	if n, err := b.AbortUploads(t.Context(), b.bucket, "run/", -time.Hour); n != 2 || err != nil {
		t.Errorf("aborted %d uploads, %v, want 2", n, err)
	}
	uploads, err := b.Uploads(t.Context(), b.bucket, "")
	check(t, err)
	if len(uploads) != 1 || uploads[0].Location != b.at("other/c") || time.Since(uploads[0].Started).Abs() > time.Minute {
		t.Errorf("left: %+v, want the one of other/c", uploads)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.AbortUploads(ctx, b.bucket, "", -time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("aborting with an ended context: %v", err)
	}
}
