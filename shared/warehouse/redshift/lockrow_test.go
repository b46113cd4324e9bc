package redshift

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stagelift/stagelift/shared/warehouse"
)

// Should a transaction have its snapshot before it has the lock, it cannot bring the
// rows of a load again that another one has brought since: both update one row.
func TestSnapshotBeforeTheLockDoublesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.load(b.stage(1, "1,a"), warehouse.Loaded)
	l := b.stage(2, "2,b")
	entry := warehouse.Enter(l, warehouse.Verdict{})
	entry.Sequence = 2
	statements, err := loadStatements(config(), l, entry, kept{})
	if err != nil {
		t.Fatal(err)
	}
	inside, open := make(chan struct{}), make(chan struct{})
	var first atomic.Bool
	b.hook(func(ctx context.Context, _, sql string) error {
		if strings.HasPrefix(sql, "LOCK TABLE") && first.CompareAndSwap(false, true) {
			close(inside)
			select {
			case <-open:
			case <-ctx.Done():
			}
		}
		return nil
	})
	early := append([]string{"SELECT COUNT(*) FROM " + historyTable(config()).SQL()}, texts(statements)...)
	id, err := b.client.submitBatch(t.Context(), "", early)
	if err != nil {
		t.Fatal(err)
	}
	<-inside
	b.load(l, warehouse.Loaded)
	close(open)
	ended, err := b.client.describe(t.Context(), id)
	for err == nil && ended.running() {
		time.Sleep(5 * time.Millisecond)
		ended, err = b.client.describe(t.Context(), id)
	}
	if err != nil || !ended.failed() || !conflicts(ended) {
		t.Errorf("the second ended with %v, %v; want a conflict of transactions", ended, err)
	}
	b.want(rowsOfT, "1=a", "2=b")
}
