package postgres_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/shared/postgres"
	"github.com/stagelift/stagelift/shared/table"
)

func TestSpansAreAdoptedUntilTheTableIsRewritten(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(`CREATE TABLE t AS SELECT g AS n FROM generate_series(1, 20000) AS g; CREATE TABLE other (n int)`)
	before := b.snapshot()
	spans := b.tables(before, "public.t")[0].Spans(10)
	if err := before.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.exec(`INSERT INTO t SELECT g FROM generate_series(1, 20000) AS g`)
	after := b.snapshot()
	found := b.tables(after, "public.other", "public.t")
	last := spans[len(spans)-1]
	got, err := found[1].Adopt(postgres.Span{Relation: last.Relation, File: last.File, From: last.From, To: last.To})
	if err != nil || got.Blocks <= last.Blocks || !got.ByBlock() || got.From != last.From {
		t.Errorf("adopted %+v, %v of %+v; want it longer, as the table is", got, err, last)
	}
	if whole := found[1].Whole().Spans(1); len(whole) != 1 || whole[0].ByBlock() {
		t.Errorf("whole: spans are %+v, want one", whole)
	}
	_, err = found[0].Adopt(last)
	wantError(t, err, "public.t is no part of public.other any more")
	if err := after.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.exec(`VACUUM FULL t`)
	_, err = b.tables(b.snapshot(), "public.t")[0].Adopt(last)
	wantError(t, err, "public.t was rewritten", "start a new run")
}

func TestCursorsAreComparedAsTheirType(t *testing.T) {
	t.Parallel()
	b := setup(t)
	snapshot := b.snapshot()
	got := map[string]bool{}
	for _, c := range []struct{ kind, a, b string }{
		{"smallint", "9", "10"},
		{"integer", "-9223372036854775808", "2147483648"},
		{"timestamp with time zone", "2026-01-01 00:00:00+00", "2026-01-01 00:00:00+01"},
		{"date", "2026-01-01", "2026-01-01"},
	} {
		precedes, err := snapshot.Precedes(t.Context(), table.Column{Name: "c", Type: c.kind}, c.a, c.b)
		if err != nil {
			t.Fatal(err)
		}
		got[c.kind] = precedes
	}
	if diff := cmp.Diff(map[string]bool{"smallint": true, "integer": true, "timestamp with time zone": false, "date": false}, got); diff != "" {
		t.Errorf("precedes (-want +got):\n%s", diff)
	}
	_, err := snapshot.Precedes(t.Context(), table.Column{Name: "c", Type: "text"}, "a", "b")
	wantError(t, err, `column "c" of type text cannot be a cursor`)
}
