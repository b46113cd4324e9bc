package snowflake

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// swapping stages what is to replace the table.
func (b *bundle) swapping(number int, rows ...string) warehouse.Load {
	b.Helper()
	l := b.stage(number, rows...)
	l.Mode, l.Swap, l.Run = warehouse.Replace, true, run(10+number)
	return l
}

// leftovers are tables of loads that should be gone.
const leftovers = `SELECT relname FROM pg_class WHERE relname LIKE 'stagelift\_0%'`

func TestSwapKeepsWhatIsSaidOfTheTable(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.administer("CREATE ROLE REPORTING", "CREATE ROLE LATER")
	first := b.stage(1, "1,a", "2,b")
	first.Grants, first.Layout.ClusterBy = []string{"ROLE reporting"}, []string{"id"}
	b.load(first, warehouse.Loaded)
	b.administer(`COMMENT ON TABLE "public"."t" IS 'what''s sold'`, `COMMENT ON COLUMN "public"."t"."s" IS 'theirs'`)
	l := b.swapping(2, "3,c")
	l.Grants = []string{"ROLE later"}
	b.load(l, warehouse.Loaded)
	b.load(l, warehouse.AlreadyLoaded)
	b.want(rowsOfT, "3=c")
	b.want(`SELECT role || ' ' || privilege FROM snowflake_system.rights WHERE kind = 'TABLE' AND name = 't' ORDER BY 1`,
		"LATER SELECT", "REPORTING SELECT", "STAGELIFT OWNERSHIP")
	b.want(`SELECT obj_description('public.t'::regclass)::jsonb ->> 'comment'`, "what's sold")
	b.want(`SELECT obj_description('public.t'::regclass)::jsonb ->> 'cluster'`, `["id"]`)
	b.want(`SELECT col_description('public.t'::regclass, attnum)::jsonb ->> 'comment' FROM pg_attribute WHERE attrelid = 'public.t'::regclass AND attnum > 0`,
		"bigint", "theirs")
	b.want(`SELECT "STATE" FROM "STAGELIFT"."public.t" WHERE "LOAD_ID" <> '' ORDER BY "SEQUENCE"`, "loaded", "loaded")
	b.want(leftovers)
	b.load(b.swapping(3), warehouse.Loaded) // by nothing
	b.want(rowsOfT)
	b.load(b.swapping(4, "4,d"), warehouse.Loaded)
	b.want(rowsOfT, "4=d")
}

func TestTransientTargetsStayTransient(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.administer(`CREATE SCHEMA "public"`, `CREATE TRANSIENT TABLE "public"."t" ("id" NUMBER(19,0), "s" VARCHAR(3))`,
		`GRANT USAGE, CREATE TABLE ON SCHEMA "public" TO ROLE STAGELIFT`, `GRANT OWNERSHIP ON TABLE "public"."t" TO ROLE STAGELIFT`)
	b.load(b.swapping(1, "1,a"), warehouse.Loaded)
	b.want(rowsOfT, "1=a")
	b.want(`SELECT obj_description('public.t'::regclass)::jsonb ->> 'transient'`, "true")
}

// A type that the column cannot follow to makes the table anew, where that is
// asked for.
func TestRecreateFollowsATypeChange(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.load(b.stage(1, "1,abc"), warehouse.Loaded)
	l := b.stage(2, "2,2026-11-21")
	l.Columns[1].Type, l.Mode, l.Run = "date", warehouse.Replace, run(11)
	_, err := b.fail(l, "replace the table with recreate", "nothing was changed")
	if !errors.Is(err, warehouse.ErrColumn) {
		t.Errorf("error is %v", err)
	}
	l.Recreate, l.Changes = true, warehouse.AddOnly
	_, _ = b.fail(l, "with schema_changes add", `column "s" of public.t is VARCHAR(3), staged is DATE`)
	l.Changes = warehouse.Evolve
	outcome := b.load(l, warehouse.Loaded)
	want := []warehouse.Change{{Kind: warehouse.Recreated, Column: "s", Was: "VARCHAR(3)", Is: "DATE"}}
	if diff := cmp.Diff(want, outcome.Changes); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	b.want(`SELECT id || ' ' || s FROM public.t`, "2 2026-11-21")
	b.want(leftovers)
	merge := b.stage(3, "3,4")
	merge.Columns[1] = table.Column{Name: "s", Type: "integer"}
	merge.Mode, merge.Keys, merge.Recreate, merge.Run = warehouse.Merge, []string{"id"}, true, run(12)
	_, _ = b.fail(merge, "replace the table with recreate") // would lose what it does not bring
}

// crashAt breaks the session before the nth statement of a load's own request, from
// 0, and counts them.
func (b *bundle) crashAt(n int) *int {
	seen := 0
	b.hook(hooks{statement: func(_ context.Context, _, sql string) error {
		if strings.HasPrefix(sql, "CREATE TEMPORARY TABLE") {
			seen = 1
		}
		if seen > 0 {
			seen++
			if seen == n+2 {
				return errCrash
			}
		}
		return nil
	}})
	return &seen
}

// Wherever the warehouse breaks, the table has the old rows or the new ones, and
// whoever comes next finds it right, be it the same load or another.
func TestCrashInAnyStatementOfASwap(t *testing.T) {
	t.Parallel()
	for _, next := range []string{"the same", "another"} {
		t.Run(next, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			taken := 0
			for n := 0; ; n++ {
				target := fmt.Sprintf("t%d", n)
				aim := func(l warehouse.Load) warehouse.Load {
					l.Target.Table, l.Source.Table = target, target
					l.ID = fmt.Sprintf("%s%04x", l.ID[4:], n)
					return l
				}
				rows := "SELECT id || '=' || s FROM public." + target + " ORDER BY id"
				b.load(aim(b.stage(1, "1,a")), warehouse.Loaded)
				l := aim(b.swapping(2, "2,b", "3,c"))
				seen := b.crashAt(n)
				outcome, err := carry(t.Context(), b.warehouse, l)
				b.hook(hooks{})
				got := strings.Join(b.look(rows), " ")
				switch {
				case got == "2=b 3=c" && (err != nil || outcome.State == warehouse.Loaded):
				case got == "1=a" && err != nil:
					taken++
				default:
					t.Fatalf("crash before statement %d: %q, %+v, %v", n, got, outcome, err)
				}
				if *seen < n+2 && err == nil && n > 0 { // there are no more
					break
				}
				if next == "the same" {
					if outcome, err = carry(t.Context(), b.warehouse, l); err != nil || outcome.State != warehouse.Loaded && outcome.State != warehouse.AlreadyLoaded {
						t.Fatalf("after a crash before statement %d: %+v, %v", n, outcome, err)
					}
					b.want(rows, "2=b", "3=c")
				} else {
					other := aim(b.stage(3, "4,d"))
					other.Run = run(20)
					b.load(other, warehouse.Loaded)
					if got := strings.Join(b.look(rows), " "); got != "2=b 3=c 4=d" && (got != "1=a 4=d" || err == nil) {
						t.Fatalf("after a crash before statement %d: %q, and it was told %v", n, got, err)
					}
				}
				b.want(`SELECT count(*) FROM "STAGELIFT"."public.`+target+`" WHERE "STATE" LIKE 'swap%'`, "0")
			}
			b.want(leftovers)
			if taken < 8 {
				t.Errorf("no more than %d crashes kept the old rows", taken)
			}
		})
	}
}

// What may not take the target's place leaves it as it was.
func TestSwapOfATableOfSomebodyElse(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.administer(`CREATE SCHEMA "public"`, `CREATE TABLE "public"."t" ("id" NUMBER(19,0), "s" VARCHAR(3))`, `INSERT INTO "public"."t" VALUES (9, 'z')`,
		`GRANT USAGE, CREATE TABLE ON SCHEMA "public" TO ROLE STAGELIFT`, `GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE "public"."t" TO ROLE STAGELIFT`)
	l := b.swapping(1, "1,a")
	_, _ = b.fail(l, "Insufficient privileges", "the role has to own it", "nothing was changed")
	b.want(rowsOfT, "9=z")
	b.want(`SELECT count(*) FROM "STAGELIFT"."public.t" WHERE "LOAD_ID" <> ''`, "0")
	b.want(leftovers)
	l.Swap = false
	b.load(l, warehouse.Loaded)
	b.want(rowsOfT, "1=a")
}
