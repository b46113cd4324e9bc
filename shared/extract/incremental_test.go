package extract

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/local/s3/door"
	"github.com/stagelift/stagelift/shared/object"
	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/table"
)

const versions = `CREATE TABLE versions (id bigint PRIMARY KEY, version int NOT NULL, at timestamptz NOT NULL DEFAULT now());
CREATE INDEX ON versions (at);
CREATE TABLE counted (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, t text);`

func incremental(name, column string) Request {
	return Request{
		Tables: []string{name}, Mode: "incremental", Load: LoadRequest{Mode: "merge"},
		Overrides: map[string]Override{name: {Cursor: &Cursor{Column: column}}},
	}
}

// merged applies what runs published to what was there, by the first column and
// in the order of the runs, as a load by merge does.
func (b *bundle) merge(merged map[string]string, answer Answer) {
	b.Helper()
	for _, published := range answer.Tables {
		for _, line := range b.content(b.receipt(published.Receipt)) {
			id, _, _ := strings.Cut(line, ",")
			merged[id] = line
		}
	}
}

func (b *bundle) wantMerged(merged map[string]string, query string) {
	b.Helper()
	want := sorted(strings.SplitAfter(b.copyOut(query, ""), "\n"))
	if diff := cmp.Diff(want, slices.Sorted(maps.Values(merged))); diff != "" {
		b.Errorf("merged, and the table itself (-want +got):\n%.2000s", diff)
	}
}

// Rows that are stamped early and committed late are in one of the runs, however
// the transactions and the runs lie, and the merged result is the table.
func TestLateCommitsAreNotLost(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			b := setup(t, versions)
			random := rand.New(rand.NewPCG(seed, 3))
			merged := map[string]string{}
			b.exec("INSERT INTO versions SELECT i, 0 FROM generate_series(1, 200) AS i")
			for range 6 {
				var open []*session
				for range 3 {
					s := b.session()
					s.exec("BEGIN; SELECT now()") // its rows are stamped with this moment
					open = append(open, s)
				}
				for i, s := range open {
					id := random.IntN(100)*len(open) + i // two of a round do not wait for each other
					s.exec("INSERT INTO versions VALUES (" + strconv.Itoa(id) + ", 1) ON CONFLICT (id) DO UPDATE SET version = versions.version + 1, at = now()")
					if random.IntN(2) == 0 {
						s.exec("COMMIT")
					}
				}
				b.exec("INSERT INTO versions VALUES (" + strconv.Itoa(1000+random.IntN(1000)) + ", 9) ON CONFLICT DO NOTHING")
				b.merge(merged, b.run(incremental("public.versions", "at")))
				for _, s := range open {
					s.exec([]string{"COMMIT", "ROLLBACK"}[random.IntN(2)])
					s.close()
				}
			}
			// What was written last is read once the margin of the bound is past.
			last := b.copyOut("SELECT max(at) FROM versions", "")
			for b.copyOut("SELECT now() - interval '20 seconds' < '"+strings.TrimSpace(last)+"'", "") == "t\n" {
				answer := b.run(incremental("public.versions", "at"))
				b.merge(merged, answer)
				if state, _ := b.state("versions"); b.copyOut("SELECT timestamptz '"+state.Watermark+"' > '"+strings.TrimSpace(last)+"'", "") == "t\n" {
					break
				}
			}
			b.wantMerged(merged, "SELECT * FROM versions")
		})
	}
}

// A number is drawn early and committed late; the run waits for it.
func TestNumbersOfOpenTransactionsAreWaitedFor(t *testing.T) {
	t.Parallel()
	b := setup(t, versions)
	request := incremental("public.counted", "id")
	request.Load.Mode = "append"
	var lines []string
	late := b.session()
	for round := range 3 {
		late.exec(fmt.Sprintf("BEGIN; INSERT INTO counted (t) VALUES ('late %d')", round))
		b.exec(fmt.Sprintf("INSERT INTO counted (t) VALUES ('early %d')", round))
		var ended sync.WaitGroup
		ended.Go(func() {
			time.Sleep(time.Second)
			late.exec("COMMIT")
		})
		answer := b.run(request)
		ended.Wait()
		for _, published := range answer.Tables {
			lines = append(lines, b.content(b.receipt(published.Receipt))...)
		}
	}
	late.close()
	want := sorted(strings.SplitAfter(b.copyOut("SELECT * FROM counted", ""), "\n"))
	if diff := cmp.Diff(want, sorted(lines)); diff != "" {
		t.Errorf("rows of all runs (-want +got):\n%s", diff)
	}
}

func TestWindowsFollowEachOther(t *testing.T) {
	t.Parallel()
	b := setup(t, versions)
	b.exec("INSERT INTO counted (t) SELECT 'x' FROM generate_series(1, 10)")
	request := incremental("public.counted", "id")
	first := b.run(request).Tables[0]
	if first.Rows != 10 || first.Window == nil || first.Window.From != "" || first.Window.To != "11" {
		t.Fatalf("first run %+v, window %+v", first, first.Window)
	}
	b.exec("INSERT INTO counted (t) SELECT 'y' FROM generate_series(1, 5)")
	second := b.run(request).Tables[0]
	receipt := b.receipt(second.Receipt)
	if diff := cmp.Diff(&stage.Window{Column: "id", Type: "bigint", From: "11", To: "16"}, receipt.Window); diff != "" || receipt.Rows != 5 {
		t.Errorf("%d rows, window (-want +got):\n%s", receipt.Rows, diff)
	}
	if diff := cmp.Diff([]string{"id"}, receipt.PrimaryKey); diff != "" || receipt.Load.Mode != "merge" {
		t.Errorf("load %+v, key (-want +got):\n%s", receipt.Load, diff)
	}
	third := b.run(request)
	if len(third.Tables) != 0 || len(third.Skipped) != 1 || !strings.Contains(third.Skipped[0].Reason, `"16"`) {
		t.Errorf("nothing was new, but the answer is %+v", third)
	}
	request.Overrides["public.counted"] = Override{Cursor: &Cursor{Column: "id", Lookback: "2"}}
	b.exec("INSERT INTO counted (t) VALUES ('z')")
	if rows := b.run(request).Tables[0].Rows; rows != 3 {
		t.Errorf("%d rows with a lookback of 2, want 3", rows)
	}
}

func (b *bundle) state(name string) (stage.State, string) {
	b.Helper()
	key := b.job.Layout.State(b.job.Database, table.Name{Schema: "public", Table: name})
	state, err := stage.DecodeState(b.get(key), b.job.Database, table.Name{Schema: "public", Table: name})
	if err != nil {
		b.Fatal(err)
	}
	return state, key
}

// Of two runs at once one publishes; the other says so and leaves nothing that
// anybody reads. Whichever it was, the next run goes on from there.
func TestOfTwoRunsAtOnceOnePublishes(t *testing.T) {
	t.Parallel()
	b := setup(t, versions)
	b.exec("INSERT INTO counted (t) SELECT 'x' FROM generate_series(1, 10)")
	request := incremental("public.counted", "id")
	b.run(request)
	b.exec("INSERT INTO counted (t) SELECT 'y' FROM generate_series(1, 10)")
	both := newBarrier(2)
	b.door.Fail(func(r *http.Request) *door.Failure {
		if r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/part-") {
			both.wait()
		}
		return nil
	})
	var wins, losses int
	results := make(chan error, 2)
	for range 2 {
		go func() {
			_, err := b.job.Run(t.Context(), request)
			results <- err
		}()
	}
	for range 2 {
		if err := <-results; err == nil {
			wins++
		} else {
			losses++
			wantError(t, err, "publishing public.counted")
		}
	}
	if wins != 1 || losses != 1 {
		t.Errorf("%d runs published, %d failed; want one each", wins, losses)
	}
	if receipts := b.keys("/receipt.json"); len(receipts) != 2 {
		t.Errorf("receipts %v, want that of the first run and one more", receipts)
	}
	b.door.Fail(nil)
	b.exec("INSERT INTO counted (t) VALUES ('z')")
	if got := b.run(request).Tables[0]; got.Rows != 1 {
		t.Errorf("the next run has %d rows, want 1", got.Rows)
	}
}

// However far a run comes before it dies, its rows are published by it or by the
// next, once.
func TestDeadRunsNeitherLoseNorRepeatRows(t *testing.T) {
	t.Parallel()
	for name, dies := range map[string]func(r *http.Request) bool{
		"before the part":     func(r *http.Request) bool { return puts(r, "/part-") },
		"before its intent":   func(r *http.Request) bool { return puts(r, "/_state/") },
		"before the receipt":  func(r *http.Request) bool { return puts(r, "/receipt.json") },
		"before the state":    second(func(r *http.Request) bool { return puts(r, "/_state/") }),
		"before the manifest": func(r *http.Request) bool { return puts(r, "/manifest.json") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, versions)
			request := incremental("public.counted", "id")
			request.Load.Mode = "append"
			b.exec("INSERT INTO counted (t) SELECT 'x' FROM generate_series(1, 10)")
			b.run(request)
			b.exec("INSERT INTO counted (t) SELECT 'y' FROM generate_series(1, 10)")
			b.door.Fail(func(r *http.Request) *door.Failure {
				if dies(r) {
					return &door.Failure{Status: http.StatusForbidden, Code: "AccessDenied"}
				}
				return nil
			})
			_, err := b.job.Run(t.Context(), request)
			if err == nil && name != "before the state" {
				t.Error("no error")
			}
			b.door.Fail(nil)
			b.exec("INSERT INTO counted (t) VALUES ('z')")
			b.run(request)
			var lines []string
			for _, key := range b.keys("/receipt.json") {
				lines = append(lines, b.content(b.receipt(key))...)
			}
			want := sorted(strings.SplitAfter(b.copyOut("SELECT * FROM counted", ""), "\n"))
			if diff := cmp.Diff(want, sorted(lines)); diff != "" {
				t.Errorf("rows of all receipts (-want +got):\n%s", diff)
			}
			if state, _ := b.state("counted"); state.Watermark != "22" || state.Publishing != nil {
				t.Errorf("state %+v", state)
			}
		})
	}
}

// second passes the second request that matches, and those after it.
func second(matches func(r *http.Request) bool) func(r *http.Request) bool {
	var mu sync.Mutex
	seen := 0
	return func(r *http.Request) bool {
		if !matches(r) {
			return false
		}
		mu.Lock()
		defer mu.Unlock()
		seen++
		return seen > 1
	}
}

// While a run that wrote down its intent may be alive, nobody goes past it.
func TestIntentOfALivingRunIsRespected(t *testing.T) {
	t.Parallel()
	b := setup(t, versions)
	b.job.StaleAfter = time.Hour
	b.exec("INSERT INTO counted (t) SELECT 'x' FROM generate_series(1, 10)")
	request := incremental("public.counted", "id")
	b.run(request)
	state, key := b.state("counted")
	state.At = time.Now().UTC()
	state.Publishing = &stage.Publishing{Run: "20261121T003000Z-7f3a91c2", To: "12", Receipt: "stage/nowhere/receipt.json"}
	data, err := state.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.job.Store.Put(t.Context(), object.Location{Bucket: b.bucket.Name, Key: key}, data, object.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	b.exec("INSERT INTO counted (t) VALUES ('y')")
	_, err = b.job.Run(t.Context(), request)
	wantError(t, err, "public.counted", "run 20261121T003000Z-7f3a91c2 is publishing this table, or died doing so", "run again after")
	b.job.StaleAfter = 0
	if got := b.run(request).Tables[0]; got.Rows != 1 || got.Window.From != "11" {
		t.Errorf("published %+v, window %+v", got, got.Window)
	}
}

func TestIncrementalRequestsThatWouldLoseOrDoubleRowsAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t, versions+`CREATE TABLE plain (t text, at timestamptz); INSERT INTO plain VALUES ('x', NULL);`)
	cursor := func(c Cursor) map[string]Override {
		return map[string]Override{"public.plain": {Cursor: &c}}
	}
	for name, c := range map[string]struct {
		request Request
		want    string
	}{
		"no cursor":                    {Request{Tables: []string{"public.plain"}, Mode: "incremental"}, `"overrides":{"public.plain":{"cursor"`},
		"cursor of another type":       {Request{Overrides: cursor(Cursor{Column: "t"})}, "type text"},
		"cursor that is not there":     {Request{Overrides: cursor(Cursor{Column: "tt"})}, `"tt"`},
		"NULL cursor":                  {Request{Overrides: cursor(Cursor{Column: "at"})}, "NULL"},
		"merge without a key":          {Request{Overrides: cursor(Cursor{Column: "at"}), Load: LoadRequest{Mode: "merge"}}, "load.mode merge needs a key"},
		"lookback and append":          {Request{Overrides: cursor(Cursor{Column: "at", Lookback: "1 hour"})}, "use merge"},
		"replace by the newest rows":   {Request{Overrides: cursor(Cursor{Column: "at"}), Load: LoadRequest{Mode: "replace"}}, "load.mode replace would leave"},
		"a snapshot of somebody else":  {Request{Overrides: cursor(Cursor{Column: "at"}), Snapshot: "00000003-0000001B-1"}, "exclude each other"},
		"a cursor in a full run":       {Request{Mode: "full", Overrides: cursor(Cursor{Column: "at"})}, "cursor is for mode incremental"},
		"a cursor that is not read":    {Request{Overrides: map[string]Override{"public.plain": {Columns: []string{"t"}, Cursor: &Cursor{Column: "at"}}}}, "not among the columns"},
		"an override of another table": {Request{Overrides: map[string]Override{"public.plain": {Cursor: &Cursor{Column: "at"}}, "public.other": {Where: "true"}}}, "public.other"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.request.Tables = []string{"public.plain"}
			if c.request.Mode == "" {
				c.request.Mode = "incremental"
			}
			_, err := b.job.Run(t.Context(), c.request)
			wantError(t, err, c.want)
			if keys := b.on(t).keys(""); len(keys) > 0 {
				t.Errorf("objects %v", keys)
			}
		})
	}
}

func TestAnotherCursorDoesNotGoOnFromTheOldWatermark(t *testing.T) {
	t.Parallel()
	b := setup(t, versions)
	b.exec("INSERT INTO versions SELECT i, 0 FROM generate_series(1, 5) AS i")
	b.run(incremental("public.versions", "id"))
	_, err := b.job.Run(t.Context(), incremental("public.versions", "at"))
	_, key := b.state("versions")
	wantError(t, err, `used cursor "id" of type bigint`, "delete s3://"+b.bucket.Name+"/"+key)
	if errors.Is(err, object.ErrNotFound) {
		t.Error("the state is there")
	}
}

// barrier holds callers until all of them are there.
type barrier struct{ group sync.WaitGroup }

func newBarrier(n int) *barrier {
	b := &barrier{}
	b.group.Add(n)
	return b
}

func (b *barrier) wait() {
	b.group.Done()
	b.group.Wait()
}
