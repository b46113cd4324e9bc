package snowflake

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/warehouse"
)

const (
	rowsOfT = `SELECT id || '=' || coalesce(s, 'NULL') FROM public.t ORDER BY id`
	ledgerT = `SELECT "LOAD_ID" || ' ' || "SOURCE" || ' ' || "RUN" || ' ' || "MODE" || ' ' || "ROW_COUNT" FROM "STAGELIFT"."public.t"
		WHERE "LOAD_ID" <> '' ORDER BY "LOAD_ID"`
)

func TestFirstLoadCreatesEverything(t *testing.T) {
	t.Parallel()
	b := setup(t)
	l := b.stage(1, "1,a", `2,"b,c"`, `3,\N`, `4,""`)
	l.Target = table.Name{Schema: "mart", Table: `Orders "of" t`}
	outcome := b.load(l, warehouse.Loaded)
	if len(outcome.Statements) < 10 {
		t.Errorf("statements %v", outcome.Statements)
	}
	b.want(`SELECT id || '=' || coalesce(s, 'NULL') FROM mart."Orders ""of"" t" ORDER BY id`, "1=a", "2=b,c", "3=NULL", "4=")
	b.want(`SELECT "LOAD_ID" || ' ' || "ROW_COUNT" FROM "STAGELIFT"."mart.""Orders """"of"""" t""" WHERE "LOAD_ID" <> ''`, l.ID+" 4")
	b.want(`SELECT relname FROM pg_class WHERE relname LIKE 'stagelift\_0%'`) // no staging table is left
}

func TestSecondDeliveryChangesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	l := b.stage(1, "1,a", "2,b")
	b.load(l, warehouse.Loaded)
	b.load(l, warehouse.AlreadyLoaded)
	b.want(rowsOfT, "1=a", "2=b")
	b.want(ledgerT, l.ID+" public.t "+string(run(10))+" append 2")
}

func TestAppendsAddRowsInAnyOrder(t *testing.T) {
	t.Parallel()
	b := setup(t)
	newer, older, empty := b.stage(1, "1,a"), b.stage(2, "2,b"), b.stage(3)
	older.Run = run(1)
	b.load(newer, warehouse.Loaded)
	b.load(older, warehouse.Loaded)
	b.load(empty, warehouse.Loaded)
	b.want(rowsOfT, "1=a", "2=b")
	b.want(`SELECT count(*) FROM "STAGELIFT"."public.t" WHERE "LOAD_ID" <> ''`, "3")
}

func TestReplacePutsTheRowsInThePlaceOfAll(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first, second, empty := b.stage(1, "1,a", "2,b"), b.stage(2, "2,c"), b.stage(3)
	second.Mode, empty.Mode = warehouse.Replace, warehouse.Replace
	second.Run, empty.Run = run(11), run(12)
	b.load(first, warehouse.Loaded)
	b.load(second, warehouse.Loaded)
	b.want(rowsOfT, "2=c")
	b.load(empty, warehouse.Loaded)
	b.want(rowsOfT)
}

func TestOlderReplacementIsSkipped(t *testing.T) {
	t.Parallel()
	b := setup(t)
	newer, older := b.stage(1, "1,a"), b.stage(2, "2,b")
	newer.Mode, older.Mode = warehouse.Replace, warehouse.Replace
	older.Run = run(9)
	b.load(newer, warehouse.Loaded)
	outcome := b.load(older, warehouse.Skipped)
	if !strings.Contains(outcome.Reason, string(run(10))+", which is newer") {
		t.Errorf("reason %q", outcome.Reason)
	}
	b.want(rowsOfT, "1=a")
}

func TestPartsAreReadByThemselvesAlone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	l := b.stage(1, "1,a")
	stray := b.stage(9)
	b.put(&l, "stage/shop/public.t/1/part-00002.csv", "2,b", "3,c")
	b.put(&stray, "stage/shop/public.t/1/part-00001.csv", "9,z")
	b.load(l, warehouse.Loaded)
	b.want(rowsOfT, "1=a", "2=b", "3=c")
}

func TestUncountedObjectIsLoadedAndCounted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	l := b.stage(1, "1,a", "2,b")
	l.Rows, l.Parts[0].Rows, l.Run = -1, -1, ""
	outcome, err := carry(t.Context(), b.warehouse, l)
	if err != nil || outcome.State != warehouse.Loaded || outcome.Rows != 2 {
		t.Errorf("%+v, %v", outcome, err)
	}
	b.want(rowsOfT, "1=a", "2=b")
}

func TestOtherCountLeavesTheTargetAsItWas(t *testing.T) {
	t.Parallel()
	for _, mode := range []warehouse.Mode{warehouse.Append, warehouse.Replace, warehouse.Merge} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.load(b.stage(1, "1,a"), warehouse.Loaded)
			l := b.stage(2, "1,b", "2,b")
			l.Mode, l.Rows = mode, 3
			if mode == warehouse.Merge {
				l.Keys = []string{"id"}
			}
			_, err := b.fail(l, "loading public.t", "want 3, COPY brought 2", "nothing was changed")
			if !errors.Is(err, warehouse.ErrRowCount) {
				t.Errorf("error is %v", err)
			}
			b.want(rowsOfT, "1=a")
			l.Rows = 2
			b.load(l, warehouse.Loaded)
		})
	}
}

func TestBadRowIsNamedWithoutItsValues(t *testing.T) {
	t.Parallel()
	b := setup(t)
	l := b.stage(1, "1,a", "hunter2,b")
	outcome, err := b.fail(l, "loading public.t", "nothing was changed")
	if len(outcome.Errors) != 1 || outcome.Errors[0].File != "s3://"+b.bucket+"/"+l.Parts[0].Key || outcome.Errors[0].Line != 2 {
		t.Errorf("rows %+v", outcome.Errors)
	}
	if strings.Contains(fmt.Sprint(outcome, err), "hunter2") {
		t.Errorf("%+v, %v", outcome, err)
	}
	b.want(rowsOfT)
}

func TestMissingPartFailsTheLoad(t *testing.T) {
	t.Parallel()
	b := setup(t)
	l := b.stage(1, "1,a")
	l.Parts = append(l.Parts, warehouse.Part{Key: "stage/shop/public.t/1/part-00001.csv", Rows: 1})
	l.Rows++
	_, _ = b.fail(l, "loading public.t", "nothing was changed")
	b.want(rowsOfT)
}

func TestOneTargetHasOneSource(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.load(b.stage(1, "1,a"), warehouse.Loaded)
	l := b.stage(2, "2,b")
	l.Source.Table = "o'ther"
	_, err := b.fail(l, `public."o'ther"`, "public.t", "give one of the two another target")
	if !errors.Is(err, warehouse.ErrOtherSource) {
		t.Errorf("error is %v", err)
	}
	b.want(rowsOfT, "1=a")
}

func TestNewColumnsAreAddedAndTextsWidened(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.load(b.stage(1, "1,abc"), warehouse.Loaded)
	l := b.stage(2, "2,abcdef,2026-11-21")
	l.Columns = []table.Column{{Name: "id", Type: "bigint"}, {Name: "s", Type: "character varying(6)"}, {Name: "Since", Type: "date"}}
	b.load(l, warehouse.Loaded)
	b.want(`SELECT id || '=' || s || '=' || coalesce("Since"::text, 'NULL') FROM public.t ORDER BY id`, "1=abc=NULL", "2=abcdef=2026-11-21")
	b.load(b.stage(3, "3,x"), warehouse.Loaded) // columns that are no longer staged stay
	b.want(`SELECT count(*) FROM public.t`, "3")
}

func TestColumnThatDoesNotFitIsNamed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.load(b.stage(1, "1,a"), warehouse.Loaded)
	l := b.stage(2, "2.5,b")
	l.Columns[0].Type = "numeric(10,1)"
	_, err := b.fail(l, `"id" of public.t is NUMBER(19,0)`, "NUMBER(10,1)", "nothing was changed")
	if !errors.Is(err, warehouse.ErrColumn) {
		t.Errorf("error is %v", err)
	}
}

func TestBothCredentialsAreTaken(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for n, w := range []*Warehouse{b.connect(), b.connectAs(b.identity("AKIATEST"))} {
		outcome, err := carry(t.Context(), w, b.stage(n, fmt.Sprintf("%d,a", n)))
		if err != nil || outcome.State != warehouse.Loaded {
			t.Errorf("%+v, %v", outcome, err)
		}
	}
	b.want(rowsOfT, "0=a", "1=a")
}

func TestStrangersAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	stranger, err := NewKeyPair(b.config.Account, "loader", encodeKey(t, makeKey()))
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.connectAs(stranger).Begin(t.Context(), b.stage(1, "1,a"))
	wantError(t, err, "looking at table public.t", "401", "the token was refused")
	if text := err.Error(); strings.Contains(text, "eyJ") {
		t.Errorf("error holds a token: %s", text)
	}
	_, err = b.connectAs(b.identity("AKIAOTHER")).Begin(t.Context(), b.stage(1, "1,a"))
	wantError(t, err, "asking STS for a web identity token")
}

func TestEveryFormatBringsTheSameValues(t *testing.T) {
	t.Parallel()
	columns := []table.Column{
		{Name: "id", Type: "integer"},
		{Name: "n", Type: "numeric(38,10)"},
		{Name: `s"\`, Type: "text"},
		{Name: "b", Type: "boolean"},
		{Name: "at", Type: "timestamp with time zone"},
		{Name: "day", Type: "date"},
		{Name: "raw", Type: "bytea"},
		{Name: "doc", Type: "jsonb"},
	}
	rows := map[string][]string{
		"csv": {
			`1,1234567890123456789012345678.0123456789,"a ""b"", c\",t,2026-11-21 00:30:00.000001+00,2026-11-21,00ff,"{""a"": [1, ""x""]}"`,
			`2,-0.0000000001,"",f,1999-12-31 23:59:59.999999+00,0001-01-01,"",null`,
			`3,\N,\N,\N,\N,\N,\N,\N`,
		},
		"jsonl": {
			`{"id":1,"n":1234567890123456789012345678.0123456789,"s\"\\":"a \"b\", c\\","b":true,"at":"2026-11-21T00:30:00.000001+00:00","day":"2026-11-21","raw":"AP8=","doc":{"a":[1,"x"]}}`,
			`{"id":2,"n":-0.0000000001,"s\"\\":"","b":false,"at":"1999-12-31T23:59:59.999999+00:00","day":"0001-01-01","raw":"","doc":[]}`,
			`{"id":3,"n":null,"s\"\\":null,"b":null,"at":null,"day":null,"raw":null,"doc":null}`,
		},
	}
	documents := map[string]string{"csv": "null", "jsonl": "[]"}
	for format, lines := range rows {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			l := b.stage(1)
			l.Columns, l.Format.Name = columns, format
			b.put(&l, "stage/a/part-00000."+format, lines...)
			b.load(l, warehouse.Loaded)
			got := b.look(`SELECT concat_ws('|', id, n, "s""\", b, "at" AT TIME ZONE 'UTC', day, encode(raw, 'hex'), doc) || '#' || num_nulls(n, "s""\", b, "at", day, raw, doc)
				FROM public.t ORDER BY id`)
			want := []string{
				`1|1234567890123456789012345678.0123456789|a "b", c\|t|2026-11-21 00:30:00.000001|2026-11-21|00ff|{"a": [1, "x"]}#0`,
				`2|-0.0000000001||f|1999-12-31 23:59:59.999999|0001-01-01||` + documents[format] + `#0`,
				`3#7`,
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
