package pgserver_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/stagelift/stagelift/local/pgserver"
	"github.com/stagelift/stagelift/local/process"
)

func newGroup(t *testing.T) *process.Group {
	t.Helper()
	g, err := process.NewGroup()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Close(); err != nil {
			t.Errorf("closing the servers' group: %v", err)
		}
	})
	return g
}

// writeWhile fills a table and has the primary throw away what it can of its
// log, again and again, some hundred megabytes at the most.
func writeWhile(copying <-chan struct{}, conn *pgx.Conn) error {
	for range 16 {
		select {
		case <-copying:
			return nil
		default:
		}
		for _, sql := range []string{
			"INSERT INTO here (body) SELECT repeat('x', n) FROM generate_series(1, 1000) AS n", "SELECT pg_switch_wal()", "CHECKPOINT",
		} {
			if _, err := conn.Exec(context.Background(), sql); err != nil {
				return err
			}
		}
	}
	return nil
}

// The copy is made of a primary that is written to meanwhile, and that keeps as
// little of its log as it may.
func TestStandbyFollowsItsPrimary(t *testing.T) {
	t.Parallel()
	g := newGroup(t)
	primary, err := pgserver.Start(t.Context(), g, pgserver.Options{Settings: map[string]string{"min_wal_size": "32MB", "max_wal_size": "32MB"}})
	if err != nil {
		t.Fatal(err)
	}
	writer := connect(t, primary.AdminURL("postgres"))
	if _, err := writer.Exec(t.Context(), "CREATE TABLE here (n int PRIMARY KEY GENERATED ALWAYS AS IDENTITY, body text)"); err != nil {
		t.Fatal(err)
	}
	done, wrote := make(chan struct{}), make(chan error, 1)
	go func() { wrote <- writeWhile(done, writer) }()
	standby, startErr := pgserver.StartStandby(t.Context(), g, primary, pgserver.Options{})
	close(done)
	if err := <-wrote; err != nil {
		t.Fatal(err)
	}
	if startErr != nil {
		t.Fatal(startErr)
	}

	reader := connect(t, standby.AdminURL("postgres"))
	rows := func(conn *pgx.Conn) (n int, sum int64) {
		if err := conn.QueryRow(t.Context(), "SELECT count(*), coalesce(sum(n::bigint * length(body)), 0) FROM here").Scan(&n, &sum); err != nil {
			t.Fatal(err)
		}
		return n, sum
	}
	wantRows, wantSum := rows(writer)
	for expired := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		gotRows, gotSum := rows(reader)
		if gotRows == wantRows && gotSum == wantSum {
			break
		}
		if time.Now().After(expired) {
			t.Fatalf("the standby has %d rows of sum %d, want %d of %d", gotRows, gotSum, wantRows, wantSum)
		}
	}
	var status string
	if err := reader.QueryRow(t.Context(), "SELECT status FROM pg_stat_wal_receiver").Scan(&status); err != nil || status != "streaming" {
		t.Errorf("the standby's receiver is %q, %v; want streaming", status, err)
	}
	if _, err := reader.Exec(t.Context(), "DROP TABLE here"); err == nil {
		t.Error("the standby can be written to")
	}
}

func TestStandbyOfTablespacesIsRefused(t *testing.T) {
	t.Parallel()
	g := newGroup(t)
	primary, err := pgserver.Start(t.Context(), g, pgserver.Options{})
	if err != nil {
		t.Fatal(err)
	}
	// Only the server's own account can enter this directory, and write to it.
	space := primary.SocketDir()
	conn := connect(t, primary.AdminURL("postgres"))
	if _, err := conn.Exec(t.Context(), "CREATE TABLESPACE apart LOCATION '"+space+"'"); err != nil {
		t.Fatal(err)
	}
	_, err = pgserver.StartStandby(t.Context(), g, primary, pgserver.Options{})
	if err == nil || !strings.Contains(err.Error(), "tablespaces") {
		t.Errorf("StartStandby: %v, want an error that speaks of tablespaces", err)
	}
}
