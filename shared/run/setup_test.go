package run

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/jackc/pgx/v5"

	"github.com/stagelift/stagelift/local/compare"
	"github.com/stagelift/stagelift/local/pgserver/pgtest"
	"github.com/stagelift/stagelift/local/rds"
	"github.com/stagelift/stagelift/local/rds/rdstest"
	"github.com/stagelift/stagelift/local/s3/door"
	"github.com/stagelift/stagelift/local/s3/s3test"
	"github.com/stagelift/stagelift/shared/object"
	"github.com/stagelift/stagelift/shared/postgres"
	"github.com/stagelift/stagelift/shared/stage"
)

// bundle is a job between a database and a bucket of the test's own, with a
// door before the bucket.
type bundle struct {
	*testing.T
	job    *Job
	door   *door.Door
	bucket s3test.Bucket
	logs   *logs
	// exec runs SQL, copyOut is the server's own CSV of a query; both as the
	// superuser, and for any goroutine.
	exec     func(sql string)
	copyOut  func(query, options string) string
	adminURL string
	// major is the server's version.
	major int
}

// session is a connection of its own, of the superuser.
type session struct {
	b    *bundle
	conn *pgx.Conn
}

func (b *bundle) session() *session {
	b.Helper()
	conn, err := compare.Connect(b.Context(), b.adminURL)
	if err != nil {
		b.Fatal(err)
	}
	return &session{b, conn}
}

func (s *session) exec(sql string) {
	if _, err := s.conn.PgConn().Exec(s.b.Context(), sql).ReadAll(); err != nil {
		s.b.Errorf("%.200s: %v", sql, err)
	}
}

// query returns the first value of the last statement.
func (s *session) query(sql string) string {
	s.b.Helper()
	results, err := s.conn.PgConn().Exec(s.b.Context(), sql).ReadAll()
	if err != nil {
		s.b.Fatalf("%.200s: %v", sql, err)
	}
	return string(results[len(results)-1].Rows[0][0])
}

func (s *session) close() { _ = s.conn.Close(context.WithoutCancel(s.b.Context())) }

func setup(t *testing.T, sql string) *bundle {
	t.Helper()
	return setupOn(t, rdstest.Shared(t), sql)
}

// setupAlone is setup on a server where nothing else happens.
func setupAlone(t *testing.T, sql string) *bundle {
	t.Helper()
	b := setupOn(t, rdstest.Start(t), sql)
	b.exec("ALTER SYSTEM SET autovacuum = off")
	b.exec("SELECT pg_reload_conf()")
	return b
}

func setupOn(t *testing.T, instance *rds.Instance, sql string) *bundle {
	t.Helper()
	roots, err := postgres.RootCAs(instance.CAFile())
	if err != nil {
		t.Fatal(err)
	}
	source, err := postgres.Open(postgres.Config{
		Host: instance.Host(), Port: instance.Port(), Database: instance.Database(), User: instance.User(),
		Region: rdstest.Region, RootCAs: roots,
		Credentials: credentials.NewStaticCredentialsProvider(rdstest.AccessKey, rdstest.SecretKey, ""),
	})
	if err != nil {
		t.Fatal(err)
	}
	b := &bundle{T: t, bucket: s3test.Shared(t), logs: &logs{}}
	if b.door, err = door.Open(t.Context(), b.bucket.Endpoint); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.door.Close() })
	b.job = &Job{
		Source: source, Database: instance.Database(), Bucket: b.bucket.Name, Layout: stage.Layout{Prefix: "stage/"},
		Store: object.New(s3test.Config(b.door.Endpoint())), Log: slog.New(slog.NewJSONHandler(b.logs, nil)),
	}
	b.adminURL = instance.AdminURL()
	b.connect(b.adminURL)
	b.exec(sql)
	return b
}

func (b *bundle) connect(url string) {
	admin, err := compare.Connect(b.Context(), url)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = admin.Close(context.WithoutCancel(b.Context())) })
	b.major = pgtest.Major(b.T, admin.PgConn())
	var mu sync.Mutex
	b.exec = func(sql string) {
		mu.Lock()
		defer mu.Unlock()
		if _, err := admin.PgConn().Exec(b.Context(), sql).ReadAll(); err != nil {
			b.Errorf("%.200s: %v", sql, err)
		}
	}
	b.copyOut = func(query, options string) string {
		mu.Lock()
		defer mu.Unlock()
		var out bytes.Buffer
		if _, err := admin.PgConn().CopyTo(b.Context(), &out, "COPY ("+query+`) TO STDOUT WITH (FORMAT csv, NULL '\N'`+options+")"); err != nil {
			b.Errorf("%s: %v", query, err)
		}
		return out.String()
	}
}

// logs collects what is logged.
type logs struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// run runs a request that has to succeed.
func (b *bundle) run(request Request) Answer {
	b.Helper()
	answer, err := b.job.Run(b.Context(), request)
	if err != nil {
		b.Fatal(err)
	}
	return answer
}
