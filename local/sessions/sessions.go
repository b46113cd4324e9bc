// Package sessions lends sessions of a PostgreSQL database that are as new. What
// a warehouse answers in a session of its own for each request, its stand-in
// answers in one that is lent: connecting costs PostgreSQL more than most of
// what is asked for then.
//
// A session that comes back is rolled back and cleared of everything that
// belongs to it: settings, temporary tables, locks, prepared statements. One
// that was broken or cancelled in between is closed instead, since a request to
// cancel may still be on its way to it.
package sessions

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
)

const returnTimeout = 5 * time.Second

// Pool keeps sessions that nobody uses. It is safe for concurrent use.
type Pool struct {
	config *pgconn.Config
	keep   int

	mu     sync.Mutex
	idle   []*pgconn.PgConn
	closed bool
}

// NewConfig reads the URL of a database and gives its sessions the settings
// that a warehouse has, whatever the server's are.
func NewConfig(url string, settings map[string]string) (*pgconn.Config, error) {
	config, err := pgconn.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("reading DatabaseURL: %w", err)
	}
	maps.Copy(config.RuntimeParams, map[string]string{
		"TimeZone": "UTC", "DateStyle": "ISO, MDY", "standard_conforming_strings": "on", "client_encoding": "UTF8",
	})
	maps.Copy(config.RuntimeParams, settings)
	// A statement that waits for a lock does not notice that its client has
	// gone: it must be told.
	config.BuildContextWatcherHandler = func(conn *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.CancelRequestContextWatcherHandler{Conn: conn, DeadlineDelay: returnTimeout}
	}
	return config, nil
}

// NewPool connects nothing yet. It keeps so many sessions at most that nobody
// uses.
func NewPool(config *pgconn.Config, keep int) *Pool { return &Pool{config: config, keep: keep} }

// Take returns a session, to be given to Return.
func (p *Pool) Take(ctx context.Context) (*pgconn.PgConn, error) {
	for {
		conn := p.get()
		if conn == nil {
			return pgconn.ConnectConfig(ctx, p.config.Copy())
		}
		if conn.Ping(ctx) == nil {
			return conn, nil
		}
		_ = conn.Close(ctx) // the server has ended it
	}
}

// get returns a session that nobody uses, or nil.
func (p *Pool) get() *pgconn.PgConn {
	p.mu.Lock()
	defer p.mu.Unlock()
	last := len(p.idle) - 1
	if last < 0 {
		return nil
	}
	conn := p.idle[last]
	p.idle = p.idle[:last]
	return conn
}

// Return ends a session, and with it a transaction that is still open. The
// context is the one that it was used under.
func (p *Pool) Return(ctx context.Context, conn *pgconn.PgConn) {
	clean := ctx.Err() == nil && !conn.IsClosed()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), returnTimeout)
	defer cancel()
	if clean && reset(ctx, conn) == nil && p.put(conn) {
		return
	}
	_ = conn.Close(ctx) // what matters was committed or is to be lost
}

func reset(ctx context.Context, conn *pgconn.PgConn) error {
	for _, sql := range []string{"ROLLBACK", "DISCARD ALL"} { // each alone: DISCARD ALL takes no transaction round it
		if _, err := conn.Exec(ctx, sql).ReadAll(); err != nil {
			return err
		}
	}
	return nil
}

func (p *Pool) put(conn *pgconn.PgConn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || len(p.idle) >= p.keep {
		return false
	}
	p.idle = append(p.idle, conn)
	return true
}

// Close ends the sessions that nobody uses; those that are returned later are
// ended then.
func (p *Pool) Close(ctx context.Context) error {
	p.mu.Lock()
	idle := p.idle
	p.idle, p.closed = nil, true
	p.mu.Unlock()
	var problems []error
	for _, conn := range idle {
		problems = append(problems, conn.Close(ctx))
	}
	return errors.Join(problems...)
}
