package lambdahost

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func (b *bundle) invokeAsync(t *testing.T, e event) {
	t.Helper()
	if err := b.InvokeAsync("f", mustMarshal(e)); err != nil {
		t.Fatal(err)
	}
}

func (b *bundle) idle(t *testing.T) {
	t.Helper()
	if err := b.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestInvokeAsync(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		// statuses are what the function is told, attempt by attempt.
		statuses []int
		delays   []time.Duration
		dead     bool
	}{
		{name: "succeeds", statuses: []int{200}},
		{name: "succeeds on a retry", statuses: []int{500, 200}},
		{name: "succeeds on the last retry", statuses: []int{500, 500, 200}},
		{name: "becomes a dead letter", statuses: []int{500, 500, 500}, dead: true},
		{name: "without retries", statuses: []int{500}, delays: []time.Duration{}, dead: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			door := newDoor(t)
			b := setup(t, func(o *Options) {
				if test.delays != nil {
					o.RetryDelays = test.delays
				}
			})
			b.invokeAsync(t, door.call())
			var id string
			for i, status := range test.statuses {
				knock := <-door.knocks
				if i > 0 && knock != id {
					t.Errorf("attempt %d has request id %s, the first had %s", i+1, knock, id)
				}
				id = knock
				door.answers <- status
			}
			b.idle(t)
			if got := len(b.letters); (got == 1) != test.dead || got > 1 {
				t.Fatalf("%d dead letters, want one: %v", got, test.dead)
			}
			if !test.dead {
				return
			}
			want := DeadLetter{
				Function: "f", RequestID: id, Payload: mustMarshal(door.call()), Attempts: len(test.statuses),
				Error: &FunctionError{Type: "errorString", Message: "500 Internal Server Error"},
			}
			if diff := cmp.Diff(want, <-b.letters, cmpopts.IgnoreUnexported(DeadLetter{}), cmpopts.IgnoreFields(DeadLetter{}, "At")); diff != "" {
				t.Error("(-want +got)\n" + diff)
			}
		})
	}
}

func TestInvokeAsyncRetriesAfterADeath(t *testing.T) {
	t.Parallel()
	b, door := setup(t), newDoor(t)
	b.invokeAsync(t, door.call())
	first := <-door.knocks
	b.Kill("f")
	if second := <-door.knocks; second != first {
		t.Errorf("the retry has request id %s, want %s", second, first)
	}
	door.answers <- 200
	b.idle(t)
	if len(b.letters) != 0 {
		t.Error("a dead letter although the retry succeeded")
	}
}

func TestDeadLetterIsLambdasRecord(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.invokeAsync(t, event{Do: "error", Text: "no such table"})
	b.idle(t)
	letter := <-b.letters
	letter.At = time.Date(2026, 11, 21, 1, 2, 3, 0, time.UTC)
	got, err := json.MarshalIndent(letter, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	want := `{
  "requestContext": {
    "approximateInvokeCount": 3,
    "condition": "RetriesExhausted",
    "functionArn": "arn:aws:lambda:us-east-1:123456789012:function:f:$LATEST",
    "requestId": "` + letter.RequestID + `"
  },
  "requestPayload": {
    "do": "error",
    "text": "no such table"
  },
  "responseContext": {
    "executedVersion": "$LATEST",
    "functionError": "Unhandled",
    "statusCode": 200
  },
  "responsePayload": {
    "errorMessage": "no such table",
    "errorType": "brokenError"
  },
  "timestamp": "2026-11-21T01:02:03.000Z",
  "version": "1.0"
}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error("(-want +got)\n" + diff)
	}
}

func TestInvokeAsyncKeepsItsOwnPayload(t *testing.T) {
	t.Parallel()
	b, door := setup(t, with(func(f *Function) { f.Concurrency = 1 })), newDoor(t)
	b.invokeAsync(t, door.call())
	<-door.knocks
	payload := mustMarshal(event{Do: "error"})
	if err := b.InvokeAsync("f", payload); err != nil { // waits for its turn
		t.Fatal(err)
	}
	clear(payload)
	door.answers <- 200
	b.idle(t)
	if diff := cmp.Diff(`{"do":"error"}`, string((<-b.letters).Payload)); diff != "" {
		t.Error("(-want +got)\n" + diff)
	}
}

func TestIdleEndsWithItsContext(t *testing.T) {
	t.Parallel()
	b, door := setup(t), newDoor(t)
	b.invokeAsync(t, door.call())
	<-door.knocks
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := b.Idle(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the deadline", err)
	}
}

func TestCloseDropsWhatWaits(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *Options) { o.RetryDelays = []time.Duration{time.Hour} })
	b.invokeAsync(t, event{Do: "error"})
	<-b.started
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	b.idle(t)
	if len(b.letters) != 0 {
		t.Error("a dead letter although the host was closed before the retry")
	}
}

// Every attempt's result is told, those of synchronous invocations and those
// that nobody waits for.
func TestEveryResultIsTold(t *testing.T) {
	t.Parallel()
	results := make(chan Result, 10)
	b := setup(t, func(o *Options) {
		o.OnResult = func(function string, r Result) {
			if function != "f" {
				t.Errorf("a result of %s", function)
			}
			results <- r
		}
	})
	answered := b.invoke(t, event{Do: "echo", Text: "x"})
	if diff := cmp.Diff(answered, <-results); diff != "" {
		t.Errorf("the result that was answered and the one that was told (-want +got):\n%s", diff)
	}
	b.invokeAsync(t, event{Do: "error", Text: "on purpose"})
	b.idle(t)
	if len(results) != 3 {
		t.Fatalf("%d results of three attempts", len(results))
	}
	for range 3 {
		if r := <-results; r.Error == nil {
			t.Errorf("the result is %s, without an error", r.Payload)
		}
	}
}
