package object

import (
	"errors"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/stagelift/stagelift/local/s3/door"
)

// The source changes between the moment that it was looked at and each of the
// requests that read it.
func TestComposeNoticesAChangedSource(t *testing.T) {
	t.Parallel()
	const size = 12 << 20
	change := func(b bundle) { b.place("in", random(size + 1)[1:]) }
	remove := func(b bundle) {
		_, err := b.behind.DeleteObject(b.t.Context(), &s3.DeleteObjectInput{Bucket: &b.bucket, Key: aws.String("in")})
		check(b.t, err)
	}
	for _, at := range []string{"GetObject", "UploadPartCopy"} {
		for name, happen := range map[string]func(bundle){"is replaced": change, "is removed": remove} {
			t.Run(name+" before "+at, func(t *testing.T) {
				t.Parallel()
				b := setup(t)
				l, a := b.place("in", random(size))
				var once atomic.Bool
				b.door.Fail(func(r *http.Request) *door.Failure {
					if door.Operation(r) == at && once.CompareAndSwap(false, true) {
						happen(b)
					}
					return nil
				})
				_, err := b.Compose(t.Context(), b.at("out"), []Segment{{Bytes: header}, segment(l, a)}, ComposeOptions{Concurrency: 1})
				if !errors.Is(err, ErrChanged) {
					t.Errorf("composing: %v, want ErrChanged", err)
				}
				b.nothing(b.at("out"))
			})
		}
	}

	t.Run("is shorter than its segment", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		l, a := b.place("in", random(1000))
		s := segment(l, a)
		for _, s.Length = range []int64{1001, 12 << 20} {
			if _, err := b.Compose(t.Context(), b.at("out"), []Segment{{Bytes: header}, s}, ComposeOptions{}); err == nil {
				t.Errorf("%d bytes were taken from an object of 1000", s.Length)
			}
			b.nothing(b.at("out"))
		}
	})
}
