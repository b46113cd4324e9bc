package run

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/stagelift/stagelift/local/s3/door"
	"github.com/stagelift/stagelift/shared/fault"
	"github.com/stagelift/stagelift/shared/object"
	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/table"
)

// tables are one of several spans, one of many small rows whose values have
// all that CSV must quote, a lone column, and an empty one.
const tables = `
CREATE TABLE wide (id int PRIMARY KEY, t text NOT NULL);
ALTER TABLE wide ALTER COLUMN t SET STORAGE PLAIN;
INSERT INTO wide SELECT i, repeat(chr(97 + i % 26), 6000) FROM generate_series(1, 2100) AS i;
CREATE TABLE "Order Notes" (line smallint, "order" bigint, "the ""note"", or not" varchar(200), total numeric(12,2), PRIMARY KEY ("order", line));
INSERT INTO "Order Notes" SELECT i % 3, i, CASE i % 7 WHEN 0 THEN NULL WHEN 1 THEN '' WHEN 2 THEN '\N' WHEN 3 THEN E'two\nlines, "quoted"'
	WHEN 4 THEN 'a,b' WHEN 5 THEN E'\r\n' ELSE 'row ' || i END, i / 100.0 FROM generate_series(1, 20000) AS i;
CREATE TABLE lone (t text);
INSERT INTO lone VALUES (NULL), (''), ('x'), ('\.'), (E'a\nb');
CREATE TABLE nothing (id int, t text);`

func TestRunStagesTablesWhole(t *testing.T) {
	t.Parallel()
	b := setup(t, tables)
	b.job.ProgressEvery = time.Millisecond
	for name, request := range map[string]Request{
		"plain":           {PartBytes: 300_000},
		"header":          {PartBytes: 300_000, Header: true},
		"gzip":            {PartBytes: 20_000, Compression: "gzip"},
		"gzip and header": {PartBytes: 20_000, Compression: "gzip", Header: true},
		"large parts":     {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := b.on(t)
			request.Tables, request.Streams = []string{"public.*"}, 3
			answer := b.run(request)
			if len(answer.Tables) != 4 || len(answer.Remaining) != 0 {
				t.Fatalf("published %v, remaining %v", answer.Tables, answer.Remaining)
			}
			for _, published := range answer.Tables {
				receipt := b.receipt(published.Receipt)
				options := ""
				if receipt.Table.Table == "lone" {
					options = ", FORCE_QUOTE *" // or a lone empty string would be an empty line
				}
				want := sorted(strings.SplitAfter(b.copyOut("SELECT * FROM "+receipt.Table.SQL(), options), "\n"))
				if diff := cmp.Diff(want, b.content(receipt)); diff != "" {
					t.Errorf("%s (-want +got):\n%.2000s", receipt.Table, diff)
				}
				b.wantStaged(published, receipt)
			}
		})
	}
	t.Cleanup(func() {
		if text := b.logs.String(); strings.Contains(text, "quoted") || strings.Contains(text, "aaaaaa") {
			t.Error("a row was logged")
		}
		if !strings.Contains(b.logs.String(), "table progress") {
			t.Error("no progress was logged")
		}
	})
}

// on is the same job in a subtest.
func (b *bundle) on(t *testing.T) *bundle {
	t.Helper()
	inner := *b
	inner.T = t
	return &inner
}

// wantStaged compares what S3 knows of a table's objects with what the answer,
// the receipt and the manifest say.
func (b *bundle) wantStaged(published Outcome, receipt stage.Receipt) {
	b.Helper()
	if published.Rows != receipt.Rows || published.Bytes != receipt.Bytes || published.Parts != len(receipt.Parts) {
		b.Errorf("answer %+v, but the receipt has %d rows, %d bytes, %d parts", published, receipt.Rows, receipt.Bytes, len(receipt.Parts))
	}
	var manifest struct {
		Entries []struct {
			URL       string
			Mandatory bool
			Meta      map[string]int64
		}
	}
	if receipt.Manifest != "" {
		if err := json.Unmarshal(b.get(receipt.Manifest), &manifest); err != nil {
			b.Fatal(err)
		}
	}
	if len(manifest.Entries) != len(receipt.Parts) {
		b.Fatalf("%d entries in the manifest, %d parts", len(manifest.Entries), len(receipt.Parts))
	}
	for i, part := range receipt.Parts {
		location := object.Location{Bucket: b.bucket.Name, Key: part.Key}
		found, err := b.job.Store.Stat(b.Context(), location)
		if err != nil {
			b.Fatal(err)
		}
		if found.Size != part.Bytes || found.CRC32C != part.CRC32C || found.CRC32C == "" {
			b.Errorf("%s has %d bytes, CRC-32C %q; the receipt says %+v", part.Key, found.Size, found.CRC32C, part)
		}
		entry := manifest.Entries[i]
		if entry.URL != location.String() || !entry.Mandatory || entry.Meta["content_length"] != found.Size || len(entry.Meta) != 1 {
			b.Errorf("entry %d of the manifest is %+v", i, entry)
		}
	}
}

func TestReceiptDescribesTheTable(t *testing.T) {
	t.Parallel()
	b := setup(t, tables)
	before := time.Now()
	answer := b.run(Request{Tables: []string{`public."Order Notes"`}, PartBytes: 200_000, Streams: 1, Compression: "none", Header: true})
	got := b.receipt(answer.Tables[0].Receipt)
	want := stage.Receipt{
		Version: stage.ReceiptVersion, Run: answer.Run, Database: b.job.Database,
		Table: table.Name{Schema: "public", Table: "Order Notes"}, Snapshot: answer.Snapshot, Consistency: "snapshot",
		Columns: []table.Column{
			{Name: "line", Type: "smallint"},
			{Name: "order", Type: "bigint"},
			{Name: `the "note", or not`, Type: "character varying(200)", Nullable: true},
			{Name: "total", Type: "numeric(12,2)", Nullable: true},
		},
		PrimaryKey: []string{"order", "line"},
		Format:     stage.Format{Name: "csv", Compression: "none", Header: true, Null: `\N`, Delimiter: ","},
		Manifest:   strings.TrimSuffix(answer.Tables[0].Receipt, "receipt.json") + "manifest.json",
		Rows:       20000, Load: stage.Load{Mode: "replace"},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(stage.Receipt{}, "Parts", "Bytes", "At", "Origin")); diff != "" {
		t.Errorf("receipt (-want +got):\n%s", diff)
	}
	if len(got.Parts) < 2 || got.At.Before(before.Add(-time.Second)) || answer.Snapshot.ID == "" || answer.Snapshot.LSN == "" {
		t.Errorf("%d parts, published at %v, snapshot %+v", len(got.Parts), got.At, answer.Snapshot)
	}
	for _, part := range got.Parts[:len(got.Parts)-1] {
		if part.Bytes < 200_000 || part.Bytes > 200_000+1000 {
			t.Errorf("%s has %d bytes, want 200,000 and at most a row more", part.Key, part.Bytes)
		}
	}
	wantSummary := summary{Answer: answer}
	if diff := cmp.Diff(wantSummary, b.summary()); diff != "" {
		t.Errorf("summary (-want +got):\n%s", diff)
	}
}

// A table without rows is published too: its receipt says that it was read.
func TestEmptyTableHasAReceiptAlone(t *testing.T) {
	t.Parallel()
	b := setup(t, `CREATE TABLE nothing (id int)`)
	answer := b.run(Request{Tables: []string{"public.nothing"}, Header: true, Compression: "gzip"})
	receipt := b.receipt(answer.Tables[0].Receipt)
	if receipt.Rows != 0 || len(receipt.Parts) != 0 || receipt.Parts == nil || receipt.Manifest != "" {
		t.Errorf("receipt %+v", receipt)
	}
	if got := len(b.keys("")); got != 2 { // the receipt and the run's summary
		t.Errorf("objects %v", b.keys(""))
	}
}

// Rows that come after the snapshot and before the first COPY are in no table.
func TestAllTablesAreReadAtOneSnapshot(t *testing.T) {
	t.Parallel()
	b := setup(t, `CREATE TABLE a AS SELECT i AS n, 'x' AS x FROM generate_series(1, 1000) AS i; CREATE TABLE b AS SELECT * FROM a`)
	changed := sync.OnceFunc(func() {
		b.exec(`INSERT INTO a SELECT i, 'y' FROM generate_series(1001, 2000) AS i; DELETE FROM b WHERE n % 2 = 0; UPDATE b SET n = -n`)
	})
	b.door.Fail(func(r *http.Request) *door.Failure {
		if door.Operation(r) == "ListMultipartUploads" { // the last step before reading
			changed()
		}
		return nil
	})
	answer := b.run(Request{Tables: []string{"public.*"}, Streams: 2})
	if got := b.copyOut("SELECT count(*) FROM a", ""); got != "2000\n" {
		t.Fatalf("the table has %s rows now", got)
	}
	want := sorted(strings.SplitAfter(b.copyOut("SELECT i, 'x' FROM generate_series(1, 1000) AS i", ""), "\n"))
	for _, published := range answer.Tables {
		receipt := b.receipt(published.Receipt)
		if diff := cmp.Diff(want, b.content(receipt)); diff != "" {
			t.Errorf("%s (-want +got):\n%.1000s", published.Table, diff)
		}
		if diff := cmp.Diff(answer.Snapshot, receipt.Snapshot); diff != "" {
			t.Errorf("%s: snapshot (-want +got):\n%s", published.Table, diff)
		}
	}
}

func TestOnlyRequestsStartARun(t *testing.T) {
	t.Parallel()
	job := &Job{}
	for name, c := range map[string]struct{ payload, want string }{
		"notification":      {`{"Records":[{"eventVersion":"2.1","eventSource":"aws:s3","eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"b"},"object":{"key":"k"}}}]}`, "not by an S3 notification"},
		"not JSON":          {`tables`, "not valid JSON"},
		"unknown field":     {`{"tables":["public.*"],"stream":3}`, `no field "stream"`},
		"no tables":         {`{}`, "tables is empty"},
		"list for a number": {`{"tables":["public.*"],"streams":[3]}`, "field streams: got list, want number"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := job.Handle(t.Context(), json.RawMessage(c.payload))
			wantError(t, err, c.want)
		})
	}
}

// A table that is not there is that table's trouble, unless the request wants to
// stop for it.
func TestUnknownTableFailsAlone(t *testing.T) {
	t.Parallel()
	b := setup(t, `CREATE TABLE small AS SELECT 1 AS n`)
	request := Request{Tables: []string{"public.small", "public.smal", "public.SMALL"}}
	answer, err := b.job.Run(t.Context(), request)
	wantError(t, err, "published 1 of 3 tables (public.small)", "public.smal does not exist", "(not_found)", "did you mean public.small?")
	if got := fault.CodeOf(err, ""); got != fault.TablesFailed || len(answer.with(Failed)) != 2 || len(b.keys("/receipt.json")) != 1 {
		t.Errorf("code %s, answer %+v", got, answer)
	}
	if diff := cmp.Diff(summary{Answer: answer, Error: err.Error(), Code: fault.TablesFailed}, b.summary()); diff != "" {
		t.Errorf("summary (-want +got):\n%s", diff)
	}
	request.OnFailure = "stop"
	answer, err = b.job.Run(t.Context(), request)
	wantError(t, err, "published 0 of 3 tables")
	if o := answer.with(Failed); len(o) != 3 || o[2].Code != fault.NotReached {
		t.Errorf("outcomes %+v", o)
	}
}
