package sessions_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/stagelift/stagelift/local/pgserver/pgtest"
	"github.com/stagelift/stagelift/local/sessions"
)

func open(t *testing.T, keep int) *sessions.Pool {
	t.Helper()
	config, err := pgconn.ParseConfig(pgtest.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	config.RuntimeParams["TimeZone"] = "Asia/Tokyo"
	pool := sessions.NewPool(config, keep)
	t.Cleanup(func() {
		if err := pool.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return pool
}

func take(t *testing.T, pool *sessions.Pool) *pgconn.PgConn {
	t.Helper()
	conn, err := pool.Take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// run returns the first column of the last statement.
func run(t *testing.T, conn *pgconn.PgConn, sql string) []string {
	t.Helper()
	results, err := conn.Exec(t.Context(), sql).ReadAll()
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	list := []string{}
	for _, row := range results[len(results)-1].Rows {
		list = append(list, string(row[0]))
	}
	return list
}

// What one has left in a session the next does not see.
func TestSessionIsAsNew(t *testing.T) {
	t.Parallel()
	pool := open(t, 1)
	conn := take(t, pool)
	pid := conn.PID()
	run(t, conn, `CREATE TABLE public.kept (n int); SELECT pg_advisory_lock(7)`)
	run(t, conn, `SET TimeZone = 'Europe/Berlin'; SET search_path TO pg_temp; CREATE TEMP TABLE mine (n int)`)
	run(t, conn, `BEGIN; INSERT INTO public.kept VALUES (1)`)
	pool.Return(t.Context(), conn)

	again := take(t, pool)
	if again.PID() != pid {
		t.Error("the session was not kept")
	}
	got := []string{}
	for _, sql := range []string{
		`SHOW TimeZone`, `SHOW search_path`, `SELECT count(*) FROM pg_class WHERE relname = 'mine'`, `SELECT count(*) FROM public.kept`,
		`SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
	} {
		got = append(got, run(t, again, sql)...)
	}
	if diff := cmp.Diff([]string{"Asia/Tokyo", `"$user", public`, "0", "0", "0"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	pool.Return(t.Context(), again)
}

// lent is a session on loan.
type lent struct {
	*testing.T
	pool *sessions.Pool
	conn *pgconn.PgConn
	// other is a session of the same database.
	other *pgconn.PgConn
}

func TestBrokenOrCancelledSessionIsNotKept(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(l lent){
		"broken": func(l lent) {
			_ = l.conn.Conn().Close()
			l.pool.Return(l.Context(), l.conn)
		},
		"cancelled": func(l lent) {
			ctx, cancel := context.WithCancel(l.Context())
			cancel()
			l.pool.Return(ctx, l.conn)
		},
		"ended by the server": func(l lent) {
			l.pool.Return(l.Context(), l.conn)
			run(l.T, l.other, fmt.Sprintf("SELECT pg_terminate_backend(%d)", l.conn.PID()))
			for gone := false; !gone; {
				gone = run(l.T, l.other, fmt.Sprintf("SELECT count(*) FROM pg_stat_activity WHERE pid = %d", l.conn.PID()))[0] == "0"
			}
		},
		"one too many": func(l lent) {
			l.pool.Return(l.Context(), take(l.T, l.pool))
			l.pool.Return(l.Context(), l.conn)
		},
		"too late": func(l lent) {
			if err := l.pool.Close(l.Context()); err != nil {
				l.Error(err)
			}
			l.pool.Return(l.Context(), l.conn)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pool := open(t, 1)
			conn, other := take(t, pool), take(t, pool)
			end(lent{t, pool, conn, other})
			next := take(t, pool)
			if next.PID() == conn.PID() {
				t.Error("the session was lent again")
			}
			_ = other.Close(t.Context())
			pool.Return(t.Context(), next)
		})
	}
}
