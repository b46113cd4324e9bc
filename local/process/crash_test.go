package process_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stagelift/stagelift/local/process"
)

// roleVariable makes the test binary play a program that dies.
const roleVariable = "PROCESS_TEST_ROLE"

func TestMain(m *testing.M) {
	switch role := os.Getenv(roleVariable); role {
	case "":
		os.Exit(m.Run())
	case "parent":
		playParent()
	default:
		playProgram(role)
	}
}

// estate is what a program leaves behind.
type estate struct {
	Pids []int
	Dir  string
}

// playProgram starts processes that die of SIGINT, that ignore it and that
// have ended already, tells its estate and dies as its role says.
func playProgram(death string) {
	g, err := process.NewGroup()
	must(err)
	dir, err := g.TempDir("a dir")
	must(err)
	must(os.WriteFile(filepath.Join(dir, "a file"), []byte("x"), 0o600))
	left := estate{Dir: filepath.Dir(dir)}
	ready := filepath.Join(dir, "ready")
	for _, args := range [][]string{
		{"true"},
		{"sleep", "1000"},
		{"sh", "-c", `sleep 1000; :`},
		{"sh", "-c", `trap '' INT; : >"$0"; while :; do sleep 1000; done`, ready},
	} {
		p, err := g.Start(exec.CommandContext(context.Background(), args[0], args[1:]...))
		must(err)
		if args[0] == "true" {
			<-p.Done()
		}
		left.Pids = append(left.Pids, p.Pid())
	}
	for !exists(ready) {
		time.Sleep(10 * time.Millisecond)
	}
	must(json.NewEncoder(os.Stdout).Encode(left))
	switch death {
	case "exit":
		os.Exit(3)
	case "panic":
		panic("as asked")
	default:
		select {}
	}
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(99)
	}
}

// reaperOf finds the reaper by the directory that it is to remove.
func reaperOf(t *testing.T, left estate) int {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "ps", "-A", "-o", "pid=,args=").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		if fields := strings.Fields(line); strings.HasSuffix(strings.TrimSpace(line), "stagelift-reaper "+left.Dir) {
			pid, err := strconv.Atoi(fields[0])
			if err != nil {
				t.Fatal(err)
			}
			return pid
		}
	}
	t.Fatalf("no reaper of %s", left.Dir)
	return 0
}

func TestNothingOutlivesTheProgram(t *testing.T) {
	t.Parallel()
	kill := func(sig syscall.Signal) func(*testing.T, *os.Process, estate) error {
		return func(_ *testing.T, p *os.Process, _ estate) error { return p.Signal(sig) }
	}
	for name, test := range map[string]struct {
		role string
		end  func(*testing.T, *os.Process, estate) error
	}{
		"killed":                    {role: "wait", end: kill(syscall.SIGKILL)},
		"interrupted, not handling": {role: "wait", end: kill(syscall.SIGINT)},
		"terminated, not handling":  {role: "wait", end: kill(syscall.SIGTERM)},
		"hung up, not handling":     {role: "wait", end: kill(syscall.SIGHUP)},
		"os.Exit":                   {role: "exit"},
		"panic":                     {role: "panic"},
		// As Ctrl-C would: the reaper must not go down with us.
		"its process group killed": {role: "wait", end: func(_ *testing.T, p *os.Process, _ estate) error {
			return syscall.Kill(-p.Pid, syscall.SIGKILL)
		}},
		"killed after its reaper was signalled": {role: "wait", end: func(t *testing.T, p *os.Process, left estate) error {
			t.Helper()
			for _, sig := range []syscall.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM} {
				if err := syscall.Kill(reaperOf(t, left), sig); err != nil {
					return err
				}
			}
			return p.Kill()
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), os.Args[0])
			cmd.Env = append(os.Environ(), roleVariable+"="+test.role)
			cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			var left estate
			if err := json.NewDecoder(out).Decode(&left); err != nil {
				t.Fatal(err)
			}
			if test.end != nil {
				if err := test.end(t, cmd.Process, left); err != nil {
					t.Fatal(err)
				}
			}
			_ = cmd.Wait() // it dies, each time of something else
			for _, pid := range left.Pids {
				eventually(t, fmt.Sprintf("process %d is gone", pid), func() bool { return !running(t, pid) })
			}
			eventually(t, left.Dir+" is gone", func() bool { return !exists(left.Dir) })
		})
	}
}

// playParent starts a program that waits for its parent to die, as `go run`
// would, and passes its first line on.
func playParent() {
	ctx, cancel := process.WithParent(context.Background())
	defer cancel()
	fmt.Println(os.Getpid())
	<-ctx.Done()
	fmt.Println(context.Cause(ctx))
}

func TestWithParent(t *testing.T) {
	t.Parallel()
	t.Run("ends when the parent is gone", func(t *testing.T) {
		t.Parallel()
		// The shell stands for `go run`: it starts us and waits.
		cmd := exec.CommandContext(t.Context(), "sh", "-c", `"$0"; :`, os.Args[0])
		cmd.Env = append(os.Environ(), roleVariable+"=parent")
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		if !lines.Scan() {
			t.Fatalf("no first line: %v", lines.Err())
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		lines.Scan()
		if got, want := strings.TrimSpace(lines.Text()), process.ErrOrphaned.Error(); got != want {
			t.Errorf("cause = %q, want %q", got, want)
		}
		_ = cmd.Wait()
	})
	t.Run("ends when cancelled", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := process.WithParent(t.Context())
		if err := ctx.Err(); err != nil {
			t.Errorf("at once: %v", err)
		}
		cancel()
		<-ctx.Done()
	})
}
