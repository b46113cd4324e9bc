package lambdahost

import (
	"context"
	"errors"
	"path/filepath"
	"regexp"
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

func TestInitialisationFails(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, program, mode string
		want                FunctionError
	}{
		{"exit", "bootstrap", "exit", FunctionError{ErrorExit, "RequestId: ID Error: Runtime exited with error: exit status 3"}},
		{"error told", "raw", "post", FunctionError{"Setup.Broken", "no bucket"}},
		{"too slow", "bootstrap", "hang", FunctionError{ErrorTimeout, "RequestId: ID Error: Initialization timed out after 1.00 seconds"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, with(func(f *Function) {
				f.Dir, f.Env = filepath.Join(programs, test.program), []string{"INIT=" + test.mode}
			}))
			b.initTimeout = time.Second
			r := b.invoke(t, event{})
			if r.Error == nil {
				t.Fatal("no error")
			}
			r.Error.Message = strings.ReplaceAll(r.Error.Message, r.RequestID, "ID")
			if diff := cmp.Diff(test.want, *r.Error); diff != "" {
				t.Error("(-want +got)\n" + diff)
			}
			if r.Init == 0 || r.RequestID == "" {
				t.Errorf("init %v, request id %q", r.Init, r.RequestID)
			}
			if !strings.Contains(b.log.String(), "INIT_REPORT Init Duration: ") {
				t.Errorf("no INIT_REPORT in the log:\n%s", b.log)
			}
		})
	}
}

// TestRuntimeAPI lets a runtime make every mistake that the API forbids.
func TestRuntimeAPI(t *testing.T) {
	t.Parallel()
	b := setup(t, with(func(f *Function) { f.Dir = filepath.Join(programs, "raw") }))
	first := b.invoke(t, event{})
	if string(first.Payload) != `"first"` || first.Error != nil {
		t.Errorf("first: %s, %v", first.Payload, first.Error)
	}
	want := `wrong id: 400 {"errorType":"InvalidRequestID","errorMessage":"invocation other is not running"}
poll without answer: 403 {"errorType":"InvalidStateTransition","errorMessage":"invocation ID has no answer yet"}
answer: 202 {"status":"OK"}
second answer: 403 {"errorType":"InvalidStateTransition","errorMessage":"invocation ID has its answer"}`
	got := strings.ReplaceAll(string(b.invoke(t, event{}).Payload), first.RequestID, "ID")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error("(-want +got)\n" + diff)
	}
	third := b.invoke(t, event{})
	if diff := cmp.Diff(&FunctionError{Type: errorUnknown}, third.Error); diff != "" || string(third.Payload) != "not JSON" {
		t.Errorf("an error that is no JSON: payload %s (-want +got)\n%s", third.Payload, diff)
	}
}

func TestCloseEndsWhatRuns(t *testing.T) {
	t.Parallel()
	b, door := setup(t), newDoor(t)
	failed := make(chan error)
	go func() {
		_, err := b.Invoke(context.Background(), "f", mustMarshal(door.call()))
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

// TestSIGTERM: only who has registered an extension is told of the end.
func TestSIGTERM(t *testing.T) {
	t.Parallel()
	door := newDoor(t)
	b := setup(t, with(func(f *Function) { f.Env = []string{"INIT=sigterm", "SIGTERM_URL=" + door.URL} }))
	b.invoke(t, event{Do: "describe"})
	closed := make(chan error)
	go func() { closed <- b.Close() }()
	<-door.knocks
	door.answers <- 200
	if err := <-closed; err != nil {
		t.Error(err)
	}
}

func TestLog(t *testing.T) {
	t.Parallel()
	b := setup(t, with(func(f *Function) { f.MemoryMB, f.Timeout = 512, 2*time.Second }))
	ids := []string{
		b.invoke(t, event{Do: "describe"}).RequestID,
		b.invoke(t, event{Do: "hang"}).RequestID,
		b.invoke(t, event{Do: "quit"}).RequestID,
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	got := b.log.String()
	for i, id := range ids {
		got = strings.ReplaceAll(got, id, []string{"A", "B", "C"}[i])
	}
	got = regexp.MustCompile(`\d+\.\d\d ms|Duration: \d+ ms|Used: \d+ MB`).ReplaceAllStringFunc(got, func(s string) string {
		return regexp.MustCompile(`[\d.]+`).ReplaceAllString(s, "N")
	})
	want := strings.ReplaceAll(`START RequestId: A Version: $LATEST
END RequestId: A
REPORT RequestId: A|Duration: N ms|Billed Duration: N ms|Memory Size: 512 MB|Max Memory Used: N MB|Init Duration: N ms
START RequestId: B Version: $LATEST
RequestId: B Error: Task timed out after 2.00 seconds
END RequestId: B
REPORT RequestId: B|Duration: N ms|Billed Duration: N ms|Memory Size: 512 MB|Max Memory Used: N MB|Status: timeout
START RequestId: C Version: $LATEST
RequestId: C Error: Runtime exited without providing a reason
END RequestId: C
REPORT RequestId: C|Duration: N ms|Billed Duration: N ms|Memory Size: 512 MB|Init Duration: N ms|Status: error|Error Type: Runtime.ExitError
`, "|", "\t")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error("(-want +got)\n" + diff)
	}
}

// TestLogKeepsLinesWhole: environments write at the same time.
func TestLogKeepsLinesWhole(t *testing.T) {
	t.Parallel()
	b := setup(t)
	texts := map[string]int{"aaaaaaaaaaaaaaaaaaaa": 0, "bbbbbbbbbbbbbbbbbbbb": 0, "cccccccccccccccccccc": 0}
	var results []<-chan Result
	for text := range texts {
		results = append(results, b.background(event{Do: "print", Text: text}))
	}
	for _, r := range results {
		if err := (<-r).Error; err != nil {
			t.Error(err)
		}
	}
	if err := b.Close(); err != nil { // the output is complete after the end
		t.Fatal(err)
	}
	for line := range strings.Lines(b.log.String()) {
		line = strings.TrimSuffix(line, "\n")
		if _, ours := texts[line]; ours {
			texts[line]++
		} else if !regexp.MustCompile(`^(START|END|REPORT) `).MatchString(line) {
			t.Errorf("a line of the log is %q", line)
		}
	}
	for text, n := range texts {
		if n != 100 {
			t.Errorf("%d lines %s, want 100", n, text)
		}
	}
}
