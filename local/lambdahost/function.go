package lambdahost

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"
)

const (
	defaultTimeout     = 3 * time.Second
	defaultMemoryMB    = 128
	defaultConcurrency = 10
)

// Function is one Lambda function.
type Function struct {
	// Name is what it is invoked by.
	Name string
	// Dir is the task root: it holds the executable bootstrap and what else the
	// package holds. It is made absolute; the function runs in it.
	Dir string
	// Env holds KEY=value pairs: the function's own, and AWS_* for credentials,
	// the region and endpoints.
	Env []string
	// Timeout bounds an invocation, without initialisation; zero is Lambda's
	// default of 3 s.
	Timeout time.Duration
	// MemoryMB is told to the function and not enforced; zero is 128.
	MemoryMB int
	// Concurrency is the most environments at one time, as Lambda's reserved
	// concurrency; zero is 10, which is what a new AWS account has.
	Concurrency int
}

// function is a Function with its environments.
type function struct {
	Function
	arn string
	log *sink
	// slots holds one token per invocation running.
	slots chan struct{}

	mu sync.Mutex
	// idle ends with the environment that was used last.
	idle []*environment
	all  map[*environment]struct{}
}

func newFunction(settings Function, log func(string) io.Writer) (*function, error) {
	dir, err := filepath.Abs(settings.Dir)
	if err != nil {
		return nil, fmt.Errorf("function %q: %w", settings.Name, err)
	}
	settings.Dir = dir
	if settings.Timeout == 0 {
		settings.Timeout = defaultTimeout
	}
	if settings.MemoryMB == 0 {
		settings.MemoryMB = defaultMemoryMB
	}
	if settings.Concurrency == 0 {
		settings.Concurrency = defaultConcurrency
	}
	if err := settings.validate(); err != nil {
		return nil, fmt.Errorf("function %q: %w", settings.Name, err)
	}
	f := &function{
		Function: settings,
		arn:      functionARN(settings),
		log:      newSink(settings.Name, log),
		slots:    make(chan struct{}, settings.Concurrency),
		all:      make(map[*environment]struct{}),
	}
	return f, nil
}

func (f Function) validate() error {
	var problems []error
	if f.Name == "" {
		problems = append(problems, errors.New("no name"))
	}
	if f.Timeout < 0 || f.MemoryMB < 0 || f.Concurrency < 0 {
		problems = append(problems, fmt.Errorf("timeout %v, memory %d MB, concurrency %d: want none below zero", f.Timeout, f.MemoryMB, f.Concurrency))
	}
	info, err := os.Stat(f.bootstrap())
	switch {
	case err != nil:
		problems = append(problems, fmt.Errorf("looking for its binary (has it been built?): %w", err))
	case info.IsDir() || info.Mode()&0o111 == 0:
		problems = append(problems, fmt.Errorf("%s has mode %v, want an executable file", f.bootstrap(), info.Mode()))
	}
	return errors.Join(problems...)
}

func (f Function) bootstrap() string { return filepath.Join(f.Dir, "bootstrap") }

// acquire waits for the right to run one invocation.
func (f *function) acquire(ctx, closing context.Context) error {
	select {
	case f.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-closing.Done():
		return ErrClosed
	}
}

func (f *function) release() { <-f.slots }

// takeIdle returns the warm environment used last, or nil.
func (f *function) takeIdle() *environment {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.idle) == 0 {
		return nil
	}
	last := len(f.idle) - 1
	e := f.idle[last]
	f.idle = f.idle[:last]
	return e
}

func (f *function) putIdle(e *environment) {
	f.mu.Lock()
	defer f.mu.Unlock()
	// One that has died meanwhile has been forgotten and stays so.
	if _, alive := f.all[e]; alive {
		f.idle = append(f.idle, e)
	}
}

func (f *function) remember(e *environment) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all[e] = struct{}{}
}

func (f *function) forget(e *environment) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.all, e)
	for i, idle := range f.idle {
		if idle == e {
			f.idle = append(f.idle[:i], f.idle[i+1:]...)
			break
		}
	}
}

func (f *function) snapshot() []*environment {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := make([]*environment, 0, len(f.all))
	for e := range f.all {
		list = append(list, e)
	}
	return list
}
