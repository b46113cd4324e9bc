package pgserver_test

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stagelift/stagelift/local/pgserver"
	"github.com/stagelift/stagelift/local/process"
)

// crashVariable makes the test binary start a server and wait to be killed.
const crashVariable = "PGSERVER_TEST_CRASH"

func TestMain(m *testing.M) {
	if os.Getenv(crashVariable) != "" {
		waitToBeKilled()
	}
	os.Exit(m.Run())
}

// estate is what a killed program leaves to the reaper.
type estate struct {
	Pid    int
	Socket string
}

func waitToBeKilled() {
	g, err := process.NewGroup()
	if err != nil {
		panic(err)
	}
	s, err := pgserver.Start(context.Background(), g, pgserver.Options{})
	if err != nil {
		panic(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(estate{s.Pid(), s.SocketDir()}); err != nil {
		panic(err)
	}
	select {}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("still not: %s", what)
		}
	}
}

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

func TestServerDiesWithItsProgram(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), crashVariable+"=yes")
	cmd.Stderr = os.Stderr
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
	if !running(t, left.Pid) {
		t.Fatalf("postmaster %d does not run", left.Pid)
	}
	if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed
	eventually(t, "the postmaster is gone", func() bool { return !running(t, left.Pid) })
	eventually(t, "the data is gone", func() bool { return !exists(filepath.Dir(left.Socket)) })
}
