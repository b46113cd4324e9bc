package rds

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"
)

// SQLSTATEs of the gate's own refusals, as PostgreSQL's auth.c has them.
const (
	invalidAuthorization = "28000"
	cannotConnectNow     = "57P03"
)

// maxPassword is the length at which PostgreSQL stops reading a password.
const maxPassword = 65535

var errRefused = errors.New("refused")

// session is one client's connection through the gate.
type session struct {
	gate *gate
	raw  net.Conn

	client  net.Conn // raw, or TLS over it
	records *records // raw, below TLS
	backend *pgproto3.Backend
	// endpoints are what the client may have dialled, host:port.
	endpoints []string

	mu       sync.Mutex
	server   *net.UnixConn
	isCut    bool
	admitted atomic.Bool
}

// oneByOne hands out single bytes. pgproto3 reads as much as it gets; what it
// took too much would be missing from the pipe, or be taken for something that
// came through TLS.
type oneByOne struct{ io.Reader }

func (r oneByOne) Read(p []byte) (int, error) { return r.Reader.Read(p[:min(len(p), 1)]) }

// serve takes the client from its first byte to its last.
func (s *session) serve(ctx context.Context) {
	if deadline, ok := ctx.Deadline(); ok {
		_ = s.raw.SetDeadline(deadline)
	}
	s.use(s.raw)
	startup, err := s.greet(ctx)
	if err == nil && startup != nil {
		if err = s.admit(ctx, startup); err == nil {
			_ = s.raw.SetDeadline(time.Time{})
			s.admitted.Store(true)
			s.pipe()
			return
		}
	}
	if err != nil && !errors.Is(err, errRefused) && !errors.Is(err, io.EOF) {
		s.gate.log.event("connection from %s: %v", s.raw.RemoteAddr(), err)
	}
	// A clean end, lest the client miss the error that it was sent.
	_ = s.client.Close()
}

func (s *session) use(conn net.Conn) {
	s.client = conn
	s.backend = pgproto3.NewBackend(oneByOne{conn}, conn)
	s.backend.SetMaxBodyLen(maxPassword)
}

// greet reads up to the startup message, through TLS. It returns nil without an
// error when the client only came to cancel.
func (s *session) greet(ctx context.Context) (*pgproto3.StartupMessage, error) {
	secure := false
	for {
		message, err := s.backend.ReceiveStartupMessage()
		if err != nil {
			return nil, err
		}
		switch message := message.(type) {
		case *pgproto3.GSSEncRequest:
			if _, err := s.client.Write([]byte{'N'}); err != nil {
				return nil, err
			}
		case *pgproto3.SSLRequest:
			if secure {
				return nil, errors.New("asked for TLS inside TLS")
			}
			if err := s.secure(ctx); err != nil {
				return nil, err
			}
			secure = true
		case *pgproto3.CancelRequest:
			return nil, s.cancel(ctx, message)
		case *pgproto3.StartupMessage:
			if !secure {
				return nil, s.refusePlain(message)
			}
			return message, nil
		}
	}
}

// secure turns the connection into TLS, and learns from it what was dialled: a
// client names a host that it dialled, but no address. A name that is not ours
// is an alias, which RDS cannot tell from its own name either.
func (s *session) secure(ctx context.Context) error {
	if _, err := s.raw.Write([]byte{'S'}); err != nil {
		return err
	}
	s.records = &records{Conn: s.raw}
	conn := tls.Server(s.records, s.gate.tls)
	if err := conn.HandshakeContext(ctx); err != nil {
		return fmt.Errorf("shaking hands: %w", err)
	}
	names := []string{host, address}
	if dialled := conn.ConnectionState().ServerName; slices.Contains(names, dialled) {
		names = []string{dialled}
	}
	for _, name := range names {
		s.endpoints = append(s.endpoints, net.JoinHostPort(name, strconv.Itoa(s.gate.port)))
	}
	s.use(conn)
	return nil
}

// cancel passes the request on, and ends when the server has taken it.
func (s *session) cancel(ctx context.Context, request *pgproto3.CancelRequest) error {
	server, err := s.dial(ctx)
	if err != nil {
		return err
	}
	message, err := request.Encode(nil)
	if err != nil {
		return err
	}
	if _, err := server.Write(message); err != nil {
		return fmt.Errorf("forwarding a cancel request: %w", err)
	}
	_, err = io.Copy(io.Discard, server)
	return err
}

// dial connects to the server, for as long as the session lasts.
func (s *session) dial(ctx context.Context) (*net.UnixConn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "unix", s.gate.socket)
	if err != nil {
		return nil, fmt.Errorf("connecting to the server: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.server = conn.(*net.UnixConn)
	if s.isCut {
		return nil, errors.Join(net.ErrClosed, s.server.Close())
	}
	return s.server, nil
}

// cut breaks both sides, from any goroutine: no farewell, as a lost network.
func (s *session) cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.isCut = true
	_ = s.raw.Close()
	if s.server != nil {
		_ = s.server.Close()
	}
}

// refuse sends PostgreSQL's fatal error.
func (s *session) refuse(code, message string) error {
	s.backend.Send(&pgproto3.ErrorResponse{
		Severity: "FATAL", SeverityUnlocalized: "FATAL", Code: code, Message: message,
		File: "auth.c", Routine: "ClientAuthentication",
	})
	return errors.Join(errRefused, s.backend.Flush())
}

// refusePlain answers as a server with rds.force_ssl does.
func (s *session) refusePlain(startup *pgproto3.StartupMessage) error {
	user := startup.Parameters["user"]
	database := startup.Parameters["database"]
	if database == "" {
		database = user
	}
	client, _, err := net.SplitHostPort(s.raw.RemoteAddr().String())
	if err != nil {
		return err
	}
	s.gate.log.event("refused user %q: no TLS", user)
	return s.refuse(invalidAuthorization,
		`no pg_hba.conf entry for host "`+client+`", user "`+user+`", database "`+database+`", no encryption`)
}
