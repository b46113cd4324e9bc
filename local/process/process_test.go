package process_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/local/process"
)

func TestCloseEndsAll(t *testing.T) {
	t.Parallel()
	g := newGroup(t)
	dir, err := g.TempDir("with space")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	first, second := start(t, g, sleeper(t)), start(t, g, sleeper(t))

	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	for _, p := range []*process.Process{first, second} {
		if running(t, p.Pid()) {
			t.Errorf("process %d still runs", p.Pid())
		}
		var exit *exec.ExitError
		if !errors.As(p.Err(), &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGINT {
			t.Errorf("Err() = %v, want death by SIGINT", p.Err())
		}
	}
	if root := filepath.Dir(dir); exists(root) {
		t.Errorf("%s is still there", root)
	}
	if _, err := g.Start(sleeper(t)); !errors.Is(err, process.ErrClosed) {
		t.Errorf("Start after Close: %v, want ErrClosed", err)
	}
	if _, err := g.TempDir("late"); !errors.Is(err, process.ErrClosed) {
		t.Errorf("TempDir after Close: %v, want ErrClosed", err)
	}
}

func TestTempDir(t *testing.T) {
	t.Parallel()
	t.Run("is fresh, short and open to all", func(t *testing.T) {
		t.Parallel()
		g := newGroup(t)
		seen := map[string]bool{}
		for range 3 {
			dir, err := g.TempDir("data")
			if err != nil {
				t.Fatal(err)
			}
			info, err := os.Stat(dir)
			if err != nil {
				t.Fatal(err)
			}
			if seen[dir] || len(dir) >= 60 || info.Mode().Perm() != 0o755 {
				t.Errorf("TempDir() = %s, mode %v; want a new path below 60 bytes, mode 0755", dir, info.Mode())
			}
			seen[dir] = true
		}
	})
	for name, element := range map[string]string{
		"refuses no name":     "",
		"refuses a path":      "../etc",
		"refuses a long name": strings.Repeat("x", 60),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if dir, err := newGroup(t).TempDir(element); err == nil {
				t.Errorf("TempDir(%q) = %s, want an error", element, dir)
			}
		})
	}
}

func TestStart(t *testing.T) {
	t.Parallel()
	t.Run("passes arguments, environment, directory and output", func(t *testing.T) {
		t.Parallel()
		g := newGroup(t)
		dir, err := g.TempDir("a b")
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		cmd := exec.CommandContext(t.Context(), "sh", "-c", `printf '%s|' "$@"; printf %s "$WORD"; pwd -P >&2`, "sh", "two words", `"$quoted"`)
		cmd.Env, cmd.Dir, cmd.Stdout = []string{"WORD=a word"}, dir, &out
		var errOut bytes.Buffer
		cmd.Stderr = &errOut
		if err := start(t, g, cmd).Err(); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(`two words|"$quoted"|a word`, out.String()); diff != "" {
			t.Errorf("output (-want +got):\n%s", diff)
		}
		if got := strings.TrimSpace(errOut.String()); filepath.Base(got) != filepath.Base(dir) {
			t.Errorf("ran in %s, want %s", got, dir)
		}
	})
	t.Run("keeps the pipe to the reaper from the program", func(t *testing.T) {
		t.Parallel()
		p := start(t, newGroup(t), exec.CommandContext(t.Context(), "sh", "-c", `! true 2>/dev/null >&3`))
		if err := p.Err(); err != nil {
			t.Errorf("file descriptor 3 is open in the program: %v", err)
		}
	})
	t.Run("runs under the pid that it reports, at the head of a process group", func(t *testing.T) {
		t.Parallel()
		var out bytes.Buffer
		cmd := exec.CommandContext(t.Context(), "sh", "-c", `echo $$ $(ps -o pgid= -p $$)`)
		cmd.Stdout = &out
		p := start(t, newGroup(t), cmd)
		if err := p.Err(); err != nil {
			t.Fatal(err)
		}
		pid := strconv.Itoa(p.Pid())
		if diff := cmp.Diff([]string{pid, pid}, strings.Fields(out.String())); diff != "" {
			t.Errorf("pid and process group (-want +got):\n%s", diff)
		}
	})
	t.Run("refuses a program that is not there", func(t *testing.T) {
		t.Parallel()
		for _, program := range []string{"no-such-program-here", "/no/such/program"} {
			if _, err := newGroup(t).Start(exec.CommandContext(t.Context(), program)); err == nil {
				t.Errorf("Start(%s) gave no error", program)
			}
		}
	})
	t.Run("kills what the program left in its process group", func(t *testing.T) {
		t.Parallel()
		var out bytes.Buffer
		cmd := exec.CommandContext(t.Context(), "sh", "-c", `sleep 1000 >/dev/null 2>&1 & echo $!`)
		cmd.Stdout = &out
		if err := start(t, newGroup(t), cmd).Err(); err != nil {
			t.Fatal(err)
		}
		left, err := strconv.Atoi(strings.TrimSpace(out.String()))
		if err != nil {
			t.Fatal(err)
		}
		eventually(t, "the grandchild is gone", func() bool { return !running(t, left) })
	})
}

func TestStop(t *testing.T) {
	t.Parallel()
	t.Run("sends the signal", func(t *testing.T) {
		t.Parallel()
		p := start(t, newGroup(t), sleeper(t))
		if err := p.Stop(syscall.SIGTERM, patience); err != nil {
			t.Fatal(err)
		}
		var exit *exec.ExitError
		if !errors.As(p.Err(), &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGTERM {
			t.Errorf("Err() = %v, want death by SIGTERM", p.Err())
		}
	})
	t.Run("kills after the grace", func(t *testing.T) {
		t.Parallel()
		p := stubborn(t, newGroup(t))
		if err := p.Stop(os.Interrupt, 10*time.Millisecond); err != nil {
			t.Fatal(err)
		}
		var exit *exec.ExitError
		if !errors.As(p.Err(), &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			t.Errorf("Err() = %v, want death by SIGKILL", p.Err())
		}
	})
	t.Run("of an ended process does nothing", func(t *testing.T) {
		t.Parallel()
		p := start(t, newGroup(t), exec.CommandContext(t.Context(), "true"))
		<-p.Done()
		if err := p.Stop(os.Interrupt, patience); err != nil {
			t.Errorf("Stop: %v", err)
		}
		p.Kill()
		if err := p.Err(); err != nil {
			t.Errorf("Err: %v", err)
		}
	})
}
