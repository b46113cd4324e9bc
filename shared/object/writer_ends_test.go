package object

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"

	"github.com/stagelift/stagelift/local/s3/door"
)

func TestWriterEnds(t *testing.T) {
	t.Parallel()
	buffers := NewBuffers(minPart, 0)
	content := random(2*minPart + 1)

	t.Run("with its context, whose parts are in flight", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		ctx, cancel := context.WithCancelCause(t.Context())
		reason := errors.New("the deadline is near")
		b.door.Fail(func(r *http.Request) *door.Failure {
			if door.Operation(r) == "UploadPart" {
				cancel(reason)
				return &cutDone
			}
			return nil
		})
		w := b.NewWriter(ctx, b.at("k"), WriterOptions{Buffers: buffers})
		writeErr := b.write(w, content)
		if err := errors.Join(writeErr, w.Close()); !errors.Is(err, reason) {
			t.Errorf("closing: %v, want the context's cause", err)
		}
		b.nothing(b.at("k"))
	})

	t.Run("with its context, whose upload is being created", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		ctx, cancel := context.WithCancelCause(t.Context())
		reason := errors.New("the deadline is near")
		b.door.Fail(func(r *http.Request) *door.Failure {
			if door.Operation(r) == "CreateMultipartUpload" {
				cancel(reason)
			}
			return nil
		})
		w := b.NewWriter(ctx, b.at("k"), WriterOptions{Buffers: buffers})
		writeErr := b.write(w, content)
		if err := errors.Join(writeErr, w.Close()); !errors.Is(err, reason) {
			t.Errorf("closing: %v, want the context's cause", err)
		}
		b.nothing(b.at("k"))
		if total := b.door.Counts()["AbortMultipartUpload"]; total.Requests != 1 {
			t.Errorf("%d uploads were ended, want the one", total.Requests)
		}
	})

	t.Run("with Abort", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		w := b.NewWriter(t.Context(), b.at("k"), WriterOptions{Buffers: buffers})
		check(t, b.write(w, content))
		check(t, w.Abort())
		check(t, w.Abort())
		if err := w.Close(); !errors.Is(err, errAborted) {
			t.Errorf("closing after Abort: %v", err)
		}
		b.nothing(b.at("k"))
	})

	t.Run("with an ended context without a request", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		ctx, cancel := context.WithCancel(t.Context())
		w := b.NewWriter(ctx, b.at("k"), WriterOptions{})
		check(t, b.write(w, []byte("content")))
		cancel()
		if err := w.Close(); !errors.Is(err, context.Canceled) {
			t.Errorf("closing: %v", err)
		}
		if total := b.door.Total(); total.Requests != 0 {
			t.Errorf("requests were sent: %+v", b.door.Counts())
		}
	})

	t.Run("and says when parts are left", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.door.Fail(both(on("UploadPart", 0, 100, denied), on("AbortMultipartUpload", 0, 100, denied)))
		w := b.NewWriter(t.Context(), b.at("k"), WriterOptions{Buffers: buffers})
		_ = b.write(w, content)
		if err := w.Close(); err == nil || !bytes.Contains([]byte(err.Error()), []byte("aborting the upload")) {
			t.Errorf("closing: %v, want the failed abort in it", err)
		}
		b.door.Fail(nil)
		if n, err := b.AbortUploads(t.Context(), b.bucket, "", -1<<40); n != 1 || err != nil {
			t.Errorf("%d uploads were left, %v, want 1", n, err)
		}
	})
}

func TestWriterIfAbsent(t *testing.T) {
	t.Parallel()
	for name, size := range map[string]int{"one request": 1000, "parts": minPart + 1} {
		t.Run("has one winner, with "+name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			const writers = 6
			errs := make([]error, writers)
			var wait sync.WaitGroup
			for i := range writers {
				wait.Go(func() {
					w := b.NewWriter(t.Context(), b.at("k"), WriterOptions{IfAbsent: true, Buffers: NewBuffers(minPart, 0)})
					content := random(size)
					content[0] = byte(i)
					_ = b.write(w, content)
					errs[i] = w.Close()
				})
			}
			wait.Wait()
			winners := 0
			for i, err := range errs {
				switch {
				case err == nil:
					winners++
					if got := b.content(b.at("k")); got[0] != byte(i) || len(got) != size {
						t.Errorf("writer %d won, but the object is another's", i)
					}
				case !errors.Is(err, ErrExists):
					t.Errorf("writer %d: %v, want ErrExists", i, err)
				}
			}
			if winners != 1 {
				t.Errorf("%d winners", winners)
			}
			b.noUploads()
		})
	}

	t.Run("does not take an object of the same content for its own", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		content := random(minPart + 1)
		b.place("k", content)
		w := b.NewWriter(t.Context(), b.at("k"), WriterOptions{IfAbsent: true, Buffers: NewBuffers(minPart, 0)})
		check(t, b.write(w, content))
		if err := w.Close(); !errors.Is(err, ErrExists) {
			t.Errorf("closing: %v, want ErrExists", err)
		}
		b.noUploads()
	})

	t.Run("knows its own success when the answer was lost", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		exists := door.Failure{Status: http.StatusPreconditionFailed, Code: "PreconditionFailed"}
		b.door.Fail(both(on("CompleteMultipartUpload", 0, 1, lost), on("CompleteMultipartUpload", 0, 1, exists)))
		w := b.NewWriter(t.Context(), b.at("k"), WriterOptions{IfAbsent: true, Buffers: NewBuffers(minPart, 0)})
		content := random(minPart + 1)
		check(t, b.write(w, content))
		check(t, w.Close())
		b.same(b.at("k"), content)
	})
}
