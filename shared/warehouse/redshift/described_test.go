package redshift

import (
	"strings"
	"testing"

	"github.com/stagelift/stagelift/shared/table"
)

// A column that is described is staged as what the target takes as it is: it is
// neither refused nor widened.
func TestDescribedColumns(t *testing.T) {
	t.Parallel()
	for k, want := range map[kind]string{
		{name: "SMALLINT"}: "smallint", {name: "BIGINT"}: "bigint", {name: "TIMETZ"}: "time with time zone", {name: "SUPER"}: "jsonb",
		{name: "VARBYTE", a: 64000}: "bytea", {name: "DECIMAL", a: 38, b: 37}: "numeric(38,37)", {name: "DECIMAL", a: 18}: "numeric(18,0)",
		{name: "VARCHAR", a: 2}: "bit varying(2)", {name: "VARCHAR", a: 65535}: "bit varying(65535)",
		{name: "CHAR", a: 3}: "CHAR(3) is not a type that is loaded", {name: "GEOMETRY"}: "GEOMETRY is not a type that is loaded",
	} {
		column, err := describedColumn("c", k)
		if err != nil {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error is %v, want %q", k, err, want)
			}
			continue
		}
		if column.Type != want || column.Name != "c" || !column.Nullable || column.Source != k.String() {
			t.Errorf("%s became %+v, want %s", k, column, want)
		}
		image, err := table.ImageOf(column)
		if err != nil {
			t.Errorf("%s: %v", k, err)
		}
		if staged, err := parseKind(image.Redshift); err != nil || !k.holds(staged) {
			t.Errorf("%s is staged as %s, which it does not hold: %v", k, image.Redshift, err)
		}
	}
}

func TestColumnsOfATableThatIsNotThere(t *testing.T) {
	t.Parallel()
	b := setup(t)
	columns, err := b.connect().Columns(t.Context(), table.Name{Schema: "public", Table: "nothing"})
	if err != nil || columns != nil {
		t.Errorf("%+v, %v", columns, err)
	}
}
