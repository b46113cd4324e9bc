package object

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/retry"

	"github.com/stagelift/stagelift/local/s3/door"
)

// soon is a limit that a test waits for, and never one that it must not reach.
const soon = 300 * time.Millisecond

// endless has no limit that a test would live to see, so that each can be tested
// alone.
var endless = patience{
	connect: time.Hour, handshake: time.Hour, still: time.Hour, answer: time.Hour, work: time.Hour,
	look: time.Second, pause: 100 * time.Millisecond, attempts: maxAttempts, backoff: time.Millisecond,
}

// rounds remembers which requests came over the connection of the first one for
// an operation, and after it.
type rounds struct {
	mu          sync.Mutex
	first       string
	after, back int
}

func (s *rounds) of(operation string, fault door.Fault) door.Fault {
	return func(r *http.Request) *door.Failure {
		s.mu.Lock()
		defer s.mu.Unlock()
		switch {
		case s.first == "" && door.Operation(r) == operation:
			s.first = r.RemoteAddr
		case s.first == r.RemoteAddr:
			s.back++
		case s.first != "":
			s.after++
		}
		return fault(r)
	}
}

// elsewhere checks that others came, over other connections.
func (s *rounds) elsewhere(t *testing.T) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.after == 0 || s.back > 0 {
		t.Errorf("%d requests came over other connections, and %d over the silent one", s.after, s.back)
	}
}

// within returns a context that ends what would wait for ever.
func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(func() {
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			t.Error("it waited until it was told to stop")
		}
		cancel()
	})
	return ctx
}

var (
	silent     = door.Failure{Silent: true, Taken: 1 << 40}
	silentDone = door.Failure{Silent: true, Done: true}
)

func TestSilence(t *testing.T) {
	t.Parallel()
	content := random(minPart + 1) // two parts

	// Each does one thing that must succeed although the first request for the
	// operation is never answered.
	for operation, do := range map[string]func(context.Context, bundle) error{
		"PutObject": func(ctx context.Context, b bundle) error {
			_, err := b.Put(ctx, b.at("k"), content[:1000], PutOptions{IfAbsent: true})
			return err
		},
		"HeadObject": func(ctx context.Context, b bundle) error {
			_, err := b.Stat(ctx, b.at("in"))
			return err
		},
		"GetObject": func(ctx context.Context, b bundle) error {
			_, _, err := b.Get(ctx, b.at("in"), 1<<30)
			return err
		},
		"ListObjects": func(ctx context.Context, b bundle) error {
			for _, err := range b.List(ctx, b.bucket, "", "") {
				return err
			}
			return errors.New("nothing is listed")
		},
		"DeleteObject": func(ctx context.Context, b bundle) error { return b.Delete(ctx, b.at("in"), "") },
		"CreateMultipartUpload": func(ctx context.Context, b bundle) error {
			return b.stream(ctx, content)
		},
		"UploadPart": func(ctx context.Context, b bundle) error { return b.stream(ctx, content) },
		"CompleteMultipartUpload": func(ctx context.Context, b bundle) error {
			return b.stream(ctx, content)
		},
		"UploadPartCopy": func(ctx context.Context, b bundle) error {
			a, err := b.Stat(ctx, b.at("in"))
			if err != nil {
				return err
			}
			_, err = b.Compose(ctx, b.at("k"), []Segment{segment(b.at("in"), a)}, ComposeOptions{})
			return err
		},
	} {
		t.Run("after the request, with "+operation, func(t *testing.T) {
			t.Parallel()
			p := endless
			p.answer = soon
			if operation == "CompleteMultipartUpload" || operation == "UploadPartCopy" {
				p.answer, p.work = time.Hour, soon
			}
			b := setupWith(t, p)
			b.place("in", random(2*minPart))
			var came rounds
			b.door.Fail(came.of(operation, on(operation, 0, 1, silent)))
			check(t, do(within(t), b))
			came.elsewhere(t)
		})
	}

	t.Run("from the moment that the connection is accepted", func(t *testing.T) {
		t.Parallel()
		p := endless
		p.answer = soon
		b := setupWith(t, p)
		b.door.Hold(1)
		_, err := b.Put(within(t), b.at("k"), []byte("content"), PutOptions{})
		check(t, err)
		b.same(b.at("k"), []byte("content"))
	})

	t.Run("in the middle of what is sent", func(t *testing.T) {
		t.Parallel()
		p := endless
		p.still = soon
		b := setupWith(t, p)
		large := random(32 << 20) // more than two systems' buffers swallow
		var came rounds
		b.door.Fail(came.of("PutObject", on("PutObject", 0, 1, door.Failure{Silent: true, Taken: 1 << 20})))
		_, err := b.Put(within(t), b.at("k"), large, PutOptions{})
		check(t, err)
		b.same(b.at("k"), large)
		came.elsewhere(t)
	})

	for name, after := range map[string]int64{"in the middle of what is read": 400_000, "before the first byte that is read": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := endless
			p.still = soon
			b := setupWith(t, p)
			large := random(3 << 20)
			l, _ := b.place("k", large)
			b.door.Fail(on("GetObject", 0, 3, door.Failure{Silent: true, Done: true, CutAfter: after}))
			got, _, err := b.Get(within(t), l, 4<<20)
			if err != nil || !bytes.Equal(got, large) {
				t.Errorf("getting: %d bytes, %v", len(got), err)
			}
			if n := b.door.Counts()["GetObject"].Requests; n < 4 {
				t.Errorf("%d requests, want 4", n)
			}
		})
	}

	for name, failure := range map[string]door.Failure{
		"without a word": silentDone, "after a few spaces": {Silent: true, Done: true, Spaces: soon / 2, CutAfter: 3},
	} {
		t.Run("while an upload was completed, "+name, func(t *testing.T) {
			t.Parallel()
			p := endless
			p.work = soon
			b := setupWith(t, p)
			b.door.Fail(on("CompleteMultipartUpload", 0, 1, failure))
			check(t, b.stream(within(t), content))
			b.same(b.at("k"), content)
			b.noUploads()
		})
	}

	t.Run("of one connection lets those beside it go", func(t *testing.T) {
		t.Parallel()
		p := endless
		p.answer = soon
		b := setupWith(t, p)
		b.place("in", content)
		idle := b.connections(2)
		var asked atomic.Int64
		b.door.Fail(func(r *http.Request) *door.Failure {
			if !idle[r.RemoteAddr] {
				return nil
			}
			asked.Add(1)
			return &silent
		})
		_, err := b.Stat(within(t), b.at("in"))
		check(t, err)
		if n := asked.Load(); n != 1 {
			t.Errorf("%d of the two silent connections were asked", n)
		}
	})

	t.Run("ends in an error that says so", func(t *testing.T) {
		t.Parallel()
		p := endless
		p.answer, p.look = 50*time.Millisecond, 50*time.Millisecond
		b := setupWith(t, p)
		b.door.Fail(func(*http.Request) *door.Failure { return &silent })
		_, err := b.Put(within(t), b.at("k"), nil, PutOptions{})
		if _, ok := errors.AsType[*silenceError](err); !ok {
			t.Errorf("putting: %v, want the silence", err)
		}
		if last, ok := errors.AsType[*retry.MaxAttemptsError](err); !ok || last.Attempt != maxAttempts {
			t.Errorf("putting: %v, want all %d attempts", err, maxAttempts)
		}
	})
}

// stream writes content as b's object k.
func (b bundle) stream(ctx context.Context, content []byte) error {
	w := b.NewWriter(ctx, b.at("k"), WriterOptions{Buffers: NewBuffers(minPart, 0)})
	return errors.Join(b.write(w, content), w.Close())
}

// connections opens n connections and leaves them idle.
func (b bundle) connections(n int) map[string]bool {
	b.t.Helper()
	open := map[string]bool{}
	var mu sync.Mutex
	var arrived, left sync.WaitGroup
	arrived.Add(n)
	b.door.Fail(func(r *http.Request) *door.Failure {
		mu.Lock()
		open[r.RemoteAddr] = true
		mu.Unlock()
		arrived.Done()
		arrived.Wait()
		return nil
	})
	for range n {
		left.Go(func() {
			_, err := b.Stat(b.t.Context(), b.at("in"))
			check(b.t, err)
		})
	}
	left.Wait()
	return open
}
