// Package lambdahost runs built Lambda functions on this machine, the way
// Lambda runs them: it serves the Runtime API to their bootstrap binaries and
// hands them events, synchronously or from an asynchronous queue with retries
// and dead letters.
//
// An execution environment is one process with a Runtime API of its own on
// loopback. It serves one invocation at a time and is used again while it is
// warm, the one used last first. When all are busy another one is started, up
// to the function's Concurrency; beyond that invocations wait, where Lambda
// would throttle and the caller retry. An environment that exits, runs into the
// deadline or cannot initialise is thrown away.
//
// Asynchronous events are delivered at least once: a function error is retried
// under the same request id, and after the last attempt the event becomes a
// dead letter. Events wait in memory, and no order is promised.
//
// A function sees only the variables listed at baseEnv and its own: nothing of
// the environment, the home directory or the AWS profile of whoever runs the
// host.
//
// Not imitated: the freeze between invocations (a goroutine left behind keeps
// running here), the memory limit (the function is told of it, and REPORT says
// what it used), the second attempt at a failed initialisation, recycling of
// idle environments, a read-only task root, and Lambda's user and network.
package lambdahost

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/stagelift/stagelift/local/process"
)

// Limits of one invocation (Lambda guide, "Lambda quotas").
const (
	maxSyncRequest  = 6 << 20
	maxAsyncRequest = 1 << 20
	// maxResponse has Lambda's allowance of 100 bytes.
	maxResponse = 6<<20 + 100
)

// defaultInitTimeout bounds initialisation (Lambda guide, "Init phase").
const defaultInitTimeout = 10 * time.Second

// Errors of the host itself, as opposed to a FunctionError.
var (
	// ErrClosed is returned once Close has been called.
	ErrClosed = errors.New("lambda host is closed")
	// ErrUnknownFunction names a function that the host was not given.
	ErrUnknownFunction = errors.New("unknown function")
	// ErrRequestTooLarge marks a payload over Lambda's limit.
	ErrRequestTooLarge = errors.New("request too large")
)

// Options configure a Host.
type Options struct {
	// Functions are the functions that can be invoked; their names differ.
	Functions []Function
	// Group owns the processes. The host ends them with Close, and leaves the
	// group itself to the caller.
	Group *process.Group
	// Log returns where a function's output and its START, END and REPORT lines
	// go. It is called once per function; each Write is one or more whole lines.
	// Nil, or a nil writer, discards them.
	Log func(function string) io.Writer
	// RetryDelays are the pauses before the retries of an asynchronous event, as
	// many as there are retries, at most two. Nil is 1 s and 2 s (Lambda waits
	// one minute and two); empty is no retry.
	RetryDelays []time.Duration
	// OnDeadLetter is called with every event given up. Nil leaves it at a line
	// in the log.
	OnDeadLetter func(DeadLetter)
	// OnStart is called when the process pid has taken an invocation, once per
	// attempt. It delays nothing but the host's view of this invocation. May be
	// nil.
	OnStart func(function, requestID string, pid int)
	// OnResult is called with the result of every attempt, before anybody else
	// has it. May be nil.
	OnResult func(function string, r Result)
}

// Host runs functions. Its methods may be called from several goroutines.
type Host struct {
	options   Options
	functions map[string]*function
	// ctx ends with Close.
	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup
	// initTimeout is defaultInitTimeout but in tests.
	initTimeout time.Duration

	mu      sync.Mutex
	closed  bool
	pending int
	// changed tells that pending has fallen.
	changed *sync.Cond
}

// New returns a host of the given functions. No process is started before the
// first invocation.
func New(o Options) (*Host, error) {
	if o.RetryDelays == nil {
		o.RetryDelays = []time.Duration{time.Second, 2 * time.Second}
	}
	h := &Host{options: o, functions: make(map[string]*function), initTimeout: defaultInitTimeout}
	h.ctx, h.cancel = context.WithCancel(context.Background())
	h.changed = sync.NewCond(&h.mu)

	var problems []error
	if o.Group == nil {
		problems = append(problems, errors.New("no process group to start functions in"))
	}
	if len(o.RetryDelays) > 2 {
		problems = append(problems, fmt.Errorf("%d retries: Lambda makes at most 2", len(o.RetryDelays)))
	}
	for _, settings := range o.Functions {
		if _, twice := h.functions[settings.Name]; twice {
			problems = append(problems, fmt.Errorf("function %q is there twice", settings.Name))
		}
		f, err := newFunction(settings, o.Log)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		h.functions[settings.Name] = f
	}
	if err := errors.Join(problems...); err != nil {
		h.cancel()
		return nil, fmt.Errorf("preparing the lambda host: %w", err)
	}
	return h, nil
}

// Invoke runs the function with payload, which must be JSON of at most 6 MB,
// and waits for its answer. An error of the function is in the Result; the
// error says that the host could not run it. When ctx ends, Invoke returns and
// the function runs on, as on Lambda.
func (h *Host) Invoke(ctx context.Context, function string, payload []byte) (Result, error) {
	f, err := h.lookUp(function, payload, maxSyncRequest)
	if err != nil {
		return Result{}, err
	}
	type outcome struct {
		result Result
		err    error
	}
	done := make(chan outcome, 1)
	payload = slices.Clone(payload) // read on after an early return
	err = h.begin(func() {
		result, err := h.run(ctx, f, newUUID(), payload)
		done <- outcome{result, err}
	})
	if err != nil {
		return Result{}, fmt.Errorf("invoking %s: %w", function, err)
	}
	select {
	case o := <-done:
		return o.result, o.err
	case <-ctx.Done():
		return Result{}, fmt.Errorf("invoking %s: %w", function, context.Cause(ctx))
	}
}

func (h *Host) lookUp(name string, payload []byte, limit int) (*function, error) {
	f, ok := h.functions[name]
	if !ok {
		return nil, fmt.Errorf("invoking %s: %w", name, ErrUnknownFunction)
	}
	if len(payload) > limit {
		return nil, fmt.Errorf("invoking %s: %w: %d bytes, at most %d", name, ErrRequestTooLarge, len(payload), limit)
	}
	return f, nil
}

// begin runs work in a goroutine that Close waits for.
func (h *Host) begin(work func()) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return ErrClosed
	}
	h.work.Go(work)
	return nil
}

// Kill sends SIGKILL to every environment of the function, busy or idle, waits
// for their end and returns how many there were.
func (h *Host) Kill(function string) int {
	f, ok := h.functions[function]
	if !ok {
		return 0
	}
	environments := f.snapshot()
	for _, e := range environments {
		e.process.Kill()
	}
	return len(environments)
}

// Environments returns the function's execution environments in no order.
func (h *Host) Environments(function string) []Environment {
	f, ok := h.functions[function]
	if !ok {
		return nil
	}
	var list []Environment
	for _, e := range f.snapshot() {
		list = append(list, e.describe())
	}
	return list
}

// Close ends every environment and drops the asynchronous events that are still
// waiting. It returns once all processes are gone. Invocations that it
// interrupts return ErrClosed.
func (h *Host) Close() error {
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	h.cancel()
	var ending sync.WaitGroup
	for _, f := range h.functions {
		for _, e := range f.snapshot() {
			ending.Go(e.stop)
		}
	}
	ending.Wait()
	h.work.Wait()
	return nil
}
