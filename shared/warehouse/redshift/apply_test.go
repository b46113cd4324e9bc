package redshift

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	standin "github.com/stagelift/stagelift/local/redshift"
	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/warehouse"
)

func merged(l warehouse.Load) warehouse.Load {
	l.Mode, l.Keys = warehouse.Merge, []string{"id"}
	return l
}

// Columns that a merge does not stage stay as they are, also the user's own.
func TestMergeKeepsOtherColumns(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.end(merged(b.stage(1, "1,a", "2,b")))
	b.look("ALTER TABLE public.t ADD COLUMN note varchar(9)")
	b.look("UPDATE public.t SET note = 'mine'")
	l := merged(b.stage(2, "2,x", "3,c"))
	outcome := b.end(l)
	b.want(`SELECT id || s || coalesce(note, '') FROM public.t ORDER BY id`, "1amine", "2xmine", "3c")
	if outcome.Updated != 1 || outcome.Deleted != 0 {
		t.Errorf("%d updated, %d deleted, want 1 and 0", outcome.Updated, outcome.Deleted)
	}
	keys := merged(b.stage(3, "3", "4"))
	keys.Columns, keys.Absent = keys.Columns[:1], []string{"s"}
	b.end(keys)
	b.want(`SELECT id || coalesce(s, '') FROM public.t ORDER BY id`, "1a", "2x", "3c", "4")
}

func TestMergeCountsWhatItDeletes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	rows := func(number int, rows ...string) warehouse.Load {
		l := merged(b.stage(number, rows...))
		l.Deleted = "gone"
		l.Columns = append(l.Columns, table.Column{Name: "gone", Type: "boolean", Nullable: true})
		return l
	}
	b.end(rows(1, "1,a,f", "2,b,f", "3,c,f"))
	if outcome := b.end(rows(2, "1,x,f", "2,b,t", "9,z,t")); outcome.Updated != 1 || outcome.Deleted != 1 {
		t.Errorf("%d updated, %d deleted, want 1 and 1", outcome.Updated, outcome.Deleted)
	}
	b.want(rowsOfT, "1=x", "3=c")
}

func TestAddedColumns(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.end(b.stage(1, "1,a"))
	l := merged(b.stage(2, "1,x", "2,b"))
	l.AddRun, l.AddLoadedAt = true, true
	outcome := b.end(l)
	b.want(`SELECT id || s || ' ' || _stagelift_run || ' ' || (_stagelift_loaded_at > now() AT TIME ZONE 'UTC' - interval '1 hour')::text FROM public.t ORDER BY id`,
		"1x 20261121T003000Z-7f3a91c2 true", "2b 20261121T003000Z-7f3a91c2 true")
	if diff := cmp.Diff([]warehouse.Change{
		{Kind: warehouse.Added, Column: "_stagelift_run", Is: "VARCHAR(32)"},
		{Kind: warehouse.Added, Column: "_stagelift_loaded_at", Is: "TIMESTAMP"},
	}, outcome.Changes); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	if changes := b.end(merged(b.stage(3, "3,c"))).Changes; changes != nil { // they are not gone
		t.Errorf("changes %+v, want none", changes)
	}
}

// Rows whose keys the source has not are deleted, in the transaction of the load.
func TestSweepDeletes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.end(merged(b.stage(1, "1,a", "2,b", "3,c")))
	outcome := b.end(b.sweep(b.stage(2, "3,x", "4,d"), 2, false, "1", "3", "4"))
	b.want(rowsOfT, "1=a", "3=x", "4=d")
	if outcome.Updated != 1 || outcome.Deleted != 1 {
		t.Errorf("%d updated, %d deleted, want 1 and 1", outcome.Updated, outcome.Deleted)
	}
	// A window without rows sweeps all the same, and a source without rows leaves none.
	b.end(b.sweep(b.stage(3), 3, false, "1"))
	b.want(rowsOfT, "1=a")
	none := merged(b.stage(4))
	none.Sweep = &warehouse.Sweep{}
	if outcome := b.end(none); outcome.Deleted != 1 {
		t.Errorf("%d deleted, want 1", outcome.Deleted)
	}
	b.want(rowsOfT)
}

// They are marked instead, once, and unmarked when the key is back.
func TestSweepMarks(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const marks = `SELECT id || s || CASE WHEN _deleted_at IS NULL THEN '' ELSE ' gone' END FROM public.t ORDER BY id`
	b.end(merged(b.stage(1, "1,a", "2,b")))
	if outcome := b.end(b.sweep(b.stage(2), 2, true, "1")); outcome.Deleted != 1 || len(outcome.Changes) != 1 || outcome.Changes[0].Column != "_deleted_at" {
		t.Errorf("outcome %+v, want one row marked, one column added", outcome)
	}
	b.want(marks, "1a", "2b gone")
	if outcome := b.end(b.sweep(b.stage(3, "3,c"), 3, true, "1", "3")); outcome.Deleted != 0 {
		t.Errorf("%d deleted, want 0", outcome.Deleted)
	}
	b.want(marks, "1a", "2b gone", "3c")
	b.end(b.sweep(b.stage(4), 4, true, "1", "2", "3"))
	b.want(marks, "1a", "2b", "3c")
	replace := b.stage(5, "7,z")
	replace.Mode, replace.Sweep = warehouse.Replace, &warehouse.Sweep{Soft: true}
	b.end(replace) // has nothing left to sweep
	b.want(marks, "7z")
}

// Of which not every key arrives, or with a key that is NULL, a sweep changes nothing.
func TestSweepThatIsNotWholeChangesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.end(merged(b.stage(1, "1,a", "2,b")))
	fewer := b.sweep(b.stage(2, "3,c"), 2, false, "1")
	fewer.Sweep.Rows = 2
	_, err := carryOut(t.Context(), b.client, fewer)
	if !errors.Is(err, warehouse.ErrRowCount) {
		t.Errorf("error is %v, want ErrRowCount", err)
	}
	wantError(t, err, "of the sweep's keys 2 were staged", "nothing was changed")
	_, err = carryOut(t.Context(), b.client, b.sweep(b.stage(3, "3,c"), 3, false, "1", `\N`))
	if !errors.Is(err, warehouse.ErrKeys) {
		t.Errorf("error is %v, want ErrKeys", err)
	}
	wantError(t, err, `a key of the sweep is NULL in ("id")`, "nothing was changed")
	b.want(rowsOfT, "1=a", "2=b")
}

func TestGrantsFollowCreation(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.administer("CREATE ROLE reporting", `CREATE USER ann PASSWORD DISABLE`)
	l := b.stage(1, "1,a")
	l.Target.Schema = "mart"
	l.Grants = []string{"ROLE Reporting", "USER ann", "GROUP nobody"}
	outcome := b.end(l)
	const may = `SELECT DISTINCT split_part(grantee, ' of ', 1) FROM information_schema.role_table_grants
		WHERE table_name = 't' AND privilege_type = 'SELECT' AND grantee NOT LIKE '%IAMR%' ORDER BY 1`
	b.want(may, "role reporting", "user ann")
	b.want(`SELECT has_schema_privilege(r.oid, 'mart', 'USAGE') FROM pg_roles r WHERE rolname LIKE 'role reporting of ' || current_database()`, "true")
	if len(outcome.Warnings) != 2 || !strings.Contains(outcome.Warnings[1], `group "nobody" does not exist`) {
		t.Errorf("warnings %q, want that there is no group nobody, for schema and table", outcome.Warnings)
	}
	l = b.stage(2, "2,b")
	l.Target.Schema, l.Grants = "mart", []string{"ROLE nobody"} // the table is there
	if warnings := b.end(l).Warnings; warnings != nil {
		t.Errorf("warnings %q", warnings)
	}
}

// A swap keeps what people have given and said; readers who bind late go on.
func TestSwapKeepsGrantsAndComments(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.administer("CREATE ROLE reporting")
	b.end(b.stage(1, "1,a"))
	b.administer("GRANT SELECT, DELETE ON public.t TO ROLE reporting", "GRANT SELECT ON public.t TO PUBLIC", "COMMENT ON COLUMN public.t.s IS 'what O''Neil said'",
		"CREATE VIEW public.late AS SELECT id FROM public.t WITH NO SCHEMA BINDING")
	before := b.look("SELECT 'public.t'::regclass::oid")
	l := b.stage(2, "2,b", "3,c")
	l.Mode, l.Swap = warehouse.Replace, true
	outcome := b.end(l)
	if outcome.Warnings != nil || outcome.Changes != nil || outcome.Rows != 2 {
		t.Errorf("outcome %+v", outcome)
	}
	b.want(rowsOfT, "2=b", "3=c")
	if after := b.look("SELECT 'public.t'::regclass::oid"); cmp.Equal(before, after) {
		t.Errorf("table %v is still there", before)
	}
	b.want(`SELECT DISTINCT split_part(grantee, ' of ', 1) || ' ' || privilege_type FROM information_schema.role_table_grants
		WHERE table_name = 't' AND table_schema = 'public' AND grantee NOT LIKE '%IAMR%' ORDER BY 1`, "PUBLIC SELECT", "role reporting DELETE", "role reporting SELECT")
	b.want(commentsOfT, "id: PostgreSQL: bigint", "s: what O'Neil said")
	b.want(`SELECT relname FROM pg_class WHERE relname LIKE 'stagelift\_%' AND relkind = 'r'`)
	b.load(l, warehouse.AlreadyLoaded)
	empty := b.stage(3)
	empty.Mode, empty.Swap = warehouse.Replace, true
	b.end(empty)
	b.want(rowsOfT)
}

func TestSwapNamesTheViewsInItsWay(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.end(b.stage(1, "1,a"))
	b.administer("CREATE VIEW public.v AS SELECT id, s FROM public.t")
	l := b.stage(2, "2,b")
	l.Mode, l.Swap = warehouse.Replace, true
	_, err := carryOut(t.Context(), b.client, l)
	wantError(t, err, `to replace table public.t by a new one, views that are bound to the table must go first: "public"."v" ("id", "s")`,
		`run: DROP VIEW "public"."v"`, "nothing was changed")
	b.want(rowsOfT, "1=a")
}

// A type that no column can follow is of a new table.
func TestRecreateFollowsTypes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.end(b.stage(1, "1,a"))
	b.look("ALTER TABLE public.t ADD COLUMN note varchar(9)")
	l := b.stage(2, "2020-02-29,5,n")
	l.Mode = warehouse.Replace
	l.Columns[0].Type, l.Columns[1].Type = "date", "integer"
	l.Columns = append(l.Columns, table.Column{Name: "new", Type: "text"})
	_, err := carryOut(t.Context(), b.client, l)
	wantError(t, err, `column "id" of public.t is BIGINT, and DATE is staged, from date; rename it`, `RENAME COLUMN "id" TO "id_before"`, "or replace the table with recreate")
	l.Recreate = true
	outcome := b.end(l)
	b.want(typesOfT, "id date", "new character varying65535", "note character varying9", "s integer")
	b.want(`SELECT id || ' ' || s || new FROM public.t`, "2020-02-29 5n")
	if diff := cmp.Diff([]warehouse.Change{
		{Kind: warehouse.Recreated, Column: "id", Was: "BIGINT", Is: "DATE"},
		{Kind: warehouse.Recreated, Column: "s", Was: "VARCHAR(12)", Is: "INTEGER"},
		{Kind: warehouse.Added, Column: "new", Is: "VARCHAR(65535)"},
	}, outcome.Changes); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
}

// Rows that COPY cannot take are left out, as many as were allowed, and told.
func TestBadRowsAreLeftOutAndTold(t *testing.T) {
	t.Parallel()
	b := setup(t)
	l := b.stage(1, "1,a", "2,longer than twelve bytes", "x,c", "4,d")
	l.BadRows = new(int64(2))
	outcome := b.end(l)
	b.want(rowsOfT, "1=a", "4=d")
	b.want(ledgerT, l.ID+" public.t 20261121T003000Z-7f3a91c2 2")
	if outcome.Rows != 2 || len(outcome.Errors) != 2 {
		t.Fatalf("outcome %+v, want 2 rows and 2 errors", outcome)
	}
	want := []string{"2 s 1204", "3 id 1207"}
	for i, e := range outcome.Errors {
		if got := fmt.Sprint(e.Line, e.Column, e.Code); fmt.Sprint(e.Line, " ", e.Column, " ", e.Code) != want[i] || !strings.HasSuffix(e.File, "/1/part-00000.csv") {
			t.Errorf("error %s of %s, want %s", got, e.File, want[i])
		}
	}
	more := b.stage(2, "5,longer than twelve bytes", "x,c", "y,d", "6,f")
	more.BadRows = new(int64(2))
	outcome, err := carryOut(t.Context(), b.client, more)
	wantError(t, err, "FAILED", "line 1, column s", "nothing was changed")
	if len(outcome.Errors) == 0 {
		t.Errorf("outcome %+v, want errors", outcome)
	}
	b.want(rowsOfT, "1=a", "4=d")
}

// Numbers of queries that the system views know by others are no way to the errors.
func TestErrorsAreFoundByTime(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.end(b.stage(1, "1,a"))
	l := b.stage(2, "2,longer than twelve bytes")
	l.Parts = []warehouse.Part{{Key: "2/part-00000.csv"}}
	outcome, err := b.client.Begin(t.Context(), l)
	for err == nil && outcome.State == warehouse.Running {
		if strings.HasPrefix(outcome.Handle, stepErrors+".") {
			b.look("UPDATE redshift_system.sys_load_error_detail SET query_id = query_id + 1000")
			at, _ := parseStep(outcome.Handle)
			outcome, err = b.client.begin(t.Context(), l, at, errorStatement(7, errorsLimit))
			if err != nil {
				t.Fatal(err)
			}
		}
		outcome, err = b.client.Poll(t.Context(), l, outcome.Handle)
		if strings.HasPrefix(outcome.Handle, stepRecent+".") {
			outcome, err = follow(t.Context(), b.client, l, outcome, err)
		}
	}
	wantError(t, err, "line 1, column s", "nothing was changed")
	if len(outcome.Errors) != 1 || outcome.Errors[0].Line != 1 {
		t.Errorf("errors %+v, want one", outcome.Errors)
	}
}

// Decimals are rounded in every format, as INSERT does it.
func TestDecimalsAreRounded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	l := b.stage(1, "1,a,1.239")
	l.Columns = append(l.Columns, table.Column{Name: "d", Type: "numeric(12,2)"})
	b.end(l)
	b.want("SELECT d::text FROM public.t", "1.24")
}

func TestOptionsOfCopy(t *testing.T) {
	t.Parallel()
	b := setup(t)
	l := b.stage(1, "1,longer than twelve bytes,31.12.2020", "", "2,  ,", "3")
	l.Columns = append(l.Columns, table.Column{Name: "d", Type: "date", Nullable: true})
	l.Rows = 3
	l.Copy = map[string]string{"TRUNCATECOLUMNS": "TRUE", "DATEFORMAT": "DD.MM.YYYY", "IGNOREBLANKLINES": "TRUE", "FILLRECORD": "TRUE", "BLANKSASNULL": "TRUE", "EMPTYASNULL": "TRUE"}
	b.end(l)
	b.want(`SELECT id || coalesce(s, ' NULL ') || coalesce(d::text, '') FROM public.t ORDER BY id`, "1longer than 2020-12-31", "2 NULL ", "3 NULL ")
}

// A member that is spelled otherwise than its column is missing, and what is missing
// is NULL: the counts are right, so somebody has to be told.
func TestColumnThatJSONNeverHasIsTold(t *testing.T) {
	t.Parallel()
	b := setup(t)
	l := b.stage(1, `{"id": 1, "label": "a"}`, `{"id": 2, "label": "b"}`)
	l.Format, l.Rows = stage.Format{Name: "jsonl", Compression: "none"}, -1
	warnings := b.end(l).Warnings
	if len(warnings) != 1 || !strings.HasPrefix(warnings[0], `column "s" is NULL in every row of the files`) {
		t.Errorf("warnings %q, want one of column s", warnings)
	}
	b.want(rowsOfT, "1=NULL", "2=NULL")
}

// Replacements by swap of one table that come at once leave one of them, whole, also
// where names keep their case and the first of them makes the table.
func TestSwapsOfOneTableFollowEachOther(t *testing.T) {
	t.Parallel()
	b := setup(t, strict(standin.Strictness{CaseSensitive: true}))
	const many = 5
	group, ctx := errgroup.WithContext(t.Context())
	for i := range many {
		l := b.stage(i+1, fmt.Sprintf("1,r%d", i), fmt.Sprintf("2,r%d", i))
		l.Run = stage.RunID(fmt.Sprintf("2026112%dT003000Z-7f3a91c2", i))
		l.Target = table.Name{Schema: "Mart", Table: "The Orders"}
		l.Mode, l.Swap = warehouse.Replace, true
		group.Go(func() error {
			outcome, err := carryOut(ctx, b.connect(), l)
			if err == nil && outcome.State != warehouse.Loaded && outcome.State != warehouse.Skipped {
				err = fmt.Errorf("outcome %+v", outcome)
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	b.want(`SELECT id || s FROM "Mart"."The Orders" ORDER BY id`, "1r4", "2r4")
	b.want(`SELECT relname FROM pg_class WHERE relname LIKE 'stagelift\_%' AND relkind = 'r'`)
}

// TRUNCATECOLUMNS cuts to what the target has, whoever has made it.
func TestTextsAreCutToTheTargets(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.administer("CREATE TABLE public.t (id BIGINT, s VARCHAR(4))", `GRANT SELECT, INSERT, UPDATE, DELETE ON public.t TO "IAMR:load"`)
	for i := range 2 { // the first finds no ledger
		l := b.stage(i+1, fmt.Sprintf("%d,longer than four bytes", i))
		l.Columns[1].Type, l.Copy = "text", map[string]string{"TRUNCATECOLUMNS": "TRUE"}
		b.end(l)
	}
	b.want(rowsOfT, "0=long", "1=long")
}
