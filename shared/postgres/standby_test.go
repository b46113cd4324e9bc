package postgres

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/jackc/pgx/v5"

	"github.com/stagelift/stagelift/local/pgserver"
	"github.com/stagelift/stagelift/local/process"
	"github.com/stagelift/stagelift/shared/fault"
	"github.com/stagelift/stagelift/shared/table"
)

// direct is a source that reaches a server without a gate: it takes the token
// for a password, which a server that trusts everybody does not look at.
func direct(t *testing.T, server *pgserver.Server) *Source {
	t.Helper()
	config, err := pgx.ParseConfig(server.AdminURL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	config.RuntimeParams = startup
	return &Source{base: config, config: Config{
		Host: config.Host, Port: int(config.Port), Database: config.Database, User: config.User,
		Region: "eu-central-1", Credentials: credentials.NewStaticCredentialsProvider("key", "secret", ""),
	}}
}

// replica is a primary and a hot standby that cancels reads at once.
type replica struct {
	*testing.T
	primary, standby *pgserver.Server
}

func startReplica(t *testing.T) replica {
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
	trust := pgserver.Options{HBA: []string{"host all all 127.0.0.1/32 trust"}, Settings: map[string]string{
		"max_standby_streaming_delay": "0", "deadlock_timeout": "50ms", "wal_receiver_status_interval": "1s", "autovacuum": "off",
	}}
	primary, err := pgserver.Start(t.Context(), g, trust)
	if err != nil {
		t.Fatal(err)
	}
	standby, err := pgserver.StartStandby(t.Context(), g, primary, trust)
	if err != nil {
		t.Fatal(err)
	}
	return replica{t, primary, standby}
}

// write runs statements on the primary and returns once the standby has them.
func (r replica) write(statements ...string) {
	r.Helper()
	conn, err := pgx.Connect(r.Context(), r.primary.AdminURL("postgres"))
	if err != nil {
		r.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(r.Context())) }()
	for _, sql := range statements {
		if _, err := conn.Exec(r.Context(), sql); err != nil {
			r.Fatalf("%s: %v", sql, err)
		}
	}
	var lsn string
	if err := conn.QueryRow(r.Context(), `SELECT pg_current_wal_flush_lsn()::text FROM pg_switch_wal()`).Scan(&lsn); err != nil {
		r.Fatal(err)
	}
	r.awaitReplay(lsn)
}

// awaitReplay looks again where its own look is what the standby cancels.
func (r replica) awaitReplay(lsn string) {
	r.Helper()
	for expired := time.Now().Add(30 * time.Second); time.Now().Before(expired); {
		there, err := r.replayed(lsn)
		if there {
			return
		}
		if err != nil && !Conflict(err) {
			r.Fatal(err)
		}
	}
	r.Fatal("the standby does not follow")
}

func (r replica) replayed(lsn string) (there bool, err error) {
	standby, err := pgx.Connect(r.Context(), r.standby.AdminURL("postgres"))
	if err != nil {
		return false, err
	}
	defer func() { _ = standby.Close(context.WithoutCancel(r.Context())) }()
	err = standby.QueryRow(r.Context(), `SELECT pg_last_wal_replay_lsn() >= $1::text::pg_lsn`, lsn).Scan(&there)
	return there, err
}

// stalling is a writer that, with its first row, has something happen.
type stalling struct {
	happen func()
	rows   bytes.Buffer
}

func (s *stalling) Write(p []byte) (int, error) {
	if s.happen != nil {
		s.happen()
		s.happen = nil
	}
	return s.rows.Write(p)
}

func TestReadsThatAStandbyCancelledAreTold(t *testing.T) {
	t.Parallel()
	r := startReplica(t)
	r.write(`CREATE TABLE big AS SELECT g AS n, repeat('x', 500) AS t FROM generate_series(1, 100000) AS g`)
	source := direct(t, r.standby)
	statement := func(tables []*Table) string {
		// A server that waits for its client does not hear that it is to stop; one
		// that sleeps does.
		q := Query{Where: "pg_sleep(0.002) IS NOT NULL"}
		for _, column := range tables[0].Columns {
			q.Fields = append(q.Fields, table.Field{Column: column})
		}
		sql, err := q.Copy(Span{Relation: &tables[0].Relations[0]})
		if err != nil {
			t.Fatal(err)
		}
		return sql
	}
	begin := func(t *testing.T) (*Snapshot, *Stream, string) {
		t.Helper()
		snapshot, err := source.Snapshot(t.Context(), Options{Selection: Selection{Include: patterns(t, "public.big")}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = snapshot.Close(context.WithoutCancel(t.Context())) })
		stream, err := snapshot.Stream(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = stream.Close(context.WithoutCancel(t.Context())) })
		if err := stream.Enter(t.Context(), time.Second, snapshot.Tables[0]); err != nil {
			t.Fatal(err)
		}
		return snapshot, stream, statement(snapshot.Tables)
	}
	check := func(t *testing.T, err error) {
		t.Helper()
		if !Conflict(err) || !strings.Contains(err.Error(), "hot_standby_feedback") {
			t.Errorf("got %v, want a conflict with a word on hot_standby_feedback", err)
		}
	}
	t.Run("while it reads", func(t *testing.T) {
		_, stream, sql := begin(t)
		w := &stalling{happen: func() { r.write(`DELETE FROM big WHERE n % 10 = 0`, `VACUUM big`) }}
		_, err := stream.Copy(t.Context(), w, sql)
		check(t, err)
	})
	t.Run("between two reads, with the snapshot", func(t *testing.T) {
		snapshot, stream, sql := begin(t)
		r.write(`DELETE FROM big WHERE n % 10 = 1`, `VACUUM big`)
		_, err := stream.Copy(t.Context(), io.Discard, sql)
		check(t, err)
		_, err = snapshot.Stream(t.Context())
		if err == nil || !strings.Contains(err.Error(), "turn hot_standby_feedback on") {
			t.Errorf("got %v, want an error that says the snapshot is gone", err)
		}
	})
	t.Run("other errors are none", func(t *testing.T) {
		_, stream, _ := begin(t)
		if _, err := stream.Copy(t.Context(), io.Discard, "COPY (SELECT 1/0) TO STDOUT"); err == nil || Conflict(err) {
			t.Errorf("got %v, want an error that is no conflict", err)
		}
	})
}

func TestStandbyNeedsALookback(t *testing.T) {
	t.Parallel()
	r := startReplica(t)
	source := direct(t, r.standby)
	name := table.Name{Schema: "public", Table: "t"}
	bound := func(column, lookback string) (Bound, error) {
		s, err := source.Snapshot(t.Context(), Options{
			Selection: Selection{Include: patterns(t, name.String())}, Cursors: map[table.Name]Cursor{name: {Column: column, Lookback: lookback}},
		})
		if err != nil {
			return Bound{}, err
		}
		defer func() { _ = s.Close(t.Context()) }()
		if refused := s.Bounds[name].Refused; refused != nil {
			return Bound{}, refused
		}
		return s.Bounds[name], nil
	}
	begun := time.Now().Add(-time.Second)
	r.write(`CREATE TABLE t (n bigserial, at timestamptz)`, `INSERT INTO t (at) VALUES (now())`)
	for _, column := range []string{"n", "at"} {
		if _, err := bound(column, ""); err == nil || !strings.Contains(err.Error(), "a standby does not show the transactions that are open on its primary") {
			t.Errorf("%s: got %v, want a refusal", column, err)
		}
	}
	if got, err := bound("n", "10"); err != nil || got.To != "2" {
		t.Errorf("got %+v, %v, want a bound of 2", got, err)
	}
	got, err := bound("at", "1 hour")
	if err != nil {
		t.Fatal(err)
	}
	to, err := time.Parse("2006-01-02 15:04:05.999999-07", got.To)
	if err != nil || to.Before(begun) || to.After(time.Now()) {
		t.Errorf("bound is %s, %v, want the time of the last commit", got.To, err)
	}
}

// Rows of unlogged tables are not on a standby, and what it prints of a snapshot does
// not tell two of them apart: the transactions that are open are not in it.
func TestStandbySaysWhatItCannotTell(t *testing.T) {
	t.Parallel()
	r := startReplica(t)
	r.write(`CREATE UNLOGGED TABLE a_cache (n int)`, `CREATE TABLE kept (n int)`, `INSERT INTO kept VALUES (1)`, `CREATE VIEW seen AS SELECT * FROM a_cache`,
		`CREATE TABLE half (k int, n int) PARTITION BY LIST (k)`, `CREATE TABLE half_1 PARTITION OF half FOR VALUES IN (1)`, `CREATE UNLOGGED TABLE half_2 PARTITION OF half FOR VALUES IN (2)`)
	s, err := direct(t, r.standby).Snapshot(t.Context(), Options{Selection: Selection{Include: patterns(t, "public.*", "public.seen")}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close(context.WithoutCancel(t.Context())) }()
	if len(s.Tables) != 1 || s.Tables[0].Name.Table != "kept" {
		t.Errorf("%d tables can be read, want kept alone", len(s.Tables))
	}
	refused := map[string]error{}
	for _, r := range s.Refused {
		refused[r.Name] = r.Err
	}
	for _, name := range []string{"public.a_cache", "public.seen", "public.half"} {
		if why := refused[name]; fault.CodeOf(why, "") != fault.Unreadable || !strings.Contains(why.Error(), "is unlogged") {
			t.Errorf("%s: got %v, want it unreadable for it is unlogged", name, why)
		}
	}
	if s.Visible != "" {
		t.Errorf("a standby says %q of its snapshot, which another may say as well", s.Visible)
	}
}

// Clocks that go back at the end of summer show an hour twice. The bound is not
// beyond what they will show again.
func TestLocalBoundIsBelowAllThatIsStampedLater(t *testing.T) {
	t.Parallel()
	g, err := process.NewGroup()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Close() })
	server, err := pgserver.Start(t.Context(), g, pgserver.Options{HBA: []string{"host all all 127.0.0.1/32 trust"}})
	if err != nil {
		t.Fatal(err)
	}
	snapshot, err := direct(t, server).Snapshot(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = snapshot.Close(context.WithoutCancel(t.Context())) })
	for _, c := range []struct{ moment, zone, typ, want string }{
		{"2026-10-24T23:30:00Z", "Europe/Berlin", "timestamp without time zone", "2026-10-25 01:30:00"},
		{"2026-10-25T00:30:00.5Z", "Europe/Berlin", "timestamp without time zone", "2026-10-25 02:00:00"},
		{"2026-10-25T01:30:00.5Z", "Europe/Berlin", "timestamp without time zone", "2026-10-25 02:30:00.5"},
		{"2026-03-29T00:59:59Z", "Europe/Berlin", "timestamp without time zone", "2026-03-29 01:59:59"},
		{"2026-04-04T14:45:00Z", "Australia/Lord_Howe", "timestamp without time zone", "2026-04-05 01:30:00"},
		{"2026-11-01T04:40:00Z", "America/Havana", "date", "2026-11-01"},
		{"2026-11-21T23:59:59.6Z", "", "timestamp(0) without time zone", "2026-11-22 00:00:00"},
		{"2026-11-21T23:59:59.6Z", "", "date", "2026-11-21"},
		{"2026-11-21T23:59:59.4Z", "Asia/Tokyo", "timestamp(0) with time zone", "2026-11-21 23:59:59+00"},
	} {
		moment, err := time.Parse(time.RFC3339Nano, c.moment)
		if err != nil {
			t.Fatal(err)
		}
		m := &mark{Cursor: Cursor{TimeZone: c.zone}, Bound: Bound{Column: table.Column{Type: c.typ}}}
		got, err := snapshot.localBound(t.Context(), m, moment)
		if err != nil || got != c.want {
			t.Errorf("%+v: got %q, %v", c, got, err)
		}
	}
	m := &mark{Cursor: Cursor{TimeZone: "Mars/Olympus"}, Bound: Bound{Column: table.Column{Type: "date"}}}
	if _, err := snapshot.localBound(t.Context(), m, time.Now()); err == nil {
		t.Errorf("an unknown time zone: got %v", err)
	}
}
