package door

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// fate is a failure on its way through the door with a request.
type fate struct {
	*Failure
	gone    <-chan struct{} // closed when the client has gone away
	closing <-chan struct{} // closed when the door is
}

type fateKey struct{}

// hold keeps the connection and says nothing. A client that goes away is only
// noticed once its request has been read.
func (f *fate) hold() {
	select {
	case <-f.gone:
	case <-f.closing:
	}
}

// stop ends an answer, at once or after a silence.
func (f *fate) stop() error {
	if f.Silent {
		f.hold()
	}
	return errCut
}

// detach returns the request as one that goes on without its client, once its
// body is here. If whole is set it is here then; leave is nil if it never will.
func detach(r *http.Request, whole bool) (detached *http.Request, leave context.CancelFunc) {
	body := r.Body
	if whole {
		content, err := io.ReadAll(r.Body)
		if err != nil {
			return r, nil
		}
		body = io.NopCloser(bytes.NewReader(content))
	}
	// The proxy watches the client by itself where a context has no end.
	ctx, leave := context.WithCancel(context.WithoutCancel(r.Context()))
	detached = r.WithContext(ctx)
	detached.Body = body
	return detached, leave
}

// slow returns body at the failure's rate.
func (f *Failure) slow(body io.ReadCloser) io.ReadCloser {
	if f.Rate == 0 {
		return body
	}
	return &slow{body, f.Rate}
}

type slow struct {
	io.ReadCloser
	rate int64
}

// beats is how many pieces a second's bytes come in at least.
const beats = 100

func (s *slow) Read(p []byte) (int, error) {
	n, err := s.ReadCloser.Read(p[:min(int64(len(p)), max(s.rate/beats, 1))])
	time.Sleep(time.Duration(n) * time.Second / time.Duration(s.rate))
	return n, err
}

// spaced puts spaces in front of an answer's body for a while.
func spaced(response *http.Response, d time.Duration) {
	response.Header.Del("Content-Length")
	response.ContentLength = -1
	body := response.Body
	response.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(&spaces{end: time.Now().Add(d)}, body), body}
}

type spaces struct{ end time.Time }

func (s *spaces) Read(p []byte) (int, error) {
	if time.Now().After(s.end) {
		return 0, io.EOF
	}
	time.Sleep(time.Second / beats)
	return copy(p, " "), nil
}

// holder keeps connections to itself where it is told to.
type holder struct {
	net.Listener
	next atomic.Int64

	mu   sync.Mutex
	held []net.Conn
}

func (h *holder) Accept() (net.Conn, error) {
	for {
		c, err := h.Listener.Accept()
		if err != nil || h.next.Add(-1) < 0 {
			return c, err
		}
		h.mu.Lock()
		h.held = append(h.held, c)
		h.mu.Unlock()
	}
}

func (h *holder) Close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range h.held {
		_ = c.Close()
	}
	return h.Listener.Close()
}
