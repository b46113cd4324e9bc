package process_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stagelift/stagelift/local/process"
)

// patience bounds every wait for something that must happen soon.
const patience = 20 * time.Second

func newGroup(t *testing.T) *process.Group {
	t.Helper()
	g, err := process.NewGroup()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Close(); err != nil {
			t.Errorf("closing the group: %v", err)
		}
	})
	return g
}

func start(t *testing.T, g *process.Group, cmd *exec.Cmd) *process.Process {
	t.Helper()
	p, err := g.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func sleeper(t *testing.T) *exec.Cmd {
	t.Helper()
	return exec.CommandContext(t.Context(), "sleep", "1000")
}

// stubborn ignores SIGINT. It says so in a file, since before that it would
// still die of it.
func stubborn(t *testing.T, g *process.Group) *process.Process {
	t.Helper()
	dir, err := g.TempDir("ready")
	if err != nil {
		t.Fatal(err)
	}
	ready := filepath.Join(dir, "file")
	p := start(t, g, exec.CommandContext(t.Context(), "sh", "-c", `trap '' INT; : >"$0"; while :; do sleep 1000; done`, ready))
	eventually(t, "the process is ready", func() bool { return exists(ready) })
	return p
}

// running reports whether pid is a process other than a zombie.
func running(t *testing.T, pid int) bool {
	t.Helper()
	out, _ := exec.CommandContext(t.Context(), "ps", "-o", "stat=", "-p", strconv.Itoa(pid)).Output()
	state := strings.TrimSpace(string(out))
	return state != "" && !strings.HasPrefix(state, "Z")
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// eventually polls, because what happens after the death of a process has
// nobody left to report it.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("after %s still not: %s", patience, what)
		}
	}
}
