package object

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/stagelift/stagelift/local/s3/door"
)

// What moves is never cut, however long it takes.
func TestSlow(t *testing.T) {
	t.Parallel()
	p := endless
	p.still, p.answer, p.work = 3*soon, 5*soon, 3*soon
	// The systems' buffers, of 4 MiB or so, are emptied within the limits too.
	large := random(20 << 20)
	slow := door.Failure{Done: true, Rate: 10 << 20}
	once := func(t *testing.T, b bundle, operation string, start time.Time) {
		t.Helper()
		if took := time.Since(start); took < 5*soon {
			t.Errorf("it took %v, which is not slow", took)
		}
		if n := b.door.Counts()[operation].Requests; n != 1 {
			t.Errorf("%d requests, want 1", n)
		}
	}

	t.Run("upload", func(t *testing.T) {
		t.Parallel()
		b := setupWith(t, p)
		b.door.Fail(on("PutObject", 0, 100, slow))
		start := time.Now()
		_, err := b.Put(within(t), b.at("k"), large, PutOptions{})
		check(t, err)
		once(t, b, "PutObject", start)
	})

	t.Run("download", func(t *testing.T) {
		t.Parallel()
		b := setupWith(t, p)
		l, _ := b.place("k", large)
		b.door.Fail(on("GetObject", 0, 100, slow))
		start := time.Now()
		_, _, err := b.Get(within(t), l, 1<<30)
		check(t, err)
		once(t, b, "GetObject", start)
	})

	t.Run("reader", func(t *testing.T) {
		t.Parallel()
		b := setupWith(t, p)
		l, _ := b.place("k", large)
		start := time.Now()
		r, err := b.Open(within(t), l, OpenOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = r.Close() }()
		for range 2 { // it is not S3 that is silent
			time.Sleep(6 * soon)
			_, err = io.CopyN(io.Discard, r, 1<<20)
			check(t, err)
		}
		once(t, b, "GetObject", start)
	})

	t.Run("answer to Complete, which is spaces at first", func(t *testing.T) {
		t.Parallel()
		b := setupWith(t, p)
		b.door.Fail(on("CompleteMultipartUpload", 0, 100, door.Failure{Done: true, Spaces: 6 * soon}))
		start := time.Now()
		check(t, b.stream(within(t), large[:minPart+1]))
		once(t, b, "CompleteMultipartUpload", start)
	})

	for _, operation := range []string{"CompleteMultipartUpload", "UploadPartCopy"} {
		t.Run("answer to "+operation, func(t *testing.T) {
			t.Parallel()
			p := endless
			p.answer, p.still = soon, soon
			b := setupWith(t, p)
			in, a := b.place("in", large)
			b.door.Fail(on(operation, 0, 100, door.Failure{Delay: 6 * soon}))
			start := time.Now()
			_, err := b.Compose(within(t), b.at("k"), []Segment{segment(in, a)}, ComposeOptions{})
			check(t, err)
			once(t, b, operation, start)
		})
	}
}

// Nothing outlives the caller's context but a look, and the clean-up.
func TestContextEndsAtOnce(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]func(context.Context, bundle) error{
		"a request": func(ctx context.Context, b bundle) error {
			_, err := b.Stat(ctx, b.at("k"))
			return err
		},
		"a body that is sent": func(ctx context.Context, b bundle) error {
			return b.upload().put(ctx, 1, newBody(random(32<<20)), crc{})
		},
		"a body that is read": func(ctx context.Context, b bundle) error {
			_, _, err := b.Get(ctx, b.at("k"), 1<<30)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setupWith(t, endless)
			b.place("k", random(1<<20))
			b.door.Fail(func(r *http.Request) *door.Failure {
				return &door.Failure{Silent: true, Done: r.Method == http.MethodGet, CutAfter: 1000}
			})
			reason := errors.New("the deadline is near")
			ctx, cancel := context.WithTimeoutCause(t.Context(), soon, reason)
			defer cancel()
			start := time.Now()
			if err := do(ctx, b); !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, reason) {
				t.Errorf("%v, want the context's end", err)
			}
			if took := time.Since(start); took > 10*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}

// upload is one that S3 knows.
func (b bundle) upload() *upload {
	b.t.Helper()
	out, err := b.behind.CreateMultipartUpload(b.t.Context(), &s3.CreateMultipartUploadInput{Bucket: &b.bucket, Key: new("k")})
	if err != nil {
		b.t.Fatal(err)
	}
	return &upload{store: b.Store, location: b.at("k"), id: *out.UploadId, parts: map[int]part{}}
}
