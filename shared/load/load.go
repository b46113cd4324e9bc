// Package load is the job that brings staged tables, and other objects of S3,
// into a warehouse.
//
// It is woken by a receipt. It reads the receipt, makes sure that every part is
// there with the size and checksum that the receipt gives, and hands the load
// to the warehouse, which does it in one transaction or finds it done. An
// object without a receipt is loaded the same way when a route says how; see
// Routes.
//
// Promised: however often and however concurrently a receipt is delivered, its
// rows are in the target exactly once, and only if their number is the
// receipt's. When anything differs the target stays as it was and the error
// says what differs.
//
// Windows of an incremental table are merged in their order. One that arrives
// too early is held, and whoever loads the one in front of it loads it too; see
// loadHeld.
//
// Waiting for the warehouse is billed, and the warehouse goes on meanwhile. So a
// load that an event brought and that is not over within moments is handed on:
// its handle goes into a queue, whose message comes back after a while, and asks
// again. So is a window that is held, until what it waits for is overdue; see
// Later. A request by hand is waited for as long as its invocation may, and
// answered with the state "running" and a handle to go on with. Without such a
// queue an event is waited for as well, and ends with an error then, so that it
// is delivered again and finds the load under way.
package load

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/stagelift/stagelift/shared/fault"
	"github.com/stagelift/stagelift/shared/metrics"
	"github.com/stagelift/stagelift/shared/object"
	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/strict"
	"github.com/stagelift/stagelift/shared/trigger"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// Job loads from one staging bucket into one warehouse. Its fields are set
// once, before the first call.
type Job struct {
	Store     *object.Store
	Bucket    string
	Layout    stage.Layout
	Warehouse warehouse.Warehouse
	// WarehouseName is what routes, outcomes, events and metrics call the
	// warehouse: redshift or snowflake. Without it every route counts.
	WarehouseName string
	// TargetSchema is the schema of all targets that the receipts do not name;
	// empty is the source's.
	TargetSchema string
	// Outcomes is the folder below _loads/ that outcomes are kept in, and below
	// _batches/ and _claims/. Of several functions that load the same receipts
	// and objects, each into a warehouse of its own, all but one need one: what
	// one has done says nothing of another.
	Outcomes string
	// Routes is the location of the routes document; the zero value is none,
	// and then only receipts are loaded.
	Routes object.Location
	// Notifier is told how each load ended; nil tells nobody.
	Notifier Notifier
	// Metrics receives rows and seconds of each load; nil drops them.
	Metrics *metrics.Writer
	// PollEvery is the first pause between two looks at a step of a load; 0 is
	// 20 milliseconds. Pauses grow, up to five seconds.
	PollEvery time.Duration
	// Waiting takes loads that have not ended, for a later invocation; nil is
	// nobody. They are waited for as long as an invocation may, then, and end in
	// an error.
	Waiting Later
	// Overdue is how long a load may wait for another one before that is an
	// error; 0 is six hours. It counts with Waiting alone.
	Overdue time.Duration
	// Log receives what happens.
	Log *slog.Logger

	// now is the clock; tests move it. Nil is the real one.
	now func() time.Time
	// hurry divides how long a step is waited for, for tests; 0 is 1.
	hurry time.Duration
}

// Notifier is told how a load ended, by what is kept of it under _loads/.
type Notifier interface {
	Notify(ctx context.Context, loaded Loaded) error
}

// Request names a receipt, or an object with a route, to load by hand.
type Request struct {
	// Bucket and Key are where it lies.
	Bucket string `json:"bucket"`
	Key    string `json:"key"`
	// Handle goes on with a load that an earlier answer said was running.
	Handle string `json:"handle"`
	// Abandon gives the receipt up: what waits for it goes on without its rows.
	Abandon *Abandon `json:"abandon,omitempty"`
	// Since is when a load that was handed on was first seen not to end.
	Since time.Time `json:"since,omitzero"`
}

// Answer lists what became of each receipt and object, and after it what became
// of the windows that had waited for it.
type Answer struct {
	Loads []Loaded `json:"loads"`
	// Failures are the messages of a queue that are to be delivered again.
	Failures []ItemFailure `json:"batchItemFailures,omitempty"`
}

// Failed is the state of a load that changed nothing. It is kept under _loads/
// until the load succeeds.
const Failed warehouse.State = "failed"

// Held is the state of a load that waits for another one, as ErrHeld and
// ErrBusy of package warehouse say. It is to be delivered again.
const Held warehouse.State = "held"

// Loaded is how a load ended or stands. It is also what is kept under _loads/
// in the staging area.
type Loaded struct {
	LoadID string `json:"load_id"`
	// Warehouse is redshift or snowflake.
	Warehouse string `json:"warehouse,omitempty"`
	// Receipt is its key; of objects without one, that of the batch that they
	// were gathered into.
	Receipt string         `json:"receipt"`
	Source  string         `json:"source"`
	Target  string         `json:"target"`
	Run     stage.RunID    `json:"run"`
	Mode    warehouse.Mode `json:"mode"`
	// State is one of package warehouse's, or Failed, or Held.
	State warehouse.State `json:"state"`
	// Handle is what to go on with while State is running.
	Handle string `json:"handle,omitempty"`
	Rows   int64  `json:"rows"`
	// Statements are the warehouse's ids of what this call ran or waited for.
	Statements []string `json:"statements,omitempty"`
	// Updated and Deleted are rows of the target that were replaced, and that were
	// removed or marked, where the warehouse tells.
	Updated int64 `json:"updated,omitempty"`
	Deleted int64 `json:"deleted,omitempty"`
	// Changes are differences of columns that were met, Warnings what went wrong
	// and changed no row. Altered is the receipt's.
	Changes  []warehouse.Change       `json:"changes,omitempty"`
	Warnings []string                 `json:"warnings,omitempty"`
	Altered  map[string]stage.Altered `json:"altered,omitempty"`
	// Reason is why a load was skipped, Error why it failed or is held, Code what
	// kind of failure that is, and Errors what the warehouse says of rows that it
	// could not take. docs/errors.md explains each code.
	Reason string               `json:"reason,omitempty"`
	Error  string               `json:"error,omitempty"`
	Code   fault.Code           `json:"code,omitempty"`
	Errors []warehouse.RowError `json:"errors,omitempty"`
	// Refused is how many rows Errors is of, and Rejected the URL of the same
	// list, one a line; they are of loads that name rows.
	Refused  int64   `json:"refused,omitempty"`
	Rejected string  `json:"rejected,omitempty"`
	Seconds  float64 `json:"seconds"`
}

// closingTime is kept back from the invocation's deadline, so that a load that
// is waited for in vain can be reported.
const closingTime = 5 * time.Second

var errOutOfTime = errors.New("out of time; the load goes on, and the next delivery finds out how it ended")

// Handle loads what an event or a request names, one after the other. One that
// fails does not keep the others from being loaded; the error tells of all that
// failed. A queue is answered with the messages that failed instead.
func (j *Job) Handle(ctx context.Context, payload json.RawMessage) (Answer, error) {
	messages, queued, err := decodeQueue(payload)
	if err != nil {
		return Answer{}, err
	}
	if queued {
		return j.loadQueue(ctx, messages)
	}
	event, err := trigger.Decode(payload)
	if err != nil {
		return Answer{}, err
	}
	if event.Kind == trigger.Direct {
		return j.request(ctx, event.Request)
	}
	answer := Answer{Loads: []Loaded{}}
	var problems []error
	for _, o := range event.Objects {
		loads, _, err := j.created(ctx, []trigger.Object{o})
		answer.Loads = append(answer.Loads, loads...)
		problems = append(problems, err)
	}
	return answer, errors.Join(problems...)
}

// request loads by hand, or goes on with what is running.
func (j *Job) request(ctx context.Context, raw json.RawMessage) (Answer, error) {
	answer := Answer{Loads: []Loaded{}}
	var request Request
	if err := strict.Decode(raw, &request); err != nil {
		return answer, fmt.Errorf("reading the load request: %w", err)
	}
	planned, err := j.plan(ctx, []trigger.Object{{Bucket: request.Bucket, Key: request.Key}})
	problems := []error{err}
	for _, p := range planned {
		p.handle = request.Handle
		if request.Abandon != nil {
			if p, err = p.abandon(*request.Abandon); err != nil {
				return answer, err
			}
		}
		loaded, err := j.load(ctx, p)
		if err == nil {
			held, left := j.loadHeld(ctx, p, loaded)
			if left != nil { // the answer is of what was asked for
				j.Log.ErrorContext(ctx, "windows that wait for this load are left", "load_id", p.ID, "error", left.Error())
			}
			answer.Loads = append(append(answer.Loads, loaded), held...)
		}
		problems = append(problems, err)
	}
	return answer, errors.Join(problems...)
}

// created loads what an event tells of, and says which objects are loaded by
// now, or handed on. A load that is still running when time is up, and is not
// handed on, is an error here: nobody would ask for it.
func (j *Job) created(ctx context.Context, objects []trigger.Object) ([]Loaded, map[object.Location]bool, error) {
	planned, err := j.plan(ctx, objects)
	var loads []Loaded
	brought := map[object.Location]bool{}
	problems := []error{err}
	for _, p := range planned {
		if j.Waiting != nil {
			p.patience = j.patience()
		}
		delivered, err := j.deliver(ctx, p)
		loads = append(loads, delivered...)
		problems = append(problems, err)
		if err != nil {
			continue
		}
		brought[p.from] = true
		for _, part := range p.Parts {
			brought[object.Location{Bucket: p.Bucket, Key: part.Key}] = true
		}
	}
	return loads, brought, errors.Join(problems...)
}
