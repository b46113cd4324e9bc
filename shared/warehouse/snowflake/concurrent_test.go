package snowflake

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/stagelift/stagelift/shared/warehouse"
)

const many = 8

// together calls do from many goroutines, each with a client of its own.
func (b *bundle) together(do func(n int, w *Warehouse) error) {
	b.Helper()
	var group errgroup.Group
	start := make(chan struct{})
	for n := range many {
		w := b.connect()
		group.Go(func() error {
			<-start
			return do(n, w)
		})
	}
	close(start)
	if err := group.Wait(); err != nil {
		b.Fatal(err)
	}
}

func TestManyDeliveriesLoadOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	l := b.stage(1, "1,a", "2,b")
	var mu sync.Mutex
	states := map[warehouse.State]int{}
	b.together(func(_ int, w *Warehouse) error {
		outcome, err := carry(t.Context(), w, l)
		mu.Lock()
		defer mu.Unlock()
		states[outcome.State]++
		return err
	})
	if states[warehouse.Loaded] < 1 || states[warehouse.Loaded]+states[warehouse.AlreadyLoaded] != many {
		t.Errorf("states %v", states)
	}
	b.want(rowsOfT, "1=a", "2=b")
	b.want(ledgerT, l.ID+" public.t "+string(l.Run)+" append 2")
}

func TestLoadsOfOneTableFollowEachOther(t *testing.T) {
	t.Parallel()
	b := setup(t)
	loads := make([]warehouse.Load, many)
	want := make([]string, many)
	for n := range loads {
		loads[n] = b.stage(n, fmt.Sprintf("%d,x", n))
		want[n] = fmt.Sprintf("%d=x", n)
	}
	b.together(func(n int, w *Warehouse) error {
		outcome, err := carry(t.Context(), w, loads[n])
		if err == nil && outcome.State != warehouse.Loaded {
			err = fmt.Errorf("load %d is %s", n, outcome.State)
		}
		return err
	})
	b.want(rowsOfT, want...)
	b.want(`SELECT count(*) FROM "STAGELIFT"."public.t" WHERE "LOAD_ID" <> ''`, fmt.Sprint(many))
}

// Of replacements that come at once and in any order the newest is what is
// there in the end.
func TestNewestReplacementStays(t *testing.T) {
	t.Parallel()
	b := setup(t)
	loads := make([]warehouse.Load, many)
	for n := range loads {
		loads[n] = b.stage(n, fmt.Sprintf("%d,x", n))
		loads[n].Mode, loads[n].Run = warehouse.Replace, run(n+1)
	}
	b.together(func(n int, w *Warehouse) error {
		_, err := carry(t.Context(), w, loads[n])
		return err
	})
	b.want(rowsOfT, fmt.Sprintf("%d=x", many-1))
}

// Windows that come at once are merged in their order, when those that came too
// early are delivered again.
func TestWindowsThatComeAtOnceAreMergedInTheirOrder(t *testing.T) {
	t.Parallel()
	b := setup(t)
	loads := make([]warehouse.Load, many)
	for n := range loads {
		loads[n] = window(b.merge(n, fmt.Sprintf("1,x,%d,f", n)), fmt.Sprint(n*10), fmt.Sprint(n*10+10))
	}
	loads[0].Window.From = ""
	b.together(func(n int, w *Warehouse) error {
		for {
			if _, err := carry(t.Context(), w, loads[n]); !errors.Is(err, warehouse.ErrHeld) {
				return err
			}
		}
	})
	b.want(rowsOfM, fmt.Sprintf("1=x@%d", many-1))
	b.want(`SELECT count(*) FROM "STAGELIFT"."public.t" WHERE "LOAD_ID" <> ''`, fmt.Sprint(many))
}
