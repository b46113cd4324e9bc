package run

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/shared/fault"
	"github.com/stagelift/stagelift/shared/stage"
)

// What a table inherits is read as a SELECT gives it, once.
func TestInheritedRowsAreReadOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, `CREATE TABLE parent (id int PRIMARY KEY, t text); CREATE TABLE child (more int) INHERITS (parent); CREATE TABLE grandchild () INHERITS (child);
		INSERT INTO parent VALUES (1, 'a'), (2, 'b'); INSERT INTO child VALUES (3, 'c', 30); INSERT INTO grandchild VALUES (4, 'd', 40)`)
	alone := b.run(Request{Tables: []string{"public.parent"}}).Tables[0]
	b.wantRows(alone, "SELECT * FROM parent")
	if receipt := b.receipt(alone.Receipt); receipt.PrimaryKey != nil || alone.Apart != nil {
		t.Errorf("key %v, apart %v: the key of a table does not hold over those that inherit", receipt.PrimaryKey, alone.Apart)
	}
	only := b.run(Request{Tables: []string{"public.parent"}, Inherited: "only"}).Tables[0]
	b.wantRows(only, "SELECT * FROM ONLY parent")
	if receipt := b.receipt(only.Receipt); !slices.Equal(receipt.PrimaryKey, []string{"id"}) || only.Apart != nil {
		t.Errorf("key %v, apart %v", receipt.PrimaryKey, only.Apart)
	}
	all := b.run(Request{Tables: []string{"public.*"}})
	for name, query := range map[string]string{"public.parent": "SELECT * FROM ONLY parent", "public.child": "SELECT * FROM ONLY child", "public.grandchild": "SELECT * FROM grandchild"} {
		b.wantRows(all.outcome(b, name), query)
	}
	if diff := cmp.Diff([]string{"public.child"}, all.outcome(b, "public.parent").Apart); diff != "" {
		t.Errorf("apart of parent (-want +got):\n%s", diff)
	}
	if receipt := b.receipt(all.outcome(b, "public.parent").Receipt); !slices.Equal(receipt.Apart, []string{"public.child"}) {
		t.Errorf("the receipt says %v", receipt.Apart)
	}
	some := b.run(Request{Tables: []string{"public.parent", "public.grandchild"}})
	b.wantRows(some.outcome(b, "public.parent"), "SELECT * FROM ONLY parent UNION ALL SELECT id, t FROM ONLY child")
	b.wantRows(some.outcome(b, "public.grandchild"), "SELECT * FROM grandchild")
	_, err := b.job.Run(t.Context(), Request{Tables: []string{"public.parent"}, Exclude: []string{"public.child"}})
	wantError(t, err, "exclude names public.child, whose rows are read as those of public.parent")
}

// A partition that is half detached is read as queries see it: not at all.
func TestHalfDetachedPartitionIsNotRead(t *testing.T) {
	t.Parallel()
	b := setup(t, `CREATE TABLE dp (id int, k int, PRIMARY KEY (id, k)) PARTITION BY RANGE (k); CREATE TABLE dp1 PARTITION OF dp FOR VALUES FROM (0) TO (10);
		CREATE TABLE dp2 PARTITION OF dp FOR VALUES FROM (10) TO (20); INSERT INTO dp SELECT i, i FROM generate_series(0, 19) AS i`)
	reader, writer := b.session(), b.session()
	defer reader.close()
	defer writer.close()
	reader.exec("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM dp")
	if _, err := writer.conn.PgConn().Exec(t.Context(), "SET statement_timeout = '1s'; ").ReadAll(); err != nil {
		t.Fatal(err)
	}
	_, err := writer.conn.PgConn().Exec(t.Context(), "ALTER TABLE dp DETACH PARTITION dp2 CONCURRENTLY").ReadAll()
	if err == nil {
		t.Fatal("it was detached whole")
	}
	seen := "10"
	if b.major < 14 { // which has no such statement
		wantError(t, err, "syntax error")
		seen = "20"
	}
	reader.exec("COMMIT")
	b.wantRows(b.run(Request{Tables: []string{"public.dp"}}).Tables[0], "SELECT * FROM dp")
	if n := strings.TrimSpace(b.copyOut("SELECT count(*) FROM dp", "")); n != seen {
		t.Fatalf("the table has %s rows to those who ask", n)
	}
}

// A table whose trouble is its own does not keep the others from being published.
func TestTroubleOfOneTableIsItsOwn(t *testing.T) {
	t.Parallel()
	b := setupAlone(t, versions+rows10+`CREATE TABLE nulls (id int PRIMARY KEY, at timestamptz); INSERT INTO nulls VALUES (1, '2026-01-01'), (2, NULL), (3, 'infinity');
		CREATE TABLE denied (id int PRIMARY KEY, at timestamptz DEFAULT now()); CREATE TABLE busy (id bigserial PRIMARY KEY, t text);
		CREATE TABLE unsettled (id bigserial PRIMARY KEY, t text); INSERT INTO unsettled (t) VALUES ('x');
		CREATE TABLE odd (id int PRIMARY KEY, at timestamptz NOT NULL DEFAULT '2026-01-01', d date); INSERT INTO odd (id, d) VALUES (1, 'infinity');
		CREATE TABLE keyless (at timestamptz NOT NULL DEFAULT now()); CREATE FOREIGN DATA WRAPPER nobody;`)
	b.exec("REVOKE ALL ON denied FROM PUBLIC; DO $$ BEGIN EXECUTE format('REVOKE ALL ON denied FROM %I', 'extractor'); END $$")
	b.job.StaleAfter = time.Hour
	at, id := func() *Cursor { return &Cursor{Column: "at"} }, func() *Cursor { return &Cursor{Column: "id"} }
	request := Request{Tables: []string{"public.*"}, Mode: "incremental", Format: "parquet", Load: LoadRequest{Mode: "merge"}, Overrides: map[string]Override{
		"public.counted": {Cursor: id()}, "public.nulls": {Cursor: at()}, "public.denied": {Cursor: at()}, "public.busy": {Cursor: id()}, "public.unsettled": {Cursor: id()},
		"public.odd": {Cursor: at()}, "public.keyless": {Cursor: at()},
	}}
	first := Request{Tables: []string{"public.unsettled"}, Mode: "incremental", Load: LoadRequest{Mode: "merge"}, Overrides: map[string]Override{"public.unsettled": {Cursor: id()}}}
	b.run(first)
	state := b.state("unsettled")
	state.At, state.Publishing = time.Now().UTC(), &stage.Publishing{Run: "20261121T003000Z-7f3a91c2", To: "9", Receipt: "stage/nowhere/receipt.json"}
	b.replaceState("unsettled", state)
	writer := b.session()
	defer writer.close()
	writer.exec("BEGIN; INSERT INTO busy (t) VALUES ('late')")
	answer, err := b.job.Run(t.Context(), request)
	wantError(t, err, "published 1 of 8 tables (public.counted)")
	b.wantFailedAll(answer, map[string]fault.Code{
		"public.nulls": fault.CursorNull, "public.denied": fault.NoPrivilege, "public.busy": fault.Writers, "public.unsettled": fault.Publishing,
		"public.odd": fault.Value, "public.keyless": fault.TableRequest, "public.versions": fault.TableRequest,
	})
	if got := fault.CodeOf(err, ""); got != fault.TablesFailed || got.Type() != "TablesFailed" {
		t.Errorf("the run's code is %s, its type %s", got, got.Type())
	}
	writer.exec("COMMIT")
	// A cursor of an index is looked at before, and says the same.
	b.exec("CREATE INDEX ON nulls (at); CREATE INDEX ON odd (at)")
	answer, err = b.job.Run(t.Context(), request)
	wantError(t, err, "public.nulls failed")
	b.wantFailed(answer.outcome(b, "public.nulls"), fault.CursorNull, "SET NOT NULL")
}

func (b *bundle) wantFailedAll(answer Answer, want map[string]fault.Code) {
	b.Helper()
	got := map[string]fault.Code{}
	for _, o := range answer.with(Failed) {
		got[o.Table] = o.Code
		if o.Reason == "" {
			b.Errorf("nothing is said of %s", o.Table)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		b.Errorf("failed (-want +got):\n%s", diff)
	}
}

// No value of a row is in an error, a log, a metric or what a run writes down.
func TestNoValueIsShown(t *testing.T) {
	t.Parallel()
	const secret = "4111-1111-1111-1111 CVV 123"
	b := setup(t, `CREATE TABLE cards (ssn text PRIMARY KEY, pan text, d date, n numeric); INSERT INTO cards VALUES ('123-45-6789', '`+secret+`', 'infinity', 12345.678);
		CREATE FUNCTION tell(text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the card is %', $1; END $$;
		CREATE VIEW told AS SELECT * FROM cards WHERE tell(pan); CREATE VIEW cast_to AS SELECT pan::date FROM cards;
		CREATE VIEW broken AS SELECT (ssn || pan)::inet FROM cards; CREATE DOMAIN short AS text CHECK (length(value) < 5); CREATE VIEW checked AS SELECT pan::short FROM cards`)
	request := Request{Tables: []string{"public.*", "public.told", "public.cast_to", "public.broken", "public.checked"}, Format: "parquet", Overrides: map[string]Override{
		"public.cards": {Where: "pan::bigint > 5"},
	}}
	requests := []Request{request, {Tables: []string{"public.cards"}, Format: "parquet"}, {Tables: []string{"public.cards"}, Overrides: map[string]Override{"public.cards": {Numeric: Precisions{Columns: map[string]string{"n": "5,1"}}}}}}
	shown := func(answer Answer, err error) string {
		text := fmt.Sprintf("%+v %v", answer, err) + b.logs.String()
		for _, key := range b.keys(".json") {
			if strings.Contains(key, "/_runs/") {
				text += string(b.get(key))
			}
		}
		return text
	}
	for _, request := range requests {
		answer, err := b.job.Run(t.Context(), request)
		if err == nil {
			t.Fatalf("no error: %+v", answer)
		}
		text := shown(answer, err)
		for _, part := range []string{"1111-1111", "CVV", "45-6789", "12345.678"} {
			if strings.Contains(text, part) {
				t.Errorf("%q is shown in %.3000s", part, text)
			}
		}
		for _, want := range []string{"show_values", "ctid (0,1)"} {
			if !strings.Contains(text, want) && request.Overrides == nil == (want != "show_values") {
				t.Errorf("nothing is said of %q in %.2000s", want, text)
			}
		}
	}
	request.ShowValues = true
	answer, err := b.job.Run(t.Context(), request)
	if text := shown(answer, err); !strings.Contains(text, secret) {
		t.Errorf("it is not shown though that was asked for: %s", text)
	}
}
