// Package process starts subprocesses and makes directories that never outlive
// the program that asked for them.
//
// A [Group] owns both. Close ends the processes, newest first, and removes the
// directories. When the program dies without Close, by a panic, os.Exit or
// SIGKILL, a reaper does it: a small shell, in a session of its own, that reads
// a pipe which only we hold open. At the end of that pipe it interrupts every
// process of the group, kills after two seconds what is still there, and
// removes the directories. A process is known to the reaper before its program
// runs, and is withdrawn from it before its pid can name another process.
//
// Linux and macOS. Not covered: a process that leaves its process group
// (setsid) and survives the end of its leader, and the death of the reaper
// itself, after which no further process can be started.
package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// closeGrace is how long Close waits for a process after SIGINT.
const closeGrace = 5 * time.Second

// maxDir bounds the length of a directory, in bytes, so that the path of a Unix
// socket inside it fits into the 104 bytes that macOS allows.
const maxDir = 60

// ErrClosed is returned by a group that has been closed.
var ErrClosed = errors.New("process group is closed")

// Group owns processes and directories. Its methods may be called from several
// goroutines.
type Group struct {
	root   string
	pipe   *os.File
	reaper *exec.Cmd

	mu        sync.Mutex
	closed    bool
	closing   sync.Once
	closeErr  error
	dirs      int
	processes []*Process
}

// NewGroup returns an empty group with its reaper running.
func NewGroup() (*Group, error) {
	root, err := newRoot()
	if err != nil {
		return nil, err
	}
	g := &Group{root: root}
	if err := g.startReaper(); err != nil {
		return nil, errors.Join(fmt.Errorf("starting the reaper: %w", err), os.RemoveAll(root))
	}
	return g, nil
}

func (g *Group) startReaper() error {
	read, write, err := os.Pipe()
	if err != nil {
		return err
	}
	// It outlives every context, and gets no standard output: whoever waits for
	// the end of ours must not wait for the reaper.
	g.reaper = exec.CommandContext(context.Background(), shell, "-c", `eval "$SCRIPT"`, "stagelift-reaper", g.root)
	g.reaper.Dir = "/"
	g.reaper.Env = []string{"PATH=" + os.Getenv("PATH"), "SCRIPT=" + reaperScript} // ps shows arguments
	g.reaper.Stdin = read
	g.reaper.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = g.reaper.Start()
	_ = read.Close()
	if err != nil {
		_ = write.Close()
		return err
	}
	g.pipe = write
	return nil
}

// TempDir returns a new, empty directory with name in its path, which is below
// 60 bytes. It may be read and traversed by every user of the machine (0755),
// since servers may run as another user than we do; put secrets one level down.
func (g *Group) TempDir(name string) (string, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return "", fmt.Errorf("making directory %q: %w", name, ErrClosed)
	}
	if name == "" || strings.ContainsAny(name, "/\n") {
		return "", fmt.Errorf("making directory %q: want one path element", name)
	}
	g.dirs++
	dir := filepath.Join(g.root, fmt.Sprintf("%s-%d", name, g.dirs))
	if len(dir) >= maxDir {
		return "", fmt.Errorf("making directory %s: %d bytes, want fewer than %d so that a socket in it can be named", dir, len(dir), maxDir)
	}
	if err := makeDir(dir); err != nil {
		return "", fmt.Errorf("making directory %s: %w", dir, err)
	}
	return dir, nil
}

// makeDir does not leave the mode to the umask.
func makeDir(dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	return os.Chmod(dir, 0o755)
}

// Close ends the processes, newest first, each with SIGINT and five seconds
// later SIGKILL, and removes the directories. It returns after all are gone;
// how a process ended is no error of Close. Later calls return the first
// call's answer.
func (g *Group) Close() error {
	g.closing.Do(func() { g.closeErr = g.close() })
	return g.closeErr
}

func (g *Group) close() error {
	g.mu.Lock()
	g.closed = true
	processes := slices.Clone(g.processes)
	g.mu.Unlock()

	var problems []error
	for _, p := range slices.Backward(processes) {
		if err := p.Stop(os.Interrupt, closeGrace); err != nil {
			problems = append(problems, err)
		}
	}
	if err := os.RemoveAll(g.root); err != nil {
		problems = append(problems, fmt.Errorf("removing the group's directories: %w", err))
	}
	// Goodbye comes last: until here the reaper would have finished the work.
	_, err := g.pipe.WriteString("bye\n")
	if err = errors.Join(err, g.pipe.Close(), g.reaper.Wait()); err != nil {
		problems = append(problems, fmt.Errorf("dismissing the reaper: %w", err))
	}
	return errors.Join(problems...)
}
