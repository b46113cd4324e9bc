package process

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"sync"
	"syscall"
	"time"
)

// waitDelay bounds the wait for output that a stray grandchild holds open.
const waitDelay = 2 * time.Second

// Process is a started subprocess.
type Process struct {
	group *Group
	cmd   *exec.Cmd
	name  string
	done  chan struct{}
	err   error

	mu    sync.Mutex
	ended bool
}

// Start starts cmd, which belongs to the group from then on and must not be
// used again. It runs in a process group of its own, so that a Ctrl-C at the
// terminal reaches only us, who stop the processes in order. A program that
// cannot be executed after all ends with status 126 or 127.
//
// cmd.ExtraFiles must be empty. A cmd.WaitDelay of zero becomes two seconds.
func (g *Group) Start(cmd *exec.Cmd) (*Process, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return nil, fmt.Errorf("starting %s: %w", cmd.Path, ErrClosed)
	}
	p := &Process{group: g, cmd: cmd, name: cmd.Path, done: make(chan struct{})}
	if err := g.prepare(cmd); err != nil {
		return nil, fmt.Errorf("starting %s: %w", p.name, err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", p.name, err)
	}
	g.processes = append(g.processes, p)
	go p.wait()
	return p, nil
}

// prepare puts the launcher in front of the program.
func (g *Group) prepare(cmd *exec.Cmd) error {
	if cmd.Err != nil {
		return cmd.Err
	}
	if len(cmd.ExtraFiles) > 0 {
		return errors.New("ExtraFiles are not passed on")
	}
	if len(cmd.Args) == 0 {
		cmd.Args = []string{cmd.Path}
	}
	if cmd.Dir == "" {
		if _, err := exec.LookPath(cmd.Path); err != nil {
			return err
		}
	}
	cmd.Args = append([]string{shell, "-c", launcher, shell, cmd.Path}, cmd.Args[1:]...)
	cmd.Path = shell
	cmd.ExtraFiles = []*os.File{g.pipe}
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	if cmd.WaitDelay == 0 {
		cmd.WaitDelay = waitDelay
	}
	return nil
}

// wait withdraws the process from the reaper and kills what is left of its
// process group while its pid is still taken, and only then collects it.
func (p *Process) wait() {
	waitErr := awaitExit(p.Pid())
	p.mu.Lock()
	p.ended = true
	_ = syscall.Kill(-p.Pid(), syscall.SIGKILL)
	p.mu.Unlock()
	// A pipe without a reader is no error here: the reaper is dead, and no
	// process will start any more.
	_, _ = fmt.Fprintf(p.group.pipe, "gone %d\n", p.Pid())
	p.err = errors.Join(waitErr, p.cmd.Wait())
	close(p.done)
	p.group.forget(p)
}

// forget keeps a group that starts many short processes small. It comes after
// done is closed: Close must wait for all that is still under way.
func (g *Group) forget(p *Process) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.processes = slices.DeleteFunc(g.processes, func(q *Process) bool { return q == p })
}

// Pid returns the process id.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Done is closed once the process has ended and its output has been written.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err waits for the end of the process and returns what exec.Cmd.Wait says of
// it: nil for status 0, an *exec.ExitError for any other end.
func (p *Process) Err() error {
	<-p.done
	return p.err
}

// Stop sends sig to the process group, SIGKILL after grace, and returns once
// the process has ended. How it ended is told by Err, not here; an error means
// that sig could not be sent and the process was killed instead.
func (p *Process) Stop(sig os.Signal, grace time.Duration) error {
	err := p.signal(sig)
	if err != nil {
		p.Kill()
		return fmt.Errorf("stopping %s (pid %d): %w", p.name, p.Pid(), err)
	}
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-p.done:
	case <-timer.C:
		p.Kill()
	}
	return nil
}

// Kill sends SIGKILL to the process group and returns once the process has
// ended.
func (p *Process) Kill() {
	_ = p.signal(os.Kill)
	<-p.done
}

// signal reaches nobody once the process has ended, for then its number may be
// another's.
func (p *Process) signal(sig os.Signal) error {
	number, ok := sig.(syscall.Signal)
	if !ok {
		return fmt.Errorf("signal %v: want a syscall.Signal", sig)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return nil
	}
	err := syscall.Kill(-p.Pid(), number)
	if errors.Is(err, syscall.ESRCH) || errors.Is(err, syscall.EPERM) {
		return nil // dead and not yet collected: macOS says EPERM then
	}
	return err
}
