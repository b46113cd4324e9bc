package storm

import (
	"context"
	"errors"
	"sync"
	"time"
)

// clock tells when something of a round is due.
type clock struct {
	ctx     context.Context // ends with the round
	began   time.Time
	reading chan struct{}
}

// await waits until so long after the beginning, or after extract began to read;
// false when the round is over first.
func (c clock) await(reading bool, after time.Duration) bool {
	from := c.began
	if reading {
		select {
		case <-c.reading:
			from = time.Now()
		case <-c.ctx.Done():
		}
	}
	sleep(c.ctx, time.Until(from.Add(after)))
	return c.ctx.Err() == nil
}

// watch looks out for the first COPY of extract.
func (c clock) watch(l *lane) error {
	conn, err := l.connect(c.ctx)
	if err != nil {
		return ignoreEnd(c.ctx, err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(c.ctx)) }()
	for c.ctx.Err() == nil {
		var reading bool
		err := conn.QueryRow(c.ctx, `SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = current_database()
			AND usename = $1 AND state = 'active' AND query LIKE 'COPY%'`, user).Scan(&reading)
		if err != nil {
			return ignoreEnd(c.ctx, err)
		}
		if reading {
			close(c.reading)
			return nil
		}
		sleep(c.ctx, 10*time.Millisecond)
	}
	return nil
}

// errands are done at the same time. Their errors are the storm's own.
type errands struct {
	running  sync.WaitGroup
	mu       sync.Mutex
	problems []error
}

func (e *errands) do(errand func() error) {
	e.running.Go(func() {
		err := errand()
		e.mu.Lock()
		defer e.mu.Unlock()
		e.problems = append(e.problems, err)
	})
}

func (e *errands) wait() error {
	e.running.Wait()
	return errors.Join(e.problems...)
}
