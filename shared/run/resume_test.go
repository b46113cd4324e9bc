package run

import (
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/local/s3/door"
	"github.com/stagelift/stagelift/shared/fault"
	"github.com/stagelift/stagelift/shared/stage"
)

// several is a table of some ten spans, and a small one beside it.
//
// Autovacuum is off: it would tell inserts of the room in every block, and they
// would go to blocks that were read.
const several = `CREATE TABLE large (id int PRIMARY KEY, t text) WITH (autovacuum_enabled = off); ALTER TABLE large ALTER COLUMN t SET STORAGE PLAIN;
INSERT INTO large SELECT i, repeat(chr(97 + i % 26), 7000) FROM generate_series(1, 12000) AS i;
CREATE TABLE small AS SELECT i AS id FROM generate_series(1, 10) AS i;`

// divided has the rows of large in partitions, each of which is a span on any
// server.
const divided = `ALTER TABLE large RENAME TO undivided; CREATE TABLE large (id int, t text) PARTITION BY RANGE (id);
DO $$ BEGIN FOR n IN 0 .. 12 LOOP
	EXECUTE format('CREATE TABLE large_%s PARTITION OF large (PRIMARY KEY (id)) FOR VALUES FROM (%s) TO (%s) WITH (autovacuum_enabled = off)', n, n * 1000, n * 1000 + 1000);
	EXECUTE format('ALTER TABLE large_%s ALTER COLUMN t SET STORAGE PLAIN', n);
END LOOP; END $$;
INSERT INTO large SELECT * FROM undivided; DROP TABLE undivided; ALTER TABLE large ADD PRIMARY KEY (id)`

// inSpans makes several spans of large also where a table is one: before version
// 14 PostgreSQL reads no range of blocks by itself.
func (b *bundle) inSpans() *bundle {
	b.Helper()
	if b.major < 14 {
		b.exec(divided)
	}
	return b
}

// cutShort makes the run stop after it has looked at the clock so many times,
// which it does before each span.
func (b *bundle) cutShort(looks int64) {
	var looked atomic.Int64
	b.job.stop = func() bool { return looked.Add(1) > looks }
}

// wantWhole compares large and small with what is staged of them. An empty
// consistency is any.
func (b *bundle) wantWhole(answer Answer, consistency string) {
	b.Helper()
	if len(answer.with(Published)) != 2 || len(answer.Remaining) != 0 || answer.Continuation != "" {
		b.Fatalf("answer %+v", answer)
	}
	for _, published := range answer.Tables {
		receipt := b.receipt(published.Receipt)
		want := sorted(strings.SplitAfter(b.copyOut("SELECT * FROM "+receipt.Table.SQL(), ", FORCE_QUOTE *"), "\n"))
		got := b.content(receipt)
		if receipt.Table.Table == "large" {
			want = sorted(strings.SplitAfter(b.copyOut("SELECT * FROM large", ""), "\n"))
			if receipt.Consistency != consistency && consistency != "" {
				b.Errorf("consistency is %q, want %q", receipt.Consistency, consistency)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			b.Errorf("%s (-want +got):\n%.1000s", receipt.Table, diff)
		}
		manifest, err := stage.NewManifest(b.bucket.Name, receipt.Parts).Encode()
		if diff := cmp.Diff(string(manifest), string(b.get(receipt.Manifest))); diff != "" || err != nil {
			b.Errorf("%v, %s (-want +got):\n%.1000s", err, receipt.Manifest, diff)
		}
	}
}

// A run whose time is over is gone on with, as often as it takes, and one
// receipt stands for all parts.
func TestRunGoesOnInOtherInvocations(t *testing.T) {
	t.Parallel()
	for name, request := range map[string]Request{
		"csv":                {Tables: []string{"public.*"}, Streams: 2, PartBytes: 9_000_000},
		"gzip and one part":  {Tables: []string{"public.*"}, Streams: 1, Compression: "gzip"},
		"filtered, one each": {Tables: []string{"public.*"}, Streams: 3, PartBytes: 9_000_000, Overrides: map[string]Override{"public.large": {Where: "id > 0"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setupAlone(t, several).inSpans()
			next, invocations := request, 0
			looks := 2 + 2*int64(request.Streams)
			if request.Overrides != nil { // filtered, it begins with small spans every time
				looks += 4
			}
			var answer Answer
			for ; ; invocations++ {
				if b.cutShort(looks); invocations > 30 {
					t.Fatal("it does not come to an end")
				}
				answer = b.run(next)
				if answer.Continuation == "" {
					break
				}
				next = Request{Continuation: answer.Continuation}
			}
			if invocations < 1 {
				t.Errorf("it took %d invocations, which shows nothing", invocations+1)
			}
			b.wantWhole(answer, stage.ConsistencySnapshot)
			if s := b.summary(); len(s.Tables) != 2 || len(s.Remaining) != 0 {
				t.Errorf("summary %+v", s)
			}
		})
	}
}

func (b *bundle) interrupted() Answer {
	b.Helper()
	b.cutShort(4)
	answer := b.run(Request{Tables: []string{"public.*"}, Streams: 1, PartBytes: 9_000_000})
	b.job.stop = nil
	if answer.Continuation == "" {
		b.Fatalf("it was not cut short: %+v", answer)
	}
	return answer
}

// What was written in between makes ranges of it; a snapshot that somebody held
// does not.
func TestReceiptSaysWhetherOneSnapshotCoveredAll(t *testing.T) {
	t.Parallel()
	t.Run("written in between", func(t *testing.T) {
		t.Parallel()
		b := setup(t, several).inSpans()
		answer := b.interrupted()
		b.exec("INSERT INTO large VALUES (12999, 'new')") // where it is read last
		b.wantWhole(b.run(Request{Continuation: answer.Continuation}), stage.ConsistencyRanges)
	})
	t.Run("held", func(t *testing.T) {
		t.Parallel()
		b := setup(t, several).inSpans()
		holder := b.session()
		defer holder.close()
		snapshot := holder.query("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY; SELECT pg_export_snapshot()")
		b.cutShort(4)
		answer := b.run(Request{Tables: []string{"public.*"}, Streams: 1, PartBytes: 9_000_000, Snapshot: snapshot})
		b.job.stop = nil
		before := b.copyOut("SELECT * FROM large", "")
		b.exec("INSERT INTO large VALUES (0, 'new'); DELETE FROM large WHERE id % 2 = 0; UPDATE large SET t = 'changed'")
		answer = b.run(Request{Continuation: answer.Continuation, Snapshot: snapshot})
		for _, published := range answer.Tables {
			receipt := b.receipt(published.Receipt)
			if receipt.Table.Table != "large" {
				continue
			}
			if diff := cmp.Diff(sorted(strings.SplitAfter(before, "\n")), b.content(receipt)); diff != "" || receipt.Consistency != stage.ConsistencySnapshot {
				t.Errorf("consistency %q; large (-want +got):\n%.1000s", receipt.Consistency, diff)
			}
		}
	})
}

// Two invocations may go on with one run at the same time: what one of them
// publishes is whole, and nobody waits for a dead one.
func TestContinuationMayBeTakenUpTwice(t *testing.T) {
	t.Parallel()
	b := setup(t, several).inSpans()
	b.job.StaleAfter = time.Hour
	next := Request{Continuation: b.interrupted().Continuation}
	both, manifests := newBarrier(2), newBarrier(2)
	var receipts atomic.Int32
	var first sync.Map // the first part of each attempt waits for the other's
	b.door.Fail(func(r *http.Request) *door.Failure {
		if puts(r, ".large/") && strings.HasSuffix(r.URL.Path, "/receipt.json") && receipts.Add(1) <= 2 {
			manifests.wait() // the last of which is perhaps not that of the first receipt
		}
		if _, attempt, is := strings.Cut(r.URL.Path, "/part-"); is && r.Method == http.MethodPut && strings.Contains(attempt, "-") {
			if _, before := first.LoadOrStore(attempt[max(0, strings.Index(attempt, "-")):], true); !before {
				both.wait()
			}
		}
		return nil
	})
	var answers [2]Answer
	var runs sync.WaitGroup
	for i := range answers {
		runs.Go(func() { answers[i], _ = b.job.Run(t.Context(), next) })
	}
	runs.Wait()
	b.door.Fail(nil)
	again := b.run(next)
	b.wantWhole(again, "")
	if won := append(answers[0].with(Published), answers[1].with(Published)...); len(won) < 2 {
		t.Errorf("published by the two: %+v", won)
	}
	for _, o := range append(answers[0].with(Failed), answers[1].with(Failed)...) {
		if o.Code != fault.Publishing {
			t.Errorf("%+v", o)
		}
	}
}

func TestFailedContinuationCanBeTriedAgainAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, several).inSpans()
	b.job.StaleAfter = time.Hour
	next := Request{Continuation: b.interrupted().Continuation}
	b.door.Fail(func(r *http.Request) *door.Failure {
		if puts(r, "/part-") {
			return &door.Failure{Status: http.StatusForbidden, Code: "AccessDenied"}
		}
		return nil
	})
	_, err := b.job.Run(t.Context(), next)
	wantError(t, err, "AccessDenied")
	b.door.Fail(nil)
	b.wantWhole(b.run(next), "")
}

func TestContinuationIsRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		between string
		request func(continuation string) Request
		want    string
	}{
		"of a table that was rewritten":   {"VACUUM FULL large", nil, "was rewritten"},
		"of a table with other columns":   {"ALTER TABLE large ADD COLUMN more int", nil, "its columns are others by now"},
		"of a table that is gone":         {"DROP TABLE large", nil, "public.large does not exist"},
		"of another run":                  {"", func(string) Request { return Request{Continuation: "20261121T003000Z-7f3a91c2.1"} }, "not found"},
		"that is none":                    {"", func(string) Request { return Request{Continuation: "next"} }, `continuation "next"`},
		"with another request beside it":  {"", func(c string) Request { return Request{Continuation: c, Tables: []string{"public.*"}} }, "set nothing else but snapshot"},
		"of a snapshot that nobody holds": {"", func(c string) Request { return Request{Continuation: c, Snapshot: "00000003-0000001B-1"} }, "00000003-0000001B-1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, several).inSpans()
			answer := b.interrupted()
			request := Request{Continuation: answer.Continuation}
			if c.request != nil {
				request = c.request(answer.Continuation)
			}
			if c.between != "" {
				b.exec(c.between)
			}
			_, err := b.job.Run(t.Context(), request)
			wantError(t, err, c.want)
			for _, key := range b.keys("/receipt.json") {
				if strings.Contains(key, "public.large") {
					t.Errorf("%s was published", key)
				}
			}
		})
	}
}
