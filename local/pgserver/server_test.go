package pgserver_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/stagelift/stagelift/local/pgserver"
	"github.com/stagelift/stagelift/local/pgserver/pgtest"
	"github.com/stagelift/stagelift/local/process"
)

func connect(t *testing.T, address string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

func TestServer(t *testing.T) {
	t.Parallel()
	s := pgtest.Start(t, pgserver.Options{Settings: map[string]string{
		"work_mem":                       "7MB",
		"cluster_name":                   `it's a \ name`,
		"max_connections":                "33",
		"default_transaction_deferrable": "on",
	}})

	t.Run("has our settings, overridden by the caller's", func(t *testing.T) {
		t.Parallel()
		conn := connect(t, s.AdminURL("postgres"))
		want := map[string]string{
			"work_mem": "7MB", "cluster_name": `it's a \ name`, "max_connections": "33",
			"fsync": "off", "TimeZone": "UTC", "server_encoding": "UTF8",
			"listen_addresses": "127.0.0.1", "dynamic_shared_memory_type": "mmap",
		}
		got := map[string]string{}
		for name := range want {
			var value string
			if err := conn.QueryRow(t.Context(), "SELECT current_setting($1)", name).Scan(&value); err != nil {
				t.Fatal(err)
			}
			got[name] = value
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("settings (-want +got):\n%s", diff)
		}
	})
	t.Run("is of the version that is chosen, in UTF-8 and the locale C", func(t *testing.T) {
		t.Parallel()
		bin, err := pgserver.Find()
		if err != nil {
			t.Fatal(err)
		}
		// "postgres (PostgreSQL) 18.4", and what the packager adds.
		chosen, err := exec.CommandContext(t.Context(), filepath.Join(bin, "postgres"), "--version").Output()
		if err != nil {
			t.Fatal(err)
		}
		var version, locale string
		const sql = "SELECT current_setting('server_version'), concat_ws(' ', pg_encoding_to_char(encoding), datcollate, datctype) FROM pg_database WHERE datname = 'postgres'"
		if err := connect(t, s.AdminURL("postgres")).QueryRow(t.Context(), sql).Scan(&version, &locale); err != nil {
			t.Fatal(err)
		}
		if want := strings.TrimPrefix(strings.TrimSpace(string(chosen)), "postgres (PostgreSQL) "); version != want {
			t.Errorf("version %s, want %s", version, want)
		}
		if locale != "UTF8 C C" {
			t.Errorf("encoding and locale %s, want UTF8 C C", locale)
		}
	})
	t.Run("refuses a wrong password over TCP", func(t *testing.T) {
		t.Parallel()
		u, err := url.Parse(s.AdminURL("postgres"))
		if err != nil {
			t.Fatal(err)
		}
		u.User = url.UserPassword("postgres", "guess")
		_, err = pgx.Connect(t.Context(), u.String())
		var refused *pgconn.PgError
		if !errors.As(err, &refused) || refused.Code != "28P01" {
			t.Errorf("connecting: %v, want SQLSTATE 28P01", err)
		}
	})
	t.Run("trusts the socket, in a directory that others cannot enter", func(t *testing.T) {
		t.Parallel()
		conn := connect(t, fmt.Sprintf("host=%s port=%d user=postgres dbname=postgres", s.SocketDir(), s.Port()))
		if err := conn.Ping(t.Context()); err != nil {
			t.Error(err)
		}
		info, err := os.Stat(s.SocketDir())
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != 0o700 {
			t.Errorf("mode of the socket's directory = %04o, want 0700", got)
		}
	})
	t.Run("makes databases and executes in them", func(t *testing.T) {
		t.Parallel()
		const name = `odd "name"`
		if err := s.CreateDatabase(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		if err := s.Exec(t.Context(), name, "CREATE TABLE a (n int); INSERT INTO a VALUES (7)"); err != nil {
			t.Fatal(err)
		}
		var got int
		if err := connect(t, s.AdminURL(name)).QueryRow(t.Context(), "SELECT n FROM a").Scan(&got); err != nil || got != 7 {
			t.Errorf("n = %d, %v; want 7", got, err)
		}
		if err := s.Exec(t.Context(), name, "SELECT 1; no such statement"); err == nil {
			t.Error("a wrong statement gave no error")
		}
	})
}

func TestClose(t *testing.T) {
	t.Parallel()
	s := pgtest.Start(t, pgserver.Options{})
	idle := connect(t, s.AdminURL("postgres"))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	<-s.Done()
	if running(t, s.Pid()) {
		t.Errorf("postmaster %d still runs", s.Pid())
	}
	if err := idle.Ping(t.Context()); err == nil {
		t.Error("a connection survived")
	}
	if conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", fmt.Sprintf("127.0.0.1:%d", s.Port())); err == nil {
		_ = conn.Close()
		t.Error("the port still answers")
	}
	if err := s.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
}

func TestHBAGoesOnTop(t *testing.T) {
	t.Parallel()
	s := pgtest.Start(t, pgserver.Options{HBA: []string{"local all all reject"}})
	_, err := pgx.Connect(t.Context(), fmt.Sprintf("host=%s port=%d user=postgres dbname=postgres", s.SocketDir(), s.Port()))
	var refused *pgconn.PgError
	if !errors.As(err, &refused) || refused.Code != "28000" {
		t.Errorf("connecting: %v, want SQLSTATE 28000", err)
	}
}

func TestStartRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		settings map[string]string
		want     string
	}{
		"a wrong setting, with the server's words": {map[string]string{"work_mem": "lots"}, `invalid value for parameter "work_mem"`},
		"a setting of two lines":                   {map[string]string{"work_mem": "1MB\nfsync = on"}, "line break"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, err := process.NewGroup()
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := g.Close(); err != nil {
					t.Error(err)
				}
			}()
			_, err = pgserver.Start(t.Context(), g, pgserver.Options{Settings: test.settings})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Start: %v, want an error with %q", err, test.want)
			}
		})
	}
	t.Run("a cancelled context", func(t *testing.T) {
		t.Parallel()
		g, err := process.NewGroup()
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := g.Close(); err != nil {
				t.Error(err)
			}
		}()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := pgserver.Start(ctx, g, pgserver.Options{}); !errors.Is(err, context.Canceled) {
			t.Errorf("Start: %v, want context.Canceled", err)
		}
	})
}

func TestDatabaseIsFresh(t *testing.T) {
	t.Parallel()
	one, other := pgtest.Database(t), pgtest.Database(t)
	if one == other {
		t.Fatalf("two tests got the same database")
	}
	if _, err := connect(t, one).Exec(t.Context(), "CREATE TABLE only_here ()"); err != nil {
		t.Fatal(err)
	}
	if _, err := connect(t, other).Exec(t.Context(), "TABLE only_here"); err == nil {
		t.Error("a table of one database is seen in the other")
	}
}
