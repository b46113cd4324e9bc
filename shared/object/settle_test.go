package object

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/stagelift/stagelift/local/s3/door"
)

// never lets S3 do the work, and no answer through.
var never = map[string]door.Failure{"500": lost, "a broken connection": cutDone, "silence": silentDone}

// writes are the ways to write content under a key that holds "old", but for
// those that ask for an absent one.
var writes = map[string]struct {
	operation string
	size      int
	old       string
	do        func(context.Context, bundle, []byte) error
}{
	"Put": {"PutObject", 1000, "old", func(ctx context.Context, b bundle, content []byte) error {
		_, err := b.Put(ctx, b.at("k"), content, PutOptions{})
		return err
	}},
	"Put with IfAbsent": {"PutObject", 1000, "", func(ctx context.Context, b bundle, content []byte) error {
		_, err := b.Put(ctx, b.at("k"), content, PutOptions{IfAbsent: true})
		return err
	}},
	"Put with IfMatch": {"PutObject", 1000, "old", func(ctx context.Context, b bundle, content []byte) error {
		a, err := b.Stat(context.WithoutCancel(ctx), b.at("k"))
		check(b.t, err)
		_, err = b.Put(ctx, b.at("k"), content, PutOptions{IfMatch: a.ETag})
		return err
	}},
	"Writer": {"CompleteMultipartUpload", 2*minPart + 1, "old", func(ctx context.Context, b bundle, content []byte) error {
		return b.stream(ctx, content)
	}},
	"Writer with IfAbsent": {"CompleteMultipartUpload", 2*minPart + 1, "", func(ctx context.Context, b bundle, content []byte) error {
		w := b.NewWriter(ctx, b.at("k"), WriterOptions{IfAbsent: true, Buffers: NewBuffers(minPart, 0)})
		return errors.Join(b.write(w, content), w.Close())
	}},
	"Compose": {"CompleteMultipartUpload", 2*minPart + 1, "old", func(ctx context.Context, b bundle, content []byte) error {
		_, err := b.Compose(ctx, b.at("k"), []Segment{{Bytes: content}}, ComposeOptions{})
		return err
	}},
}

func TestSettle(t *testing.T) {
	t.Parallel()
	for name, w := range writes {
		content := random(w.size)
		// curious hears no answer, and looks for the object long enough.
		curious := brisk
		curious.look, curious.attempts = 8*time.Second, 3
		if w.operation == "PutObject" {
			curious.answer = soon
		} else {
			curious.work = soon
		}
		run := func(name string, p patience, test func(bundle)) {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				b := setupWith(t, p)
				if w.old != "" {
					b.place("k", []byte(w.old))
				}
				test(b)
			})
		}
		for answer, failure := range never {
			run(name+" succeeds when all that is heard is "+answer, curious, func(b bundle) {
				b.door.Fail(on(w.operation, 0, 100, failure))
				check(b.t, w.do(within(b.t), b, content))
				b.same(b.at("k"), content)
				b.noUploads()
			})
		}

		run(name+" succeeds when it arrives after its deadline", curious, func(b bundle) {
			ctx, cancel := context.WithCancel(b.t.Context())
			b.door.Fail(func(r *http.Request) *door.Failure {
				if door.Operation(r) != w.operation {
					return nil
				}
				time.AfterFunc(soon, cancel) // the body is here by then
				return &door.Failure{Delay: 3 * soon, Done: true}
			})
			check(b.t, w.do(ctx, b, content))
			if ctx.Err() == nil {
				b.t.Error("it did not wait for its deadline")
			}
			b.same(b.at("k"), content)
			b.noUploads()
		})

		run(name+" fails when it never arrives", brisk, func(b bundle) {
			b.door.Fail(on(w.operation, 0, 100, broken))
			err := w.do(within(b.t), b, content)
			if codeOf(err) != "InternalError" || !strings.Contains(err.Error(), "was not done, but may still be") {
				b.t.Errorf("writing: %v, want S3's error and what was seen", err)
			}
			b.still(w.old)
		})

		run(name+" fails when it has not arrived by its deadline", brisk, func(b bundle) {
			reason := errors.New("the deadline is near")
			ctx, cancel := context.WithTimeoutCause(b.t.Context(), soon, reason)
			defer cancel()
			b.door.Fail(on(w.operation, 0, 100, silent))
			if err := w.do(ctx, b, content); !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, reason) {
				b.t.Errorf("writing: %v, want the context's end", err)
			}
			b.still(w.old)
		})

		run(name+" succeeds when its work was done and it is denied later on", brisk, func(b bundle) {
			b.door.Fail(both(on(w.operation, 0, 1, cutDone), on(w.operation, 0, 1, denied)))
			check(b.t, w.do(within(b.t), b, content))
			b.same(b.at("k"), content)
		})
	}

	t.Run("takes an older object of the same content, and leaves no upload", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		content := random(minPart + 1)
		b.place("k", content)
		b.door.Fail(on("CompleteMultipartUpload", 0, 100, broken))
		check(t, b.stream(within(t), content))
		b.same(b.at("k"), content)
		b.noUploads()
	})

	t.Run("does not wait for what cannot come any more", func(t *testing.T) {
		t.Parallel()
		b := setupWith(t, endless)
		b.place("k", []byte("theirs"))
		b.door.Fail(on("PutObject", 0, 100, broken))
		_, absent := b.Put(within(t), b.at("k"), []byte("ours"), PutOptions{IfAbsent: true})
		_, match := b.Put(within(t), b.at("k"), []byte("ours"), PutOptions{IfMatch: `"0123456789abcdef0123456789abcdef"`})
		for _, err := range []error{absent, match} {
			if codeOf(err) != "InternalError" || strings.Contains(err.Error(), "may still be") {
				t.Errorf("putting: %v, want S3's error", err)
			}
		}
		b.door.Fail(on("PutObject", 0, 1, broken))
		_, err := b.Put(within(t), b.at("gone"), []byte("ours"), PutOptions{IfMatch: `"0123456789abcdef0123456789abcdef"`})
		if !errors.Is(err, ErrChanged) {
			t.Errorf("putting over what is gone: %v, want ErrChanged", err)
		}
		if n := b.door.Counts()["HeadObject"].Requests; n != 3 {
			t.Errorf("%d looks, want one each", n)
		}
	})

	t.Run("says when it cannot see", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.door.Fail(both(on("PutObject", 0, 100, broken), on("HeadObject", 0, 100, door.Failure{Status: http.StatusForbidden, Code: "AccessDenied"})))
		_, err := b.Put(within(t), b.at("k"), nil, PutOptions{})
		if codeOf(err) != "InternalError" || !strings.Contains(err.Error(), "could not be seen (looking at s3://"+b.bucket+"/k") {
			t.Errorf("putting: %v, want both errors", err)
		}
	})
}

// still checks that only what was there before is there.
func (b bundle) still(old string) {
	b.t.Helper()
	if old == "" {
		b.nothing(b.at("k"))
		return
	}
	b.noUploads()
	if got := b.content(b.at("k")); string(got) != old {
		b.t.Errorf("there are %d bytes, want what was there before", len(got))
	}
}

func TestSettleDelete(t *testing.T) {
	t.Parallel()
	curious := brisk
	curious.answer, curious.look, curious.attempts = soon, 8*time.Second, 3
	for name, conditional := range map[string]bool{"any": false, "the one": true} {
		del := func(ctx context.Context, b bundle, a Attributes) error {
			if !conditional {
				a.ETag = ""
			}
			return b.Delete(ctx, b.at("k"), a.ETag)
		}
		for answer, failure := range never {
			t.Run(name+" succeeds when all that is heard is "+answer, func(t *testing.T) {
				t.Parallel()
				b := setupWith(t, curious)
				l, a := b.place("k", []byte("content"))
				b.door.Fail(on("DeleteObject", 0, 100, failure))
				check(t, del(within(t), b, a))
				b.nothing(l)
			})
		}

		t.Run(name+" succeeds when it arrives after its deadline", func(t *testing.T) {
			t.Parallel()
			b := setupWith(t, curious)
			l, a := b.place("k", []byte("content"))
			ctx, cancel := context.WithTimeout(t.Context(), soon)
			defer cancel()
			b.door.Fail(on("DeleteObject", 0, 1, door.Failure{Delay: 3 * soon, Done: true}))
			check(t, del(ctx, b, a))
			b.nothing(l)
		})

		t.Run(name+" fails when it never arrives", func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			_, a := b.place("k", []byte("content"))
			b.door.Fail(on("DeleteObject", 0, 100, broken))
			if err := del(within(t), b, a); codeOf(err) != "InternalError" {
				t.Errorf("deleting: %v, want S3's error", err)
			}
			b.still("content")
		})
	}

	t.Run("tells that another object is there by now", func(t *testing.T) {
		t.Parallel()
		b := setupWith(t, endless)
		_, a := b.place("k", []byte("content"))
		b.door.Fail(func(r *http.Request) *door.Failure {
			if door.Operation(r) != "DeleteObject" {
				return nil
			}
			_, err := b.behind.PutObject(r.Context(), &s3.PutObjectInput{Bucket: &b.bucket, Key: aws.String("k"), Body: strings.NewReader("theirs")})
			check(t, err)
			return &broken
		})
		if err := b.Delete(within(t), b.at("k"), a.ETag); !errors.Is(err, ErrChanged) {
			t.Errorf("deleting: %v, want ErrChanged", err)
		}
		b.still("theirs")
	})
}
