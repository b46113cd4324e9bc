package snowflake

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/warehouse"
)

func text(length int64) existingColumn { return existingColumn{"TEXT", length, -1, -1, -1, ""} }
func fixed(precision, scale int64) existingColumn {
	return existingColumn{"NUMBER", -1, precision, scale, -1, ""}
}

func TestColumnsTakeWhatTheyCanHold(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		column existingColumn
		staged string
		want   fit
		to     string
	}{
		{text(40), "VARCHAR(40)", fits, ""},
		{text(41), "VARCHAR(40)", fits, ""},
		{text(39), "VARCHAR(40)", widen, "VARCHAR(40)"},
		{text(39), anyText, fits, ""},
		{existingColumn{"TEXT", 24, -1, -1, -1, "character varying(24)"}, anyText, widen, anyText},
		{existingColumn{"TEXT", 25, -1, -1, -1, "character varying(24)"}, anyText, fits, ""},
		{text(40), "NUMBER(5,0)", unfit, ""},
		{fixed(19, 0), "NUMBER(19,0)", fits, ""},
		{fixed(19, 0), "NUMBER(10,0)", fits, ""},
		{fixed(10, 0), "NUMBER(19,0)", widen, "NUMBER(19,0)"},
		{fixed(12, 3), "NUMBER(12,2)", widen, "NUMBER(13,3)"},
		{fixed(12, 1), "NUMBER(12,2)", unfit, ""},
		{fixed(38, 10), "NUMBER(38,0)", unfit, ""},
		{fixed(13, 3), "NUMBER(12,2)", fits, ""},
		{fixed(12, 2), "VARCHAR(10)", unfit, ""},
		{existingColumn{"FLOAT", -1, -1, -1, -1, ""}, "FLOAT", fits, ""},
		{existingColumn{"VARIANT", -1, -1, -1, -1, ""}, "VARIANT", fits, ""},
		{existingColumn{"DATE", -1, -1, -1, 0, ""}, "DATE", fits, ""},
		{existingColumn{"TIMESTAMP_TZ", -1, -1, -1, 9, ""}, "TIMESTAMP_TZ(6)", fits, ""},
		{existingColumn{"TIMESTAMP_TZ", -1, -1, -1, 3, ""}, "TIMESTAMP_TZ(6)", unfit, ""},
		{existingColumn{"TIMESTAMP_NTZ", -1, -1, -1, 9, ""}, "TIMESTAMP_TZ(6)", unfit, ""},
		{existingColumn{"TIME", -1, -1, -1, -1, ""}, "TIME(6)", fits, ""},
		{existingColumn{"BINARY", 8, -1, -1, -1, ""}, "BINARY(67108864)", fits, ""},
		{existingColumn{"BINARY", -1, -1, -1, -1, ""}, "BINARY(67108864)", fits, ""},
	} {
		if got, to := test.column.takes(test.staged); got != test.want || to != test.to {
			t.Errorf("%s takes %s: %d %s, want %d %s", test.column, test.staged, got, to, test.want, test.to)
		}
	}
}

// Every type that a column can have is read back from what CREATE TABLE was
// told as one that takes it.
func TestEveryTypeTakesItself(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{
		"boolean", "smallint", "integer", "bigint", "real", "numeric(12,2)", "numeric", "text", "character varying(40)", "bytea",
		"date", "time without time zone", "timestamp without time zone", "timestamp with time zone", "jsonb", "uuid", "text[]",
	} {
		image, err := table.ImageOf(table.Column{Name: "c", Type: kind})
		if err != nil {
			t.Fatal(err)
		}
		name, sizes, _ := strings.Cut(image.Snowflake, "(")
		column := existingColumn{name, 1 << 40, 38, 0, 9, ""}
		if name == "VARCHAR" {
			column.kind = "TEXT"
		}
		if strings.HasSuffix(sizes, ",2)") {
			column.scale = 2
		}
		if how, _ := column.takes(image.Snowflake); how != fits {
			t.Errorf("%s: %s does not take %s", kind, column, image.Snowflake)
		}
	}
}

func TestSetupAddsAndWidens(t *testing.T) {
	t.Parallel()
	l := load()
	l.Columns = []table.Column{{Name: "id", Type: "bigint"}, {Name: "s", Type: "character varying(40)"}, {Name: "o'clock", Type: "numeric(38,10)", Source: "numeric"}}
	prepared, err := setUpFor(config(), taskOf(t, l), existing{ledger: true, history: true, target: map[string]existingColumn{"id": fixed(19, 0), "s": text(3), "other": text(1)}})
	got := prepared.statements
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`ALTER TABLE "public"."orders" ALTER COLUMN "s" SET DATA TYPE VARCHAR(40)`,
		`ALTER TABLE "public"."orders" ADD COLUMN IF NOT EXISTS "o'clock" NUMBER(38,10)`,
		`COMMENT ON COLUMN "public"."orders"."o'clock" IS 'numeric'`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestSetupNamesEveryColumnThatDoesNotFit(t *testing.T) {
	t.Parallel()
	_, err := setUpFor(config(), taskOf(t, load()), existing{target: map[string]existingColumn{"id": fixed(38, 30), "total": text(10)}})
	wantError(t, err, `"id" of public.orders is NUMBER(38,30), staged is NUMBER(19,0) (bigint)`,
		`"total" of public.orders is VARCHAR(10), staged is NUMBER(12,2) (numeric(12,2))`)
	if !errors.Is(err, warehouse.ErrColumn) {
		t.Errorf("error is %v", err)
	}
}

func TestNothingIsPreparedWhereAllIsThere(t *testing.T) {
	t.Parallel()
	l := load()
	l.Columns = l.Columns[:1]
	got, err := setUpFor(config(), taskOf(t, l), existing{ledger: true, history: true, target: map[string]existingColumn{"id": fixed(19, 0)}})
	if err != nil || len(got.statements) > 0 {
		t.Errorf("%v, %v", got, err)
	}
}

func TestLedgerNamesFitAndDiffer(t *testing.T) {
	t.Parallel()
	one, other := load(), load()
	one.Target.Table, other.Target.Table = strings.Repeat("a", 254), strings.Repeat("a", 253)+"b"
	a, b := ledger(config(), one), ledger(config(), other)
	if a == b || checkName(a.Table) != nil || checkName(b.Table) != nil {
		t.Errorf("ledgers %s and %s", a, b)
	}
}
