package door_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/local/s3/door"
	"github.com/stagelift/stagelift/local/s3/s3test"
)

const key = "a key/with+odd %signs"

type bundle struct {
	*door.Door
	bucket string
	client *awss3.Client // through the door, without retries
	behind *awss3.Client // past it
}

func setup(t *testing.T) bundle {
	t.Helper()
	b := s3test.Shared(t)
	d, err := door.Open(t.Context(), b.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	cfg := s3test.Config(d.Endpoint())
	cfg.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	client := awss3.NewFromConfig(cfg, func(o *awss3.Options) { o.UsePathStyle = true })
	return bundle{Door: d, bucket: b.Name, client: client, behind: b.Client()}
}

func (b bundle) put(ctx context.Context, content []byte) error {
	_, err := b.client.PutObject(ctx, &awss3.PutObjectInput{Bucket: &b.bucket, Key: aws.String(key), Body: bytes.NewReader(content)})
	return err
}

func get(ctx context.Context, client *awss3.Client, bucket string) ([]byte, error) {
	out, err := client.GetObject(ctx, &awss3.GetObjectInput{Bucket: &bucket, Key: aws.String(key)})
	if err != nil {
		return nil, err
	}
	defer func() { _ = out.Body.Close() }()
	return io.ReadAll(out.Body)
}

func TestDoor(t *testing.T) {
	t.Parallel()
	content := bytes.Repeat([]byte("content "), 500_000) // 4 MB

	t.Run("passes signed requests on and counts them", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		check(t, b.put(t.Context(), content))
		got, err := get(t.Context(), b.client, b.bucket)
		check(t, err)
		if !bytes.Equal(got, content) {
			t.Error("the content changed on its way")
		}
		counts := b.Counts()
		if in := counts["PutObject"].In; in < 4_000_000 || in > 4_001_000 {
			t.Errorf("bytes put: %d, want 4,000,000 and little more", in)
		}
		if diff := cmp.Diff(door.Count{Requests: 1, Out: 4_000_000}, counts["GetObject"]); diff != "" {
			t.Errorf("count of GetObject (-want +got):\n%s", diff)
		}
		b.Reset()
		if diff := cmp.Diff(door.Count{}, b.Total()); diff != "" {
			t.Errorf("total after a reset (-want +got):\n%s", diff)
		}
	})

	t.Run("answers in the server's place", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.Fail(func(*http.Request) *door.Failure { return &door.Failure{Status: 503, Code: "SlowDown"} })
		if code := codeOf(b.put(t.Context(), content)); code != "SlowDown" {
			t.Errorf("code %q, want SlowDown", code)
		}
		if _, err := get(t.Context(), b.behind, b.bucket); codeOf(err) != "NoSuchKey" {
			t.Errorf("the server heard of the request: %v", err)
		}
		b.Fail(nil)
		check(t, b.put(t.Context(), content))
	})

	t.Run("replaces the answer once the work is done", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.Fail(func(*http.Request) *door.Failure { return &door.Failure{Status: 500, Done: true} })
		if code := codeOf(b.put(t.Context(), content)); code != "InternalError" {
			t.Errorf("code %q, want InternalError", code)
		}
		got, err := get(t.Context(), b.behind, b.bucket)
		if err != nil || !bytes.Equal(got, content) {
			t.Errorf("the work was not done: %d bytes, %v", len(got), err)
		}
	})

	t.Run("cuts the connection before or after the work", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.Fail(func(*http.Request) *door.Failure { return &door.Failure{Cut: true} })
		if err := b.put(t.Context(), content); err == nil || codeOf(err) != "" {
			t.Errorf("putting: %v, want a broken connection", err)
		}
		if _, err := get(t.Context(), b.behind, b.bucket); codeOf(err) != "NoSuchKey" {
			t.Errorf("the server heard of the request: %v", err)
		}
		b.Fail(func(*http.Request) *door.Failure { return &door.Failure{Cut: true, Done: true} })
		if err := b.put(t.Context(), content); err == nil || codeOf(err) != "" {
			t.Errorf("putting: %v, want a broken connection", err)
		}
		if _, err := get(t.Context(), b.behind, b.bucket); err != nil {
			t.Errorf("the work was not done: %v", err)
		}
	})

	t.Run("cuts an answer short", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		check(t, b.put(t.Context(), content))
		b.Fail(func(*http.Request) *door.Failure {
			return &door.Failure{Cut: true, Done: true, CutAfter: 1_000_000}
		})
		got, err := get(t.Context(), b.client, b.bucket)
		if err == nil || len(got) != 1_000_000 {
			t.Errorf("read %d bytes, error %v; want 1,000,000 and an error", len(got), err)
		}
	})

	t.Run("lets a delayed request go with its client", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		arrived := make(chan struct{}, 1)
		b.Fail(func(*http.Request) *door.Failure {
			arrived <- struct{}{}
			return &door.Failure{Delay: time.Hour}
		})
		ctx, cancel := context.WithCancel(t.Context())
		go func() { <-arrived; cancel() }()
		if err := b.put(ctx, nil); !errors.Is(err, context.Canceled) {
			t.Errorf("putting: %v, want the context's end", err)
		}
	})
}

func codeOf(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorCode()
	}
	return ""
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}
