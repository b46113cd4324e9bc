package redshift

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/redshiftdata"
	"golang.org/x/sync/errgroup"

	"github.com/stagelift/stagelift/shared/warehouse"
)

const many = 8

// together calls do from many goroutines, each with a client of its own.
func (b *bundle) together(do func(n int, c *Warehouse) error) {
	b.Helper()
	var group errgroup.Group
	start := make(chan struct{})
	for n := range many {
		client := b.connect()
		group.Go(func() error {
			<-start
			return do(n, client)
		})
	}
	close(start)
	if err := group.Wait(); err != nil {
		b.Fatal(err)
	}
}

func TestManyCreateTheSameTable(t *testing.T) {
	t.Parallel()
	b := setup(t)
	l := b.stage(1)
	l.Target.Schema = "mart"
	b.together(func(_ int, c *Warehouse) error {
		_, err := carryOut(t.Context(), c, l)
		return err
	})
	b.want(`SELECT relname FROM pg_class WHERE relname IN ('t', 'mart.t') ORDER BY 1`, "mart.t", "t")
}

func TestManyDeliveriesLoadOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	l := b.stage(1, "1,a", "2,b")
	var mu sync.Mutex
	states := map[warehouse.State]int{}
	b.together(func(_ int, c *Warehouse) error {
		outcome, err := carryOut(t.Context(), c, l)
		mu.Lock()
		defer mu.Unlock()
		states[outcome.State]++
		return err
	})
	// Those that came while it was under way have waited for the same statement.
	if states[warehouse.Loaded] < 1 || states[warehouse.Loaded]+states[warehouse.AlreadyLoaded] != many {
		t.Errorf("states %v", states)
	}
	b.want(rowsOfT, "1=a", "2=b")
	b.want(ledgerT, l.ID+" public.t 20261121T003000Z-7f3a91c2 2")
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
	b.together(func(n int, c *Warehouse) error {
		outcome, err := carryOut(t.Context(), c, loads[n])
		if err == nil && outcome.State != warehouse.Loaded {
			err = fmt.Errorf("load %d is %s", n, outcome.State)
		}
		return err
	})
	b.want(rowsOfT, want...)
	b.want(`SELECT count(*) FROM stagelift."public.t" WHERE load_id <> ''`, fmt.Sprint(many))
}

// gate stops the first statement that starts like this, and says which it is.
func (b *bundle) gate(prefix string) (inside <-chan string, open func()) {
	reached, opened := make(chan string, 1), make(chan struct{})
	var once sync.Once
	b.hook(func(ctx context.Context, id, sql string) error {
		if !strings.HasPrefix(sql, prefix) {
			return nil
		}
		once.Do(func() {
			reached <- id
			select {
			case <-opened:
			case <-ctx.Done():
			}
		})
		return nil
	})
	return reached, sync.OnceFunc(func() { close(opened) })
}

// reach begins a load and asks until it is at the step.
func (b *bundle) reach(w *Warehouse, l warehouse.Load, name string) warehouse.Outcome {
	b.Helper()
	outcome, err := w.Begin(b.Context(), l)
	for err == nil && !strings.HasPrefix(outcome.Handle, name+".") && outcome.State == warehouse.Running {
		outcome, err = w.Poll(b.Context(), l, outcome.Handle)
	}
	if err != nil || outcome.State != warehouse.Running {
		b.Fatalf("outcome %+v, %v", outcome, err)
	}
	return outcome
}

// A check that could not be made has found nothing out: the error is the
// warehouse's, and the next delivery loads.
func TestCrashDuringACheckIsNotTakenForItsResult(t *testing.T) {
	t.Parallel()
	for name, prefix := range map[string]string{
		"the ledger": `SELECT 1 / CASE WHEN COALESCE(MAX(sequence), 0) = `,
		"the target": `SELECT 1 / CASE WHEN a.n = b.n + s.n `,
		"the count":  `SELECT 1 / CASE WHEN COUNT(*) = 2 `,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			l := b.stage(1, "1,a", "2,b")
			b.hook(func(_ context.Context, _, sql string) error {
				if strings.HasPrefix(sql, prefix) {
					return errors.New("the leader node restarts")
				}
				return nil
			})
			_, err := carryOut(t.Context(), b.client, l)
			wantError(t, err, "loading public.t", "FAILED", "the leader node restarts", "nothing was changed")
			if errors.Is(err, warehouse.ErrRowCount) || errors.Is(err, warehouse.ErrOtherSource) {
				t.Errorf("error is %v", err)
			}
			b.want(rowsOfT)
			b.hook(nil)
			b.load(l, warehouse.Loaded)
			b.want(rowsOfT, "1=a", "2=b")
		})
	}
}

// An operator who cancels the statement in the console gets to read that, and
// not that the rows were counted wrong.
func TestCancelledTransactionIsSaid(t *testing.T) {
	t.Parallel()
	b := setup(t)
	inside, open := b.gate("SELECT 1 / CASE WHEN COUNT(*) = 2 ")
	defer open()
	l := b.stage(1, "1,a", "2,b")
	done := make(chan error, 1)
	go func() {
		_, err := carryOut(t.Context(), b.client, l)
		done <- err
	}()
	id, _, _ := strings.Cut(<-inside, ":")
	if _, err := b.client.api.CancelStatement(t.Context(), &redshiftdata.CancelStatementInput{Id: &id}); err != nil {
		t.Fatal(err)
	}
	err := <-done
	wantError(t, err, "loading public.t", "statement "+id+" ABORTED", "cancelled", "nothing was changed")
	if errors.Is(err, warehouse.ErrRowCount) {
		t.Errorf("error is %v", err)
	}
	b.want(rowsOfT)
	b.hook(nil)
	b.load(l, warehouse.Loaded)
}
