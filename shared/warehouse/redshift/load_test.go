package redshift

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/warehouse"
)

const (
	rowsOfT = `SELECT id || '=' || coalesce(s, 'NULL') FROM public.t ORDER BY id`
	ledgerT = `SELECT load_id || ' ' || source || ' ' || run || ' ' || row_count FROM stagelift."public.t" WHERE load_id <> '' ORDER BY load_id`
)

func (b *bundle) want(sql string, want ...string) {
	b.Helper()
	if diff := cmp.Diff(want, b.look(sql)); diff != "" {
		b.Errorf("%s (-want +got):\n%s", sql, diff)
	}
}

func TestFirstLoadCreatesEverything(t *testing.T) {
	t.Parallel()
	b := setup(t)
	l := b.stage(1, "1,a", `2,"b,c"`, `3,\N`)
	l.Target = table.Name{Schema: "mart", Table: "Orders of t"}
	b.load(l, warehouse.Loaded)
	b.want(`SELECT id || '=' || coalesce(s, 'NULL') FROM mart."orders of t" ORDER BY id`, "1=a", "2=b,c", "3=NULL")
	b.want(`SELECT load_id || ' ' || source || ' ' || run || ' ' || row_count FROM stagelift."mart.""orders of t""" WHERE load_id <> ''`,
		l.ID+" public.t 20261121T003000Z-7f3a91c2 3")
	b.want(`SELECT relname FROM pg_class WHERE relname LIKE 'stagelift\_0%'`) // no staging table is left
}

func TestSecondDeliveryChangesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	l := b.stage(1, "1,a", "2,b")
	b.load(l, warehouse.Loaded)
	b.load(l, warehouse.AlreadyLoaded)
	b.want(rowsOfT, "1=a", "2=b")
	b.want(ledgerT, l.ID+" public.t 20261121T003000Z-7f3a91c2 2")
}

func TestLaterLoadsAppend(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.load(b.stage(1, "1,a"), warehouse.Loaded)
	b.load(b.stage(2, "2,b"), warehouse.Loaded)
	b.want(rowsOfT, "1=a", "2=b")
}

// A table that was there before keeps its rows.
func TestExistingTableIsKept(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.load(b.stage(1, "1,a"), warehouse.Loaded)
	b.look(`DROP TABLE stagelift."public.t"`)
	b.load(b.stage(2, "2,b"), warehouse.Loaded)
	b.want(rowsOfT, "1=a", "2=b")
}

func TestEmptyLoadWritesTheLedgerAlone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	l := b.stage(1)
	b.load(l, warehouse.Loaded)
	b.load(l, warehouse.AlreadyLoaded)
	b.want(rowsOfT)
	b.want(ledgerT, l.ID+" public.t 20261121T003000Z-7f3a91c2 0")
}

func TestAnotherNumberOfRowsChangesNothing(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]int64{"more were staged": 4, "fewer were staged": 2} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			l := b.stage(1, "1,a", "2,b", "3,c")
			l.Rows = want
			_, err := carryOut(t.Context(), b.client, l)
			if !errors.Is(err, warehouse.ErrRowCount) {
				t.Errorf("error is %v, want ErrRowCount", err)
			}
			wantError(t, err, "loading public.t", fmt.Sprintf("want %d, COPY reported 3; nothing was changed", want))
			b.want(rowsOfT)
			b.want(ledgerT)
			l.Rows = 3
			b.load(l, warehouse.Loaded)
			b.want(rowsOfT, "1=a", "2=b", "3=c")
		})
	}
}

// Two source tables into one target would be told apart by nothing.
func TestTargetOfAnotherSourceIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.load(b.stage(1, "1,a"), warehouse.Loaded)
	for name, source := range map[string]table.Name{
		"other table":             {Schema: "public", Table: "u"},
		"same name, another case": {Schema: "public", Table: "T"},
	} {
		l := b.stage(2, "2,b")
		l.Source = source
		if source.Table == "T" {
			l.Target = source // folds to the same table
		}
		_, err := carryOut(t.Context(), b.client, l)
		if !errors.Is(err, warehouse.ErrOtherSource) {
			t.Errorf("%s: error is %v, want ErrOtherSource", name, err)
		}
		wantError(t, err, "from "+source.String(), "another source table, public.t;", "nothing was changed")
	}
	b.want(rowsOfT, "1=a")
}

// Why the warehouse refused is in the error, which statement it was, and where
// the row is.
func TestRefusedCopySaysWhy(t *testing.T) {
	t.Parallel()
	b := setup(t)
	l := b.stage(1, "1,a", "2,longer than twelve bytes", "3,c")
	outcome, err := carryOut(t.Context(), b.client, l)
	wantError(t, err, "loading public.t: statement ", ":5 FAILED: ", "line 2, column s", "length", "nothing was changed")
	if errors.Is(err, warehouse.ErrRowCount) {
		t.Errorf("error is %v, but nothing was counted", err)
	}
	want := []warehouse.RowError{{
		File: "s3://" + b.bucket + "/1/part-00000.csv", Line: 2, Column: "s", Code: "1204",
		Message: "String length exceeds DDL length: 24 bytes for VARCHAR(12)",
	}}
	if diff := cmp.Diff(want, outcome.Errors); diff != "" {
		t.Errorf("errors (-want +got):\n%s", diff)
	}
	b.want(rowsOfT)
	b.want(ledgerT)
}

func TestUnknownWorkgroupIsSaid(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := config()
	c.Workgroup = "another"
	client, err := New(b.aws, c)
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.Begin(t.Context(), b.stage(1, "1,a"))
	wantError(t, err, "public.t: submitting to Redshift", "endpoint doesn't exist")
}

const commentsOfT = `SELECT attname || ': ' || coalesce(col_description(attrelid, attnum), 'none') FROM pg_attribute
	WHERE attrelid = 'public.t'::regclass AND attnum > 0 ORDER BY attnum`

func TestColumnsCarryTheirSourceType(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.load(b.stage(1, "1,a"), warehouse.Loaded)
	b.want(commentsOfT, "id: PostgreSQL: bigint", "s: PostgreSQL: character varying(3)")
}

// A batch takes 40 statements, and a table may have more columns.
func TestWideTableIsCreatedInChunks(t *testing.T) {
	t.Parallel()
	b := setup(t)
	l := b.stage(1)
	for i := range 100 {
		l.Columns = append(l.Columns, table.Column{Name: fmt.Sprintf("c%02d", i), Type: "integer"})
	}
	b.load(l, warehouse.Loaded)
	if got := b.look(commentsOfT); len(got) != 102 || got[101] != "c99: PostgreSQL: integer" {
		t.Errorf("%d columns, %v", len(got), got)
	}
	more := b.stage(2)
	more.Columns = l.Columns
	for i := range 100 {
		more.Columns = append(more.Columns, table.Column{Name: fmt.Sprintf("d%02d", i), Type: "integer"})
	}
	b.load(more, warehouse.Loaded)
	if got := b.look(commentsOfT); len(got) != 202 || got[201] != "d99: PostgreSQL: integer" {
		t.Errorf("%d columns, %v", len(got), got)
	}
}

// New columns are added, text is lengthened, and what is narrower fits.
func TestTargetFollowsItsSource(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.load(b.stage(1, "1,a"), warehouse.Loaded)
	l := b.stage(2, "2,longer than twelve bytes,9")
	l.Columns[0].Type = "integer"
	l.Columns[1].Type = "text"
	l.Columns = append(l.Columns, table.Column{Name: "N", Type: "smallint"})
	b.load(l, warehouse.Loaded)
	b.want(rowsOfT, "1=a", "2=longer than twelve bytes")
	b.want(`SELECT coalesce(n::text, 'NULL') FROM public.t ORDER BY id`, "NULL", "9")
	b.load(b.stage(3, "3,c"), warehouse.Loaded) // staged before the column was there
	b.want(rowsOfT, "1=a", "2=longer than twelve bytes", "3=c")
}

func TestColumnThatWouldLoseValuesIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.load(b.stage(1, "1,a"), warehouse.Loaded)
	l := b.stage(2, "2,b")
	l.Columns[0].Type = "numeric(20,2)"
	l.Columns[1].Type = "boolean"
	_, err := carryOut(t.Context(), b.client, l)
	if !errors.Is(err, warehouse.ErrColumn) {
		t.Errorf("error is %v, want ErrColumn", err)
	}
	wantError(t, err, `column "id" of public.t is BIGINT, and DECIMAL(20,2) is staged, from numeric(20,2)`,
		`column "s" of public.t is VARCHAR(12), and BOOLEAN is staged`, "nothing was changed")
	b.want(rowsOfT, "1=a")
}

// A ledger of an earlier version gets the columns that it lacks.
func TestEarlierLedgerIsTakenOver(t *testing.T) {
	t.Parallel()
	b := setup(t)
	l := b.stage(1, "1,a")
	b.load(l, warehouse.Loaded)
	b.look(`ALTER TABLE stagelift."public.t" DROP COLUMN sequence, DROP COLUMN mode, DROP COLUMN window_from, DROP COLUMN window_to`)
	b.load(l, warehouse.AlreadyLoaded)
	b.load(b.stage(2, "2,b"), warehouse.Loaded)
	b.want(rowsOfT, "1=a", "2=b")
}

// Rows that nobody counted before are counted by the warehouse.
func TestUncountedRowsAreCounted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	l := b.stage(1, "1,a", "2,b")
	l.Rows = -1
	for _, want := range []warehouse.State{warehouse.Loaded, warehouse.AlreadyLoaded} {
		outcome, err := carryOut(t.Context(), b.client, l)
		if err != nil || outcome.State != want || outcome.Rows != 2 {
			t.Errorf("outcome %+v, %v; want %s with 2 rows", outcome, err, want)
		}
	}
	b.want(ledgerT, l.ID+" public.t 20261121T003000Z-7f3a91c2 2")
}

func TestMergeOfEqualKeysIsRefused(t *testing.T) {
	t.Parallel()
	for name, rows := range map[string][]string{"equal": {"1,a", "1,b"}, "NULL": {`\N,a`, "1,b"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			l := b.stage(1, rows...)
			l.Mode, l.Keys = warehouse.Merge, []string{"id"}
			_, err := carryOut(t.Context(), b.client, l)
			if !errors.Is(err, warehouse.ErrKeys) {
				t.Errorf("error is %v, want ErrKeys", err)
			}
			b.want(rowsOfT)
		})
	}
}

func TestMergeRemovesWhatWasDeleted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	merge := func(number int, rows ...string) warehouse.Load {
		l := b.stage(number, rows...)
		l.Mode, l.Keys, l.Newest, l.Deleted = warehouse.Merge, []string{"id"}, "v", "gone"
		l.Columns = append(l.Columns, table.Column{Name: "v", Type: "integer"}, table.Column{Name: "gone", Type: "boolean", Nullable: true})
		return l
	}
	b.load(merge(1, `1,a,1,\N`, "2,b,1,f", "3,c,1,f"), warehouse.Loaded)
	b.load(merge(2, "2,x,2,f", "2,b,3,t", "3,d,3,f", "3,z,2,t", "4,e,1,t"), warehouse.Loaded)
	b.want(rowsOfT, "1=a", "3=d")
}

// A handle of another load is not taken for this one's.
func TestForeignHandleIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first, second := b.stage(1, "1,a"), b.stage(2, "2,b")
	outcome, err := carryOut(t.Context(), b.client, first)
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.client.Poll(t.Context(), second, "load.1."+outcome.Statements[0])
	wantError(t, err, "is not of load "+second.ID)
	for _, handle := range []string{"", "load", "drop.1.x", "load.1.x'y"} {
		_, err := b.client.Poll(t.Context(), second, handle)
		wantError(t, err, "want what an answer gave")
	}
}
