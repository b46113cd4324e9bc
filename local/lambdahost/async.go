package lambdahost

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// InvokeAsync queues an event of at most 1 MB for the function and returns. The
// payload may be used again after the call.
func (h *Host) InvokeAsync(function string, payload []byte) error {
	f, err := h.lookUp(function, payload, maxAsyncRequest)
	if err != nil {
		return err
	}
	event := slices.Clone(payload)
	h.count(1)
	err = h.begin(func() {
		defer h.count(-1)
		h.deliver(f, event)
	})
	if err != nil {
		h.count(-1)
		return fmt.Errorf("invoking %s: %w", function, err)
	}
	return nil
}

// deliver makes attempts until one succeeds, or the retries are used up, or the
// host is closed.
func (h *Host) deliver(f *function, event []byte) {
	id := newUUID()
	for attempt := 1; ; attempt++ {
		result, err := h.run(h.ctx, f, id, event)
		switch {
		case errors.Is(err, ErrClosed), h.ctx.Err() != nil:
			return
		case err != nil:
			result = failure(errorHost, "%v", err)
		case result.Error == nil:
			return
		}
		if attempt > len(h.options.RetryDelays) {
			h.giveUp(f, id, event, attempt, result)
			return
		}
		delay := h.options.RetryDelays[attempt-1]
		f.log.printf("RETRY RequestId: %s\tAttempt: %d\tDelay: %v\tError Type: %s", id, attempt, delay, result.Error.Type)
		if !h.pause(delay) {
			return
		}
	}
}

// pause is false when the host was closed meanwhile.
func (h *Host) pause(delay time.Duration) bool {
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-h.ctx.Done():
		return false
	}
}

func (h *Host) giveUp(f *function, id string, event []byte, attempts int, last Result) {
	f.log.printf("DEAD LETTER RequestId: %s\tAttempts: %d\tError Type: %s", id, attempts, last.Error.Type)
	if h.options.OnDeadLetter == nil {
		return
	}
	h.options.OnDeadLetter(DeadLetter{
		Function:  f.Name,
		RequestID: id,
		Payload:   event,
		Attempts:  attempts,
		Error:     last.Error,
		At:        time.Now(),
		response:  last.Payload,
		arn:       f.arn,
	})
}

func (h *Host) count(n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.pending += n
	if n < 0 {
		h.changed.Broadcast()
	}
}

// Idle waits until no asynchronous event is queued, running or waiting for its
// retry, and every dead letter has been handed over. Events that arrive
// meanwhile are waited for too.
func (h *Host) Idle(ctx context.Context) error {
	wake := context.AfterFunc(ctx, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.changed.Broadcast()
	})
	defer wake()
	h.mu.Lock()
	defer h.mu.Unlock()
	for h.pending > 0 && ctx.Err() == nil {
		h.changed.Wait()
	}
	if h.pending > 0 {
		return fmt.Errorf("waiting for %d asynchronous events: %w", h.pending, context.Cause(ctx))
	}
	return nil
}
