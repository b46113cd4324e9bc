package snowflake

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	standin "github.com/stagelift/stagelift/local/snowflake"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// nth calls do on the nth call, from 0.
func nth[T any](n int, do func() T) func() T {
	var mu sync.Mutex
	count := 0
	return func() T {
		mu.Lock()
		count++
		hit := count == n+1
		mu.Unlock()
		var nothing T
		if !hit {
			return nothing
		}
		return do()
	}
}

// Whichever answer is lost, refused or delayed, the load comes once.
func TestLostAnswersAreMadeGood(t *testing.T) {
	t.Parallel()
	faults := map[string]func(fault func() *standin.Fault) hooks{
		"before it is done": func(fault func() *standin.Fault) hooks {
			return hooks{before: func(standin.Request) *standin.Fault { return fault() }}
		},
		"after it is done": func(fault func() *standin.Fault) hooks {
			return hooks{after: func(standin.Request) *standin.Fault { return fault() }}
		},
	}
	answers := map[string]*standin.Fault{
		"connection lost": {}, "internal error": {Status: 500}, "too many requests": standin.TooManyRequests(),
	}
	for when, hooked := range faults {
		for name, answer := range answers {
			t.Run(name+" "+when, func(t *testing.T) {
				t.Parallel()
				b := setup(t)
				const requests = 12 // a first load sends fewer that do not repeat themselves
				for n := range requests {
					b.hook(hooked(nth(n, func() *standin.Fault { return answer })))
					l := b.stage(n, fmt.Sprintf("%d,x", n))
					outcome, err := carry(t.Context(), b.warehouse, l)
					if err != nil || outcome.State != warehouse.Loaded && outcome.State != warehouse.AlreadyLoaded {
						t.Fatalf("request %d: %+v, %v", n, outcome, err)
					}
				}
				b.want(`SELECT count(*) || ' ' || count(DISTINCT id) FROM public.t`, fmt.Sprintf("%d %[1]d", requests))
			})
		}
	}
}

var errCrash = errors.New("the warehouse went away")

// Wherever the warehouse breaks, the target is as it was, and the next delivery
// loads.
func TestCrashInAnyStatementLeavesTheTargetAsItWas(t *testing.T) {
	t.Parallel()
	for _, mode := range []warehouse.Mode{warehouse.Append, warehouse.Replace, warehouse.Merge} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.load(b.stage(1, "1,a"), warehouse.Loaded)
			l := b.stage(2, "1,b", "2,b")
			if l.Mode = mode; mode == warehouse.Merge {
				l.Keys = []string{"id"}
			}
			p, err := plan(b.config, taskOf(t, l), entryOf(l))
			if err != nil {
				t.Fatal(err)
			}
			for n := range p.statements {
				crash := nth(n, func() error { return errCrash })
				b.hook(hooks{statement: func(_ context.Context, _, sql string) error {
					if !strings.HasPrefix(sql, "SELECT table_schema") && !strings.HasPrefix(sql, "SELECT sequence") {
						return crash()
					}
					return nil
				}})
				_, err := b.fail(l, "loading public.t", "nothing was changed")
				if errors.Is(err, warehouse.ErrRowCount) {
					t.Errorf("statement %d: %v", n, err)
				}
				b.want(rowsOfT, "1=a")
			}
			b.hook(hooks{})
			b.load(l, warehouse.Loaded)
		})
	}
}

// gate stops the first statement that starts like this.
func (b *bundle) gate(prefix string) (inside <-chan string, open func()) {
	reached, opened := make(chan string, 1), make(chan struct{})
	var once sync.Once
	b.hook(hooks{statement: func(ctx context.Context, handle, sql string) error {
		if !strings.HasPrefix(sql, prefix) {
			return nil
		}
		once.Do(func() {
			reached <- handle
			select {
			case <-opened:
			case <-ctx.Done():
			}
		})
		return nil
	}})
	return reached, sync.OnceFunc(func() { close(opened) })
}

// A load that an invocation began and left is found by the next one, by its
// handle or without it, and is not begun twice.
func TestAbandonedLoadIsTakenUp(t *testing.T) {
	t.Parallel()
	b := setup(t)
	inside, open := b.gate("COPY ")
	defer open()
	l := b.stage(1, "1,a")
	outcome, err := b.warehouse.Begin(t.Context(), l)
	if err != nil || outcome.State != warehouse.Running || outcome.Handle == "" {
		t.Fatalf("%+v, %v", outcome, err)
	}
	<-inside
	other := b.connect()
	asked, err := other.Poll(t.Context(), l, outcome.Handle)
	if err != nil || asked.State != warehouse.Running || asked.Handle != outcome.Handle {
		t.Fatalf("%+v, %v", asked, err)
	}
	again, err := other.Begin(t.Context(), l)
	if err != nil || again.State != warehouse.Running || again.Handle != outcome.Handle {
		t.Fatalf("%+v, %v", again, err)
	}
	open()
	for again.State == warehouse.Running {
		if again, err = other.Poll(t.Context(), l, again.Handle); err != nil {
			t.Fatal(err)
		}
	}
	b.load(l, warehouse.AlreadyLoaded)
	b.want(rowsOfT, "1=a")
}

// Two requests for one load that Snowflake cannot know to be the same run both;
// the second finds the load in the ledger once it has its turn.
func TestLoadUnderTwoNamesComesOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	inside, open := b.gate("COPY ")
	defer open()
	l := b.stage(1, "1,a")
	first, err := b.warehouse.Begin(t.Context(), l)
	if err != nil {
		t.Fatal(err)
	}
	<-inside
	b.config.LockWait *= 2
	other := b.connect()
	second, err := other.Begin(t.Context(), l)
	if err != nil || second.State != warehouse.Running || second.Handle == first.Handle {
		t.Fatalf("%+v, %v", second, err)
	}
	open()
	for want, w := range map[warehouse.State]*Warehouse{warehouse.Loaded: b.warehouse, warehouse.AlreadyLoaded: other} {
		outcome := first
		if w == other {
			outcome = second
		}
		for err == nil && outcome.State == warehouse.Running {
			outcome, err = w.Poll(t.Context(), l, outcome.Handle)
		}
		if err != nil || outcome.State != want || outcome.Rows != 1 {
			t.Errorf("%+v, %v, want %s", outcome, err, want)
		}
	}
	b.want(rowsOfT, "1=a")
}

func TestForgottenHandleIsLookedUp(t *testing.T) {
	t.Parallel()
	b := setup(t)
	l := b.stage(1, "1,a")
	outcome, err := b.warehouse.Poll(t.Context(), l, "load.1.01b2c3d4-0000-0000-0000-000000000000")
	if err != nil || outcome.State != warehouse.Running {
		t.Fatalf("%+v, %v", outcome, err)
	}
	for outcome.State == warehouse.Running {
		if outcome, err = b.warehouse.Poll(t.Context(), l, outcome.Handle); err != nil {
			t.Fatal(err)
		}
	}
	outcome, err = b.warehouse.Poll(t.Context(), l, "load.1.01b2c3d4-0000-0000-0000-000000000000")
	if err != nil || outcome.State != warehouse.AlreadyLoaded {
		t.Errorf("%+v, %v", outcome, err)
	}
	b.want(rowsOfT, "1=a")
}

func TestCancelledLoadChangesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	inside, open := b.gate("INSERT INTO \"public\"")
	defer open()
	l := b.stage(1, "1,a")
	outcome, err := b.warehouse.Begin(t.Context(), l)
	if err != nil {
		t.Fatal(err)
	}
	<-inside
	if err := b.warehouse.Cancel(t.Context(), outcome.Handle); err != nil {
		t.Fatal(err)
	}
	open()
	for err == nil && outcome.State == warehouse.Running {
		outcome, err = b.warehouse.Poll(t.Context(), l, outcome.Handle)
	}
	wantError(t, err, "loading public.t", "nothing was changed")
	b.want(rowsOfT)
	b.hook(hooks{})
	b.load(l, warehouse.Loaded)
}

func TestLoadThatWaitsTooLongIsTurnedAway(t *testing.T) {
	t.Parallel()
	b := setup(t)
	inside, open := b.gate("COPY ")
	defer open()
	first := b.stage(1, "1,a")
	running, err := b.warehouse.Begin(t.Context(), first)
	if err != nil {
		t.Fatal(err)
	}
	<-inside
	b.config.LockWait = time.Second
	_, err = carry(t.Context(), b.connect(), b.stage(2, "2,b"))
	wantError(t, err, "loading public.t", "1s", "nothing was changed")
	if !errors.Is(err, warehouse.ErrBusy) {
		t.Errorf("error is %v", err)
	}
	open()
	for running.State == warehouse.Running {
		if running, err = b.warehouse.Poll(t.Context(), first, running.Handle); err != nil {
			t.Fatal(err)
		}
	}
	b.want(rowsOfT, "1=a")
}

// refuse answers once, or every time, that a statement failed.
func refuse(prefix, code string, times int) hooks {
	var mu sync.Mutex
	return hooks{before: func(r standin.Request) *standin.Fault {
		mu.Lock()
		defer mu.Unlock()
		if !strings.HasPrefix(r.SQL, prefix) || times == 0 {
			return nil
		}
		times--
		return &standin.Fault{Status: 422, Code: code, Message: "refused by the test"}
	}}
}

// A role that may not create schemas loads into those that are there.
func TestSchemasThatAreThereNeedNoRightToCreateThem(t *testing.T) {
	t.Parallel()
	role := " TO ROLE " + config().Role
	b := setup(t, func(s *standin.Strictness) {
		s.Grants = []string{
			"GRANT USAGE ON WAREHOUSE " + config().Warehouse + role, "GRANT USAGE ON DATABASE " + config().Database + role,
			"GRANT USAGE, CREATE TABLE ON SCHEMA STAGELIFT" + role, "GRANT USAGE ON STAGE STAGELIFT.STAGING" + role,
		}
	})
	_, _ = b.fail(b.stage(1, "1,a"), "preparing table public.t", "creating schema public", "Insufficient privileges")
	if err := b.server.Administer(t.Context(), `CREATE SCHEMA "public"`, `GRANT USAGE, CREATE TABLE ON SCHEMA "public"`+role); err != nil {
		t.Fatal(err)
	}
	b.load(b.stage(1, "1,a"), warehouse.Loaded)
	b.want(rowsOfT, "1=a")
}

// A request that has failed at once is made again under another name, in case
// the answer was one of an earlier time.
func TestKeptFailureIsNotTheEnd(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.hook(refuse("ALTER SESSION", "000603", 1))
	b.load(b.stage(1, "1,a"), warehouse.Loaded)
	b.hook(refuse("ALTER SESSION", "000603", -1))
	_, _ = b.fail(b.stage(2, "2,b"), "loading public.t", "000603", "nothing was changed")
	b.want(rowsOfT, "1=a")
}
