package snowflake

import (
	"strings"
	"testing"

	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// A column that is described is staged as what the target takes as it is: it is
// neither refused nor widened.
func TestDescribedColumns(t *testing.T) {
	t.Parallel()
	for e, want := range map[existingColumn]string{
		{kind: "NUMBER", precision: 38}:            "numeric(38,0)",
		{kind: "NUMBER", precision: 38, scale: 37}: "numeric(38,37)",
		{kind: "TEXT", length: 2}:                  "character varying(2)",
		{kind: "TEXT", length: 134217728}:          "character varying(134217728)",
		{kind: "VARIANT"}:                          "jsonb",
		{kind: "FLOAT"}:                            "double precision",
		{kind: "TIMESTAMP_NTZ", fractional: 9}:     "timestamp without time zone",
		{kind: "TIMESTAMP_NTZ", fractional: 3}:     "TIMESTAMP_NTZ(3) does not hold every TIMESTAMP_NTZ(6)",
		{kind: "BINARY", length: 10}:               "bytea",
		{kind: "GEOGRAPHY"}:                        "is not a type that is loaded",
	} {
		column, err := e.described("c")
		if err != nil {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error is %v, want %q", e, err, want)
			}
			continue
		}
		if column.Type != want || column.Name != "c" || !column.Nullable {
			t.Errorf("%s became %+v, want %s", e, column, want)
		}
		image, err := table.ImageOf(column)
		if how, _ := e.takes(image.Snowflake); err != nil || how != fits {
			t.Errorf("%s is staged as %s, which it does not hold: %v", e, image.Snowflake, err)
		}
	}
}

func TestColumnsThatLoadsAddAreNoneOfAFile(t *testing.T) {
	t.Parallel()
	b := setup(t)
	l := b.sweeping(b.merge(1, "1,a,1,f"), true, "1")
	l.AddRun, l.AddLoadedAt = true, true
	b.load(l, warehouse.Loaded)
	columns, err := b.warehouse.Columns(t.Context(), l.Target)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(names(columns), " "); got != "gone id s v" {
		t.Errorf("columns %s", got)
	}
}

func TestColumnsOfATableThatIsNotThere(t *testing.T) {
	t.Parallel()
	b := setup(t)
	columns, err := b.warehouse.Columns(t.Context(), table.Name{Schema: "public", Table: "nothing"})
	if err != nil || columns != nil {
		t.Errorf("%+v, %v", columns, err)
	}
}
