// Package pgtest gives tests a PostgreSQL server.
package pgtest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/stagelift/stagelift/local/pgserver"
	"github.com/stagelift/stagelift/local/process"
)

// Start returns a server of the test's own, which takes about a second and
// ends with the test.
func Start(t testing.TB, o pgserver.Options) *pgserver.Server {
	t.Helper()
	g, err := process.NewGroup()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Close(); err != nil {
			t.Errorf("closing the server's group: %v", err)
		}
	})
	s, err := pgserver.Start(t.Context(), g, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// shared is the one server of a test binary. Nobody closes it: the group's
// reaper ends it with the binary.
var shared = sync.OnceValues(func() (*pgserver.Server, error) {
	g, err := process.NewGroup()
	if err != nil {
		return nil, err
	}
	s, err := pgserver.Start(context.Background(), g, pgserver.Options{})
	if err != nil {
		return nil, errors.Join(err, g.Close())
	}
	return s, nil
})

var databases atomic.Int64

// Database returns the URL, for the superuser, of a new database on a server
// that all tests of the binary share. Roles, and what else belongs to the whole
// server, are shared too.
func Database(t testing.TB) string {
	t.Helper()
	s, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("test_%d", databases.Add(1))
	if err := s.CreateDatabase(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	return s.AdminURL(name)
}

// Major returns the major version of the server that a connection leads to.
func Major(t testing.TB, c *pgconn.PgConn) int {
	t.Helper()
	major, err := pgserver.Major(c)
	if err != nil {
		t.Fatal(err)
	}
	return major
}

// Lacks reports whether the server is older than the major version that brought
// what the statement uses, so that a test must do without. The statement is run:
// an older server must refuse it and any other take it, or the test fails. What
// is left out is so only where it is not to be had.
func Lacks(t testing.TB, c *pgconn.PgConn, since int, statement string) bool {
	t.Helper()
	lacks := Major(t, c) < since
	_, err := c.Exec(t.Context(), statement).ReadAll()
	if (err != nil) != lacks {
		t.Errorf("PostgreSQL %d, where version %d brought it: %.300s: got %v", Major(t, c), since, statement, err)
	}
	return lacks
}
