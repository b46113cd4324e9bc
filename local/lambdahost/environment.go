package lambdahost

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/stagelift/stagelift/local/process"
)

// shutdownGrace is what a function that asked for SIGTERM gets before SIGKILL
// (Lambda guide, "Shutdown phase", with an internal extension).
const shutdownGrace = 500 * time.Millisecond

// Environment describes one execution environment.
type Environment struct {
	PID int
	// RequestID is that of the invocation it serves; empty when it is idle.
	RequestID string
	// Memory is the resident memory in bytes, PeakMemory its highest value so
	// far; zero where the system does not tell (anywhere but on Linux).
	Memory, PeakMemory int64
}

// environment is one process and its Runtime API.
type environment struct {
	f       *function
	process *process.Process
	server  *http.Server
	output  *lines
	tmp     string
	started time.Time
	// polled gets a value whenever the runtime asks for an invocation, that is
	// once after initialisation and once after each answer.
	polled chan struct{}
	inbox  chan *invocation

	mu      sync.Mutex
	polling bool
	current *invocation
	// initError is what the runtime posted to init/error.
	initError *Result
	// wantsTerm is set once an extension has registered.
	wantsTerm bool
}

// invocation is one attempt at an event.
type invocation struct {
	id       string
	payload  []byte
	deadline time.Time
	// answer is nil until the runtime has posted one.
	answer *Result
}

// start starts a process of the function; it has yet to initialise.
func (h *Host) start(f *function) (*environment, error) {
	tmp, err := h.options.Group.TempDir("lambda")
	if err != nil {
		return nil, err
	}
	listener, err := new(net.ListenConfig).Listen(h.ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("listening for the runtime: %w", err), os.RemoveAll(tmp))
	}
	e := &environment{
		f:      f,
		output: &lines{to: f.log},
		tmp:    tmp,
		polled: make(chan struct{}, 1),
		inbox:  make(chan *invocation),
	}
	e.server = &http.Server{Handler: e.routes(), ReadHeaderTimeout: time.Minute}
	e.started = time.Now()
	// It ends by its environment's rules, not by a context.
	cmd := exec.CommandContext(context.Background(), f.bootstrap())
	cmd.Dir = f.Dir
	cmd.Env = environ(f.Function, listener.Addr().String(), tmp)
	cmd.Stdout, cmd.Stderr = e.output, e.output
	if e.process, err = h.options.Group.Start(cmd); err != nil {
		return nil, errors.Join(err, listener.Close(), os.RemoveAll(tmp))
	}
	f.remember(e)
	h.work.Go(func() { _ = e.server.Serve(listener) })
	h.work.Go(e.cleanUp)
	return e, nil
}

// cleanUp removes what is left of an environment once its process has ended.
func (e *environment) cleanUp() {
	<-e.process.Done()
	e.f.forget(e)
	e.output.flush()
	_ = e.server.Close()
	if err := os.RemoveAll(e.tmp); err != nil {
		e.f.log.printf("removing an environment's directory: %v", err)
	}
}

// stop ends the process as Lambda does: with SIGTERM first only if it has
// registered an extension.
func (e *environment) stop() {
	e.mu.Lock()
	gently := e.wantsTerm
	e.mu.Unlock()
	if gently {
		_ = e.process.Stop(syscall.SIGTERM, shutdownGrace)
		return
	}
	e.process.Kill()
}

// exitReason is Lambda's wording for a process that has ended.
func (e *environment) exitReason() string {
	if err := e.process.Err(); err != nil {
		return "Runtime exited with error: " + err.Error()
	}
	return "Runtime exited without providing a reason"
}

func (e *environment) describe() Environment {
	e.mu.Lock()
	defer e.mu.Unlock()
	d := Environment{PID: e.process.Pid()}
	if e.current != nil && e.current.answer == nil {
		d.RequestID = e.current.id
	}
	d.Memory, d.PeakMemory = memoryOf(d.PID)
	return d
}
