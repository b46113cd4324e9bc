package snowflake

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/shared/warehouse"
)

func TestLedgerIsReadWithoutItsLock(t *testing.T) {
	t.Parallel()
	row := func(values ...string) []*string {
		list := make([]*string, len(values))
		for i := range values {
			if values[i] != "NULL" {
				list[i] = &values[i]
			}
		}
		return list
	}
	got, err := parseLedger([][]*string{
		row("2", "b", "public.t", "r2", "merge", "aside", "", "9", "ff", "a,%C3%A4+b", "1", "r0", "0"),
		row("0", "", "", "", "lock", "lock", "NULL", "NULL", "", "NULL", "0", "NULL", "17"),
		row("1", "a", "public.t", "r1", "append", "loaded", "NULL", "NULL", "", "NULL", "0", "NULL", "3"),
	})
	if err != nil {
		t.Fatal(err)
	}
	want := book{lockable: true, last: 2, entries: []warehouse.Entry{
		{Sequence: 2, Load: "b", Source: "public.t", Run: "r2", Mode: warehouse.Merge, State: warehouse.Aside, To: "9", Filter: "ff", Absent: []string{"a", "ä b"}, Swept: true, Repairs: "r0"},
		{Sequence: 1, Load: "a", Source: "public.t", Run: "r1", Mode: warehouse.Append, State: warehouse.Loaded, Rows: 3},
	}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(book{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for name, rows := range map[string][][]*string{
		"too few columns": {row("1")},
		"no number":       {row("x", "a", "s", "r", "append", "loaded", "", "", "", "", "0", "", "3")},
		"no count":        {row("1", "a", "s", "r", "append", "loaded", "", "", "", "", "0", "", "x")},
	} {
		if _, err := parseLedger(rows); err == nil {
			t.Errorf("%s: it was read", name)
		}
	}
}
