package rds

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stagelift/stagelift/local/pgserver"
)

// handshakeLimit is PostgreSQL's authentication_timeout.
const handshakeLimit = 60 * time.Second

// gate admits clients to the server.
type gate struct {
	listener net.Listener
	port     int
	socket   string // of the server
	tls      *tls.Config
	verify   verifier
	log      *eventLog

	// cutAfter is the number of bytes after which a connection is to break; 0
	// for none.
	cutAfter atomic.Int64

	mu       sync.Mutex
	closed   bool
	sessions map[*session]struct{}
	running  sync.WaitGroup
}

// openGate listens on a free port of 127.0.0.1. The gate closes by itself when
// the server ends, so that nobody meets a door without a house.
func openGate(ctx context.Context, server *pgserver.Server, certificate tls.Certificate, verify verifier, log *eventLog) (*gate, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(address, "0"))
	if err != nil {
		return nil, fmt.Errorf("opening the gate: %w", err)
	}
	g := &gate{
		listener: listener,
		port:     listener.Addr().(*net.TCPAddr).Port,
		socket:   filepath.Join(server.SocketDir(), ".s.PGSQL."+strconv.Itoa(server.Port())),
		tls:      &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12, DynamicRecordSizingDisabled: true},
		verify:   verify,
		log:      log,
		sessions: map[*session]struct{}{},
	}
	g.running.Go(g.accept)
	go func() {
		<-server.Done()
		_ = g.Close()
	}()
	return g, nil
}

func (g *gate) accept() {
	for {
		conn, err := g.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			// Out of descriptors, or the client went away: neither is the end.
			g.log.event("accepting a connection: %v", err)
			time.Sleep(10 * time.Millisecond)
			continue
		}
		s := &session{gate: g, raw: conn}
		if !g.add(s) {
			_ = conn.Close()
			return
		}
	}
}

// add starts a session, unless the gate is closed.
func (g *gate) add(s *session) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return false
	}
	g.sessions[s] = struct{}{}
	g.running.Go(func() {
		defer g.remove(s)
		ctx, cancel := context.WithTimeout(context.Background(), handshakeLimit)
		defer cancel()
		s.serve(ctx)
	})
	return true
}

func (g *gate) remove(s *session) {
	s.cut()
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.sessions, s)
}

// cutAll breaks the admitted sessions and counts them.
func (g *gate) cutAll() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	count := 0
	for s := range g.sessions {
		if s.admitted.Load() {
			s.cut()
			count++
		}
	}
	return count
}

// takeCut tells how many of the next n bytes of a connection that has sent some
// already may still be sent before it must break. Only one connection is told
// to break.
func (g *gate) takeCut(sent, n int64) (allowed int64, broken bool) {
	limit := g.cutAfter.Load()
	if limit == 0 || sent+n < limit || !g.cutAfter.CompareAndSwap(limit, 0) {
		return n, false
	}
	return max(limit-sent, 0), true
}

// Close ends the gate and every session, and waits for them.
func (g *gate) Close() error {
	g.mu.Lock()
	first := !g.closed
	g.closed = true
	for s := range g.sessions {
		s.cut()
	}
	g.mu.Unlock()
	var err error
	if first {
		err = g.listener.Close()
	}
	g.running.Wait()
	return err
}
