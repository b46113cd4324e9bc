package rds

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"
)

// pipeBuffer is one direction's buffer: several TLS records, and as much as
// PostgreSQL writes between two looks at its socket.
const pipeBuffer = 128 << 10

// admit opens the client's session on the server, and returns nil when both may
// talk. The server speaks first, and so tells whether the user is IAM's: those
// it trusts.
func (s *session) admit(ctx context.Context, startup *pgproto3.StartupMessage) error {
	user := startup.Parameters["user"]
	server, err := s.dial(ctx)
	if err != nil {
		s.gate.log.event("%v", err)
		return s.refuse(cannotConnectNow, "the database system is shutting down")
	}
	frontend := pgproto3.NewFrontend(oneByOne{server}, server)
	frontend.Send(startup)
	if err := frontend.Flush(); err != nil {
		return fmt.Errorf("starting a session: %w", err)
	}
	for {
		message, err := frontend.Receive()
		if err != nil {
			return fmt.Errorf("starting a session: %w", err)
		}
		switch message := message.(type) {
		case *pgproto3.NegotiateProtocolVersion:
			s.backend.Send(message) // before any other message, with the next
		case *pgproto3.AuthenticationOk:
			return s.admitToken(ctx, user)
		case *pgproto3.AuthenticationCleartextPassword:
			return s.passPassword(frontend)
		case *pgproto3.ErrorResponse:
			s.backend.Send(message)
			return s.backend.Flush()
		default:
			return fmt.Errorf("starting a session: unexpected %T of the server", message)
		}
	}
}

// admitToken asks an IAM user for its token. The server's AuthenticationOk,
// which we kept, is our answer to a good one.
func (s *session) admitToken(ctx context.Context, user string) error {
	token, err := s.askPassword()
	if err != nil {
		return err
	}
	if err := s.gate.verify.check(ctx, token, user, s.endpoints); err != nil {
		s.gate.log.event("refused IAM user %q: %v", user, err)
		return s.refuse(invalidAuthorization, `PAM authentication failed for user "`+user+`"`)
	}
	s.backend.Send(&pgproto3.AuthenticationOk{})
	return s.backend.Flush()
}

// passPassword lets the server judge the password of a user that is not IAM's.
func (s *session) passPassword(frontend *pgproto3.Frontend) error {
	password, err := s.askPassword()
	if err != nil {
		return err
	}
	frontend.Send(&pgproto3.PasswordMessage{Password: password})
	return frontend.Flush()
}

func (s *session) askPassword() (string, error) {
	s.backend.Send(&pgproto3.AuthenticationCleartextPassword{})
	if err := s.backend.Flush(); err != nil {
		return "", err
	}
	if err := s.backend.SetAuthType(pgproto3.AuthTypeCleartextPassword); err != nil {
		return "", err
	}
	message, err := s.backend.Receive()
	if err != nil {
		return "", err
	}
	answer, ok := message.(*pgproto3.PasswordMessage)
	if !ok {
		return "", fmt.Errorf("want a password, got %T", message)
	}
	return answer.Password, nil
}

// pipe copies both ways until the server has said its last. The client's end
// is passed on as such: the server may still have something to say to it.
func (s *session) pipe() {
	var fromClient sync.WaitGroup
	fromClient.Go(func() {
		_, _ = io.CopyBuffer(struct{ io.Writer }{s.server}, struct{ io.Reader }{s.client}, make([]byte, pipeBuffer))
		_ = s.server.CloseWrite()
	})
	_, err := io.CopyBuffer(&meter{session: s}, &gathering{from: s.server}, make([]byte, pipeBuffer))
	if err == nil {
		_ = s.client.Close() // with TLS's farewell
	}
	s.cut()
	fromClient.Wait()
}

// gathering reads what the server sends, and while that is a stream waits a
// moment between reads, so that they find more. The server sends 8 KiB at a time;
// passing on each of them alone costs the gate and its client, who share the
// server's processors here, more than everything else that they do with it.
type gathering struct {
	from   io.Reader
	stream bool
}

const (
	serverBuffer = 8 << 10
	gatherFor    = 100 * time.Microsecond
)

func (g *gathering) Read(p []byte) (int, error) {
	if g.stream {
		// Not time.Sleep, which waits for a millisecond where nothing else is to
		// be done; by then the server would be waiting for us.
		_ = syscall.Nanosleep(&syscall.Timespec{Nsec: int64(gatherFor)}, nil)
	}
	n, err := g.from.Read(p)
	g.stream = n >= serverBuffer
	return n, err
}

// meter writes to the client, counts, and breaks the connection when its time
// has come.
type meter struct {
	session *session
	sent    int64
}

func (m *meter) Write(p []byte) (int, error) {
	allowed, broken := m.session.gate.takeCut(m.sent, int64(len(p)))
	m.session.records.hold()
	n, err := m.session.client.Write(p[:allowed])
	err = errors.Join(err, m.session.records.release())
	m.sent += int64(n)
	if broken {
		m.session.cut()
		return n, io.ErrClosedPipe
	}
	return n, err
}

// records is the network below TLS, which writes a record of 16 KiB at a time.
// Between hold and release they are gathered into one write, for the reason
// that gathering has.
type records struct {
	net.Conn
	mu   sync.Mutex
	held bool
	buf  []byte
}

func (r *records) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.held {
		return r.Conn.Write(p)
	}
	r.buf = append(r.buf, p...)
	return len(p), nil
}

func (r *records) hold() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.held = true
}

func (r *records) release() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.held = false
	_, err := r.Conn.Write(r.buf)
	r.buf = r.buf[:0]
	return err
}
