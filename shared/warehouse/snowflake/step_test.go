package snowflake

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/stagelift/stagelift/shared/warehouse"
)

func TestHandlesAreReadBack(t *testing.T) {
	t.Parallel()
	noted := notes{
		Tell: telling{Statements: 9, Copies: []int{3}}, Warnings: []string{"x"},
		Changes: []warehouse.Change{{Kind: "widened", Column: "größe", Was: "NUMBER(5,0)", Is: "NUMBER(10,0)"}},
	}
	for _, want := range []step{{stepLoad, 1, "01b2c3d4-0000-1111-2222-333344445555", noted}, {name: stepEnter, round: 99, id: "h1"}} {
		got, err := parseStep(want.String())
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(step{}, telling{}), cmpopts.EquateEmpty()); diff != "" || err != nil {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
	}
	if _, err := parseStep("load.1.h1"); err != nil { // it tells nothing more
		t.Error(err)
	}
	for _, handle := range []string{"", "01b2c3d4-0000-1111-2222-333344445555", "load.1.", "load.x.h1", "load.1.h1/../h2", "drop.1.h1", "load.1.h1\n", "load.1.h1.W10", "load.1.h1.!"} {
		if _, err := parseStep(handle); err == nil {
			t.Errorf("%q was taken for a handle", handle)
		} else {
			wantError(t, err, "want what an answer gave")
		}
	}
}

// A handle goes through queues and hands: it does not grow with the columns.
func TestHandlesStayShort(t *testing.T) {
	t.Parallel()
	at := step{name: stepLoad, round: 1, id: "h1"}
	for i := range 1000 {
		at.Changes = append(at.Changes, warehouse.Change{Kind: "added", Column: fmt.Sprintf("column %d", i), Is: "VARCHAR(134217728)"})
	}
	handle := at.String()
	got, err := parseStep(handle)
	if err != nil || len(handle) > 16_000 || len(got.Changes) < 20 || len(got.Warnings) != 1 {
		t.Errorf("%d bytes, %d changes, warnings %v, %v", len(handle), len(got.Changes), got.Warnings, err)
	}
}
