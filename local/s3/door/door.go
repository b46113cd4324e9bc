// Package door is a door in front of an S3 server. It counts what passes, by
// operation, and makes things fail on demand: an answer of 503 that never
// reached the server, a 500 although the work was done, a connection that
// breaks in the middle, or stays and says nothing any more.
//
// Bodies are streamed, in both directions, and the Host header is passed on, so
// that requests signed for the door are accepted behind it.
package door

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"time"
)

// Failure says how a request fails. Which of the fields are set decides:
//
//	Status            answered by the door; the server never hears of it
//	Status and Done   the server does the work; its answer is replaced
//	Cut               the connection breaks; the server never hears of it
//	Cut and Done      the server does the work; its answer breaks after CutAfter bytes
//	Silent            nothing is heard after Taken bytes; the server never hears of it
//	Silent and Done   the server does the work; its answer stands still after CutAfter bytes
//	Delay alone       late, but well
//	Delay and Done    the request is taken whole, and reaches the server late
//	Rate, Spaces      slow, but well
type Failure struct {
	// Delay passes before anything else happens.
	Delay time.Duration
	// Status is the HTTP status of the answer, and Code the error code in its
	// XML, as in 503 and SlowDown. An empty Code becomes InternalError.
	Status int
	Code   string
	// Done lets the server do its work first, even if the client goes away.
	Done bool
	// Cut breaks the connection in place of an answer.
	Cut bool
	// Silent keeps the connection in place of an answer, until the client or the
	// door is closed.
	Silent bool
	// CutAfter is how many bytes of the answer's body pass before the break, or
	// the silence. With 0 its header does not pass either.
	CutAfter int64
	// Taken is how many bytes of the request's body are read before a silence.
	Taken int64
	// Rate is how many bytes of each body pass in a second; 0 means all.
	Rate int64
	// Spaces is for how long the answer is its header and a space now and then,
	// which is how S3 keeps a connection that waits for its work.
	Spaces time.Duration
}

// Fault decides the fate of a request before it is forwarded; nil lets it pass.
// It is called from many goroutines and must leave the body alone.
type Fault func(*http.Request) *Failure

// Count is what passed the door.
type Count struct {
	// Requests are counted when they arrive, whatever becomes of them.
	Requests int64
	// In and Out are the bytes of the bodies, to the server and from it.
	In, Out int64
}

// Door is an open door.
type Door struct {
	server   *http.Server
	listener *holder
	proxy    *httputil.ReverseProxy
	serving  sync.WaitGroup
	closing  chan struct{}

	mu     sync.Mutex
	fault  Fault
	counts map[string]Count
}

// Open opens a door on a free loopback port in front of the server at target, an
// http URL. Every request passes until Fail is called.
func Open(ctx context.Context, target string) (*Door, error) {
	behind, err := url.Parse(target)
	if err != nil {
		return nil, fmt.Errorf("opening a door: %w", err)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("opening a door: %w", err)
	}
	d := &Door{listener: &holder{Listener: listener}, closing: make(chan struct{}), counts: map[string]Count{}}
	d.proxy = d.newProxy(behind)
	silent := log.New(io.Discard, "", 0)
	d.proxy.ErrorLog = silent
	d.server = &http.Server{Handler: d, ErrorLog: silent, ReadHeaderTimeout: time.Minute}
	d.serving.Go(func() { _ = d.server.Serve(d.listener) })
	return d, nil
}

// Endpoint returns the door's URL, http://127.0.0.1:port.
func (d *Door) Endpoint() string { return "http://" + d.listener.Addr().String() }

// Fail puts requests at the mercy of fault from now on; nil ends it.
func (d *Door) Fail(fault Fault) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fault = fault
}

// Hold accepts the next n connections, and never looks at them.
func (d *Door) Hold(n int64) { d.listener.next.Store(n) }

// Close shuts the door and breaks the connections through it. It is called once.
func (d *Door) Close() error {
	close(d.closing)
	err := d.server.Close()
	d.serving.Wait()
	d.proxy.Transport.(*http.Transport).CloseIdleConnections()
	if err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("closing the door: %w", err)
	}
	return nil
}

// ServeHTTP lets one request through, or not.
func (d *Door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	operation := Operation(r)
	failure := d.arrive(operation, r)
	if failure == nil {
		failure = &Failure{}
	}
	fate := &fate{Failure: failure, gone: r.Context().Done(), closing: d.closing}
	if failure.Done {
		var leave context.CancelFunc
		if r, leave = detach(r, failure.Delay > 0); leave == nil {
			panic(http.ErrAbortHandler)
		}
		defer leave()
	}
	if err := wait(r.Context(), failure.Delay); err != nil {
		panic(http.ErrAbortHandler)
	}
	switch {
	case failure.Done:
	case failure.Cut:
		panic(http.ErrAbortHandler)
	case failure.Silent:
		_, _ = io.CopyN(io.Discard, r.Body, failure.Taken)
		fate.hold()
		panic(http.ErrAbortHandler)
	case failure.Status != 0:
		// A body left unread would break the connection before the answer.
		_, _ = io.Copy(io.Discard, r.Body)
		writeError(w, r, failure)
		return
	}
	r.Body = &counter{ReadCloser: failure.slow(r.Body), add: func(n int64) { d.count(operation, Count{In: n}) }}
	d.proxy.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), fateKey{}, fate)))
}

// arrive counts the request and asks for its fate.
func (d *Door) arrive(operation string, r *http.Request) *Failure {
	d.count(operation, Count{Requests: 1})
	d.mu.Lock()
	fault := d.fault
	d.mu.Unlock()
	if fault == nil {
		return nil
	}
	return fault(r)
}

func wait(ctx context.Context, delay time.Duration) error {
	if delay <= 0 {
		return nil
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
