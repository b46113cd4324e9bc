package snowflake

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/warehouse"
)

func TestARenamedColumnIsToldAsItSeems(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.load(b.stage(1, "1,abc"), warehouse.Loaded)
	l := b.stage(2, "2,abc")
	l.Columns[1].Name = "note"
	want := []warehouse.Change{{Kind: warehouse.Renamed, Column: "note", Was: "s", Is: "note"}}
	if diff := cmp.Diff(want, b.load(l, warehouse.Loaded).Changes); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
}

// drifted stages what the source has become: s is longer, gone is no more, and
// there is a day.
func (b *bundle) drifted(number int) warehouse.Load {
	b.Helper()
	l := b.stage(number, "2,abcdef,2026-11-21")
	l.Columns[1].Type = "character varying(6)"
	l.Columns = append(l.Columns, table.Column{Name: "day", Type: "date"})
	return l
}

func TestEveryChangeOfColumnsIsTold(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := b.stage(1, "1,abc,x")
	first.Columns = append(first.Columns, table.Column{Name: "old", Type: "text"})
	if outcome := b.load(first, warehouse.Loaded); len(outcome.Changes) > 0 {
		t.Errorf("a new table is no change: %+v", outcome.Changes)
	}
	b.administer(`ALTER TABLE "public"."t" ADD COLUMN "theirs" VARCHAR(3)`) // is nobody's business
	want := []warehouse.Change{
		{Kind: "widened", Column: "s", Was: "VARCHAR(3)", Is: "VARCHAR(6)"},
		{Kind: "added", Column: "day", Is: "DATE"},
		{Kind: "gone", Column: "old", Was: "VARCHAR(134217728)"},
	}
	l := b.drifted(2)
	if diff := cmp.Diff(want, b.load(l, warehouse.Loaded).Changes); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	if outcome := b.load(b.drifted(5), warehouse.Loaded); len(outcome.Changes)+len(outcome.Warnings) > 0 { // once is enough
		t.Errorf("changes %+v, warnings %q", outcome.Changes, outcome.Warnings)
	}
	first.ID = strings.Repeat("6", 64) // it is back
	b.load(first, warehouse.Loaded)
	if outcome := b.load(b.drifted(7), warehouse.Loaded); len(outcome.Changes) != 1 {
		t.Errorf("changes %+v", outcome.Changes)
	}
	l = b.drifted(3)
	l.Absent = []string{"old"} // left out, and still there
	if outcome := b.load(l, warehouse.Loaded); len(outcome.Changes) > 0 {
		t.Errorf("changes %+v", outcome.Changes)
	}
}

func TestPoliciesRefuseByName(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := b.stage(1, "1,abc")
	first.Changes = warehouse.Freeze
	b.load(first, warehouse.Loaded)
	for policy, want := range map[warehouse.SchemaChanges][]string{
		warehouse.Freeze: {
			`column "s" of public.t is VARCHAR(3), staged is VARCHAR(6)`, `ALTER TABLE "public"."t" ALTER COLUMN "s" SET DATA TYPE VARCHAR(6)`,
			`column "day" of public.t is not there, staged is DATE`, `ALTER TABLE "public"."t" ADD COLUMN IF NOT EXISTS "day" DATE`, "nothing was changed",
		},
		warehouse.AddOnly: {`column "s" of public.t is VARCHAR(3), staged is VARCHAR(6)`, "nothing was changed"},
	} {
		l := b.drifted(2)
		l.Changes = policy
		_, err := b.fail(l, want...)
		if !errors.Is(err, warehouse.ErrColumn) {
			t.Errorf("error is %v", err)
		}
	}
	b.want(`SELECT count(*) FROM information_schema.columns WHERE table_name = 't'`, "2")
	fewer := b.stage(3, "3")
	fewer.Columns, fewer.Changes = fewer.Columns[:1], warehouse.Freeze
	_, _ = b.fail(fewer, `column "s" of public.t is VARCHAR(3), staged is not there`, `DROP COLUMN "s"`)
	l := b.drifted(4)
	l.Changes, l.Columns[1].Type = warehouse.AddOnly, "character varying(3)"
	l.Columns, l.Parts, l.Rows = slices.Delete(l.Columns, 1, 2), nil, 0
	b.put(&l, "stage/a/4.csv", "4,2026-11-21")
	b.load(l, warehouse.Loaded)
	l.Changes = "sometimes"
	l.ID = "05"
	_, _ = b.fail(l, `schema_changes "sometimes": want evolve, add or freeze`)
}
