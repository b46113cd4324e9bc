package lambdahost

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// background invokes without waiting.
func (b *bundle) background(e event) <-chan Result {
	done := make(chan Result, 1)
	go func() {
		r, err := b.Invoke(context.Background(), "f", mustMarshal(e))
		if err != nil {
			r = failure(errorHost, "%v", err)
		}
		done <- r
	}()
	return done
}

func TestEnvironmentStaysWarm(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var pids []int
	for i := range 3 {
		r := b.invoke(t, event{Do: "describe"})
		d := describe(t, r)
		if d.Count != i+1 {
			t.Errorf("invocation %d is the environment's number %d", i+1, d.Count)
		}
		if cold := i == 0; (r.Init > 0) != cold {
			t.Errorf("invocation %d: init took %v", i+1, r.Init)
		}
		pids = append(pids, d.PID, (<-b.started).pid)
	}
	if len(slices.Compact(pids)) != 1 {
		t.Errorf("processes %v, want one", pids)
	}
}

func TestEnvironmentsGrowWithTheLoad(t *testing.T) {
	t.Parallel()
	b, door := setup(t), newDoor(t)
	first := b.background(door.call())
	<-door.knocks
	second := b.background(door.call())
	<-door.knocks
	environments := b.Environments("f")
	var serving []string
	for _, e := range environments {
		serving = append(serving, e.RequestID)
		if e.Memory <= 0 || e.PeakMemory < e.Memory {
			t.Errorf("process %d: %d bytes of memory, at most %d", e.PID, e.Memory, e.PeakMemory)
		}
	}
	one, two := <-b.started, <-b.started
	want := []string{one.id, two.id}
	slices.Sort(want)
	slices.Sort(serving)
	if diff := cmp.Diff(want, serving); diff != "" {
		t.Fatal("serving (-want +got)\n" + diff)
	}
	// The two end one after the other; the last to end is the first to be used.
	door.answers <- 200
	last := second
	select {
	case <-first:
	case <-second:
		last = first
	}
	door.answers <- 200
	id := (<-last).RequestID
	pid := map[string]int{one.id: one.pid, two.id: two.pid}[id]
	if got := describe(t, b.invoke(t, event{Do: "describe"})); got.PID != pid {
		t.Errorf("served by %d, want the one used last, %d", got.PID, pid)
	}
}

func TestConcurrencyBoundsTheEnvironments(t *testing.T) {
	t.Parallel()
	b, door := setup(t, with(func(f *Function) { f.Concurrency = 2 })), newDoor(t)
	var results []<-chan Result
	for range 5 {
		results = append(results, b.background(door.call()))
	}
	for range results {
		<-door.knocks
		if n := len(b.Environments("f")); n > 2 {
			t.Errorf("%d environments, want at most 2", n)
		}
		door.answers <- 200
	}
	for _, r := range results {
		if err := (<-r).Error; err != nil {
			t.Error(err)
		}
	}
}

func TestInvokeGivesUpWaitingForItsTurn(t *testing.T) {
	t.Parallel()
	b, door := setup(t, with(func(f *Function) { f.Concurrency = 1 })), newDoor(t)
	first := b.background(door.call())
	<-door.knocks
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := b.Invoke(ctx, "f", mustMarshal(event{Do: "describe"})); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the deadline", err)
	}
	door.answers <- 200
	<-first
	if got := describe(t, b.invoke(t, event{Do: "describe"})); got.Count != 2 {
		t.Errorf("the environment has served %d invocations, want 2: the one given up must not run", got.Count)
	}
}

func TestKill(t *testing.T) {
	t.Parallel()
	b, door := setup(t), newDoor(t)
	killed := b.background(door.call())
	<-door.knocks
	if n := b.Kill("f"); n != 1 {
		t.Errorf("killed %d, want 1", n)
	}
	r := <-killed
	want := &FunctionError{Type: ErrorExit, Message: "RequestId: " + r.RequestID + " Error: Runtime exited with error: signal: killed"}
	if diff := cmp.Diff(want, r.Error); diff != "" {
		t.Error("(-want +got)\n" + diff)
	}
	if r = b.invoke(t, event{Do: "describe"}); r.Init == 0 {
		t.Error("the next invocation got an environment that was killed")
	}
	// An idle one goes unnoticed.
	b.Kill("f")
	if r = b.invoke(t, event{Do: "describe"}); r.Error != nil || r.Init == 0 {
		t.Errorf("after killing an idle environment: %+v", r)
	}
}

func TestEnvironmentHasADirectoryOfItsOwn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var tmp string
	for _, pair := range describe(t, b.invoke(t, event{Do: "describe"})).Env {
		if value, ok := strings.CutPrefix(pair, "TMPDIR="); ok {
			tmp = value
		}
	}
	if entries, err := os.ReadDir(tmp); err != nil || len(entries) > 0 {
		t.Errorf("%s holds %v, %v; want an empty directory", tmp, entries, err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(tmp); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is left behind: %v", tmp, err)
	}
}

func TestCloseEndsWhatRuns(t *testing.T) {
	t.Parallel()
	b, door := setup(t), newDoor(t)
	failed := make(chan error)
	go func() {
		_, err := b.Invoke(t.Context(), "f", mustMarshal(door.call()))
		failed <- err
	}()
	<-door.knocks
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-failed; !errors.Is(err, ErrClosed) {
		t.Errorf("Invoke: %v, want ErrClosed", err)
	}
	if pid := (<-b.started).pid; !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		t.Errorf("process %d is still there", pid)
	}
}
