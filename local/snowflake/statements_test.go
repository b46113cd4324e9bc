package snowflake

import (
	"context"
	"testing"
	"time"
)

func TestStatementsTellWhenTheyEnded(t *testing.T) {
	t.Parallel()
	inside, release := make(chan struct{}), make(chan struct{})
	b := setup(t, func(o *Options) {
		o.BeforeStatement = func(ctx context.Context, _ string, _ int, sql string) error {
			if sql == "SELECT 3" {
				close(inside)
				select {
				case <-release:
				case <-ctx.Done():
				}
			}
			return nil
		}
	})
	began := time.Now()
	b.must("SELECT 1")
	b.run("SELECT no_such_column")
	held := b.post("?async=true", body("SELECT 3"))
	<-inside
	got := b.server.Statements()
	if len(got) != 3 || got[2].Handle != held.Handle {
		t.Fatalf("statements %+v", got)
	}
	for i, r := range got[:2] {
		if r.Failed != (i == 1) {
			t.Errorf("statement %d failed: %v", i, r.Failed)
		}
		if r.At.Before(began) || r.Ended.Before(r.At) || got[i+1].At.Before(r.Ended) {
			t.Errorf("statement %d was accepted at %v and ended at %v", i, r.At, r.Ended)
		}
	}
	if !got[2].Ended.IsZero() {
		t.Errorf("what runs ended at %v", got[2].Ended)
	}
	close(release)
	b.wait(held.Handle)
	if r := b.server.Statements()[2]; r.Ended.Before(r.At) || r.Failed {
		t.Errorf("what ran ended at %v, was accepted at %v", r.Ended, r.At)
	}
}
