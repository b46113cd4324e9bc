package rds_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/stagelift/stagelift/local/process"
	"github.com/stagelift/stagelift/local/rds"
	"github.com/stagelift/stagelift/local/rds/rdstest"
)

func adminExec(t *testing.T, i *rds.Instance, sql string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), i.AdminURL())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	if _, err := conn.PgConn().Exec(t.Context(), sql).ReadAll(); err != nil {
		t.Fatal(err)
	}
}

func TestIAMUserReadsAndOwnsNothing(t *testing.T) {
	t.Parallel()
	i := rdstest.Shared(t)
	adminExec(t, i, `
		CREATE TABLE public.a AS SELECT 1 AS n;
		CREATE SCHEMA later;
		CREATE TABLE later.b AS SELECT 2 AS n;
		CREATE VIEW later.c AS SELECT 3 AS n;`)
	conn := dialer{instance: i}.connect(t)

	var got []int
	for _, table := range []string{"public.a", "later.b", "later.c"} {
		var n int
		if err := conn.QueryRow(t.Context(), "SELECT n FROM "+table).Scan(&n); err != nil {
			t.Fatal(err)
		}
		got = append(got, n)
	}
	if diff := cmp.Diff([]int{1, 2, 3}, got); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	var user, database string
	var super, stats bool
	err := conn.QueryRow(t.Context(), `SELECT current_user, current_database(), rolsuper, pg_has_role('pg_read_all_stats', 'member')
		FROM pg_roles WHERE rolname = current_user`).Scan(&user, &database, &super, &stats)
	if err != nil {
		t.Fatal(err)
	}
	if user != i.User() || database != i.Database() || super || !stats {
		t.Errorf("connected as %s to %s, superuser %t, reads statistics %t", user, database, super, stats)
	}
	for _, forbidden := range []string{"CREATE TABLE public.mine ()", "CREATE SCHEMA mine", "INSERT INTO a VALUES (2)"} {
		if _, err := conn.Exec(t.Context(), forbidden); err == nil {
			t.Errorf("%s: allowed", forbidden)
		}
	}
}

func TestSharedDatabasesAreApart(t *testing.T) {
	t.Parallel()
	one, other := rdstest.Shared(t), rdstest.Shared(t)
	if one.Port() != other.Port() || one.Database() == other.Database() {
		t.Errorf("got %s on port %d and %s on port %d, want two databases on one port",
			one.Database(), one.Port(), other.Database(), other.Port())
	}
}

func TestOptionsAreChecked(t *testing.T) {
	t.Parallel()
	_, err := rds.Start(t.Context(), nil, rds.Options{Region: "eu-central-1"})
	if err == nil {
		t.Fatal("no error")
	}
	for _, field := range []string{"AccessKey", "SecretKey", "Database", "User"} {
		if !strings.Contains(err.Error(), field+" is empty") {
			t.Errorf("error %q does not name %s", err, field)
		}
	}
}

func TestSettingsReachTheServer(t *testing.T) {
	t.Parallel()
	o := rdstest.Options()
	o.Settings = map[string]string{"statement_timeout": "12345"}
	conn := dialer{instance: rdstest.StartWith(t, o)}.connect(t)
	var got string
	if err := conn.QueryRow(t.Context(), "SELECT setting FROM pg_settings WHERE name = 'statement_timeout'").Scan(&got); err != nil || got != "12345" {
		t.Errorf("statement_timeout = %q, %v; want 12345", got, err)
	}
}

func portAnswers(t *testing.T, port int) bool {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}

func TestEverythingEnds(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*process.Group, *rds.Instance) error{
		"when closed":    func(_ *process.Group, i *rds.Instance) error { return errors.Join(i.Close(), i.Close()) },
		"with its group": func(g *process.Group, _ *rds.Instance) error { return g.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, err := process.NewGroup()
			if err != nil {
				t.Fatal(err)
			}
			i, err := rds.Start(t.Context(), g, rdstest.Options())
			if err != nil {
				t.Fatal(err)
			}
			conn := dialer{instance: i}.connect(t)
			admin, err := url.Parse(i.AdminURL())
			if err != nil {
				t.Fatal(err)
			}
			serverPort, err := strconv.Atoi(admin.Port())
			if err != nil {
				t.Fatal(err)
			}
			if !portAnswers(t, i.Port()) || !portAnswers(t, serverPort) {
				t.Fatal("the ports do not answer to begin with")
			}

			if err := end(g, i); err != nil {
				t.Fatal(err)
			}
			if err := conn.Ping(t.Context()); err == nil {
				t.Error("a connection survived")
			}
			if portAnswers(t, serverPort) {
				t.Error("the server still answers")
			}
			eventually(t, "the gate is closed", func() bool { return !portAnswers(t, i.Port()) })
			if err := errors.Join(i.Close(), g.Close()); err != nil {
				t.Error(err)
			}
			if root := filepath.Dir(filepath.Dir(i.CAFile())); exists(root) {
				t.Errorf("%s is still there", root)
			}
		})
	}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func TestRoleNames(t *testing.T) {
	t.Parallel()
	o := rdstest.Options()
	o.User, o.Database = `o"dd user & co`, `d"b`
	i := rdstest.StartWith(t, o)
	conn := dialer{instance: i}.connect(t)
	var got string
	if err := conn.QueryRow(t.Context(), "SELECT current_user || ' in ' || current_database()").Scan(&got); err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("%s in %s", o.User, o.Database); got != want {
		t.Errorf("connected as %s, want %s", got, want)
	}
}
