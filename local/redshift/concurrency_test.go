package redshift

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/redshiftdata/types"
)

// A second batch that locks the table first sees what the first has done,
// and not the table as it was when it began to wait.
func TestLockSerialisesBatches(t *testing.T) {
	t.Parallel()
	g := newGate()
	b := setup(t, func(o *Options) {
		o.BeforeStatement = func(ctx context.Context, _ string, index int, sql string) error {
			if index == 1 && strings.HasPrefix(sql, "INSERT") {
				return g.wait(ctx)
			}
			return nil
		}
	})
	b.must("CREATE TABLE ledger (id INT)")
	first := b.submit("LOCK TABLE ledger", "INSERT INTO ledger VALUES (1)")
	<-g.inside
	second := b.submit("LOCK ledger", "SELECT 1 / CASE WHEN COUNT(*) = 0 THEN 1 ELSE 0 END FROM ledger", "INSERT INTO ledger VALUES (2)")
	b.until(second, func(s types.StatusString) bool { return s == types.StatusStringStarted })
	b.waitForLock()
	close(g.open)
	if got := b.wait(first); got.Status != types.StatusStringFinished {
		t.Errorf("first: %s", aws.ToString(got.Error))
	}
	got := b.wait(second)
	if aws.ToString(got.Error) != "Query #2 failed with ERROR: division by zero" {
		t.Errorf("second: %s %s", got.Status, aws.ToString(got.Error))
	}
}

// gate holds a statement back until the test lets it go.
type gate struct {
	inside, open chan struct{}
}

func newGate() gate { return gate{make(chan struct{}), make(chan struct{})} }

// wait says that the statement is there, and waits. It gives up when the
// server closes, so that a test that fails does not hang.
func (g gate) wait(ctx context.Context) error {
	close(g.inside)
	select {
	case <-g.open:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// waitForLock returns when a session of the warehouse waits for a lock.
func (b *bundle) waitForLock() {
	b.t.Helper()
	const sql = "SELECT count(*)::text FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
	for deadline := time.Now().Add(time.Minute); b.look(sql)[0] == "0"; {
		if time.Now().After(deadline) {
			b.t.Fatal("nobody waits for a lock")
		}
	}
}

// The snapshot is the first read's. A batch that reads before it locks works
// on the table as it was, and would do a load twice: it must be seen to.
func TestSnapshotBeforeTheLockIsOld(t *testing.T) {
	t.Parallel()
	g := newGate()
	b := setup(t, func(o *Options) {
		o.BeforeStatement = func(ctx context.Context, _ string, index int, sql string) error {
			if index == 1 && strings.HasPrefix(sql, "LOCK") {
				return g.wait(ctx)
			}
			return nil
		}
	})
	b.must("CREATE TABLE t (i INT)")
	early := b.submit("CREATE TEMP TABLE x (i INT)", "LOCK t", "SELECT i FROM t")
	<-g.inside
	b.must("INSERT INTO t VALUES (1)")
	close(g.open)
	if got := b.wait(early); got.SubStatements[2].ResultRows != 0 {
		t.Errorf("%s %s, saw %d rows", got.Status, aws.ToString(got.Error), got.SubStatements[2].ResultRows)
	}
}

func TestOneWriterPerTable(t *testing.T) {
	t.Parallel()
	g := newGate()
	b := setup(t, func(o *Options) {
		o.BeforeStatement = func(ctx context.Context, _ string, index int, sql string) error {
			if index == 1 && sql == "SELECT 1" {
				return g.wait(ctx)
			}
			return nil
		}
	})
	b.must("CREATE TABLE t (i INT)")
	first := b.submit("INSERT INTO t VALUES (1)", "SELECT 1")
	<-g.inside
	second := b.submit("INSERT INTO t VALUES (2)")
	b.waitForLock()
	b.must("SELECT COUNT(*) FROM t") // readers go on
	close(g.open)
	for _, id := range []string{first, second} {
		if got := b.wait(id); got.Status != types.StatusStringFinished {
			t.Errorf("%s: %s", got.Status, aws.ToString(got.Error))
		}
	}
}
