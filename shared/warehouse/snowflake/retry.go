package snowflake

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"time"
)

const (
	// sends bounds how often one request is sent.
	sends = 7
	// The pause before a request is sent again doubles from the one to the
	// other.
	shortestPause = 250 * time.Millisecond
	longestPause  = 8 * time.Second
)

// send sends a request until it is answered, for as long as sending it again
// can help. A statement that may have been taken already is sent again under
// its own id with retry=true, so that Snowflake does not run it twice.
func (c *client) send(ctx context.Context, method, path string, query url.Values, body []byte) (answer, error) {
	renewed := false
	for attempt := 1; ; attempt++ {
		a, token, err := c.once(ctx, method, path, query, body)
		if err == nil || ctx.Err() != nil {
			return a, ended(ctx, err)
		}
		switch {
		case refused(err) && !renewed:
			renewed = true
			c.tokens.forget(token)
		case !again(err), attempt == sends:
			return a, err
		default:
			if err := c.pause(ctx, backoff(attempt)); err != nil {
				return a, ended(ctx, err)
			}
		}
		if query.Has("requestId") {
			query.Set("retry", "true")
		}
	}
}

// ended says why ctx is over, if it is; err otherwise.
func ended(ctx context.Context, err error) error {
	if err == nil || ctx.Err() == nil {
		return err
	}
	if cause := context.Cause(ctx); !errors.Is(cause, ctx.Err()) {
		return fmt.Errorf("%w: %w", cause, ctx.Err())
	}
	return ctx.Err()
}

// refused reports whether the token was not taken. It can have been taken a
// moment ago: keys and clocks change.
func refused(err error) bool {
	status := (*statusError)(nil)
	return errors.As(err, &status) && status.status == http.StatusUnauthorized
}

// again reports whether the same request may fare better.
func again(err error) bool {
	if lost := (*lostError)(nil); errors.As(err, &lost) {
		return true
	}
	status := (*statusError)(nil)
	if !errors.As(err, &status) {
		return false
	}
	switch status.status {
	case http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway,
		http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// backoff is a random pause, at least half of what doubling gives, so that
// those who were turned away together do not come back together.
func backoff(attempt int) time.Duration {
	full := min(shortestPause<<(attempt-1), longestPause)
	return full/2 + rand.N(full/2) //nolint:gosec // spreads requests, keeps no secret
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
