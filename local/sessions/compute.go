package sessions

import (
	"context"
	"sync"
	"time"
)

// Compute is what executes a warehouse's statements, and sleeps while there are
// none. It is safe for concurrent use.
type Compute struct {
	resume, idle time.Duration
	now          func() time.Time

	mu      sync.Mutex
	used    bool
	running int
	awake   time.Time
	ended   time.Time
}

// NewCompute returns one that takes resume to wake up, at the first statement
// and, unless idle is zero, after each idle without one. A resume of zero never
// sleeps.
func NewCompute(resume, idle time.Duration, now func() time.Time) *Compute {
	return &Compute{resume: resume, idle: idle, now: now}
}

// Begin waits until the warehouse is awake. What it returns is to be called
// when the statement has ended; it is nil with an error, which is the context's.
func (c *Compute) Begin(ctx context.Context) (end func(), err error) {
	wait := time.NewTimer(c.begin())
	defer wait.Stop()
	select {
	case <-wait.C:
		return c.end, nil
	case <-ctx.Done():
		c.end()
		return nil, ctx.Err()
	}
}

func (c *Compute) begin() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	asleep := !c.used || c.idle > 0 && c.running == 0 && now.Sub(c.ended) >= c.idle
	if asleep {
		c.awake = now.Add(c.resume)
	}
	c.used = true
	c.running++
	return max(0, c.awake.Sub(now))
}

func (c *Compute) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running--
	c.ended = c.now()
}
