package load

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/stagelift/stagelift/shared/warehouse"
)

// struck strikes two loads of a new table, the one that creates it and the one
// after it, in each of their calls to the warehouse in turn. How many there are
// is counted before, in loads that nothing befalls.
func (c *cell) struck(name string, f blow) {
	calls := [2]int{}
	for i, receipt := range []string{c.stage(name, 1, nil, earlier), c.stage(name, 2, nil, later)} {
		clean := &carrier{}
		if loaded, err := c.deliver(c.Context(), clean, receipt); err != nil || loaded.State != warehouse.Loaded {
			c.Fatalf("%+v, %v", loaded, err)
		}
		if calls[i] = clean.calls; calls[i] < 5 {
			c.Errorf("a load has %d calls", calls[i])
		}
	}
	var group errgroup.Group
	group.SetLimit(4)
	for at := range max(calls[0], calls[1]) {
		name := fmt.Sprintf("%s%d", name, at)
		first, second := c.stage(name, 1, nil, earlier), c.stage(name, 2, nil, later)
		group.Go(func() error {
			if at < calls[0] {
				c.strike(name, first, f, at, nil, earlier)
			} else {
				c.load(first, warehouse.Loaded)
			}
			c.wantLoads(name, earlier, 1)
			if at < calls[1] {
				c.strike(name, second, f, at, earlier, c.after())
				c.wantLoads(name, c.after(), 2)
			}
			return nil
		})
	}
	_ = group.Wait() // what went wrong is told as it does
}

// strike delivers a receipt and strikes one call; where the delivery dies of it,
// the next one brings the rows.
func (c *cell) strike(name, receipt string, f blow, at int, before, after []string) {
	ctx, die := context.WithCancelCause(c.Context())
	defer die(nil)
	struck := &carrier{fault: f, at: at, die: die}
	loaded, err := c.deliver(ctx, struck, receipt)
	if struck.calls <= at {
		c.Errorf("%s has no call %d: %+v, %v", receipt, at, loaded, err)
	}
	if err == nil && done(loaded.State) { // by repetition, or without what that call would have told
		return
	}
	if f == repeated || err == nil {
		c.Errorf("%s, call %d: %+v, %v", receipt, at, loaded, err)
	}
	if rows := c.rows(name); !slices.Equal(rows, before) && !slices.Equal(rows, after) { // it may go on in the warehouse
		c.Errorf("%s, call %d: the target holds %q, neither %q nor %q", receipt, at, rows, before, after)
	}
	c.load(receipt, warehouse.Loaded, warehouse.AlreadyLoaded)
}

// crashed crashes the warehouse before each statement of a load in turn.
func (c *cell) crashed(name string) {
	c.load(c.stage(name, 1, nil, earlier), warehouse.Loaded)
	held := earlier
	for n := range 40 {
		rows := []string{fmt.Sprintf("4=n%d", n), fmt.Sprintf("%d=z", 10+n)}
		receipt := c.stage(name, 2+n, nil, rows)
		struck := c.breakAt(name, n)
		_, err := c.deliver(c.Context(), http.DefaultTransport, receipt)
		if !struck() {
			if err != nil || n < 5 {
				c.Errorf("statement %d: %v", n, err)
			}
			return
		}
		if err == nil {
			c.Errorf("statement %d: the load of a warehouse that crashed did not fail", n)
		}
		c.wantLoads(name, held, 1+n)
		c.load(receipt, warehouse.Loaded)
		held = c.apply(held, rows)
		c.wantLoads(name, held, 2+n)
	}
	c.Error("a load has more than 40 statements")
}

// breakages lets a warehouse crash in the middle of loads, and keeps all that was
// said to it.
type breakages struct {
	mu    sync.Mutex
	armed map[string]*breakage // by table
	loads map[string]*breakage // by the warehouse's id of a load
	said  safeBuffer
	// gate, if there is one, is asked before each statement, and may take its time.
	gate atomic.Pointer[func(sql string)]
}

// breakage crashes the warehouse before one statement.
type breakage struct {
	at     int
	struck bool
}

var (
	errCrash   = errors.New("the warehouse restarts")
	ledgerName = regexp.MustCompile(`(?i)"stagelift"\."public\.(\w+)"`)
)

// breakAt makes the warehouse crash before statement number n, from 0, of the
// next load into a table; struck tells whether it did.
func (b *breakages) breakAt(table string, n int) (struck func() bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	armed := &breakage{at: n}
	if b.armed == nil {
		b.armed, b.loads = map[string]*breakage{}, map[string]*breakage{}
	}
	b.armed[table] = armed
	return func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.armed, table)
		return armed.struck
	}
}

// before is called before each statement, index counting from 0 in what was
// submitted together under one id. Whole tells which load begins: it is a text
// that names its ledger, or empty where what was submitted is none.
func (b *breakages) before(id string, index int, sql string, whole func() string) error {
	_, _ = b.said.Write([]byte(sql + "\n"))
	if gate := b.gate.Load(); gate != nil {
		(*gate)(sql)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.armed) == 0 {
		return nil
	}
	if index == 0 {
		if named := ledgerName.FindStringSubmatch(whole()); named != nil {
			b.loads[id] = b.armed[named[1]]
		}
	}
	armed := b.loads[id]
	if armed == nil || armed.struck || index != armed.at {
		return nil
	}
	armed.struck = true
	return errCrash
}
