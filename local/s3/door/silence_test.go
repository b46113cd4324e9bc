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

	"github.com/stagelift/stagelift/local/s3/door"
)

// patience is how long the clients of these tests listen to nothing.
const patience = 300 * time.Millisecond

func TestSilence(t *testing.T) {
	t.Parallel()
	content := bytes.Repeat([]byte("content "), 500_000) // 4 MB

	for name, done := range map[string]bool{"without": false, "with": true} {
		t.Run("in place of an answer, "+name+" the work", func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.Fail(func(*http.Request) *door.Failure { return &door.Failure{Silent: true, Done: done, Taken: 1 << 40} })
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			// It is with the door at once, however busy the machine is, and at the
			// server when that has done it.
			small := content[:8_000]
			if err := b.put(ctx, small); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("putting: %v, want nothing to be heard", err)
			}
			got, err := get(t.Context(), b.behind, b.bucket)
			for end := time.Now().Add(5 * time.Second); done && err != nil && time.Now().Before(end); {
				got, err = get(t.Context(), b.behind, b.bucket)
			}
			if done != bytes.Equal(got, small) {
				t.Errorf("the server has %d bytes, %v", len(got), err)
			}
		})
	}

	t.Run("in the middle of an answer", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		check(t, b.put(t.Context(), content))
		b.Fail(func(*http.Request) *door.Failure { return &door.Failure{Silent: true, Done: true, CutAfter: 1_000_000} })
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		if got, err := get(ctx, b.client, b.bucket); !errors.Is(err, context.DeadlineExceeded) || len(got) != 1_000_000 {
			t.Errorf("read %d bytes, error %v; want 1,000,000 and nothing more to be heard", len(got), err)
		}
	})

	t.Run("from the first byte of a connection", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.Hold(1)
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		if err := b.put(ctx, nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("putting: %v, want nothing to be heard", err)
		}
		check(t, b.put(t.Context(), nil))
		if n := b.Total().Requests; n != 1 {
			t.Errorf("%d requests were heard, want the second", n)
		}
	})
}

func TestLate(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, cancel := context.WithCancel(t.Context())
	b.Fail(func(*http.Request) *door.Failure {
		time.AfterFunc(patience, cancel)
		return &door.Failure{Delay: 2 * patience, Done: true}
	})
	if err := b.put(ctx, bytes.Repeat([]byte("content "), 500_000)); !errors.Is(err, context.Canceled) {
		t.Errorf("putting: %v, want the context's end", err)
	}
	if _, err := get(t.Context(), b.behind, b.bucket); codeOf(err) != "NoSuchKey" {
		t.Errorf("the request was not late: %v", err)
	}
	waiter := awss3.NewObjectExistsWaiter(b.behind, func(o *awss3.ObjectExistsWaiterOptions) { o.MinDelay = patience })
	if err := waiter.Wait(t.Context(), &awss3.HeadObjectInput{Bucket: &b.bucket, Key: aws.String(key)}, time.Minute); err != nil {
		t.Errorf("the request did not arrive without its client: %v", err)
	}
}

func TestSlow(t *testing.T) {
	t.Parallel()
	b := setup(t)
	content := bytes.Repeat([]byte("content "), 50_000) // 400 kB
	b.Fail(func(*http.Request) *door.Failure { return &door.Failure{Done: true, Rate: 1_000_000} })
	for name, do := range map[string]func() error{
		"putting": func() error { return b.put(t.Context(), content) },
		"getting": func() error {
			got, err := get(t.Context(), b.client, b.bucket)
			if !bytes.Equal(got, content) {
				t.Errorf("got %d bytes", len(got))
			}
			return err
		},
	} {
		check(t, b.put(t.Context(), content))
		start := time.Now()
		check(t, do())
		if took := time.Since(start); took < 400*time.Millisecond {
			t.Errorf("%s 400 kB took %v at 1 MB/s", name, took)
		}
	}

	b.Fail(func(*http.Request) *door.Failure { return &door.Failure{Done: true, Spaces: patience} })
	out, err := b.client.GetObject(t.Context(), &awss3.GetObjectInput{Bucket: &b.bucket, Key: aws.String(key)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = out.Body.Close() }()
	got, err := io.ReadAll(out.Body)
	if spaces := len(got) - len(content); err != nil || spaces < 5 || len(bytes.TrimLeft(got, " ")) != len(content) {
		t.Errorf("%d bytes, %v; want some spaces in front of %d", len(got), err, len(content))
	}
}
