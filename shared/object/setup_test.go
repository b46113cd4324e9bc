package object

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/local/s3/door"
	"github.com/stagelift/stagelift/local/s3/s3test"
)

// brisk is S3's patience where a test need not wait for it.
var brisk = func() patience {
	p := s3Patience
	p.backoff, p.look, p.pause = time.Millisecond, 300*time.Millisecond, 100*time.Millisecond
	return p
}()

// bundle is a store behind a door, with an empty bucket on a real server.
type bundle struct {
	*Store
	t      *testing.T
	door   *door.Door
	bucket string
	behind *s3.Client // past the door
}

func setup(t *testing.T) bundle { t.Helper(); return setupWith(t, brisk) }

func setupWith(t *testing.T, p patience) bundle {
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
	store := newStore(s3test.Config(d.Endpoint()), p)
	return bundle{Store: store, t: t, door: d, bucket: b.Name, behind: b.Client()}
}

func (b bundle) at(key string) Location { return Location{b.bucket, key} }

// content fetches an object past the door, and past what is tested.
func (b bundle) content(l Location) []byte {
	b.t.Helper()
	out, err := b.behind.GetObject(context.WithoutCancel(b.t.Context()), &s3.GetObjectInput{Bucket: &l.Bucket, Key: &l.Key})
	if err != nil {
		b.t.Fatalf("getting %s: %v", l, err)
	}
	defer func() { _ = out.Body.Close() }()
	content, err := io.ReadAll(out.Body)
	if err != nil {
		b.t.Fatalf("getting %s: %v", l, err)
	}
	return content
}

// place stores an object past the door.
func (b bundle) place(key string, content []byte) (Location, Attributes) {
	b.t.Helper()
	l := b.at(key)
	out, err := b.behind.PutObject(b.t.Context(), &s3.PutObjectInput{
		Bucket: &l.Bucket, Key: &l.Key, Body: bytes.NewReader(content), ChecksumAlgorithm: types.ChecksumAlgorithmCrc32c,
	})
	if err != nil {
		b.t.Fatalf("placing %s: %v", l, err)
	}
	return l, Attributes{Size: int64(len(content)), ETag: aws.ToString(out.ETag)}
}

// nothing checks that a failure left neither an object nor an upload behind.
func (b bundle) nothing(l Location) {
	b.t.Helper()
	ctx := context.WithoutCancel(b.t.Context())
	if a, err := b.Stat(ctx, l); !errors.Is(err, ErrNotFound) {
		b.t.Errorf("%s is visible: %+v, %v", l, a, err)
	}
	b.noUploads()
}

func (b bundle) noUploads() {
	b.t.Helper()
	uploads, err := b.Uploads(context.WithoutCancel(b.t.Context()), b.bucket, "")
	if err != nil || len(uploads) > 0 {
		b.t.Errorf("unfinished uploads: %v, %v", uploads, err)
	}
}

// same compares contents without printing them.
func (b bundle) same(l Location, want []byte) {
	b.t.Helper()
	got := b.content(l)
	if !bytes.Equal(got, want) {
		b.t.Errorf("%s has %d bytes, want %d others", l, len(got), len(want))
	}
	a, err := b.Stat(b.t.Context(), l)
	if err != nil || a.CRC32C != crcOf(want).String() {
		b.t.Errorf("%s has checksum %q (%v), want %q", l, a.CRC32C, err, crcOf(want))
	}
}

// tagged compares an object's tags.
func (b bundle) tagged(l Location, want map[string]string) {
	b.t.Helper()
	got, err := b.Tags(b.t.Context(), l, "")
	check(b.t, err)
	if diff := cmp.Diff(want, got); diff != "" {
		b.t.Errorf("tags of %s (-want +got):\n%s", l, diff)
	}
}

// random returns bytes that differ from place to place.
func random(size int) []byte {
	content := make([]byte, size)
	var seed [32]byte
	_, _ = rand.NewChaCha8(seed).Read(content)
	return content
}

// on makes the first n requests for an operation fail, from number skip.
func on(operation string, skip, n int, f door.Failure) door.Fault {
	var seen atomic.Int64
	return func(r *http.Request) *door.Failure {
		if door.Operation(r) != operation {
			return nil
		}
		if i := int(seen.Add(1)); i > skip && i <= skip+n {
			return &f
		}
		return nil
	}
}

// both applies several faults; the first that wants the request has it.
func both(faults ...door.Fault) door.Fault {
	return func(r *http.Request) *door.Failure {
		for _, f := range faults {
			if failure := f(r); failure != nil {
				return failure
			}
		}
		return nil
	}
}

var (
	slowDown = door.Failure{Status: http.StatusServiceUnavailable, Code: "SlowDown"}
	broken   = door.Failure{Status: http.StatusInternalServerError}
	lost     = door.Failure{Status: http.StatusInternalServerError, Done: true}
	cut      = door.Failure{Cut: true}
	cutDone  = door.Failure{Cut: true, Done: true}
	denied   = door.Failure{Status: http.StatusForbidden, Code: "AccessDenied"}
	noUpload = door.Failure{Status: http.StatusNotFound, Code: "NoSuchUpload"}
)

// oddKeys are legal, and each is a trap for somebody.
var oddKeys = []string{
	"plain", "with space", "plus+plus", "per%25cent", "hundred%", "schön/ключ/鍵", `quo"te's`, "a&b=c?d#e", "~-_.*()!", "semi;colon:at@", "tail ",
}

// oddTags are legal, and each would be another if it were not escaped.
var oddTags = map[string]string{"team": "data + more: 50/50 @ schön", "cost+centre": "1=2", "empty": ""}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}
