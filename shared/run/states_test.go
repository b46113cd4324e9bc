package run

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/local/s3/door"
	"github.com/stagelift/stagelift/shared/fault"
	"github.com/stagelift/stagelift/shared/stage"
)

// appended is an incremental request whose rows are loaded by append, where a row
// that comes twice is there twice.
func appended(name, column string) Request {
	request := incremental(name, column)
	request.Load.Mode = "append"
	return request
}

// staged are the lines of all receipts of a table.
func (b *bundle) staged(table string) []string {
	b.Helper()
	var lines []string
	for _, key := range b.keys("/receipt.json") {
		if strings.Contains(key, "/public."+table+"/") {
			lines = append(lines, b.content(b.receipt(key))...)
		}
	}
	return sorted(lines)
}

func (b *bundle) wantStagedOnce(table string) {
	b.Helper()
	want := sorted(strings.SplitAfter(b.copyOut("SELECT * FROM "+table, ""), "\n"))
	if diff := cmp.Diff(want, b.staged(table)); diff != "" {
		b.Errorf("all receipts of %s, and the table (-want +got):\n%.1500s", table, diff)
	}
}

// delete removes the objects whose keys have a text in them.
func (b *bundle) delete(part string) {
	b.Helper()
	for _, key := range b.keys("") {
		if strings.Contains(key, part) {
			if _, err := b.bucket.Client().DeleteObject(b.Context(), &s3.DeleteObjectInput{Bucket: &b.bucket.Name, Key: &key}); err != nil {
				b.Fatal(err)
			}
		}
	}
}

const rows10 = "INSERT INTO counted (t) SELECT 'x' FROM generate_series(1, 10);"

// A state is of one table, as one request reads it. What changes neither goes on;
// what does is told, and begins anew only when the request says so.
func TestStateKnowsWhatItIsTheStateOf(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		sql   string
		state func(*stage.State)
		ask   func(*Request)
		want  string // empty is that it goes on
	}{
		"nothing":               {},
		"a wider number":        {state: func(s *stage.State) { s.Type = "integer" }},
		"the column's type":     {state: func(s *stage.State) { s.Type = "timestamp with time zone" }, want: "was of type timestamp with time zone and is of type bigint"},
		"the column's name":     {sql: "ALTER TABLE counted RENAME COLUMN id TO number", ask: func(q *Request) { *q = appended("public.counted", "number") }},
		"another column":        {sql: "ALTER TABLE counted ADD COLUMN other bigint GENERATED ALWAYS AS IDENTITY", ask: func(q *Request) { *q = appended("public.counted", "other") }, want: `used cursor "id"`},
		"the table's name":      {sql: "ALTER TABLE counted RENAME TO c2; ALTER TABLE c2 RENAME TO counted"},
		"the table":             {sql: "DROP TABLE counted; CREATE TABLE counted (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, t text);" + rows10, want: "dropped and created again"},
		"the filter":            {ask: func(q *Request) { q.set("public.counted", func(o *Override) { o.Where = "t <> 'y'" }) }, want: "the filter is another one"},
		"the columns":           {ask: func(q *Request) { q.set("public.counted", func(o *Override) { o.Columns = []string{"id"} }) }, want: "other columns are read"},
		"a column of the table": {sql: "ALTER TABLE counted ADD COLUMN more text"},
		"the server":            {state: func(s *stage.State) { s.Origin.Server = "7" }, want: "it is another server's"},
		"the server's version":  {state: func(s *stage.State) { s.Origin.Server, s.Origin.Major = "7", 9 }},
		"the server's name":     {state: func(s *stage.State) { s.Origin.Host = "before" }},
		"a version of this code": {state: func(s *stage.State) {
			*s = stage.State{Version: 1, Database: s.Database, Table: s.Table, Column: s.Column, Type: s.Type, Watermark: s.Watermark, Run: s.Run, At: s.At}
		}},
		"the table of its state": {state: func(s *stage.State) { s.Table.Table = "versions" }, want: "it is the state of table public.versions"},
		"the sequence":           {sql: "TRUNCATE counted RESTART IDENTITY; INSERT INTO counted (t) VALUES ('again')", want: "it was set back"},
		"a number made by hand":  {sql: "INSERT INTO counted OVERRIDING SYSTEM VALUE VALUES (1000000, 'mine')"},
		"a lookback": {ask: func(q *Request) {
			*q = incremental("public.counted", "id")
			q.set("public.counted", func(o *Override) { o.Cursor.Lookback = "0" })
		}},
		"an index on the column":  {sql: "ALTER TABLE counted DROP CONSTRAINT counted_pkey"},
		"a rewrite of the table":  {sql: "VACUUM FULL counted"},
		"the owner of the table":  {sql: "CREATE ROLE owner_%d; ALTER TABLE counted OWNER TO owner_%d"},
		"the order of the fields": {ask: func(q *Request) { q.Streams = 7 }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, versions+rows10)
			request := appended("public.counted", "id")
			b.run(request)
			if c.sql != "" {
				for sql := range strings.SplitSeq(strings.ReplaceAll(c.sql, "%d", strings.TrimPrefix(b.job.Database, "shop_")), ";") {
					b.exec(sql)
				}
			}
			if c.state != nil {
				state := b.state("counted")
				c.state(&state)
				b.replaceState("counted", state)
			}
			if c.ask != nil {
				c.ask(&request)
			}
			if c.want == "" {
				b.exec(rows10)
				o := b.run(request).outcome(b, "public.counted")
				if o.Outcome != Published || o.Rows != 10 || o.Window.From != "11" {
					t.Errorf("it does not go on: %+v, window %+v", o, o.Window)
				}
				return
			}
			answer, err := b.job.Run(t.Context(), request)
			wantError(t, err, c.want)
			if o := answer.outcome(b, "public.counted"); o.Outcome != Failed || !strings.Contains(o.Mend, `"restart":["public.counted"]`) {
				t.Errorf("outcome %+v", o)
			}
			if receipts := b.keys("/receipt.json"); len(receipts) != 1 {
				t.Errorf("receipts %v, want the first run's alone", receipts)
			}
			request.Restart = []string{"public.counted"}
			o := b.run(request).outcome(b, "public.counted")
			receipt := b.receipt(o.Receipt)
			if o.Outcome != Published || o.Window.From != "" || receipt.Load.Mode != "replace" {
				t.Errorf("restarted: %+v, window %+v, load %+v", o, o.Window, receipt.Load)
			}
			request.Restart = nil
			b.exec(rows10)
			if o := b.run(request).outcome(b, "public.counted"); o.Outcome != Published || o.Window.From == "" || b.receipt(o.Receipt).Load.Mode != "append" {
				t.Errorf("the run after: %+v, window %+v", o, o.Window)
			}
		})
	}
}

// set changes an override.
func (q *Request) set(name string, change func(*Override)) {
	o := q.Overrides[name]
	change(&o)
	q.Overrides[name] = o
}

// A number that was made by hand is not in the way of those that the sequence
// gives; it is read when these come to it.
func TestNumberMadeByHandHoldsNothingUp(t *testing.T) {
	t.Parallel()
	b := setup(t, versions+rows10)
	request := appended("public.counted", "id")
	b.exec("ALTER TABLE counted DROP CONSTRAINT counted_pkey; CREATE INDEX ON counted (id); INSERT INTO counted OVERRIDING SYSTEM VALUE VALUES (25, 'mine')")
	b.run(request)
	for range 2 {
		b.exec(rows10)
		b.run(request)
	}
	b.wantStagedOnce("counted")
	if !strings.Contains(b.logs.String(), "rows have values beyond the last of the cursor's sequence") {
		t.Error("nothing is said of the number beyond the sequence")
	}
}

// A watermark that is gone is found by the receipts; where these are gone as
// well, nobody begins anew for somebody else.
func TestWatermarkThatIsGoneIsMissed(t *testing.T) {
	t.Parallel()
	b := setup(t, versions+rows10)
	request := appended("public.counted", "id")
	for range 3 {
		b.run(request)
		b.exec(rows10)
	}
	b.delete("/_state/")
	b.run(request)
	b.wantStagedOnce("counted")
	b.delete("/_state/")
	b.delete("/public.counted/")
	answer, err := b.job.Run(t.Context(), request)
	wantError(t, err, "the watermark of public.counted is gone, and so are the receipts", "(state_lost)", `"restart":["public.counted"]`)
	b.wantFailed(answer.outcome(b, "public.counted"), fault.StateLost)
	request.Restart = []string{"public.counted"}
	o := b.run(request).outcome(b, "public.counted")
	b.wantRows(o, "SELECT * FROM counted")
	if mode := b.receipt(o.Receipt).Load.Mode; mode != "replace" {
		t.Errorf("it is loaded by %s", mode)
	}
}

// A restart that dies before its receipt has begun nothing anew.
func TestRestartThatDiesLeavesTheWatermark(t *testing.T) {
	t.Parallel()
	b := setup(t, versions+rows10)
	request := appended("public.counted", "id")
	b.run(request)
	b.exec(rows10)
	again := request
	again.Restart = []string{"public.counted"}
	b.door.Fail(func(r *http.Request) *door.Failure {
		if puts(r, "/receipt.json") {
			return &door.Failure{Status: http.StatusForbidden, Code: "AccessDenied"}
		}
		return nil
	})
	_, err := b.job.Run(t.Context(), again)
	wantError(t, err, "AccessDenied")
	b.door.Fail(nil)
	b.run(request)
	b.wantStagedOnce("counted")
}

// A state that is found out to be further is written down at once, also when
// nothing is new: the receipt that told it will not be there for ever.
func TestSettledStateIsWrittenDown(t *testing.T) {
	t.Parallel()
	b := setup(t, versions+rows10)
	request := appended("public.counted", "id")
	b.run(request)
	b.exec(rows10)
	b.door.Fail(func(r *http.Request) *door.Failure {
		if state := second(func(r *http.Request) bool { return puts(r, "/_state/") }); state(r) {
			return &door.Failure{Status: http.StatusForbidden, Code: "AccessDenied"}
		}
		return nil
	})
	refuse := second(func(r *http.Request) bool { return puts(r, "/_state/") })
	b.door.Fail(func(r *http.Request) *door.Failure {
		if refuse(r) {
			return &door.Failure{Status: http.StatusForbidden, Code: "AccessDenied"}
		}
		return nil
	})
	b.run(request)
	b.door.Fail(nil)
	if state := b.state("counted"); state.Publishing == nil {
		t.Fatalf("state %+v, want an intent that is not settled", state)
	}
	if o := b.run(request).outcome(b, "public.counted"); o.Outcome != Skipped {
		t.Errorf("outcome %+v", o)
	}
	if state := b.state("counted"); state.Publishing != nil || state.Watermark != "21" {
		t.Errorf("state %+v, want it settled", state)
	}
	b.delete("/public.counted/")
	b.exec(rows10)
	if o := b.run(request).outcome(b, "public.counted"); o.Rows != 10 || o.Window.From != "21" {
		t.Errorf("outcome %+v, window %+v", o, o.Window)
	}
}

// A partition that joins with older rows is read whole, once.
func TestPartitionThatJoinsIsReadWhole(t *testing.T) {
	t.Parallel()
	b := setup(t, `CREATE TABLE events (id bigint GENERATED ALWAYS AS IDENTITY, k int, at timestamptz NOT NULL DEFAULT now() - interval '1 minute') PARTITION BY LIST (k);
		CREATE TABLE events_1 PARTITION OF events FOR VALUES IN (1); INSERT INTO events (k) SELECT 1 FROM generate_series(1, 10);
		CREATE TABLE events_2 (id bigint NOT NULL, k int, at timestamptz NOT NULL); INSERT INTO events_2 SELECT 100 + i, 2, '2020-01-01' FROM generate_series(1, 10) AS i`)
	numbers := appended("public.events", "id")
	b.run(numbers)
	b.exec("UPDATE events_2 SET id = -id; ALTER TABLE events ATTACH PARTITION events_2 FOR VALUES IN (2)")
	first := b.run(numbers).outcome(b, "public.events")
	if diff := cmp.Diff([]string{"public.events_2"}, first.Window.Joined); diff != "" || first.Rows != 10 {
		t.Errorf("%d rows; joined (-want +got):\n%s", first.Rows, diff)
	}
	b.exec("INSERT INTO events (k) SELECT 1 + i % 2 FROM generate_series(1, 10) AS i")
	if again := b.run(numbers).outcome(b, "public.events"); again.Rows != 10 || len(again.Window.Joined) > 0 {
		t.Errorf("the run after: %+v, window %+v", again, again.Window)
	}
	b.wantStagedOnce("events")
	b.exec("ALTER TABLE events DETACH PARTITION events_2")
	b.run(numbers)
	b.exec("ALTER TABLE events ATTACH PARTITION events_2 FOR VALUES IN (2)")
	answer, err := b.job.Run(t.Context(), numbers)
	wantError(t, err, "public.events_2 was a part of public.events before and is again")
	b.wantFailed(answer.outcome(b, "public.events"), fault.StateDiffers)
	numbers.Load.Mode = "merge"
	numbers.set("public.events", func(o *Override) { o.PrimaryKey = []string{"id"} })
	if o := b.run(numbers).outcome(b, "public.events"); o.Outcome != Published || o.Rows != 15 {
		t.Errorf("merged: %+v", o)
	}
}

// backlog is more than an invocation can read: each row takes its time.
const backlog = `CREATE TABLE backlog (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at timestamptz NOT NULL DEFAULT now() - interval '1 hour', t text);
CREATE FUNCTION takes(seconds float8) RETURNS boolean LANGUAGE sql AS 'SELECT pg_sleep(seconds) IS NOT NULL';
INSERT INTO backlog (t) VALUES ('first');`

// A backlog of any size makes progress in every run, and ends.
func TestBacklogEnds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		sql, cursor string
		publishes   bool // in each run
	}{
		"of numbers with an index": {"INSERT INTO backlog (t) SELECT 'x' FROM generate_series(1, 6000)", "id", true},
		"of times with an index": {`CREATE INDEX ON backlog (at); INSERT INTO backlog (at, t) SELECT '2026-01-01'::timestamptz + i / 40 * interval '1 second', 'x' FROM generate_series(1, 6000) AS i;
			UPDATE backlog SET at = '2025-01-01' WHERE id = 1`, "at", true},
		"of one stamp with an index": {"CREATE INDEX ON backlog (at); INSERT INTO backlog (at, t) SELECT '2026-01-01', 'x' FROM generate_series(1, 6000); UPDATE backlog SET at = '2025-01-01' WHERE id = 1", "at", false},
		"of times without an index":  {"INSERT INTO backlog (at, t) SELECT '2026-01-01'::timestamptz + i * interval '1 second', 'x' FROM generate_series(1, 6000) AS i; UPDATE backlog SET at = '2025-01-01' WHERE id = 1", "at", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, backlog)
			request := appended("public.backlog", c.cursor)
			request.Streams = 1
			if c.cursor == "at" {
				b.exec("UPDATE backlog SET at = '2025-01-01'")
			}
			b.run(request)
			b.exec(c.sql)
			// 6,000 rows of 5 ms are 30 s; an invocation has 3 s for them.
			request.set("public.backlog", func(o *Override) { o.Where = "public.takes(0.005)" })
			state := b.state("backlog")
			if state.Filter = "public.takes(0.005)"; c.cursor == "at" {
				state.Watermark = "2025-06-01 00:00:00+00"
			}
			b.replaceState("backlog", state)
			runs, published := 0, 0
			if b.major < 14 && !c.publishes { // what is not cut by an index has to fit
				ctx, cancel := context.WithTimeout(t.Context(), leastClosing+3*time.Second)
				defer cancel()
				_, err := b.job.Run(ctx, request)
				wantError(t, err, "the server is PostgreSQL 13")
				return
			}
			for ; runs < 25; runs++ {
				ctx, cancel := context.WithTimeout(t.Context(), leastClosing+3*time.Second)
				answer, err := b.job.Run(ctx, request)
				cancel()
				o := Outcome{}
				if len(answer.Tables) > 0 {
					o = answer.Tables[0]
				}
				if err != nil && (c.publishes || o.Code != fault.OutOfTime) {
					t.Fatalf("run %d: %v", runs, err)
				}
				if o.Outcome == Published && o.Rows > 0 {
					published++
				}
				if o.Outcome == Skipped || o.Outcome == Published && o.Rows == 0 || len(b.staged("backlog")) == 6001 {
					break
				}
				if c.publishes && o.Outcome != Published {
					t.Errorf("run %d published nothing: %+v", runs, answer)
				}
			}
			t.Logf("%d runs, of which %d published", runs+1, published)
			if t.Failed() || runs < 2 {
				t.Log(b.logs.String())
			}
			b.wantStagedOnce("backlog")
			if runs == 25 || c.publishes && published < 2 {
				t.Errorf("%d runs, of which %d published", runs+1, published)
			}
		})
	}
}
