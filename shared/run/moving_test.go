package run

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/shared/fault"
)

// result is what became of a run that goes on beside the test.
type result struct {
	answer Answer
	err    error
}

// begin runs a request beside the test.
func (b *bundle) begin(request Request) <-chan result {
	done := make(chan result, 1)
	go func() {
		answer, err := b.job.Run(b.Context(), request)
		done <- result{answer, err}
	}()
	return done
}

// untilReading returns once a stream of ours copies something that the text is in.
func (b *bundle) untilReading(text string) {
	b.Helper()
	b.until(`SELECT count(*) > 0 FROM pg_stat_activity WHERE application_name = 'stagelift' AND datname = current_database() AND state = 'active' AND query LIKE '%COPY%` + text + `%' AND pid <> pg_backend_pid()`)
}

func (b *bundle) until(condition string) {
	b.Helper()
	for expired := time.Now().Add(20 * time.Second); time.Now().Before(expired); time.Sleep(5 * time.Millisecond) {
		if strings.TrimSpace(b.copyOut(condition, "")) == "t" {
			return
		}
	}
	b.Fatalf("this never came to be: %s", condition)
}

// outcome is that of a table; it fails the test when there is none.
func (a Answer) outcome(b *bundle, table string) Outcome {
	b.Helper()
	for _, o := range a.Tables {
		if o.Table == table {
			return o
		}
	}
	b.Fatalf("nothing is said of %s: %+v", table, a.Tables)
	return Outcome{}
}

// wantRows compares what is staged of a published table with a query.
func (b *bundle) wantRows(o Outcome, query string) {
	b.Helper()
	if o.Outcome != Published {
		b.Errorf("%s is %+v, want it published", o.Table, o)
		return
	}
	receipt := b.receipt(o.Receipt)
	options := ""
	if len(receipt.Columns) == 1 {
		options = ", FORCE_QUOTE *"
	}
	want := sorted(strings.SplitAfter(b.copyOut(query, options), "\n"))
	if diff := cmp.Diff(want, b.content(receipt)); diff != "" {
		b.Errorf("%s (-want +got):\n%.1500s", o.Table, diff)
	}
}

func (b *bundle) wantFailed(o Outcome, code fault.Code, words ...string) {
	b.Helper()
	if o.Outcome != Failed || o.Code != code {
		b.Errorf("%s is %+v, want it failed as %s", o.Table, o, code)
	}
	for _, word := range words {
		if !strings.Contains(o.Reason+"; "+o.Mend, word) {
			b.Errorf("of %s is said %q and %q, want %q", o.Table, o.Reason, o.Mend, word)
		}
	}
}

const thousand = `CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t SELECT i, 'v' || i FROM generate_series(1, 1000) AS i;
CREATE VIEW shown AS SELECT * FROM t WHERE id > 10; CREATE TABLE other AS SELECT 1 AS n;`

// What a transaction does to a table while a run begins is waited for, and then
// the table is read as it is.
func TestTableThatMovesWhileTheRunBegins(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ moves, after string }{
		"swapped by renames": {`CREATE TABLE t_new (LIKE t INCLUDING ALL); INSERT INTO t_new SELECT * FROM t;
			ALTER TABLE t RENAME TO t_old; ALTER TABLE t_new RENAME TO t`, ""},
		"dropped and created":    {`DROP VIEW shown; DROP TABLE t; CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t SELECT i, 'new' FROM generate_series(1, 500) AS i; CREATE VIEW shown AS SELECT * FROM t WHERE id > 10`, ""},
		"truncated and reloaded": {`TRUNCATE t; INSERT INTO t SELECT i, 'again' FROM generate_series(1, 700) AS i`, ""},
		"rewritten":              {`ALTER TABLE other ADD COLUMN x float8 DEFAULT random(); ALTER TABLE t ALTER COLUMN id TYPE bigint USING id + 1`, ""},
		"columns swapped": {`ALTER TABLE t ADD COLUMN v2 text; ALTER TABLE t RENAME COLUMN v TO v_old; ALTER TABLE t RENAME COLUMN v2 TO v;
			UPDATE t SET v = v_old`, ""},
		"moved to another schema":     {`CREATE SCHEMA aside; ALTER TABLE t SET SCHEMA aside; CREATE TABLE t AS SELECT 7 AS id, 'seven' AS v`, ""},
		"its schema renamed":          {`ALTER SCHEMA public RENAME TO before; CREATE SCHEMA public; CREATE TABLE public.t AS SELECT 8 AS id, 'eight' AS v; CREATE VIEW public.shown AS SELECT * FROM public.t; GRANT USAGE ON SCHEMA public TO PUBLIC`, `GRANT SELECT ON ALL TABLES IN SCHEMA public TO PUBLIC`},
		"a trigger that is added":     {`CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()`, ""},
		"the view's definition alone": {`CREATE OR REPLACE VIEW shown AS SELECT * FROM t WHERE id > 990`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, thousand)
			if name == "rewritten" {
				b.exec("DROP VIEW shown; CREATE VIEW shown AS SELECT id FROM other, t") // which names what is rewritten by the other's name alone
				b.exec("DROP VIEW shown; CREATE VIEW shown AS SELECT n FROM other")
			}
			mover := b.session()
			defer mover.close()
			mover.exec("BEGIN; " + c.moves + ";" + c.after)
			done := b.begin(Request{Tables: []string{"public.t", "public.shown"}, Streams: 2, DDLWait: "20s"})
			time.Sleep(300 * time.Millisecond) // it has begun, and waits
			mover.exec("COMMIT")
			got := <-done
			if got.err != nil && name != "its schema renamed" {
				t.Fatal(got.err)
			}
			for table, query := range map[string]string{"public.t": "SELECT * FROM public.t", "public.shown": "SELECT * FROM public.shown"} {
				o := got.answer.outcome(b, table)
				if name == "its schema renamed" && o.Outcome == Failed { // nothing waits for that
					b.wantFailed(o, fault.Changed)
					continue
				}
				if name == "its schema renamed" && b.receipt(o.Receipt).Rows > 1 { // read before it was
					query = strings.Replace(query, "public", "before", 1)
				}
				b.wantRows(o, query)
			}
		})
	}
}

// A lock that is not to be had fails its table, and no other.
func TestTableThatIsHeldFailsAlone(t *testing.T) {
	t.Parallel()
	b := setup(t, thousand)
	holder := b.session()
	defer holder.close()
	holder.exec("BEGIN; /* for the night */ ALTER TABLE t ADD COLUMN more int; SELECT 1")
	answer, err := b.job.Run(t.Context(), Request{Tables: []string{"public.*", "public.shown"}, DDLWait: "1s"})
	wantError(t, err, "public.t failed", "held it exclusively for longer than 1s", "(locked)")
	b.wantRows(answer.outcome(b, "public.other"), "SELECT * FROM other")
	b.wantFailed(answer.outcome(b, "public.shown"), fault.Locked) // it is made of it
	if text := err.Error(); strings.Contains(text, "night") || strings.Contains(text, "more int") {
		t.Errorf("the error shows a statement of others: %s", text)
	}
}

// slow makes a table take its time, a bit at a time.
func slow(request Request, names ...string) Request {
	request.Overrides = map[string]Override{}
	for _, name := range names {
		request.Overrides[name] = Override{Where: "pg_sleep(0.002) IS NOT NULL", Load: LoadRequest{Mode: "replace"}}
	}
	return request
}

// The session that holds the locks can be ended by anybody who looks for idle
// ones. What was protected by it is looked at when it is read.
func TestLocksThatAreLostAreMissed(t *testing.T) {
	t.Parallel()
	b := setupAlone(t, `CREATE TABLE a_big AS SELECT i AS id, 'x' AS v FROM generate_series(1, 2000) AS i;
		CREATE TABLE b_small AS SELECT i AS id, 'x' AS v FROM generate_series(1, 600) AS i; CREATE TABLE c_small AS SELECT * FROM b_small; CREATE TABLE d_same AS SELECT * FROM b_small;
		CREATE TABLE e_view_of AS SELECT * FROM b_small; CREATE VIEW e_shown AS SELECT * FROM e_view_of`)
	done := b.begin(slow(Request{Tables: []string{"public.*", "public.e_shown"}, Streams: 1}, "public.a_big"))
	b.untilReading("a_big")
	b.exec("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'stagelift' AND state LIKE 'idle in transaction%'")
	b.exec(`TRUNCATE b_small; INSERT INTO b_small SELECT i, 'y' FROM generate_series(1, 600) AS i;
		ALTER TABLE c_small RENAME TO c_old; CREATE TABLE c_small AS SELECT * FROM b_small; TRUNCATE e_view_of`)
	got := <-done
	wantError(t, got.err, "(changed)")
	b.wantRows(got.answer.outcome(b, "public.a_big"), "SELECT * FROM a_big")
	b.wantRows(got.answer.outcome(b, "public.d_same"), "SELECT * FROM d_same")
	b.wantFailed(got.answer.outcome(b, "public.b_small"), fault.Changed, "was truncated or rewritten", "run again")
	b.wantFailed(got.answer.outcome(b, "public.c_small"), fault.Changed, "was renamed to public.c_old")
	b.wantFailed(got.answer.outcome(b, "public.e_view_of"), fault.Changed, "truncated")
	b.wantFailed(got.answer.outcome(b, "public.e_shown"), fault.Changed, "public.e_view_of, which it is made of, was truncated")
	if !strings.Contains(b.logs.String(), "the session that holds the snapshot and the locks was ended") {
		t.Error("nothing is logged of the session that was ended")
	}
}

// A session that reads can be ended as well; its rows are read again.
func TestReadingSessionThatIsEndedIsReplaced(t *testing.T) {
	t.Parallel()
	b := setupAlone(t, `CREATE TABLE a_big AS SELECT i AS id, 'x' AS v FROM generate_series(1, 1500) AS i; CREATE TABLE b_small AS SELECT 1 AS n`)
	done := b.begin(slow(Request{Tables: []string{"public.*"}, Streams: 1}, "public.a_big"))
	b.untilReading("a_big")
	b.exec("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'stagelift' AND query LIKE '%COPY%a_big%'")
	got := <-done
	if got.err != nil {
		t.Fatal(got.err)
	}
	b.wantRows(got.answer.outcome(b, "public.a_big"), "SELECT * FROM a_big")
	b.wantRows(got.answer.outcome(b, "public.b_small"), "SELECT * FROM b_small")
	if !strings.Contains(b.logs.String(), "a read was cancelled, and starts again") {
		t.Error("it was not read again")
	}
}

// A schema can be renamed without a lock on its tables: a name then stands for
// another table from one statement to the next.
func TestSchemaThatIsSwappedWhileItIsRead(t *testing.T) {
	t.Parallel()
	b := setup(t, `CREATE SCHEMA live; CREATE SCHEMA next; CREATE TABLE live.big (id int, v text); ALTER TABLE live.big ALTER v SET STORAGE PLAIN;
		INSERT INTO live.big SELECT i, repeat('x', 7000) FROM generate_series(1, 3000) AS i; CREATE TABLE next.big (LIKE live.big); INSERT INTO next.big VALUES (0, 'wrong');
		CREATE TABLE live.empty (n int); CREATE TABLE next.empty (n int); INSERT INTO live.empty VALUES (1);
		GRANT USAGE ON SCHEMA live, next TO PUBLIC; GRANT SELECT ON ALL TABLES IN SCHEMA live, next TO PUBLIC`)
	request := Request{Tables: []string{"live.*"}, Streams: 1, Overrides: map[string]Override{"live.big": {Where: "pg_sleep(0.0005) IS NOT NULL", Load: LoadRequest{Mode: "replace"}}}}
	done := b.begin(request)
	b.untilReading("big")
	b.exec("ALTER SCHEMA live RENAME TO before; ALTER SCHEMA next RENAME TO live")
	got := <-done
	wantError(t, got.err, "(changed)")
	b.wantFailed(got.answer.outcome(b, "live.empty"), fault.Changed)
	if o := got.answer.outcome(b, "live.big"); b.major < 14 { // which reads it by one statement
		b.wantRows(o, "SELECT * FROM before.big")
	} else {
		b.wantFailed(o, fault.Changed)
	}
}

// A table of the database that the run does not want may come and go.
func TestDroppedTableOfOthersIsNobodysTrouble(t *testing.T) {
	t.Parallel()
	b := setup(t, thousand+`CREATE TABLE etl_tmp AS SELECT 1 AS n; CREATE TABLE mine AS SELECT 1 AS n, 2 AS m`)
	holder := b.session()
	defer holder.close()
	snapshot := holder.query("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY; SELECT pg_export_snapshot()")
	b.exec("DROP TABLE etl_tmp, mine")
	answer, err := b.job.Run(t.Context(), Request{Tables: []string{"public.t", "public.mine"}, Snapshot: snapshot})
	wantError(t, err, "public.mine")
	b.wantRows(answer.outcome(b, "public.t"), "SELECT * FROM t")
	if o := answer.outcome(b, "public.mine"); o.Outcome != Failed {
		t.Errorf("a table that is gone: %+v", o)
	}
	stop := make(chan struct{})
	busy := b.session()
	defer busy.close()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				busy.exec(fmt.Sprintf("CREATE TABLE tmp_%d AS SELECT 1 AS n; DROP TABLE tmp_%d", i, i))
			}
		}
	}()
	for range 15 {
		b.run(Request{Tables: []string{"public.t", "public.o*"}})
	}
	close(stop)
	<-ended
}

// Functions that a filter calls may change settings; the next span is read under
// ours all the same.
func TestSettingsThatARowChangedAreTakenBack(t *testing.T) {
	t.Parallel()
	b := setup(t, `CREATE TABLE spans (id int, at timestamptz, v text) WITH (autovacuum_enabled = off); ALTER TABLE spans ALTER v SET STORAGE PLAIN;
		INSERT INTO spans SELECT i, '2026-01-01 12:00+00', repeat('x', 7000) FROM generate_series(1, 4000) AS i;
		CREATE FUNCTION meddle(id int) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
			IF id % 1000 = 999 THEN PERFORM set_config('TimeZone', 'Asia/Tokyo', false), set_config('DateStyle', 'German', false), set_config('search_path', 'public', false); END IF;
			RETURN id % 1000 < 900; END $$`)
	request := Request{Tables: []string{"public.spans"}, Streams: 1, OutOfRange: "text", Format: "csv", Overrides: map[string]Override{"public.spans": {Where: "public.meddle(id)", Load: LoadRequest{Mode: "replace"}}}}
	b.wantRows(b.run(request).Tables[0], "SELECT id, at AT TIME ZONE 'UTC' || '+00', v FROM spans WHERE id % 1000 < 900")
}
