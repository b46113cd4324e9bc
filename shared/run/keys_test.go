package run

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/shared/fault"
	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/table"
)

// sweptKeys are what a receipt's sweep holds, and its manifest is that of its parts.
func (b *bundle) sweptKeys(receipt stage.Receipt) []string {
	b.Helper()
	s := receipt.Sweep
	if s == nil {
		b.Fatalf("%s has no sweep", receipt.Table)
	}
	keys := receipt
	keys.Columns, keys.Parts = nil, s.Parts
	for _, name := range receipt.PrimaryKey {
		keys.Columns = append(keys.Columns, table.Column{Name: name})
	}
	if len(s.Parts) > 0 {
		manifest, err := stage.NewManifest(b.bucket.Name, s.Parts).Encode()
		if diff := cmp.Diff(string(manifest), string(b.get(s.Manifest))); diff != "" || err != nil {
			b.Errorf("%v, %s (-want +got):\n%.1000s", err, s.Manifest, diff)
		}
	}
	return b.content(keys)
}

func (b *bundle) wantSwept(receipt stage.Receipt, query string) {
	b.Helper()
	options := ""
	if len(receipt.PrimaryKey) == 1 {
		options = ", FORCE_QUOTE *" // as the only column is
	}
	want, got := sorted(strings.SplitAfter(b.copyOut(query, options), "\n")), b.sweptKeys(receipt)
	if diff := cmp.Diff(want, got); diff != "" || int64(len(want)) != receipt.Sweep.Rows {
		b.Errorf("%d keys; keys (-want +got):\n%.1000s", receipt.Sweep.Rows, diff)
	}
}

const pairs = `CREATE TABLE pairs (v text, b text, a int, n bigint GENERATED ALWAYS AS IDENTITY, PRIMARY KEY (a, b)); CREATE INDEX ON pairs (n);
INSERT INTO pairs (a, b) SELECT i % 100, 'k,' || i FROM generate_series(1, 20000) AS i;`

func sweeping(deletes string) Request {
	return Request{
		Tables: []string{"public.pairs"}, Mode: "incremental", Load: LoadRequest{Deletes: deletes},
		Overrides: map[string]Override{"public.pairs": {Cursor: &Cursor{Column: "n"}}},
	}
}

// Beside each window lie the keys of the whole table, also when nothing is new.
func TestKeysOfAllRowsLieBesideTheWindow(t *testing.T) {
	t.Parallel()
	b := setup(t, pairs)
	request := sweeping("hard")
	request.Header, request.Compression, request.PartBytes, request.Streams = true, "gzip", 10_000, 3
	published := func() (Outcome, stage.Receipt) {
		t.Helper()
		o := b.run(request).outcome(b, "public.pairs")
		return o, b.receipt(o.Receipt)
	}
	o, receipt := published()
	b.wantSwept(receipt, "SELECT a, b FROM pairs")
	if receipt.Rows != 20000 || receipt.Load.Mode != "merge" || receipt.Load.Deletes != "hard" || o.Keys == nil || *o.Keys != 20000 || len(receipt.Sweep.Parts) < 2 {
		t.Errorf("outcome %+v; load %+v; %d parts of keys", o, receipt.Load, len(receipt.Sweep.Parts))
	}
	b.exec("DELETE FROM pairs WHERE a < 50; INSERT INTO pairs (a, b) VALUES (1000, 'new')")
	_, receipt = published()
	if receipt.Rows != 1 {
		t.Errorf("%d rows are new", receipt.Rows)
	}
	b.wantSwept(receipt, "SELECT a, b FROM pairs")
	b.exec("DELETE FROM pairs WHERE a < 70")
	_, receipt = published()
	if receipt.Rows != 0 || receipt.Window.From != receipt.Window.To {
		t.Errorf("%d rows are new in %+v", receipt.Rows, receipt.Window)
	}
	b.wantSwept(receipt, "SELECT a, b FROM pairs")
	request.Load.Deletes = "keep"
	if o := b.run(request).outcome(b, "public.pairs"); o.Outcome != Skipped || o.Code != fault.NothingNew {
		t.Errorf("without a sweep it is %+v", o)
	}
}

// A table that is empty by accident empties no target.
func TestEmptyTablesSweepOnlyByWord(t *testing.T) {
	t.Parallel()
	b := setup(t, pairs)
	request := sweeping("soft")
	b.run(request)
	b.exec("DELETE FROM pairs")
	o := b.run(request).outcome(b, "public.pairs")
	if receipt := b.receipt(o.Receipt); receipt.Sweep != nil || !strings.Contains(o.Unswept, `"deletes_empty":true`) || !strings.Contains(b.logs.String(), "table not swept") {
		t.Errorf("outcome %+v; sweep %+v", o, receipt.Sweep)
	}
	request.Load.DeletesEmpty = new(true)
	o = b.run(request).outcome(b, "public.pairs")
	b.wantSwept(b.receipt(o.Receipt), "SELECT a, b FROM pairs")
}

// Whole tables are swept too, in every format, and by a condition when it is said
// that the target holds no other rows.
func TestWholeTablesAreSwept(t *testing.T) {
	t.Parallel()
	b := setup(t, pairs)
	for _, format := range []string{"csv", "jsonl", "parquet"} {
		receipt := b.receipt(b.run(Request{Tables: []string{"public.pairs"}, Format: format, Load: LoadRequest{Mode: "merge", Deletes: "soft"}}).Tables[0].Receipt)
		if receipt.Sweep == nil || receipt.Sweep.Rows != 20000 {
			t.Fatalf("%s: sweep %+v", format, receipt.Sweep)
		}
		switch format {
		case "jsonl":
			line, _, _ := strings.Cut(string(b.get(receipt.Sweep.Parts[0].Key)), "\n")
			if !strings.HasPrefix(line, `{"a":`) || strings.Count(line, `":`) != 2 {
				t.Errorf("a key is %s", line)
			}
		case "parquet":
			keys := receipt
			keys.Parts = receipt.Sweep.Parts
			if got := len(b.parquetColumn(keys, 1)); got != 20000 {
				t.Errorf("%d keys in Parquet", got)
			}
		}
	}
	request := Request{Tables: []string{"public.pairs"}, Overrides: map[string]Override{"public.pairs": {Where: "a < 10", Load: LoadRequest{Deletes: "hard", DeletesBeyondWhere: new(true)}}}}
	receipt := b.receipt(b.run(request).Tables[0].Receipt)
	b.wantSwept(receipt, "SELECT a, b FROM pairs WHERE a < 10")
	if receipt.Sweep.Filter != "a < 10" || receipt.Rows != receipt.Sweep.Rows {
		t.Errorf("filter %q, %d rows, %d keys", receipt.Sweep.Filter, receipt.Rows, receipt.Sweep.Rows)
	}
}

// A run that goes on at a later moment reads the keys of that moment: a row that
// came or moved in between is not taken for deleted.
func TestKeysAreOfTheLastMoment(t *testing.T) {
	t.Parallel()
	b := setupAlone(t, several).inSpans()
	b.exec("DROP TABLE small")
	b.cutShort(8)
	load := LoadRequest{Mode: "merge", Deletes: "hard"}
	answer := b.run(Request{Tables: []string{"public.large"}, Streams: 2, PartBytes: 9_000_000, Load: load})
	b.job.stop = nil
	if answer.Continuation == "" {
		t.Fatalf("it was not cut short: %+v", answer)
	}
	b.exec("DELETE FROM large WHERE id % 10 = 0")
	b.exec("VACUUM large") // so that rows move to blocks that were read
	b.exec("UPDATE large SET t = repeat('m', 7000) WHERE id > 11000; INSERT INTO large VALUES (12999, 'new')")
	o := b.run(Request{Continuation: answer.Continuation}).outcome(b, "public.large")
	b.wantSwept(b.receipt(o.Receipt), "SELECT id FROM large")
}

// With a held snapshot what is left of the keys is read, and no more.
func TestKeysOfAHeldMomentAreGoneOnWith(t *testing.T) {
	t.Parallel()
	b := setupAlone(t, several).inSpans()
	if b.major < 14 {
		t.Log("a table is one unit")
	}
	b.exec("DROP TABLE small")
	holder := b.session()
	defer holder.close()
	snapshot := holder.query("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY; SELECT pg_export_snapshot()")
	want := sorted(strings.SplitAfter(b.copyOut("SELECT id FROM large", ", FORCE_QUOTE *"), "\n"))
	next := Request{Tables: []string{"public.large"}, Streams: 1, PartBytes: 9_000_000, Load: LoadRequest{Mode: "merge", Deletes: "hard"}, Snapshot: snapshot}
	invocations := 0
	var answer Answer
	for ; ; invocations++ {
		b.cutShort(5)
		if invocations > 30 {
			t.Fatal("it does not come to an end")
		}
		if answer = b.run(next); answer.Continuation == "" {
			break
		}
		if invocations == 0 {
			b.exec("INSERT INTO large VALUES (0, 'new'); DELETE FROM large WHERE id % 2 = 0")
		}
		next = Request{Continuation: answer.Continuation, Snapshot: snapshot}
	}
	receipt := b.receipt(answer.outcome(b, "public.large").Receipt)
	if diff := cmp.Diff(want, b.sweptKeys(receipt)); diff != "" || receipt.Consistency != stage.ConsistencySnapshot {
		t.Errorf("consistency %q, %d invocations; keys (-want +got):\n%.1000s", receipt.Consistency, invocations+1, diff)
	}
	attempts := map[string]bool{}
	for _, part := range receipt.Sweep.Parts {
		_, attempt, _ := strings.Cut(part.Key[strings.LastIndex(part.Key, "keys-")+5:], "-")
		attempts[attempt] = true
	}
	t.Logf("%d invocations, %d of which read keys", invocations+1, len(attempts))
	if len(attempts) < 2 && b.major >= 14 {
		t.Error("the keys were read by one invocation, which shows nothing")
	}
}

// Keys that do not fit into an invocation, and of no held moment, end the run with
// what to do, and do not go round for ever.
func TestKeysThatNeverFitAreSaid(t *testing.T) {
	t.Parallel()
	b := setupAlone(t, several).inSpans()
	b.exec("DROP TABLE small")
	next := Request{Tables: []string{"public.large"}, Streams: 1, PartBytes: 9_000_000, Load: LoadRequest{Mode: "merge", Deletes: "hard"}}
	for range 30 {
		b.cutShort(5)
		answer, err := b.job.Run(t.Context(), next)
		if err != nil {
			wantError(t, err, "its rows are all read, and its keys must be of one moment", "hold a snapshot")
			b.wantFailed(answer.outcome(b, "public.large"), fault.OutOfTime)
			return
		}
		if answer.Continuation == "" {
			t.Fatal("they did fit")
		}
		next = Request{Continuation: answer.Continuation}
	}
	t.Error("it does not come to an end")
}

// A window that time cut short is published, and swept by a later run.
func TestWindowThatIsCutShortIsNotSwept(t *testing.T) {
	t.Parallel()
	b := setupAlone(t, pairs)
	b.run(sweeping("hard"))
	b.exec("INSERT INTO pairs (a, b) SELECT i, 'later' FROM generate_series(1000, 3000) AS i; DELETE FROM pairs WHERE a = 1")
	request := sweeping("hard")
	request.Streams = 1
	b.cutShort(3)
	o := b.run(request).outcome(b, "public.pairs")
	b.job.stop = nil
	if receipt := b.receipt(o.Receipt); receipt.Sweep != nil || !strings.Contains(o.Unswept, "a later run") || receipt.Rows == 0 {
		t.Errorf("outcome %+v", o)
	}
	b.wantSwept(b.receipt(b.run(request).outcome(b, "public.pairs").Receipt), "SELECT a, b FROM pairs")
}

func TestForeignTablesAreNotSwept(t *testing.T) {
	t.Parallel()
	b := setup(t, `CREATE EXTENSION file_fdw; CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
		CREATE FOREIGN TABLE far (id int) SERVER files OPTIONS (filename '/dev/null')`)
	b.exec("GRANT SELECT ON far TO PUBLIC")
	_, err := b.job.Run(t.Context(), Request{Tables: []string{"public.far"}, Load: LoadRequest{Mode: "merge", Deletes: "hard"}, Overrides: map[string]Override{"public.far": {PrimaryKey: []string{"id"}}}})
	wantError(t, err, "a foreign server gives each session its own")
}

// A key that is too long for a target is refused in the rows and in the keys alike,
// and never cut, for a cut key is another row's.
func TestKeysMeetTheLimitsOfTheRows(t *testing.T) {
	t.Parallel()
	b := setup(t, `CREATE TABLE long (id text, v text); INSERT INTO long VALUES ('a', repeat('x', 70000)), ('b', 'y')`)
	request := Request{
		Tables: []string{"public.long"}, TooLong: "truncate", Load: LoadRequest{Mode: "merge", Deletes: "hard"}, For: []string{"redshift"},
		Overrides: map[string]Override{"public.long": {PrimaryKey: []string{"id"}}},
	}
	receipt := b.receipt(b.run(request).Tables[0].Receipt)
	b.wantSwept(receipt, "SELECT id FROM long")
	if receipt.Altered["v"].Truncated != 1 {
		t.Errorf("altered %+v", receipt.Altered)
	}
	b.exec(`UPDATE long SET id = repeat('k', 70000) WHERE id = 'b'`)
	_, err := b.job.Run(t.Context(), request)
	wantError(t, err, `column "id"`)
}
