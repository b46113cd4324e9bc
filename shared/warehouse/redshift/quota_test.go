package redshift

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sync/errgroup"

	standin "github.com/stagelift/stagelift/local/redshift"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// An account's quota is one for all that it loads: what is turned away waits for
// its turn, and no load is told failed for it.
func TestManyLoadsAtOnceStayWithinTheQuotas(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *standin.Options) { o.Quotas = true })
	const many = 50
	all := make([]warehouse.Load, many)
	for i := range all {
		all[i] = b.stage(i+1, "1,a", "2,b")
		all[i].Target.Table = fmt.Sprint("t", i)
		all[i].Source = all[i].Target
	}
	group, ctx := errgroup.WithContext(t.Context())
	for _, l := range all {
		group.Go(func() error {
			outcome, err := carryOut(ctx, b.connect(), l)
			if err == nil && (outcome.State != warehouse.Loaded || outcome.Rows != 2) {
				err = fmt.Errorf("%s: %+v", l.Target, outcome)
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	if got := b.look("SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public' AND table_name ~ '^t[0-9]+$'"); got[0] != fmt.Sprint(many) {
		t.Errorf("%s tables were loaded, want %d", got[0], many)
	}
}

// failing answers some calls in the warehouse's place.
type failing struct {
	answer string
	status int
	left   atomic.Int64
	mu     sync.Mutex
	only   string
}

func (f *failing) Do(r *http.Request) (*http.Response, error) {
	f.mu.Lock()
	only := f.only
	f.mu.Unlock()
	if only == "" || !strings.HasSuffix(r.Header.Get("X-Amz-Target"), only) || f.left.Add(-1) < 0 {
		return http.DefaultClient.Do(r)
	}
	return unlisted{f.status, f.answer}.answerTo(r), nil
}

// That a look was not answered says nothing of the load.
func TestLookThatIsTurnedAwayIsTakenAgain(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]*failing{
		"throttled": {answer: `{"__type":"ThrottlingException","message":"Rate exceeded"}`, status: http.StatusBadRequest},
		"failing":   {answer: `{"__type":"InternalServerException","message":"try again"}`, status: http.StatusInternalServerError},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			cfg := b.aws.Copy()
			cfg.HTTPClient = f
			client, err := New(cfg, config())
			if err != nil {
				t.Fatal(err)
			}
			l := b.stage(1, "1,a")
			at, err := client.Begin(t.Context(), l)
			if err != nil {
				t.Fatal(err)
			}
			f.left.Store(4) // as many as one look makes
			f.mu.Lock()
			f.only = "DescribeStatement"
			f.mu.Unlock()
			outcome, err := client.Poll(t.Context(), l, at.Handle)
			if err != nil || outcome.State != warehouse.Running || outcome.Handle != at.Handle {
				t.Fatalf("outcome %+v, %v; want it running at %s", outcome, err, at.Handle)
			}
			outcome, err = follow(t.Context(), client, l, outcome, nil)
			if err != nil || outcome.State != warehouse.Loaded {
				t.Errorf("outcome %+v, %v", outcome, err)
			}
			b.want(rowsOfT, "1=a")
		})
	}
}

// What the caller's own end cuts short is told to be that.
func TestEndOfTheCallerIsNoLook(t *testing.T) {
	t.Parallel()
	b := setup(t)
	l := b.stage(1, "1,a")
	at, err := b.client.Begin(t.Context(), l)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if outcome, err := b.client.Poll(ctx, l, at.Handle); err == nil {
		t.Errorf("outcome %+v, want an error", outcome)
	}
}
