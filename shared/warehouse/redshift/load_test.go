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
	ledgerT = `SELECT load_id || ' ' || source || ' ' || run || ' ' || row_count FROM stagelift."public.t" ORDER BY load_id`
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
	if _, done, err := b.client.Loaded(t.Context(), l); done || err != nil {
		t.Fatalf("loaded before anything was there: %t, %v", done, err)
	}
	b.load(l, warehouse.Loaded)
	b.want(`SELECT id || '=' || coalesce(s, 'NULL') FROM mart."orders of t" ORDER BY id`, "1=a", "2=b,c", "3=NULL")
	b.want(`SELECT load_id || ' ' || source || ' ' || run || ' ' || row_count FROM stagelift."mart.""orders of t"""`,
		l.ID+" public.t 20261121T003000Z-7f3a91c2 3")
	b.want(`SELECT relname FROM pg_class WHERE relname LIKE 'stagelift\_0%'`) // no staging table is left
}

func TestSecondDeliveryChangesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	l := b.stage(1, "1,a", "2,b")
	b.load(l, warehouse.Loaded)
	b.load(l, warehouse.AlreadyLoaded)
	outcome, done, err := b.connect().Loaded(t.Context(), l)
	if want := (warehouse.Outcome{State: warehouse.AlreadyLoaded, Rows: 2}); err != nil || !done || !cmp.Equal(outcome, want) {
		t.Errorf("outcome %+v, %t, %v; want %+v", outcome, done, err, want)
	}
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
			_, err := b.client.Load(t.Context(), l)
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
		_, err := b.client.Load(t.Context(), l)
		if !errors.Is(err, warehouse.ErrOtherSource) {
			t.Errorf("%s: error is %v, want ErrOtherSource", name, err)
		}
		wantError(t, err, "from "+source.String(), "another source table, public.t;", "nothing was changed")
	}
	b.want(rowsOfT, "1=a")
}

// Why the warehouse refused is in the error, and which statement it was.
func TestRefusedCopySaysWhy(t *testing.T) {
	t.Parallel()
	b := setup(t)
	l := b.stage(1, "1,a", "2,longer than twelve bytes", "3,c")
	_, err := b.client.Load(t.Context(), l)
	wantError(t, err, "loading public.t: statement ", ":5 FAILED: ", "length", "nothing was changed")
	if errors.Is(err, warehouse.ErrRowCount) {
		t.Errorf("error is %v, but nothing was counted", err)
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
	_, err = client.Load(t.Context(), b.stage(1, "1,a"))
	wantError(t, err, "public.t: submitting to Redshift", "endpoint doesn't exist")
}

func TestUnknownFormatIsRefusedBeforeTheWarehouseIsAsked(t *testing.T) {
	t.Parallel()
	b := setup(t)
	l := b.stage(1, "1,a")
	l.Format.Compression = "lzop"
	_, err := b.client.Load(t.Context(), l)
	wantError(t, err, `"lzop"`)
	b.want(`SELECT relname FROM pg_class WHERE relname IN ('t', 'public.t')`)
}
