package pgserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/stagelift/stagelift/local/process"
)

var errPortTaken = errors.New("another process took the port")

// boot starts the server on a free port and waits until it answers. A port is
// free only until somebody else takes it, hence the tries.
func (s *Server) boot(ctx context.Context, g *process.Group, owner account, log io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, bootLimit)
	defer cancel()
	for try := 1; ; try++ {
		err := s.bootOnce(ctx, g, owner, log)
		if !errors.Is(err, errPortTaken) || try == portTries {
			return err
		}
	}
}

func (s *Server) bootOnce(ctx context.Context, g *process.Group, owner account, log io.Writer) error {
	port, err := freePort(ctx)
	if err != nil {
		return err
	}
	s.port, s.log = port, &tail{next: log}
	// The server must outlive the context that it was started under.
	cmd := owner.command(context.WithoutCancel(ctx), s.data, filepath.Join(s.bin, "postgres"),
		"-D", s.data, "-p", strconv.Itoa(s.port))
	cmd.Stdout, cmd.Stderr = s.log, s.log
	if s.process, err = g.Start(cmd); err != nil {
		return err
	}
	if err := s.await(ctx); err != nil {
		s.process.Kill()
		if strings.Contains(s.log.String(), "Address already in use") {
			return errPortTaken
		}
		return fmt.Errorf("%w; its log ends:\n%s", err, s.log)
	}
	return nil
}

// await connects until the server lets us in.
func (s *Server) await(ctx context.Context) error {
	ticker := time.NewTicker(15 * time.Millisecond)
	defer ticker.Stop()
	for {
		conn, err := pgx.Connect(ctx, s.AdminURL(superuser))
		if err == nil {
			s.major, err = Major(conn.PgConn())
			return errors.Join(err, conn.Close(ctx))
		}
		select {
		case <-s.process.Done():
			return errors.Join(errors.New("the server ended"), s.process.Err())
		case <-ctx.Done():
			return fmt.Errorf("waiting for an answer: %w: %w", context.Cause(ctx), err)
		case <-ticker.C:
		}
	}
}

// Major returns the major version of the server that a connection leads to.
func Major(c *pgconn.PgConn) (int, error) {
	version := c.ParameterStatus("server_version") // "18.4 (Debian 18.4-1.pgdg13+1)", "19beta1"
	var major int
	if _, err := fmt.Sscan(version, &major); err != nil {
		return 0, fmt.Errorf("reading the server's version %q: %w", version, err)
	}
	return major, nil
}

func freePort(ctx context.Context) (int, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("finding a free port: %w", err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	return port, listener.Close()
}

// tailSize is how much of the log an error tells.
const tailSize = 4 << 10

// tail passes the log on and keeps its end.
type tail struct {
	next io.Writer

	mu   sync.Mutex
	last []byte
}

// Write never fails, for a failure would end the copying and with it the
// server, at its next line.
func (t *tail) Write(p []byte) (int, error) {
	if t.next != nil {
		_, _ = t.next.Write(p)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = append(t.last, p...)
	if surplus := len(t.last) - tailSize; surplus > 0 {
		t.last = append(t.last[:0], t.last[surplus:]...)
	}
	return len(p), nil
}

// String returns the end of the log.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(t.last))
}
