package header

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stagelift/stagelift/local/s3/door"
	"github.com/stagelift/stagelift/local/s3/s3test"
	"github.com/stagelift/stagelift/shared/object"
)

// bundle is a job from unload/ to headed/ in a bucket of the test's own, with a
// door before it.
type bundle struct {
	*testing.T
	job   *Job
	door  *door.Door
	store *object.Store // past the door
}

func setup(t *testing.T) *bundle {
	t.Helper()
	bucket := s3test.Shared(t)
	d, err := door.Open(t.Context(), bucket.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	job, err := New(Job{
		Store: object.New(s3test.Config(d.Endpoint())), Log: slog.New(slog.DiscardHandler),
		Source: Place{bucket.Name, "unload/"}, Destination: Place{bucket.Name, "headed/"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return &bundle{T: t, job: job, door: d, store: object.New(bucket.Config)}
}

func (b *bundle) at(key string) object.Location {
	return object.Location{Bucket: b.job.Source.Bucket, Key: key}
}

func (b *bundle) put(key string, content []byte) {
	b.Helper()
	if _, err := b.store.Put(b.Context(), b.at(key), content, object.PutOptions{}); err != nil {
		b.Fatal(err)
	}
}

func (b *bundle) remove(key string) {
	b.Helper()
	if err := b.store.Delete(b.Context(), b.at(key), ""); err != nil && !errors.Is(err, object.ErrNotFound) {
		b.Fatal(err)
	}
}

func (b *bundle) get(key string) []byte {
	b.Helper()
	content, _, err := b.store.Get(b.Context(), b.at(key), 1<<30)
	if err != nil {
		b.Fatal(err)
	}
	return content
}

// ask sends a request for objects of the test's bucket.
func (b *bundle) ask(r Request) (Answer, error) {
	b.Helper()
	r.Bucket = b.job.Source.Bucket
	payload, err := json.Marshal(r)
	if err != nil {
		b.Fatal(err)
	}
	return b.job.Handle(b.Context(), payload)
}

// prepend runs a request for one copy that has to succeed.
func (b *bundle) prepend(r Request) Headed {
	b.Helper()
	answer, err := b.ask(r)
	if err != nil {
		b.Fatal(err)
	}
	if len(answer.Objects) != 1 {
		b.Fatalf("answer is %+v, want one object", answer)
	}
	headed := answer.Objects[0]
	headed.Seconds = 0
	return headed
}

// wantRefused sends a request that must fail and leave nothing.
func (b *bundle) wantRefused(r Request, key string, texts ...string) {
	b.Helper()
	_, err := b.ask(r)
	wantError(b.T, err, texts...)
	b.wantNothing(key)
}

// wantContent compares an object with a header and rows.
func (b *bundle) wantContent(key, header string, rows []byte) {
	b.Helper()
	if got := b.get(key); !bytes.Equal(got, append([]byte(header), rows...)) {
		b.Errorf("%s has %d bytes that start with %.40q, want %q and the %d bytes of the source", key, len(got), got, header, len(rows))
	}
}

// wantNothing checks that a failure left no copy and no upload.
func (b *bundle) wantNothing(key string) {
	b.Helper()
	if _, err := b.store.Stat(b.Context(), b.at(key)); !errors.Is(err, object.ErrNotFound) {
		b.Errorf("%s was written: %v", key, err)
	}
	b.wantNoUploads()
}

func (b *bundle) wantNoUploads() {
	b.Helper()
	uploads, err := b.store.Uploads(b.Context(), b.job.Source.Bucket, "")
	if err != nil || len(uploads) > 0 {
		b.Errorf("uploads left unfinished: %v, %v", uploads, err)
	}
}

var filler = strings.Repeat("abcdefghijklmno,", 63)

// rows returns text of exactly size bytes, in lines that tell their place.
func rows(size int) []byte {
	text := make([]byte, 0, size+2*len(filler))
	for len(text) < size {
		text = fmt.Appendf(text, "%015d%s\n", len(text), filler)
	}
	return text[:size]
}

// wantError checks that there is an error with all of the texts in it.
func wantError(t *testing.T, err error, texts ...string) {
	t.Helper()
	if err == nil {
		t.Error("no error")
		return
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("error is %q, want %q in it", err, text)
		}
	}
}

// fault makes every request for an operation fail.
func fault(operation string, f door.Failure) door.Fault {
	return func(r *http.Request) *door.Failure {
		if door.Operation(r) != operation {
			return nil
		}
		return &f
	}
}

// onceBefore does something before the first request for an operation passes.
func onceBefore(operation string, do func()) door.Fault {
	var begun atomic.Bool
	return func(r *http.Request) *door.Failure {
		if door.Operation(r) == operation && begun.CompareAndSwap(false, true) {
			do() // which may send such requests itself
		}
		return nil
	}
}
