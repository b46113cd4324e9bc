package lambdahost

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

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
			if test.mode == "hang" {
				b.initTimeout = time.Second
			}
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
			if err := b.Close(); err != nil {
				t.Fatal(err)
			}
			if test.mode == "exit" && !strings.Contains(b.log.String(), "cannot initialise\n") {
				t.Errorf("the last words, which have no newline, are not in the log:\n%s", b.log)
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
