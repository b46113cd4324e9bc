package truth_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/stagelift/stagelift/local/pgserver"
	"github.com/stagelift/stagelift/local/process"
	"github.com/stagelift/stagelift/local/storm/referee"
	"github.com/stagelift/stagelift/local/storm/truth"
)

// bundle is a database with a log.
type bundle struct {
	*testing.T
	*pgx.Conn
	url string
}

// setup makes tables that are watched: t plain, p in partitions, q with a child.
func setup(t *testing.T) bundle {
	t.Helper()
	group, err := process.NewGroup()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = group.Close() })
	server, err := pgserver.Start(t.Context(), group, pgserver.Options{})
	if err != nil {
		t.Fatal(err)
	}
	b := bundle{T: t, url: server.AdminURL("postgres")}
	b.Conn = b.connect()
	if err := truth.Create(t.Context(), b.Conn); err != nil {
		t.Fatal(err)
	}
	b.do(`CREATE SCHEMA storm`,
		`CREATE TABLE storm.t (id bigint PRIMARY KEY DEFAULT nextval('truth.ids'), k int, v text, pad text)`,
		`CREATE TABLE storm.p (id bigint DEFAULT nextval('truth.ids'), k int, v text, pad text) PARTITION BY LIST (k)`,
		`CREATE TABLE storm.p0 PARTITION OF storm.p FOR VALUES IN (0)`, `CREATE TABLE storm.p1 PARTITION OF storm.p FOR VALUES IN (1)`,
		`CREATE TABLE storm.q (id bigint DEFAULT nextval('truth.ids'), k int, v text, pad text)`, `CREATE TABLE storm.qc () INHERITS (storm.q)`,
		`CREATE VIEW storm.v AS SELECT * FROM storm.p`, `CREATE VIEW storm.w AS SELECT * FROM storm.v UNION ALL SELECT * FROM storm.t`,
		`INSERT INTO storm.t (k, v, pad) SELECT n % 2, 'first', truth.pad(n, 4) FROM generate_series(1, 20) AS n`,
		`INSERT INTO storm.p (k, v) SELECT n % 2, 'first' FROM generate_series(1, 20) AS n`,
		`CREATE MATERIALIZED VIEW storm.m AS SELECT * FROM storm.p`, `SELECT truth.again('storm.m')`,
	)
	for _, table := range []string{"t", "p0", "p1", "q", "qc"} {
		b.do(`SELECT truth.watch('storm.` + table + `')`)
	}
	b.do(`SELECT truth.name_all()`)
	return b
}

func (b bundle) connect() *pgx.Conn {
	b.Helper()
	config, err := pgx.ParseConfig(b.url)
	if err != nil {
		b.Fatal(err)
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	conn, err := pgx.ConnectConfig(b.Context(), config)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = conn.Close(context.WithoutCancel(b.Context())) })
	return conn
}

func (b bundle) do(statements ...string) {
	b.Helper()
	for _, statement := range statements {
		if _, err := b.Exec(b.Context(), statement); err != nil {
			b.Fatalf("%s: %v", statement, err)
		}
	}
}

func (b bundle) log() *referee.Log {
	b.Helper()
	log, err := truth.Read(b.Context(), b.Conn)
	if err != nil {
		b.Fatal(err)
	}
	return log
}

// check holds the log against the tables.
func (b bundle) check() error { return truth.Check(b.Context(), b.Conn, b.log()) }

// Whatever is done to the tables, the log says the same, also of transactions
// that were rolled back.
func TestLogFollowsTheTables(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, statements := range [][]string{
		{`UPDATE storm.t SET v = 'second' WHERE id % 3 = 0`, `DELETE FROM storm.t WHERE id % 5 = 0`},
		{`UPDATE storm.p SET k = 1 - k WHERE id % 2 = 0`, `UPDATE storm.p SET k = 1 - k WHERE id % 3 = 0`},
		{`BEGIN`, `INSERT INTO storm.t (v) VALUES ('never')`, `ROLLBACK`},
		{`BEGIN`, `SAVEPOINT a`, `UPDATE storm.t SET v = 'never'`, `ROLLBACK TO a`, `INSERT INTO storm.qc (v) VALUES ('child')`, `COMMIT`},
		{`BEGIN`, `TRUNCATE storm.p`, `INSERT INTO storm.p (k) VALUES (0), (1)`, `COMMIT`},
		{`BEGIN`, `ALTER TABLE storm.t RENAME TO u`, `ALTER TABLE storm.p0 RENAME TO t`, `SELECT truth.name_all()`, `COMMIT`},
		{`BEGIN`, `ALTER TABLE storm.u ADD COLUMN extra int DEFAULT 7`, `SELECT truth.again('storm.u')`, `SELECT truth.name_all()`, `COMMIT`},
		{`BEGIN`, `ALTER TABLE storm.p DETACH PARTITION storm.p1`, `SELECT truth.name_all()`, `COMMIT`},
		{`INSERT INTO storm.p1 (k) VALUES (1)`},
		{`BEGIN`, `ALTER TABLE storm.p ATTACH PARTITION storm.p1 FOR VALUES IN (1)`, `SELECT truth.name_all()`, `COMMIT`},
		{`BEGIN`, `REFRESH MATERIALIZED VIEW storm.m`, `SELECT truth.again('storm.m')`, `COMMIT`},
		{`BEGIN`, `DROP VIEW storm.w`, `DROP TABLE storm.u`, `SELECT truth.name_all()`, `COMMIT`},
		{`VACUUM FULL storm.p1`},
	} {
		b.do(statements...)
		if err := b.check(); err != nil {
			t.Errorf("after %s: %v", strings.Join(statements, "; "), err)
		}
	}
	if _, there := b.log().At("storm.u", referee.Latest, false); there {
		t.Error("a name that is gone still stands for something")
	}
}

// A log that misses something is found out, so that no finding is the log's.
func TestLogThatIsNotTheTruthIsFoundOut(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, behind := range []string{
		`INSERT INTO storm.t (v) VALUES ('unseen')`, `UPDATE storm.t SET v = 'unseen' WHERE k = 0`, `DELETE FROM storm.t WHERE k = 1`, `TRUNCATE storm.t`,
	} {
		b.do(`ALTER TABLE storm.t DISABLE TRIGGER ALL`, behind)
		if err := b.check(); err == nil || !strings.Contains(err.Error(), "storm.t is not the truth") {
			t.Errorf("after %s: got %v, want an error about storm.t", behind, err)
		}
		b.do(`ALTER TABLE storm.t ENABLE TRIGGER ALL`, `SELECT truth.again('storm.t')`)
		if err := b.check(); err != nil {
			t.Error(err)
		}
	}
	b.do(`ALTER TABLE storm.p DETACH PARTITION storm.p0`)
	if err := b.check(); err == nil || !strings.Contains(err.Error(), "storm.p is not the truth") {
		t.Errorf("after a partition went: got %v, want an error about storm.p", err)
	}
}

// A partition that is being taken away concurrently is gone with the first of the
// two transactions, also when the second never comes.
func TestPartitionLeavesWithTheFirstTransaction(t *testing.T) {
	t.Parallel()
	b := setup(t)
	blocker, detacher := b.connect(), b.connect()
	if _, err := blocker.PgConn().Exec(t.Context(), `BEGIN; SELECT FROM storm.p`).ReadAll(); err != nil {
		t.Fatal(err)
	}
	before, err := truth.Now(t.Context(), b.Conn)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := detacher.Exec(t.Context(), `SELECT set_config('truth.leaving', 'storm.p1'::regclass::oid::text, false)`); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := detacher.Exec(t.Context(), `ALTER TABLE storm.p DETACH PARTITION storm.p1 CONCURRENTLY`)
		done <- err
	}()
	for pending := false; !pending; time.Sleep(time.Millisecond) {
		if err := b.QueryRow(t.Context(), `SELECT inhdetachpending FROM pg_inherits WHERE inhrelid = 'storm.p1'::regclass`).Scan(&pending); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.check(); err != nil {
		t.Error(err)
	}
	b.do(fmt.Sprintf(`SELECT pg_cancel_backend(%d)`, detacher.PgConn().PID()))
	if err := <-done; err == nil {
		t.Fatal("it was not cancelled")
	}
	if err := b.check(); err != nil {
		t.Error(err)
	}
	log := b.log()
	then, _ := log.At("storm.p", before, false)
	now, _ := log.At("storm.v", referee.Latest, false)
	if len(then.Rows) != 20 || len(now.Rows) != 10 {
		t.Errorf("%d rows before, %d since, want 20 and 10", len(then.Rows), len(now.Rows))
	}
}

// At every snapshot that a reader takes amid writers, until it has seen twenty
// that differ, the log says what the reader sees.
func TestLogSaysWhatEverySnapshotSaw(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, stop := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	for i := range 4 {
		conn := b.connect()
		writers.Go(func() { write(ctx, conn, rand.New(rand.NewPCG(1, uint64(i)))) })
	}
	type seen struct {
		moment referee.Moment
		rows   []string
	}
	var views []seen
	reader := bundle{T: t, Conn: b.connect()}
	for moved := 0; moved < 20; {
		reader.do(`BEGIN ISOLATION LEVEL REPEATABLE READ`)
		moment, err := truth.Now(t.Context(), reader.Conn)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := reader.Query(t.Context(), `SELECT id::text || ' ' || v FROM storm.w`)
		if err != nil {
			t.Fatal(err)
		}
		list, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(list)
		if len(views) == 0 || !slices.Equal(list, views[len(views)-1].rows) {
			moved++
		}
		views = append(views, seen{moment, list})
		reader.do(`COMMIT`)
	}
	stop()
	writers.Wait()
	log := b.log()
	for _, view := range views {
		content, _ := log.At("storm.w", view.moment, false)
		var logged []string
		for _, doc := range content.Rows {
			logged = append(logged, doc["id"]+" "+doc["v"])
		}
		slices.Sort(logged)
		if diff := cmp.Diff(view.rows, logged); diff != "" {
			t.Fatalf("at %s (-seen +logged):\n%s", view.moment, diff)
		}
	}
}

// write changes the tables until ctx ends.
func write(ctx context.Context, conn *pgx.Conn, d *rand.Rand) {
	for ctx.Err() == nil {
		n := d.IntN(7)
		first, second := fmt.Sprintf(`UPDATE storm.t SET v = 'v%d' WHERE id %% 7 = %d`, d.Uint32(), n), fmt.Sprintf(`UPDATE storm.p SET k = 1 - k, v = 'v%d' WHERE id %% 7 = %d`, d.Uint32(), n)
		end := []string{"COMMIT", "COMMIT", "ROLLBACK"}[d.IntN(3)]
		for _, statement := range []string{"BEGIN", first, "SAVEPOINT a", second, "ROLLBACK TO a", `INSERT INTO storm.p (k, v) VALUES (0, 'new')`, second, end} {
			if _, err := conn.Exec(ctx, statement); err != nil {
				_, _ = conn.Exec(ctx, "ROLLBACK") // rows move under each other's hands
				break
			}
		}
	}
}
