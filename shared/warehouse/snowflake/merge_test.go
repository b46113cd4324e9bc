package snowflake

import (
	"errors"
	"strings"
	"testing"

	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/warehouse"
)

const rowsOfM = `SELECT id || '=' || coalesce(s, 'NULL') || '@' || coalesce(v, 0) FROM public.t ORDER BY id`

// merge stages rows of id, s, version and a mark of deletion.
func (b *bundle) merge(number int, rows ...string) warehouse.Load {
	b.Helper()
	l := b.stage(number, rows...)
	l.Mode, l.Keys = warehouse.Merge, []string{"id"}
	l.Columns = append(l.Columns, table.Column{Name: "v", Type: "integer"}, table.Column{Name: "gone", Type: "boolean"})
	return l
}

// window gives a merge its bounds; its run is as old as they are.
func window(l warehouse.Load, from, to string) warehouse.Load {
	l.Window = &stage.Window{Column: "v", Type: "integer", From: from, To: to}
	return l
}

func TestMergeUpdatesAndInserts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.load(b.merge(1, "1,a,1,f", "2,b,1,f"), warehouse.Loaded)
	b.load(b.merge(2, "2,B,2,f", `3,\N,2,\N`), warehouse.Loaded)
	b.want(rowsOfM, "1=a@1", "2=B@2", "3=NULL@2")
}

func TestNewestOfEqualKeysWins(t *testing.T) {
	t.Parallel()
	b := setup(t)
	l := b.merge(1, "1,old,1,f", "1,new,3,f", `1,non,\N,f`, "1,mid,2,f", "2,b,1,f")
	l.Newest = "v"
	b.load(l, warehouse.Loaded)
	b.want(rowsOfM, "1=new@3", "2=b@1")
}

func TestDeletedRowsAreRemoved(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.load(b.merge(1, "1,a,1,f", "2,b,1,f", "3,c,1,f"), warehouse.Loaded)
	l := b.merge(2, "1,a,2,t", "2,B,2,f", "4,d,2,t", `5,e,2,\N`, "3,c,2,t", "3,C,3,f")
	l.Newest, l.Deleted = "v", "gone"
	b.load(l, warehouse.Loaded)
	b.want(rowsOfM, "2=B@2", "3=C@3", "5=e@2")
}

func TestColumnsThatAreNotStagedSurviveAMerge(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.load(b.merge(1, "1,a,1,f"), warehouse.Loaded)
	l := b.merge(2, "1,f", "2,f")
	l.Columns = []table.Column{l.Columns[0], l.Columns[3]}
	b.load(l, warehouse.Loaded)
	b.want(rowsOfM, "1=a@1", "2=NULL@0")
}

func TestKeysAloneAreMerged(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for number, rows := range [][]string{{"1", "2"}, {"2", "3"}} {
		l := b.merge(number, rows...)
		l.Columns = l.Columns[:1]
		b.load(l, warehouse.Loaded)
	}
	b.want(`SELECT id::text FROM public.t ORDER BY id`, "1", "2", "3")
}

func TestKeysThatCannotBeMergedAreRefused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		rows []string
		want string
	}{
		"twice": {[]string{"1,a,1,f", "1,b,2,f", "2,c,1,f"}, "1 keys are staged more than once"},
		"NULL":  {[]string{"1,a,1,f", `\N,b,2,f`}, "1 of them have no value in a key"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.load(b.merge(1, "1,a,0,f"), warehouse.Loaded)
			_, err := b.fail(b.merge(2, test.rows...), "loading public.t", test.want, "nothing was changed")
			if !errors.Is(err, warehouse.ErrKeys) {
				t.Errorf("error is %v", err)
			}
			b.want(rowsOfM, "1=a@0")
		})
	}
}

func TestWindowsAreMergedInTheirOrder(t *testing.T) {
	t.Parallel()
	b := setup(t)
	// As numbers: 100 is not before 20.
	first, second, third := window(b.merge(1, "1,a,1,f"), "", "20"), window(b.merge(2, "1,b,20,f"), "20", "100"), window(b.merge(3, "1,c,100,f"), "100", "200")
	_, err := b.fail(second, `begins at "20"`, "ends at nothing", "nothing was changed")
	if !errors.Is(err, warehouse.ErrHeld) {
		t.Errorf("error is %v", err)
	}
	b.load(first, warehouse.Loaded)
	_, err = b.fail(third, `begins at "100"`, `ends at "20"`, "nothing was changed")
	if !errors.Is(err, warehouse.ErrHeld) {
		t.Errorf("error is %v", err)
	}
	b.want(rowsOfM, "1=a@1")
	b.load(second, warehouse.Loaded)
	b.load(third, warehouse.Loaded)
	b.load(second, warehouse.AlreadyLoaded)
	late := window(b.merge(4, "1,x,50,f"), "20", "100")
	if outcome := b.load(late, warehouse.Skipped); !strings.Contains(outcome.Reason, `up to "200"`) {
		t.Errorf("reason %q", outcome.Reason)
	}
	b.want(rowsOfM, "1=c@100")
}

func TestEmptyWindowsKeepTheOrder(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.load(window(b.merge(1, "1,a,1,f"), "", "10"), warehouse.Loaded)
	b.load(window(b.merge(2), "10", "20"), warehouse.Loaded)
	b.load(window(b.merge(3, "1,b,20,f"), "20", "30"), warehouse.Loaded)
	b.want(rowsOfM, "1=b@20")
}

// A window that comes after the target was replaced by a newer run brings older
// rows. It is left out, and does not hold up the windows after it.
func TestWindowOlderThanAReplacementIsLeftOut(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := window(b.merge(1, "1,a,1,f"), "", "10")
	late := window(b.merge(2, "1,b,10,f"), "10", "20")
	whole := b.merge(3, "1,c,25,f")
	next := window(b.merge(4, "1,d,30,f"), "20", "40")
	first.Run, late.Run, whole.Run, next.Run = run(1), run(2), run(3), run(4)
	whole.Mode, whole.Keys = warehouse.Replace, nil
	b.load(first, warehouse.Loaded)
	b.load(whole, warehouse.Loaded)
	if outcome := b.load(late, warehouse.Skipped); !strings.Contains(outcome.Reason, string(run(2))) {
		t.Errorf("reason %q", outcome.Reason)
	}
	b.want(rowsOfM, "1=c@25")
	b.load(next, warehouse.Loaded)
	b.want(rowsOfM, "1=d@30")
}
