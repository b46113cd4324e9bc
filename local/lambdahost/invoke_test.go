package lambdahost

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestInvoke(t *testing.T) {
	t.Parallel()
	b := setup(t, with(func(f *Function) { f.Timeout = 2 * time.Second }))
	for _, test := range []struct {
		name  string
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
			event: event{Do: "hang"},
			want: Result{
				Payload: []byte(`{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: ID Error: Task timed out after 2.00 seconds"}`),
				Error:   &FunctionError{Type: ErrorTimeout, Message: "RequestId: ID Error: Task timed out after 2.00 seconds"},
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
			got := b.invoke(t, test.event)
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

func TestInvokeTellsTheFunction(t *testing.T) {
	t.Parallel()
	b := setup(t, with(func(f *Function) {
		f.Env = []string{
			"BUCKET=stage", "AWS_ACCESS_KEY_ID=key", "AWS_REGION=eu-central-1", "TZ=:Europe/Berlin",
			"AWS_LAMBDA_FUNCTION_NAME=other", "AWS_LAMBDA_RUNTIME_API=other",
		}
	}))
	r := b.invoke(t, event{Do: "describe"})
	got := describe(t, r)

	if got.RequestID != r.RequestID || got.RequestID != (<-b.started).id {
		t.Errorf("request id %q in the function, %q in the result", got.RequestID, r.RequestID)
	}
	if want := "arn:aws:lambda:eu-central-1:000000000000:function:f"; got.ARN != want {
		t.Errorf("ARN %q, want %q", got.ARN, want)
	}
	if got.Left <= 50*time.Second || got.Left > time.Minute {
		t.Errorf("%v left until the deadline, want the timeout of a minute", got.Left)
	}
	dir := filepath.Join(programs, "bootstrap")
	if got.Dir != dir {
		t.Errorf("runs in %s, want %s", got.Dir, dir)
	}
	want := []string{
		"AWS_ACCESS_KEY_ID=key",
		"AWS_CONFIG_FILE=/dev/null",
		"AWS_DEFAULT_REGION=eu-central-1",
		"AWS_EC2_METADATA_DISABLED=true",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=128",
		"AWS_LAMBDA_FUNCTION_NAME=f",
		"AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
		"AWS_LAMBDA_INITIALIZATION_TYPE=on-demand",
		"AWS_LAMBDA_LOG_FORMAT=JSON",
		"AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/f",
		"AWS_LAMBDA_LOG_STREAM_NAME=*",
		"AWS_LAMBDA_RUNTIME_API=*",
		"AWS_REGION=eu-central-1",
		"AWS_SHARED_CREDENTIALS_FILE=/dev/null",
		"BUCKET=stage",
		"LAMBDA_TASK_ROOT=" + dir,
		"LANG=en_US.UTF-8",
		"PATH=/usr/local/bin:/usr/bin:/bin:/opt/bin",
		"TMPDIR=*",
		"TZ=:Europe/Berlin",
		"_HANDLER=bootstrap",
		"_X_AMZN_TRACE_ID=*",
	}
	if diff := cmp.Diff(want, mask(got.Env)); diff != "" {
		t.Error("(-want +got)\n" + diff)
	}
}

// mask hides the values that differ from run to run, and what /bin/sh adds when
// it is bash.
func mask(env []string) []string {
	shape := regexp.MustCompile(`^(AWS_LAMBDA_RUNTIME_API=127\.0\.0\.1:\d+|` +
		`AWS_LAMBDA_LOG_STREAM_NAME=\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}|TMPDIR=/\S+|` +
		`_X_AMZN_TRACE_ID=Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0)$`)
	shells := []string{"PWD", "OLDPWD", "SHLVL", "_"}
	var masked []string
	for _, pair := range env {
		name, _, _ := strings.Cut(pair, "=")
		if shape.MatchString(pair) {
			pair = name + "=*"
		}
		if !slices.Contains(shells, name) {
			masked = append(masked, pair)
		}
	}
	slices.Sort(masked)
	return masked
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
