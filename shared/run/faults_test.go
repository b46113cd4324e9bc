package run

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/local/s3/door"
)

// large is a table whose only part is sent in several requests.
const large = `CREATE TABLE large (id int, t text); ALTER TABLE large ALTER COLUMN t SET STORAGE PLAIN;
INSERT INTO large SELECT i, repeat('x', 7000) FROM generate_series(1, 2600) AS i;`

func TestCancelledRunLeavesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t, large)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	b.door.Fail(func(r *http.Request) *door.Failure {
		if door.Operation(r) != "UploadPart" {
			return nil
		}
		cancel()
		return &door.Failure{Delay: time.Hour}
	})
	_, err := b.job.Run(ctx, Request{Tables: []string{"public.large"}, Streams: 2})
	wantError(t, err, "published 0 of 1 tables (none)", "public.large failed", "(not_reached)", "context canceled")
	if text := err.Error(); strings.Contains(text, "out of time") {
		t.Errorf("error is %q, but the time was not over", text)
	}
	b.wantNothingPublished()
	if s := b.summary(); s.Error != err.Error() {
		t.Errorf("summary says %q, want %q", s.Error, err)
	}
}

// At the deadline a run stops, while there is time to say so: what is published
// stays, and the rest is left for another invocation.
func TestRunOutOfTimeSaysWhatIsDone(t *testing.T) {
	t.Parallel()
	b := setup(t, `CREATE TABLE small AS SELECT 1 AS n;`+large)
	published := make(chan struct{})
	done := sync.OnceFunc(func() { close(published) })
	b.door.Fail(func(r *http.Request) *door.Failure {
		switch {
		case puts(r, "/public.small/") && strings.HasSuffix(r.URL.Path, "/receipt.json"):
			done()
		case puts(r, "/public.large/"):
			<-published
			return &door.Failure{Delay: time.Hour}
		}
		return nil
	})
	ctx, cancel := context.WithTimeout(t.Context(), leastClosing+5*time.Second)
	defer cancel()
	// large has three spans; the fourth stream is left for small.
	answer, err := b.job.Run(ctx, Request{Tables: []string{"public.*"}, Streams: 4})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"public.large"}, answer.Remaining); diff != "" || len(answer.with(Published)) != 1 {
		t.Errorf("answer %+v", answer)
	}
	if ctx.Err() != nil {
		t.Error("it ended after its deadline")
	}
	if keys := b.keys("/receipt.json"); len(keys) != 1 || !strings.Contains(keys[0], "/public.small/") {
		t.Errorf("published: %v", keys)
	}
	if keys := b.uploads(); len(keys) > 0 {
		t.Errorf("uploads left unfinished: %v", keys)
	}
	if diff := cmp.Diff(summary{Answer: answer}, b.summary()); diff != "" {
		t.Errorf("summary (-want +got):\n%s", diff)
	}
	b.door.Fail(nil)
	b.wantWhole(b.run(Request{Continuation: answer.Continuation}), "")
}

// An invocation that is too short for anything says so, and not that the
// database cannot be reached.
func TestRunWithoutTimeSaysSo(t *testing.T) {
	t.Parallel()
	b := setup(t, `CREATE TABLE small AS SELECT 1 AS n;`)
	ctx, cancel := context.WithTimeout(t.Context(), leastClosing/2)
	defer cancel()
	_, err := b.job.Run(ctx, Request{Tables: []string{"public.*"}})
	wantError(t, err, "out of time")
	if keys := b.keys(""); len(keys) > 0 {
		t.Errorf("objects %v", keys)
	}
}

func TestUploadsOfDeadRunsAreEnded(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		age  time.Duration
		want []string
	}{
		"old enough": {0, []string{"elsewhere/part-00000.csv", "stage/other/t/part-00000.csv"}},
		"too young":  {time.Hour, []string{"elsewhere/part-00000.csv", "stage/other/t/part-00000.csv", "stage/<database>/t/part-00000.csv"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, `CREATE TABLE small AS SELECT 1 AS n`)
			b.startUpload(b.job.Layout.Database(b.job.Database) + "t/part-00000.csv")
			b.startUpload("stage/other/t/part-00000.csv")
			b.startUpload("elsewhere/part-00000.csv")
			b.job.StaleAfter = c.age
			b.run(Request{Tables: []string{"public.small"}})
			left := b.uploads()
			for i, key := range left {
				left[i] = strings.Replace(key, "/"+b.job.Database+"/", "/<database>/", 1)
			}
			if diff := cmp.Diff(c.want, left, sortStrings); diff != "" {
				t.Errorf("uploads left (-want +got):\n%s", diff)
			}
		})
	}
}

var sortStrings = cmp.Transformer("sorted", func(list []string) string { return strings.Join(sorted(list), "\n") })

// What S3 refuses for good stops the run, by the name of the table and the
// object, and what it refuses is never read.
func TestRefusedWritesPublishNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		refused func(r *http.Request) bool
		want    []string
	}{
		"a part of an upload": {
			func(r *http.Request) bool { return door.Operation(r) == "UploadPart" },
			[]string{"public.large", ".csv: uploading part", "AccessDenied"},
		},
		"starting an upload": {
			func(r *http.Request) bool { return door.Operation(r) == "CreateMultipartUpload" },
			[]string{"public.large", "/part-0", "AccessDenied"},
		},
		"a small part": {
			func(r *http.Request) bool { return puts(r, "/public.small/") && strings.HasSuffix(r.URL.Path, ".csv") },
			[]string{"public.small", "part-00000.csv", "AccessDenied"},
		},
		"the first of many parts": {
			func(r *http.Request) bool {
				return puts(r, "/public.small/") && strings.HasSuffix(r.URL.Path, "/part-00000.csv")
			},
			[]string{"public.small", "part-00000.csv", "AccessDenied"},
		},
		"the manifest": {
			func(r *http.Request) bool { return puts(r, "/manifest.json") },
			[]string{"public.", "/manifest.json", "AccessDenied"},
		},
		"the receipt": {
			func(r *http.Request) bool { return puts(r, "/receipt.json") },
			[]string{"public.", "/receipt.json", "AccessDenied"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tables := "CREATE TABLE small AS SELECT generate_series(1, 1000) AS n;"
			if strings.Contains(c.want[0], "large") {
				tables = large
			}
			b := setup(t, tables)
			b.door.Fail(func(r *http.Request) *door.Failure {
				if c.refused(r) {
					return &door.Failure{Status: http.StatusForbidden, Code: "AccessDenied"}
				}
				return nil
			})
			request := Request{Tables: []string{"public.*"}}
			if name == "the first of many parts" {
				request.PartBytes = 1000
			}
			_, err := b.job.Run(t.Context(), request)
			wantError(t, err, c.want...)
			b.wantNothingPublished()
		})
	}
}

// S3 writes the receipt, answers 500, and hears the request again: the receipt
// is ours, and the run succeeds.
func TestLostAnswerToTheReceiptIsNoFailure(t *testing.T) {
	t.Parallel()
	b := setup(t, `CREATE TABLE small AS SELECT 1 AS n`)
	var lost atomic.Int64
	b.door.Fail(func(r *http.Request) *door.Failure {
		if puts(r, "/receipt.json") && lost.Add(1) == 1 {
			return &door.Failure{Status: http.StatusInternalServerError, Done: true}
		}
		return nil
	})
	answer := b.run(Request{Tables: []string{"public.small"}})
	if receipt := b.receipt(answer.Tables[0].Receipt); receipt.Rows != 1 {
		t.Errorf("receipt %+v", receipt)
	}
	if lost.Load() != 2 {
		t.Errorf("the receipt was put %d times, want 2", lost.Load())
	}
}

// A complete run is not failed, and so repeated, for its summary.
func TestLostSummaryIsNoFailure(t *testing.T) {
	t.Parallel()
	b := setup(t, `CREATE TABLE small AS SELECT 1 AS n`)
	b.door.Fail(func(r *http.Request) *door.Failure {
		if puts(r, "/_runs/") {
			return &door.Failure{Status: http.StatusForbidden, Code: "AccessDenied"}
		}
		return nil
	})
	if answer := b.run(Request{Tables: []string{"public.small"}}); len(answer.Tables) != 1 {
		t.Errorf("answer %+v", answer)
	}
	if text := b.logs.String(); !strings.Contains(text, "the summary of the run could not be written") || !strings.Contains(text, "AccessDenied") {
		t.Errorf("log %s", text)
	}
}

// Looking for what dead runs left is no reason not to run.
func TestRefusedListOfUploadsIsNoFailure(t *testing.T) {
	t.Parallel()
	b := setup(t, `CREATE TABLE small AS SELECT 1 AS n`)
	b.door.Fail(func(r *http.Request) *door.Failure {
		if door.Operation(r) == "ListMultipartUploads" {
			return &door.Failure{Status: http.StatusForbidden, Code: "AccessDenied"}
		}
		return nil
	})
	b.run(Request{Tables: []string{"public.small"}})
	if text := b.logs.String(); !strings.Contains(text, "uploads of dead runs could not be ended") {
		t.Errorf("log %s", text)
	}
}

// A read that fails in the middle is that table's trouble.
func TestFailedReadIsNotPublished(t *testing.T) {
	t.Parallel()
	b := setup(t, large+`CREATE VIEW broken AS SELECT 1 / (5000 - i) AS n, 'x' AS x FROM generate_series(1, 10000) AS i`)
	_, err := b.job.Run(t.Context(), Request{Tables: []string{"public.large", "public.broken"}, Streams: 1})
	wantError(t, err, "published 1 of 2 tables (public.large)", "public.broken failed: reading public.broken: PostgreSQL error 22012, in row 5000 of public.broken (value)", `"show_values": true`)
	if keys := b.keys("/receipt.json"); len(keys) != 1 || !strings.Contains(keys[0], "/public.large/") {
		t.Errorf("published: %v", keys)
	}
	if keys := b.uploads(); len(keys) > 0 {
		t.Errorf("uploads left unfinished: %v", keys)
	}
}
