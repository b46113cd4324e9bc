package snowflake

import (
	"context"
	"fmt"
	"sync"
)

// lockSpace keeps the locks of tables apart from other advisory locks.
const lockSpace = int64(0x5F) << 40

// locks knows who has the locks of tables, and how many wait.
type locks struct {
	mu      sync.Mutex
	waiting map[uint32]int
	holder  map[uint32]holder
}

// holder is the statement that took a lock, and when, in nanoseconds.
type holder struct {
	handle string
	at     int64
}

// lock takes a table to the end of the transaction ("Transactions", Resource
// locking).
func (s *session) lock(ctx context.Context, oid uint32, table string) error {
	key := lockSpace | int64(oid)
	taken, err := s.ask(ctx, fmt.Sprintf("SELECT pg_try_advisory_xact_lock(%d)", key))
	if err == nil && taken[0] != "t" {
		err = s.waitForLock(ctx, key, oid, table)
	}
	if err == nil {
		all := &s.server.locks
		all.mu.Lock()
		defer all.mu.Unlock()
		all.holder[oid] = holder{s.current.handle, s.server.options.Now().UnixNano()}
	}
	return err
}

// waitForLock waits unless too many do. Who waits runs on nothing of the
// warehouse meanwhile.
func (s *session) waitForLock(ctx context.Context, key int64, oid uint32, table string) error {
	all, limit := &s.server.locks, s.server.options.Waiters
	all.mu.Lock()
	full, by := all.waiting[oid] >= limit, all.holder[oid]
	if !full {
		all.waiting[oid]++
	}
	all.mu.Unlock()
	if full {
		return sqlError{"000625", "57014", fmt.Sprintf(
			"Statement '%s' has locked table '%s' in transaction %d and this lock has not yet been released.\n"+
				"Your statement '%s' was aborted because the number of waiters for this lock exceeds the %d statements limit.",
			by.handle, table, by.at, s.current.handle, limit)}
	}
	defer func() {
		all.mu.Lock()
		defer all.mu.Unlock()
		all.waiting[oid]--
	}()
	s.leaveSlot()
	err := s.command(ctx, fmt.Sprintf("SELECT pg_advisory_xact_lock(%d)", key))
	if err == nil {
		err = s.takeSlot(ctx)
	}
	return err
}

// takeSlot waits for one of the places where statements run; leaveSlot gives it
// back, if there is one to give.
func (s *session) takeSlot(ctx context.Context) error {
	select {
	case s.server.slots <- struct{}{}:
		s.inSlot = true
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *session) leaveSlot() {
	if s.inSlot {
		<-s.server.slots
	}
	s.inSlot = false
}
