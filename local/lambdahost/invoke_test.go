package lambdahost

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestInvoke(t *testing.T) {
	t.Parallel()
	b := setup(t)
	late := setup(t, with(func(f *Function) { f.Timeout = time.Second }))
	for _, test := range []struct {
		name string
		// late runs it with a timeout of a second.
		late  bool
		event event
		// want has ID where the message names the request.
		want    Result
		anyBody bool
	}{
		{name: "answers", event: event{Do: "echo", Text: "hello"}, want: Result{Payload: []byte(`"hello"`)}},
		{
			name:  "reports the function's error",
			event: event{Do: "error", Text: "no such table"},
			want: Result{
				Payload: []byte(`{"errorMessage":"no such table","errorType":"brokenError"}`),
				Error:   &FunctionError{Type: "brokenError", Message: "no such table"},
			},
		},
		{
			name:    "reports a panic",
			event:   event{Do: "panic", Text: "oh"},
			want:    Result{Error: &FunctionError{Type: "string", Message: "oh"}},
			anyBody: true,
		},
		{
			name:    "reports an exit",
			event:   event{Do: "exit"},
			want:    Result{Error: &FunctionError{Type: ErrorExit, Message: "RequestId: ID Error: Runtime exited with error: exit status 1"}},
			anyBody: true,
		},
		{
			name:    "reports an exit with status 0",
			event:   event{Do: "quit"},
			want:    Result{Error: &FunctionError{Type: ErrorExit, Message: "RequestId: ID Error: Runtime exited without providing a reason"}},
			anyBody: true,
		},
		{
			name:  "ends what passes the deadline",
			late:  true,
			event: event{Do: "hang"},
			want: Result{
				Payload: []byte(`{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: ID Error: Task timed out after 1.00 seconds"}`),
				Error:   &FunctionError{Type: ErrorTimeout, Message: "RequestId: ID Error: Task timed out after 1.00 seconds"},
			},
		},
		{
			name:  "refuses an answer over 6 MB",
			event: event{Do: "big", Size: maxResponse},
			want: Result{Error: &FunctionError{
				Type: ErrorResponseSize, Message: "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
			}},
			anyBody: true,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			host := b
			if test.late {
				host = late
			}
			got := host.invoke(t, test.event)
			id := got.RequestID
			if len(id) != 36 {
				t.Errorf("request id %q is no UUID", id)
			}
			got.Payload = bytes.ReplaceAll(got.Payload, []byte(id), []byte("ID"))
			if got.Error != nil {
				got.Error.Message = strings.ReplaceAll(got.Error.Message, id, "ID")
				checkBody(t, got)
			}
			if test.anyBody {
				got.Payload = nil
			}
			if diff := cmp.Diff(test.want, got, cmpopts.IgnoreFields(Result{}, "RequestID", "Duration", "Init")); diff != "" {
				t.Error("(-want +got)\n" + diff)
			}
			if got.Duration <= 0 {
				t.Errorf("duration %v", got.Duration)
			}
		})
	}
}

// checkBody checks that the payload of a failure tells the same error.
func checkBody(t *testing.T, r Result) {
	t.Helper()
	var told FunctionError
	if err := json.Unmarshal(r.Payload, &told); err != nil {
		t.Fatal(err)
	}
	told.Message = strings.ReplaceAll(told.Message, r.RequestID, "ID")
	if diff := cmp.Diff(*r.Error, told); diff != "" {
		t.Error("the payload tells another error (-want +got)\n" + diff)
	}
}

func TestInvokeTakesALargeAnswer(t *testing.T) {
	t.Parallel()
	const size = 6 << 20
	r := setup(t).invoke(t, event{Do: "big", Size: size})
	if r.Error != nil || len(r.Payload) != size+2 {
		t.Errorf("got %d bytes and error %v, want %d bytes", len(r.Payload), r.Error, size+2)
	}
}

func TestInvokeRefuses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if _, err := b.Invoke(t.Context(), "g", nil); !errors.Is(err, ErrUnknownFunction) {
		t.Errorf("unknown function: %v", err)
	}
	if _, err := b.Invoke(t.Context(), "f", make([]byte, maxSyncRequest+1)); !errors.Is(err, ErrRequestTooLarge) {
		t.Errorf("payload over 6 MB: %v", err)
	}
	if err := b.InvokeAsync("f", make([]byte, maxAsyncRequest+1)); !errors.Is(err, ErrRequestTooLarge) {
		t.Errorf("asynchronous payload over 1 MB: %v", err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Invoke(t.Context(), "f", nil); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	if err := b.InvokeAsync("f", nil); !errors.Is(err, ErrClosed) {
		t.Errorf("asynchronously after Close: %v", err)
	}
}

func TestInvokeRunsOnWithoutItsCaller(t *testing.T) {
	t.Parallel()
	b, door := setup(t), newDoor(t)
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error)
	go func() {
		_, err := b.Invoke(ctx, "f", mustMarshal(door.call()))
		failed <- err
	}()
	<-door.knocks
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Fatalf("Invoke: %v, want the caller's cancellation", err)
	}
	door.answers <- 200 // blocks for ever if the function has been ended
	b.invoke(t, event{Do: "describe"})
	if pid := (<-b.started).pid; syscall.Kill(pid, 0) != nil {
		t.Errorf("process %d was ended with its caller", pid)
	}
}

func TestNewNamesEveryProblem(t *testing.T) {
	t.Parallel()
	_, err := New(Options{
		Functions: []Function{
			{Name: "f", Dir: "nowhere"},
			{Name: "g", Dir: programs + "/raw", Timeout: -1},
		},
		RetryDelays: make([]time.Duration, 3),
	})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"no process group", "3 retries", `function "f"`, "has it been built?", `function "g"`, "below zero"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing from: %v", want, err)
		}
	}
}
