package snowflake

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"
)

// hold runs a transaction that keeps table t until the function is called.
func hold(t *testing.T, o *Options) (inside <-chan struct{}, release func()) {
	t.Helper()
	entered, leave := make(chan struct{}), make(chan struct{})
	o.BeforeStatement = func(ctx context.Context, _ string, _ int, sql string) error {
		if sql == "SELECT 'hold'" {
			close(entered)
			select {
			case <-leave:
			case <-ctx.Done():
			}
		}
		return nil
	}
	return entered, func() { close(leave) }
}

// count is how many wait.
func (l *locks) count() (total int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, n := range l.waiting {
		total += n
	}
	return total
}

// waiters lets so many wait for a lock, and tells how the next one fares, and
// which statement has the lock.
func waiters(t *testing.T, n int, change func(*Options)) (next reply, holder string) {
	t.Helper()
	var inside <-chan struct{}
	var release func()
	b := setup(t, func(o *Options) {
		change(o)
		inside, release = hold(t, o)
	})
	b.must("CREATE TABLE t (i NUMBER)", "INSERT INTO t VALUES (0)")
	held := b.post("?async=true", body("BEGIN", "UPDATE t SET i = 0", "SELECT 'hold'", "COMMIT"))
	<-inside
	var waiting []string
	for range n {
		waiting = append(waiting, b.post("?async=true", body("UPDATE t SET i = i + 1")).Handle)
	}
	for deadline := time.Now().Add(time.Minute); b.server.locks.count() < n; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d wait, want %d", b.server.locks.count(), n)
		}
	}
	next = b.post("?async=true", body("UPDATE t SET i = i + 1"))
	if n >= b.server.options.Waiters {
		next = b.wait(next.Handle)
	}
	b.must("SELECT 1", "INSERT INTO t VALUES (0)") // who waits keeps nobody else from running
	release()
	for _, handle := range waiting {
		if got := b.wait(handle); got.status != http.StatusOK {
			t.Errorf("who waited has %+v", got)
		}
	}
	if next.status == http.StatusAccepted {
		next = b.wait(next.Handle)
	}
	return next, b.wait(held.Handle).Handles[1]
}

// Twenty may wait for a lock, more than run at once; the next is aborted.
func TestWaitersOfALock(t *testing.T) {
	t.Parallel()
	got, holder := waiters(t, defaultWaiters, func(*Options) {})
	for _, want := range []string{"Statement '" + holder + "' has locked table 'T' in transaction", "the number of waiters for this lock exceeds the 20 statements limit"} {
		if got.Code != "000625" || !strings.Contains(got.Message, want) {
			t.Errorf("code %s: %s", got.Code, got.Message)
		}
	}
	if got, _ := waiters(t, 2, func(o *Options) { o.Waiters = 3 }); got.status != http.StatusOK {
		t.Errorf("the third of three has %+v", got)
	}
}
