package process

import (
	"context"
	"errors"
	"os"
	"time"
)

// ErrOrphaned is the cause of a context that ended because the process that
// started this one is gone.
var ErrOrphaned = errors.New("the process that started this one is gone")

// parentInterval is how often WithParent looks. There is no portable call that
// waits for one's parent.
const parentInterval = 200 * time.Millisecond

// WithParent returns a context that ends when the process that started this
// one is gone: `go run` dies of SIGTERM and SIGKILL without passing them on.
// The caller must call the function that it returns.
func WithParent(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	parent := os.Getppid()
	go func() {
		ticker := time.NewTicker(parentInterval)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				if os.Getppid() != parent {
					cancel(ErrOrphaned)
				}
			}
		}
	}()
	return ctx, func() { cancel(context.Canceled) }
}
