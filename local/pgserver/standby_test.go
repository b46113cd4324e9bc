package pgserver_test

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/stagelift/stagelift/local/pgserver"
	"github.com/stagelift/stagelift/local/process"
)

func TestStandbyFollowsItsPrimary(t *testing.T) {
	t.Parallel()
	g, err := process.NewGroup()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Close(); err != nil {
			t.Errorf("closing the servers' group: %v", err)
		}
	})
	primary, err := pgserver.Start(t.Context(), g, pgserver.Options{})
	if err != nil {
		t.Fatal(err)
	}
	standby, err := pgserver.StartStandby(t.Context(), g, primary, pgserver.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := primary.Exec(t.Context(), "postgres", "CREATE TABLE here AS SELECT 7 AS n"); err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), standby.AdminURL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	for expired := time.Now().Add(30 * time.Second); ; {
		var n int
		if err = conn.QueryRow(t.Context(), "SELECT n FROM here").Scan(&n); err == nil && n == 7 {
			break
		}
		if time.Now().After(expired) {
			t.Fatalf("the row does not come: %v", err)
		}
	}
	if _, err := conn.Exec(t.Context(), "DROP TABLE here"); err == nil {
		t.Error("the standby can be written to")
	}
}
