package lambdahost

import (
	"context"
	"fmt"
	"time"
)

// run makes one attempt at an event and tells of its result. While it waits for
// a slot, ctx can end it; afterwards only Close can.
func (h *Host) run(ctx context.Context, f *function, id string, payload []byte) (Result, error) {
	result, err := h.attempt(ctx, f, id, payload)
	if err == nil && h.options.OnResult != nil {
		h.options.OnResult(f.Name, result)
	}
	return result, err
}

func (h *Host) attempt(ctx context.Context, f *function, id string, payload []byte) (Result, error) {
	if err := f.acquire(ctx, h.ctx); err != nil {
		return Result{}, fmt.Errorf("invoking %s: %w", f.Name, err)
	}
	defer f.release()
	for {
		e, init, failed, err := h.ready(f, id)
		if err != nil {
			return Result{}, fmt.Errorf("invoking %s: %w", f.Name, err)
		}
		if failed != nil {
			failed.RequestID = id
			return *failed, nil
		}
		result, taken, err := h.serve(e, &invocation{id: id, payload: payload}, init)
		if err != nil {
			return Result{}, fmt.Errorf("invoking %s: %w", f.Name, err)
		}
		if taken {
			return result, nil
		}
	}
}

// ready returns a warm environment or a new one that has initialised, with the
// time that this took, or the result of having failed to.
func (h *Host) ready(f *function, id string) (*environment, time.Duration, *Result, error) {
	if e := f.takeIdle(); e != nil {
		return e, 0, nil, nil
	}
	e, err := h.start(f)
	if err != nil {
		return nil, 0, nil, err
	}
	timer := time.NewTimer(h.initTimeout)
	defer timer.Stop()
	var failed Result
	select {
	case <-e.polled:
		return e, time.Since(e.started), nil, nil
	case <-h.ctx.Done():
		e.stop()
		return nil, 0, nil, ErrClosed
	case <-e.process.Done():
		failed = e.initFailure(id)
	case <-timer.C:
		e.stop()
		failed = failure(ErrorTimeout, "RequestId: %s Error: Initialization timed out after %.2f seconds", id, h.initTimeout.Seconds())
	}
	failed.Init = time.Since(e.started)
	f.log.printf("INIT_REPORT Init Duration: %.2f ms\tPhase: init\tStatus: error\tError Type: %s", milliseconds(failed.Init), failed.Error.Type)
	return nil, 0, &failed, nil
}

// initFailure prefers what the runtime said to the way it ended.
func (e *environment) initFailure(id string) Result {
	e.mu.Lock()
	posted := e.initError
	e.mu.Unlock()
	if posted != nil {
		return *posted
	}
	return failure(ErrorExit, "RequestId: %s Error: %s", id, e.exitReason())
}

// serve hands the event to an environment that is polling and sees the
// invocation to its end. The event was not taken when the process had ended
// before.
func (h *Host) serve(e *environment, inv *invocation, init time.Duration) (result Result, taken bool, err error) {
	began := time.Now()
	inv.deadline = began.Add(e.f.Timeout)
	select {
	case e.inbox <- inv:
	case <-e.process.Done():
		return Result{}, false, nil
	case <-h.ctx.Done():
		e.stop()
		return Result{}, false, ErrClosed
	}
	e.f.log.printf("START RequestId: %s Version: %s", inv.id, version)
	if h.options.OnStart != nil {
		h.options.OnStart(e.f.Name, inv.id, e.process.Pid())
	}
	result, memory, err := h.await(e, inv)
	if err != nil {
		return Result{}, true, err
	}
	result.RequestID, result.Duration, result.Init = inv.id, time.Since(began), init
	e.f.log.printf("END RequestId: %s", inv.id)
	e.f.log.printf("%s", report(result, e.f.MemoryMB, memory))
	// One that has ended is not kept: putIdle and cleanUp agree on that.
	e.f.putIdle(e)
	return result, true, nil
}

// await returns when the environment polls again, which it may only do after an
// answer, or has ended, or has been ended at the deadline; with the most memory
// that it used, as far as that can be told. An answer stands, whatever the
// process does after it.
func (h *Host) await(e *environment, inv *invocation) (result Result, memory int64, err error) {
	timer := time.NewTimer(time.Until(inv.deadline))
	defer timer.Stop()
	select {
	case <-e.polled:
		_, memory = memoryOf(e.process.Pid())
		result = *inv.answer
	case <-e.process.Done():
		exit := failure(ErrorExit, "RequestId: %s Error: %s", inv.id, e.exitReason())
		e.f.log.printf("%s", exit.Error.Message)
		result = e.conclude(inv, exit)
	case <-timer.C:
		late := failure(ErrorTimeout, "RequestId: %s Error: Task timed out after %.2f seconds", inv.id, e.f.Timeout.Seconds())
		e.f.log.printf("%s", late.Error.Message)
		result = e.conclude(inv, late)
		_, memory = memoryOf(e.process.Pid())
		e.stop()
	case <-h.ctx.Done():
		e.stop()
		err = ErrClosed
	}
	return result, memory, err
}

// conclude makes answer that of the invocation unless the runtime has posted
// one, refuses any that it posts from now on, and returns the one that stands.
func (e *environment) conclude(inv *invocation, answer Result) Result {
	e.mu.Lock()
	defer e.mu.Unlock()
	if inv.answer == nil {
		inv.answer = &answer
	}
	return *inv.answer
}
