package bus

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// stuck is a Stat that answers when it is given up.
func stuck(ctx context.Context, _, _ string) (int64, string, string, error) {
	<-ctx.Done()
	return 0, "", "", context.Cause(ctx)
}

func TestObjectCreatedDoesNotWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, func(o *Options) { o.Stat = stuck })
		began := time.Now()
		for range 2 * maxStats {
			b.ObjectCreated("stage", "key")
		}
		if waited := time.Since(began); waited != 0 {
			t.Errorf("took %v", waited)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := b.Idle(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Idle while S3 does not answer: %v, want the deadline", err)
		}
		// Two rounds of maxStats, each as long as one may take.
		b.settle(t)
		if waited := time.Since(began); waited != 2*statTimeout {
			t.Errorf("gave up after %v, want %v", waited, 2*statTimeout)
		}
	})
}

func TestClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, func(o *Options) { o.Stat = stuck })
		began := time.Now()
		b.ObjectCreated("stage", "key")
		synctest.Wait()
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		b.ObjectCreated("stage", "late")
		if got := b.settle(t); len(got) != 0 {
			t.Errorf("delivered %+v", got)
		}
		if waited := time.Since(began); waited != 0 {
			t.Errorf("Close waited %v for S3", waited)
		}
		if b.log.Len() > 0 {
			t.Errorf("log: %s", b.log)
		}
	})
}

// TestCloseWaits: nothing is delivered once Close has returned.
func TestCloseWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, func(o *Options) {
			o.Stat = func(context.Context, string, string) (int64, string, string, error) {
				time.Sleep(time.Second) // deaf to its context; the bubble's clock jumps
				return 7, "", "", nil
			}
		})
		b.ObjectCreated("stage", "key")
		synctest.Wait()
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		delivered := len(b.deliveries)
		time.Sleep(time.Minute)
		if late := len(b.deliveries) - delivered; late != 0 {
			t.Errorf("%d deliveries after Close", late)
		}
	})
}
