package postgres_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/stagelift/stagelift/local/rds/rdstest"
	"github.com/stagelift/stagelift/shared/postgres"
	"github.com/stagelift/stagelift/shared/table"
)

func public(name string) table.Name { return table.Name{Schema: "public", Table: name} }

// incremental is a bundle on an instance of its own: what other sessions do is
// what these tests are about.
func incremental(t *testing.T, settings map[string]string) *bundle {
	t.Helper()
	o := rdstest.Options()
	o.Settings = settings
	b := setupOn(t, rdstest.StartWith(t, o))
	b.exec(`CREATE TABLE stamped (id int, at timestamptz NOT NULL DEFAULT now());
		CREATE TABLE counted (n bigint GENERATED ALWAYS AS IDENTITY, t text);
		INSERT INTO stamped (id) VALUES (1); INSERT INTO counted (t) VALUES ('a')`)
	return b
}

// session is another session of the database, as the superuser.
func (b *bundle) session(database string) *pgx.Conn {
	b.Helper()
	config, err := pgx.ParseConfig(b.instance.AdminURL())
	if err != nil {
		b.Fatal(err)
	}
	if database != "" {
		config.Database = database
	}
	conn, err := pgx.ConnectConfig(b.Context(), config)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = conn.Close(context.WithoutCancel(b.Context())) })
	return conn
}

func (b *bundle) run(conn *pgx.Conn, sql string) {
	b.Helper()
	if _, err := conn.PgConn().Exec(b.Context(), sql).ReadAll(); err != nil {
		b.Fatalf("%s: %v", sql, err)
	}
}

func (b *bundle) try(o postgres.Options) (*postgres.Snapshot, error) {
	b.Helper()
	source, err := postgres.Open(b.config)
	if err != nil {
		b.Fatal(err)
	}
	snapshot, err := source.Snapshot(b.Context(), o)
	if err == nil {
		b.Cleanup(func() { _ = snapshot.Close(context.WithoutCancel(b.Context())) })
	}
	return snapshot, err
}

// tables that a cursor is of, by its name.
type cursor struct {
	table string
	postgres.Cursor
}

// bound takes a snapshot with one cursor; the error is also the cursor's.
func (b *bundle) bound(c cursor, wait time.Duration) (*postgres.Snapshot, postgres.Bound, error) {
	b.Helper()
	name := public(c.table)
	snapshot, err := b.try(postgres.Options{
		Selection: postgres.Selection{Include: patterns(b.T, name.String())}, Cursors: map[table.Name]postgres.Cursor{name: c.Cursor}, Wait: wait,
	})
	if err != nil {
		return nil, postgres.Bound{}, err
	}
	return snapshot, snapshot.Bounds[name], refused(snapshot)
}

func (b *bundle) bounded(c cursor) (*postgres.Snapshot, postgres.Bound) {
	b.Helper()
	snapshot, bound, err := b.bound(c, 0)
	if err != nil {
		b.Fatal(err)
	}
	return snapshot, bound
}

// window reads the first column of a table within a window, sorted by nothing.
func (b *bundle) window(s *postgres.Snapshot, name string, w postgres.Window) []string {
	b.Helper()
	found := b.tables(s, name)[0]
	cut := spans(found, 0)
	for i := range cut {
		cut[i].Window = &w
	}
	rows, err := b.query(s, postgres.Query{Fields: b.fields(found.Columns[:1])}, cut)
	if err != nil {
		b.Fatal(err)
	}
	for i, row := range rows {
		rows[i] = strings.Trim(row, "\"\n")
	}
	return rows
}

func (b *bundle) moment(sql string) time.Time {
	b.Helper()
	var at time.Time
	if err := b.admin.QueryRow(b.Context(), sql).Scan(&at); err != nil {
		b.Fatal(err)
	}
	return at
}

func parseBound(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse("2006-01-02 15:04:05.999999-07", text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// A transaction that is open while runs come and go has its rows read by the
// run after its commit, once.
func TestRowsThatCommitLateAreReadOnce(t *testing.T) {
	t.Parallel()
	b := incremental(t, nil)
	at := cursor{"stamped", postgres.Cursor{Column: "at"}}
	n := cursor{"counted", postgres.Cursor{Column: "n"}}
	late := b.session("")
	b.run(late, `BEGIN; SELECT 1`) // its now() is from here
	b.exec(`INSERT INTO stamped VALUES (2, now() - interval '1 hour'); INSERT INTO stamped (id) VALUES (3); INSERT INTO counted (t) VALUES ('b')`)
	first, firstAt := b.bounded(at)
	got := b.window(first, "public.stamped", postgres.Window{Column: firstAt.Column, To: firstAt.To})
	if diff := cmp.Diff([]string{"2"}, got); diff != "" {
		t.Errorf("first run (-want +got):\n%s", diff)
	}
	start := b.moment(`SELECT xact_start FROM pg_stat_activity WHERE pid = ` + fmt.Sprint(late.PgConn().PID()))
	if to := parseBound(t, firstAt.To); to.After(start) {
		t.Errorf("the bound %s is after the start of an open transaction, %s", to, start)
	}
	b.run(late, `INSERT INTO stamped (id) VALUES (4); COMMIT`)
	// A bound five seconds on would take as long to come; the run after is read to
	// the end of time instead.
	second := b.snapshot("public.stamped")
	got = b.window(second, "public.stamped", postgres.Window{Column: firstAt.Column, From: firstAt.To, To: "infinity"})
	if diff := cmp.Diff([]string{"1", "3", "4"}, got); diff != "" {
		t.Errorf("second run (-want +got):\n%s", diff)
	}
	if _, bound := b.bounded(n); bound.To != "3" || bound.Index {
		t.Errorf("integers: got %+v, want a bound of 3 without an index", bound)
	}
}

func TestIntegerCursorWaitsForWriters(t *testing.T) {
	t.Parallel()
	b := incremental(t, map[string]string{"max_prepared_transactions": "5"})
	n := cursor{"counted", postgres.Cursor{Column: "n"}}
	writer, reader := b.session(""), b.session("")
	b.run(writer, `BEGIN; INSERT INTO counted (t) VALUES ('late')`) // takes 2
	b.run(reader, `BEGIN; SELECT * FROM counted; SELECT * FROM counted FOR UPDATE`)
	b.exec(`INSERT INTO counted (t) VALUES ('b')`) // takes 3, and is seen first
	t.Run("and says whom it waited for too long", func(t *testing.T) {
		_, _, err := b.bound(n, time.Millisecond)
		wantError(t, err, fmt.Sprintf("still transactions that write to the table: pid %d", writer.PgConn().PID()), "end them, or run again")
		if strings.Contains(err.Error(), fmt.Sprint(reader.PgConn().PID())) {
			t.Errorf("a reader is waited for: %v", err)
		}
	})
	t.Run("until they have committed, even in two phases", func(t *testing.T) {
		type result struct {
			snapshot *postgres.Snapshot
			err      error
		}
		done := make(chan result, 1)
		go func() {
			s, _, err := b.bound(n, 0)
			done <- result{s, err}
		}()
		b.untilWaiting()
		b.exec(`INSERT INTO counted (t) VALUES ('c')`) // takes 4, beyond the bound
		b.run(writer, `PREPARE TRANSACTION 'slow'`)
		b.untilWaiting()
		select {
		case r := <-done:
			t.Fatalf("it did not wait for a prepared transaction: %v", r.err)
		default:
		}
		b.exec(`COMMIT PREPARED 'slow'`)
		r := <-done
		if r.err != nil {
			t.Fatal(r.err)
		}
		bound := r.snapshot.Bounds[public(n.table)]
		if bound.To != "4" {
			t.Errorf("bound is %s, want 4", bound.To)
		}
		got := b.window(r.snapshot, "public.counted", postgres.Window{Column: bound.Column, From: "2", To: bound.To})
		if diff := cmp.Diff([]string{"2", "3"}, got); diff != "" {
			t.Errorf("rows (-want +got):\n%s", diff)
		}
	})
}

// untilWaiting returns once our session has listed the locks again.
func (b *bundle) untilWaiting() {
	b.Helper()
	const polled = `SELECT coalesce(max(query_start), 'epoch') FROM pg_stat_activity
		WHERE application_name = 'stagelift' AND query LIKE '%pg_locks%'`
	for begun := b.moment(`SELECT clock_timestamp()`); b.Context().Err() == nil; {
		if b.moment(polled).After(begun) {
			return
		}
	}
	b.Fatal("nobody waited")
}

func TestTransactionsThatCannotBeSeenAreRefused(t *testing.T) {
	t.Parallel()
	b := incremental(t, map[string]string{"max_prepared_transactions": "5"})
	at := cursor{"stamped", postgres.Cursor{Column: "at"}}
	user := pgx.Identifier{b.instance.User()}.Sanitize()
	for _, c := range []struct{ name, before, after, want, lookback string }{
		{
			"other users'", `REVOKE pg_monitor FROM ` + user, `GRANT pg_monitor TO ` + user,
			`run: GRANT pg_read_all_stats TO "extractor"`, "1 hour",
		},
		{"untracked ones", `SET track_activities = off`, `SET track_activities = on`, "track_activities is off in the sessions with pid", "1 hour"},
		{
			"prepared ones", `BEGIN; INSERT INTO stamped (id) VALUES (9); PREPARE TRANSACTION 'gid 1'`, `ROLLBACK PREPARED 'gid 1'`,
			`prepared transactions ["gid 1"] began is not known`, "",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			b.exec(c.before)
			cursor := at
			cursor.Lookback = c.lookback
			_, _, err := b.bound(cursor, 0)
			wantError(t, err, c.want)
			b.exec(c.after)
			if _, _, err := b.bound(cursor, 0); err != nil {
				t.Errorf("after %s: %v", c.after, err)
			}
		})
	}
	t.Run("prepared ones hold a lookback's bound", func(t *testing.T) {
		b.exec(`BEGIN; INSERT INTO stamped (id) VALUES (9); PREPARE TRANSACTION 'gid 2'`)
		cursor := at
		cursor.Lookback = "2 hours"
		_, bound := b.bounded(cursor)
		prepared := b.moment(`SELECT prepared FROM pg_prepared_xacts`)
		if diff := cmp.Diff(prepared.Add(-5*time.Second).UTC(), parseBound(t, bound.To).UTC()); diff != "" {
			t.Errorf("bound (-want +got):\n%s", diff)
		}
		b.exec(`ROLLBACK PREPARED 'gid 2'`)
	})
}

func TestOnlyThisDatabasesTransactionsHoldTheBound(t *testing.T) {
	t.Parallel()
	b := incremental(t, nil)
	at := cursor{"stamped", postgres.Cursor{Column: "at"}}
	elsewhere := b.session("postgres")
	b.run(elsewhere, `BEGIN; SELECT 1`)
	clock := b.moment(`SELECT clock_timestamp()`)
	_, bound := b.bounded(at)
	if to := parseBound(t, bound.To); to.Before(clock.Add(-5 * time.Second)) {
		t.Errorf("the bound %s was held back by another database; the clock was %s", to, clock)
	}
	b.run(elsewhere, `COMMIT`)
	b.exec(`CREATE ROLE teller LOGIN; GRANT INSERT ON stamped TO teller`)
	teller := b.session("")
	b.run(teller, `SET SESSION AUTHORIZATION teller; BEGIN; INSERT INTO stamped (id) VALUES (5)`)
	start := b.moment(`SELECT xact_start FROM pg_stat_activity WHERE pid = ` + fmt.Sprint(teller.PgConn().PID()))
	_, bound = b.bounded(at)
	if diff := cmp.Diff(start.Add(-5*time.Second).UTC(), parseBound(t, bound.To).UTC()); diff != "" {
		t.Errorf("bound with another user's transaction (-want +got):\n%s", diff)
	}
	b.run(teller, `ROLLBACK`)
	_, bound = b.bounded(at)
	if to := parseBound(t, bound.To); to.Before(clock.Add(-5 * time.Second)) {
		t.Errorf("the bound %s is still held back by a transaction that was rolled back", to)
	}
}

// A connection for replication can run any statement while it sends no WAL.
func TestReplicationConnectionThatWritesHoldsTheBound(t *testing.T) {
	t.Parallel()
	b := incremental(t, nil)
	config, err := pgconn.ParseConfig(b.instance.AdminURL())
	if err != nil {
		t.Fatal(err)
	}
	config.RuntimeParams["replication"] = "database"
	sender, err := pgconn.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sender.Close(context.WithoutCancel(t.Context())) })
	for _, sql := range []string{"BEGIN", "INSERT INTO stamped (id) VALUES (5)"} {
		if _, err := sender.Exec(t.Context(), sql).ReadAll(); err != nil {
			t.Fatal(err)
		}
	}
	start := b.moment(`SELECT backend_start FROM pg_stat_activity WHERE backend_type = 'walsender'`)
	_, bound := b.bounded(cursor{"stamped", postgres.Cursor{Column: "at"}})
	if diff := cmp.Diff(start.Add(-5*time.Second).UTC(), parseBound(t, bound.To).UTC()); diff != "" {
		t.Errorf("bound (-want +got):\n%s", diff)
	}
}

// Bounds read back as values of their column, whatever its type.
func TestBoundsHaveTheColumnsType(t *testing.T) {
	t.Parallel()
	b := incremental(t, nil)
	b.exec(`CREATE DOMAIN stamp AS timestamptz(0);
		CREATE TABLE kinds (z stamp, t timestamp, t2 timestamp(2), d date, i int, s smallint, b bigint, n numeric);
		CREATE INDEX ON kinds (t, d); CREATE INDEX ON kinds (d) WHERE i = 1; CREATE INDEX ON kinds USING hash (b)`)
	clock := b.moment(`SELECT clock_timestamp()`).UTC()
	for _, c := range []struct {
		column, zone, typ, layout string
		index                     bool
	}{
		{"z", "", "timestamp(0) with time zone", "2006-01-02 15:04:05-07", false},
		{"t", "", "timestamp without time zone", "2006-01-02 15:04:05.999999", true},
		{"t2", "Asia/Tokyo", "timestamp(2) without time zone", "2006-01-02 15:04:05.99", false},
		{"d", "Pacific/Kiritimati", "date", "2006-01-02", false},
	} {
		_, bound := b.bounded(cursor{"kinds", postgres.Cursor{Column: c.column, TimeZone: c.zone}})
		want := postgres.Bound{Column: table.Column{Name: c.column, Type: c.typ, Nullable: true}, To: bound.To, Index: c.index}
		if diff := cmp.Diff(want, bound); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.column, diff)
		}
		location, err := time.LoadLocation(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		got, err := time.ParseInLocation(c.layout, bound.To, location)
		if age := clock.Sub(got); err != nil || age < -time.Minute || age > 24*time.Hour || c.layout != "2006-01-02" && age > time.Minute {
			t.Errorf("%s: bound %s is %s old: %v", c.column, bound.To, age, err)
		}
	}
	for column, least := range map[string]string{"i": "-9223372036854775808", "s": "-9223372036854775808", "b": "-9223372036854775808"} {
		snapshot, bound := b.bounded(cursor{"kinds", postgres.Cursor{Column: column, Lookback: "5"}})
		if bound.To != least {
			t.Errorf("%s without rows: bound is %s", column, bound.To)
		}
		b.window(snapshot, "public.kinds", postgres.Window{Column: bound.Column, From: bound.To, To: "10", Lookback: "5"})
	}
}

func TestCursorsThatCannotBeBoundedAreRefused(t *testing.T) {
	t.Parallel()
	b := incremental(t, nil)
	b.exec(`CREATE SEQUENCE ahead CACHE 20; CREATE SEQUENCE down INCREMENT -1; CREATE SEQUENCE round CYCLE;
		CREATE TABLE bad (f float8, a int[], c bigint DEFAULT nextval('ahead'), d bigint DEFAULT nextval('down'), r int DEFAULT nextval('round'), own serial, at timestamptz, top bigint, local timestamp,
		  plain int, late int DEFAULT nextval('public.ahead'::text), made bigint DEFAULT (extract(epoch FROM now()) * 1000)::bigint);
		ALTER SEQUENCE bad_own_seq CACHE 2; INSERT INTO bad (top) VALUES (9223372036854775807);
		CREATE MATERIALIZED VIEW mv AS SELECT * FROM bad; CREATE VIEW v AS SELECT * FROM bad;
		CREATE VIEW v2 AS SELECT a.at FROM bad a JOIN stamped USING (at); CREATE VIEW v3 AS SELECT at FROM bad WHERE at < now(); CREATE VIEW v4 AS SELECT at FROM mv;
		CREATE EXTENSION file_fdw; CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
		CREATE FOREIGN TABLE far (at timestamptz) SERVER files OPTIONS (filename '/nowhere'); CREATE VIEW v5 AS SELECT at FROM far; CREATE VIEW v6 AS SELECT at FROM v5`)
	for _, c := range []struct{ table, column, zone, lookback, want string }{
		{"bad", "f", "", "", `cursor "f" of public.bad: it is of type double precision; want timestamp`},
		{"bad", "a", "", "", "is of type integer[]"},
		{"bad", "x", "", "", `it has no column "x"; its columns are "f", "a"`},
		{"gone", "x", "", "", "table public.gone does not exist"},
		{"bad", "c", "", "", `ALTER SEQUENCE "public"."ahead" CACHE 1`},
		{"bad", "own", "", "", `ALTER SEQUENCE "public"."bad_own_seq" CACHE 1`},
		{"bad", "d", "", "5", `sequence "public"."down" does not only grow`},
		{"bad", "r", "", "5", `sequence "public"."round" does not only grow`},
		{"bad", "top", "", "5", "largest bigint"},
		{"bad", "c", "", "1 hour", `lookback is "1 hour", want a number`},
		{"bad", "c", "", "-1", `lookback is "-1", want a number`},
		{"bad", "at", "", "5 apples", `lookback is "5 apples", want an interval`},
		{"bad", "at", "", "-1 hour", `lookback is "-1 hour", want an interval`},
		{"bad", "local", "Mars/Olympus", "", `time_zone is "Mars/Olympus", want a name of pg_timezone_names`},
		{"mv", "at", "", "", "materialised view"},
		{"v", "c", "", "", "behind a view"},
		{"bad", "at", "", "infinity", `lookback is "infinity", want an interval`},
		{"bad", "local", "-05:00", "", `time_zone is "-05:00", want a name of pg_timezone_names`},
		{"bad", "plain", "", "", "no sequence is known to fill it"},
		{"bad", "late", "", "", "its default is not a sequence's next value"},
		{"bad", "made", "", "", "its default is not a sequence's next value"},
		{"v2", "at", "", "", "rows of this view can appear with an old value"},
		{"v3", "at", "", "", "rows of this view can appear with an old value"},
		{"v4", "at", "", "", "materialised view"},
		{"far", "at", "", "", "transactions of the foreign server cannot be seen"},
		{"v5", "at", "", "", "transactions of the foreign server cannot be seen"},
		{"v6", "at", "", "", "transactions of the foreign server cannot be seen"},
	} {
		_, _, err := b.bound(cursor{c.table, postgres.Cursor{Column: c.column, TimeZone: c.zone, Lookback: c.lookback}}, 0)
		wantError(t, err, c.want)
	}
	for _, fine := range []cursor{
		{"bad", postgres.Cursor{Column: "c", Lookback: "40"}},
		{"bad", postgres.Cursor{Column: "plain", Lookback: "40"}},
		{"v", postgres.Cursor{Column: "at"}},
		{"v", postgres.Cursor{Column: "own", Lookback: "5"}},
		{"v2", postgres.Cursor{Column: "at", Lookback: "1 hour"}},
	} {
		if _, _, err := b.bound(fine, 0); err != nil {
			t.Errorf("%+v: %v", fine, err)
		}
	}
	_, err := b.try(postgres.Options{Import: "1-2-3", Cursors: map[table.Name]postgres.Cursor{public("bad"): {Column: "at"}}})
	wantError(t, err, "an imported one cannot be read incrementally")
}

// Who inserts through a parent has its value before the partition is locked.
func TestWritersThroughTheParentCount(t *testing.T) {
	t.Parallel()
	b := incremental(t, nil)
	b.exec(`CREATE TABLE events (n bigserial, k int) PARTITION BY LIST (k);
		CREATE TABLE events_1 PARTITION OF events FOR VALUES IN (1) PARTITION BY LIST (n); CREATE TABLE events_1_rest PARTITION OF events_1 DEFAULT;
		INSERT INTO events (k) VALUES (1); CREATE INDEX ON events (n)`)
	writer := b.session("")
	b.run(writer, `BEGIN; LOCK TABLE events IN ROW EXCLUSIVE MODE`)
	for _, name := range []string{"events", "events_1", "events_1_rest"} {
		_, _, err := b.bound(cursor{name, postgres.Cursor{Column: "n"}}, time.Millisecond)
		wantError(t, err, fmt.Sprintf("pid %d", writer.PgConn().PID()))
	}
	b.run(writer, `ROLLBACK; BEGIN; LOCK TABLE events_1_rest IN ROW EXCLUSIVE MODE`)
	_, _, err := b.bound(cursor{"events", postgres.Cursor{Column: "n"}}, time.Millisecond)
	wantError(t, err, fmt.Sprintf("pid %d", writer.PgConn().PID()))
	b.run(writer, `ROLLBACK`)
	if _, bound := b.bounded(cursor{"events", postgres.Cursor{Column: "n"}}); bound.To != "2" || !bound.Index {
		t.Errorf("got %+v, want a bound of 2 with an index", bound)
	}
}

func TestNullInACursorIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(`CREATE TABLE parts (at date, k int) PARTITION BY LIST (k); CREATE TABLE p1 PARTITION OF parts FOR VALUES IN (1);
		CREATE TABLE p2 PARTITION OF parts DEFAULT; INSERT INTO parts VALUES ('2026-01-01', 1), (NULL, 2), ('infinity', 3), ('-infinity', 4)`)
	snapshot := b.snapshot("public.parts")
	parts := b.tables(snapshot)[0]
	stream, err := snapshot.Stream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stream.Close(context.WithoutCancel(t.Context())) }()
	if err := stream.Enter(t.Context(), time.Second, parts); err != nil {
		t.Fatal(err)
	}
	at, k := parts.Columns[0], parts.Columns[1]
	const null = `cursor "at" of public.parts is NULL or infinite`
	const mend = `ALTER TABLE "public"."parts" ALTER COLUMN "at" SET NOT NULL`
	for what, c := range map[string]struct {
		column      table.Column
		where, want string
	}{
		"none":                  {k, "", ""},
		"NULL":                  {at, "", null},
		"only where left out":   {at, "k = 1", ""},
		"the positive infinity": {at, "at > '3000-01-01'", null},
		"the negative one":      {at, "at < '1000-01-01'", null},
	} {
		err := stream.CheckCursor(t.Context(), parts, c.column, c.where)
		if c.want == "" && err != nil {
			t.Errorf("%s: %v", what, err)
		} else if c.want != "" {
			wantError(t, err, c.want, mend)
		}
		// The scan itself says the same.
		q := postgres.Query{Fields: b.fields(parts.Columns), Where: c.where, Cursor: &c.column}
		cut := spans(parts, 0)
		for i := range cut {
			cut[i].Window = &postgres.Window{Column: at, To: "2030-01-01"}
			if c.column.Name == "k" {
				cut[i].Window = nil
			}
		}
		_, err = b.query(snapshot, q, cut)
		if c.want == "" && err != nil {
			t.Errorf("%s, in the scan: %v", what, err)
		} else if c.want != "" {
			wantError(t, err, "is NULL or infinite", "SET NOT NULL")
		}
	}
}

// Windows in a row hold every row once, those at a bound too; with a lookback
// they overlap.
func TestWindowsMeet(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(`CREATE TABLE hours (h int, at timestamp, d date);
		INSERT INTO hours SELECT g, '2026-03-01'::timestamp + g * interval '1 hour', '2026-03-01'::date + g FROM generate_series(0, 9) AS g`)
	snapshot := b.snapshot("public.hours")
	hours := b.tables(snapshot)[0]
	at := func(from, to int, lookback string) postgres.Window {
		w := postgres.Window{Column: hours.Columns[1], To: fmt.Sprintf("2026-03-01 %02d:00:00", to), Lookback: lookback}
		if from > 0 {
			w.From = fmt.Sprintf("2026-03-01 %02d:00:00", from)
		}
		return w
	}
	for name, c := range map[string]struct {
		window postgres.Window
		want   []string
	}{
		"first":         {at(0, 3, "1 hour"), []string{"0", "1", "2"}},
		"next":          {at(3, 5, ""), []string{"3", "4"}},
		"with lookback": {at(3, 5, "90 minutes"), []string{"2", "3", "4"}},
		"empty":         {at(5, 5, ""), []string{}},
		"days":          {postgres.Window{Column: hours.Columns[2], From: "2026-03-05", To: "2026-03-07", Lookback: "1 day"}, []string{"3", "4", "5"}},
		"integers":      {postgres.Window{Column: hours.Columns[0], From: "5", To: "7", Lookback: "1"}, []string{"4", "5", "6"}},
	} {
		if diff := cmp.Diff(c.want, append([]string{}, b.window(snapshot, "public.hours", c.window)...)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
