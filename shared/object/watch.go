package object

import (
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// watcher is an HTTP client that gives a request up when nothing of it moves.
//
// It watches the bodies. The connection below, where deadlines could be set, does
// not know what it waits for: one that is idle may be silent, and so may S3 be
// while it reads, or works.
type watcher struct {
	patience patience
	// fresh returns a client without connections; nil where there is one only.
	fresh func() s3.HTTPClient

	mu     sync.Mutex
	client s3.HTTPClient
}

// watching returns client with limits on silence. How it connects is only bounded
// if it is of the SDK's own kind, which it is unless a configuration says
// otherwise.
func watching(client s3.HTTPClient, p patience) *watcher {
	buildable, ok := client.(*awshttp.BuildableClient)
	if !ok {
		return &watcher{patience: p, client: client}
	}
	buildable = buildable.WithDialerOptions(func(d *net.Dialer) { d.Timeout = p.connect }).WithTransportOptions(p.transport)
	fresh := func() s3.HTTPClient { return buildable.WithTransportOptions() }
	return &watcher{patience: p, fresh: fresh, client: fresh()}
}

func (p patience) transport(t *http.Transport) {
	t.TLSHandshakeTimeout = p.handshake
	// The connections of all streams stay open between their parts; the default
	// drops all but ten.
	t.MaxIdleConns, t.MaxIdleConnsPerHost = 256, 256
	t.WriteBufferSize = 64 << 10
	// A request that is given up closes its connection. In HTTP/2, which S3 does
	// not speak, the silent one would be used again. A copy of a transport goes on
	// offering HTTP/2 to servers where its original did.
	t.ForceAttemptHTTP2, t.Protocols = false, new(http.Protocols)
	t.Protocols.SetHTTP1(true)
	if t.TLSClientConfig != nil {
		t.TLSClientConfig.NextProtos = nil
	}
}

// Do sends a request.
func (c *watcher) Do(r *http.Request) (*http.Response, error) {
	c.mu.Lock()
	client := c.client
	c.mu.Unlock()
	ctx, cancel := context.WithCancelCause(r.Context())
	w := &watch{
		limits: c.patience.with(awsmiddleware.GetOperationName(ctx)), phase: awaiting,
		cancel: cancel, leave: func() { c.leave(client) },
	}
	r = r.WithContext(ctx)
	if r.Body != nil && r.Body != http.NoBody {
		w.phase, r.Body = sending, &sent{r.Body, w}
	}
	w.timer = time.AfterFunc(w.limits[w.phase], w.end)
	response, err := client.Do(r)
	w.enter(receiving)
	w.rest()
	if err != nil {
		cancel(nil)
		return response, err
	}
	response.Body = &received{response.Body, w}
	return response, nil
}

// leave sees to it that the next request has a new connection, perhaps to another
// address: those that are idle may lead where the silent one led.
func (c *watcher) leave(client s3.HTTPClient) {
	if c.fresh == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.client == client {
		c.client = c.fresh()
	}
}

// watch is kept over one request.
type watch struct {
	limits [3]time.Duration // by phase
	cancel context.CancelCauseFunc
	leave  func()
	timer  *time.Timer

	mu    sync.Mutex
	phase phase
}

// enter says that the request moves, and what is waited for now. What is still
// sent once the answer has begun is not.
func (w *watch) enter(p phase) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if p >= w.phase {
		w.phase = p
		w.timer.Reset(w.limits[p])
	}
}

// rest says that nobody is waited for but the caller.
func (w *watch) rest() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.timer.Stop()
}

// end gives the request up, and its connection with it.
func (w *watch) end() {
	w.mu.Lock()
	silence := &silenceError{w.phase, w.limits[w.phase]}
	w.mu.Unlock()
	w.leave()
	w.cancel(silence)
}

// sent is the body of a request. The transport reads on when what it has read has
// gone to the network.
type sent struct {
	io.ReadCloser
	watch *watch
}

func (s *sent) Read(p []byte) (int, error) {
	n, err := s.ReadCloser.Read(p)
	if err == nil {
		s.watch.enter(sending)
	} else {
		s.watch.enter(awaiting)
	}
	return n, err
}

// received is the body of an answer. It is watched only while it is read, since
// the reader may take its time.
type received struct {
	io.ReadCloser
	watch *watch
}

func (r *received) Read(p []byte) (int, error) {
	r.watch.enter(receiving)
	n, err := r.ReadCloser.Read(p)
	r.watch.rest()
	if err != nil {
		r.watch.cancel(nil)
	}
	return n, err
}

func (r *received) Close() error {
	err := r.ReadCloser.Close()
	r.watch.cancel(nil)
	return err
}
