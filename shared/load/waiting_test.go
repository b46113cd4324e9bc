package load

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// delayed is a queue whose clock goes on by itself from one message to the next.
type delayed struct {
	now      time.Time
	requests []Request
	delays   []time.Duration
}

func (l *delayed) Send(_ context.Context, request Request, after time.Duration) error {
	l.requests, l.delays = append(l.requests, request), append(l.delays, after)
	return nil
}

// waiting is a job that hands on, before a clock of its own, and the time that
// its invocations took of the real one.
type waiting struct {
	*cell
	*told
	queue       delayed
	invocations int
	spent       time.Duration
}

func (c *cell) waiting() *waiting {
	return &waiting{cell: c, told: &told{}, queue: delayed{now: time.Date(2026, 11, 21, 0, 30, 0, 0, time.UTC)}}
}

func (w *waiting) invoke(payload json.RawMessage) (Answer, error) {
	w.Helper()
	job := &Job{
		Store: w.store, Bucket: w.bucket.Name, Layout: stage.Layout{Prefix: "stage/"}, Warehouse: w.connect(http.DefaultTransport),
		PollEvery: time.Millisecond, Log: slog.New(slog.NewJSONHandler(w.log, nil)), Notifier: w.told,
		Waiting: &w.queue, now: func() time.Time { return w.queue.now }, hurry: 20,
	}
	began := time.Now()
	answer, err := job.Handle(w.Context(), payload)
	w.invocations++
	w.spent += time.Since(began)
	return answer, err
}

// next delivers the message that was sent last, when its time has come.
func (w *waiting) next(received int) Answer {
	w.Helper()
	last := len(w.queue.requests) - 1
	if last < 0 {
		w.Fatal("nothing was handed on")
	}
	w.queue.now = w.queue.now.Add(w.queue.delays[last])
	body, err := json.Marshal(w.queue.requests[last])
	if err != nil {
		w.Fatal(err)
	}
	message, err := json.Marshal(map[string]any{"Records": []any{map[string]any{
		"messageId": "m1", "eventSource": "aws:sqs", "body": string(body),
		"attributes": map[string]string{"ApproximateReceiveCount": fmt.Sprint(received)},
	}}})
	if err != nil {
		w.Fatal(err)
	}
	answer, err := w.invoke(message)
	if err != nil {
		w.Fatal(err)
	}
	return answer
}

// settle goes on until nothing runs that was handed on.
func (w *waiting) settle(answer Answer) Answer {
	w.Helper()
	for slices.ContainsFunc(answer.Loads, func(l Loaded) bool { return l.State == warehouse.Running }) {
		answer = w.next(1)
	}
	return answer
}

// A COPY of three hours is asked for some thirty times, for moments, and no
// invocation fails meanwhile.
func TestLongCopyCostsSeconds(t *testing.T) {
	t.Parallel()
	onEach(t, func(c *cell) {
		w := c.waiting()
		over := make(chan struct{})
		open := sync.OnceFunc(func() { close(over) })
		c.Cleanup(open)
		gate := func(sql string) {
			if strings.HasPrefix(sql, "COPY ") {
				<-over
			}
		}
		c.gate.Store(&gate)
		receipt := c.stage("long", 1, nil, []string{"1=a"})
		began := w.queue.now
		answer, err := w.invoke(json.RawMessage(fmt.Sprintf(anEvent, c.bucket.Name, receipt)))
		if err != nil || len(answer.Loads) != 1 || answer.Loads[0].State != warehouse.Running {
			c.Fatalf("the event was answered %+v, %v; want it running", answer, err)
		}
		for len(answer.Loads) == 1 && answer.Loads[0].State == warehouse.Running {
			if w.queue.now.Sub(began) >= 3*time.Hour {
				open()
			}
			if answer = w.next(1); len(answer.Failures) > 0 {
				c.Fatalf("answered %+v", answer)
			}
		}
		if len(answer.Loads) != 1 || answer.Loads[0].State != warehouse.Loaded {
			c.Fatalf("answered %+v, want it loaded", answer)
		}
		c.want("long", []string{"1=a"})
		if w.invocations > 45 || w.invocations < 10 {
			c.Errorf("%d invocations, want some thirty", w.invocations)
		}
		// Of the real clock: a step is waited for a twentieth of what it is otherwise.
		c.Logf("%d invocations in %v for a COPY of %v", w.invocations, w.spent, w.queue.now.Sub(began))
		if len(w.loads) != 1 || w.loads[0].State != warehouse.Loaded {
			c.Errorf("told %+v, want it loaded, once", w.loads)
		}
	})
}

// A window that came too early is delivered again by and by, and is an error once
// what it waits for is overdue.
func TestHeldWindowRingsWhenItIsOverdue(t *testing.T) {
	t.Parallel()
	onEach(t, func(c *cell) {
		w := c.waiting()
		first, second, _ := c.three("held")
		began := w.queue.now
		answer, err := w.invoke(json.RawMessage(fmt.Sprintf(anEvent, c.bucket.Name, second)))
		if err != nil || len(answer.Loads) != 1 || answer.Loads[0].State != Held {
			c.Fatalf("the event was answered %+v, %v; want it held", answer, err)
		}
		for len(answer.Failures) == 0 && w.invocations < 100 {
			answer = w.next(1)
		}
		if waited := w.queue.now.Sub(began); waited < defaultOverdue || waited > defaultOverdue+2*longestWait {
			c.Errorf("it rang after %v and %d invocations, want it after %v", waited, w.invocations, defaultOverdue)
		}
		rings := w.queue.requests[len(w.queue.requests)-1]
		// The one in front of it, at last, brings it along.
		answer, err = w.invoke(json.RawMessage(fmt.Sprintf(anEvent, c.bucket.Name, first)))
		if err != nil {
			c.Fatal(err)
		}
		w.settle(answer)
		if err := w.queue.Send(c.Context(), rings, 0); err != nil {
			c.Fatal(err)
		}
		answer = w.settle(w.next(2))
		if len(answer.Failures) > 0 || len(answer.Loads) == 0 || answer.Loads[0].State != warehouse.AlreadyLoaded {
			c.Errorf("answered %+v, want it loaded before", answer)
		}
	})
}

// A message that comes back begins the load anew: its handle may be of what
// failed.
func TestMessageThatComesBackBeginsAnew(t *testing.T) {
	t.Parallel()
	b := setup(t)
	queue := &delayed{now: time.Now()}
	b.job.Waiting = queue
	s := b.stage("orders", "1\n")
	body, err := json.Marshal(Request{Bucket: b.job.Bucket, Key: s.key, Handle: "handle-of-what-failed", Since: queue.now})
	if err != nil {
		t.Fatal(err)
	}
	for received, want := range map[int]int{1: 1, 2: 0} {
		message, err := json.Marshal(map[string]any{"Records": []any{map[string]any{
			"messageId": "m1", "eventSource": "aws:sqs", "body": string(body),
			"attributes": map[string]string{"ApproximateReceiveCount": fmt.Sprint(received)},
		}}})
		if err != nil {
			t.Fatal(err)
		}
		answer, err := b.job.Handle(t.Context(), message)
		if err != nil || len(answer.Failures) != want {
			t.Errorf("delivery %d is answered %+v, %v; want %d failures", received, answer, err, want)
		}
	}
}
