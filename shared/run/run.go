// Package run is the job that reads tables and publishes them in the staging
// area.
//
// A run is plan, units, read, publish, end. It takes one snapshot, at which the
// request becomes tasks, one a table; a task is cut into units, ranges of blocks
// or of a window, bounded in bytes and in time; a fixed number of streams reads
// units and writes parts, which are cut between rows; the table is published when
// every unit is in parts that are stored: manifest, then receipt, and of an
// incremental run the watermark.
//
// Promised: a receipt exists only when every row of the table at the snapshot,
// or of its window, is in the parts that it lists, every block was read once, and
// the rows that the server counted, the rows that were encoded and the rows of the
// parts are the same number. Nothing is published of a table that was not the same
// from the look at it to its last row. A run that fails or dies leaves parts
// without a receipt and perhaps unfinished uploads, and nobody reads either; the
// next run ends the uploads.
//
// One table's trouble is that table's: the others are published, and the answer
// says of each table what became of it. The run's own error comes at the end.
//
// When the invocation's time is nearly over, the streams finish what they are at.
// A window is published as far as it came. Of other tables what was read is
// recorded, and the units that have no record are what is left: the answer names
// the run by a continuation, with which another invocation goes on, and the next
// incremental run goes on by itself with a table that is unfinished. Units that are
// read later are read at another snapshot, unless the caller holds the first one:
// the receipt says which it was. Two invocations that go on at the same time do
// each other no harm: records and receipts are written once.
//
// Not promised: that rows come in an order, or that a table read in several
// invocations without a held snapshot is of one moment.
//
// Memory is that of the streams: each holds one row, one encoder and the upload
// buffers of its parts (see object.Writer).
package run

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stagelift/stagelift/shared/fault"
	"github.com/stagelift/stagelift/shared/metrics"
	"github.com/stagelift/stagelift/shared/object"
	"github.com/stagelift/stagelift/shared/postgres"
	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/trigger"
)

// Job extracts from one database into one staging bucket. Its fields are set
// once, before the first call.
type Job struct {
	// Source is the database; Database is its name, which becomes part of keys,
	// and Host its server's, by which a state knows what it is the state of.
	Source         *postgres.Source
	Database, Host string
	// Store and Bucket are where parts go, laid out by Layout.
	Store  *object.Store
	Bucket string
	Layout stage.Layout
	// For are the warehouses that a request is for that names none.
	For []string
	// StaleAfter is the age at which an unfinished upload under the database's
	// prefix is taken for a dead run's and ended, and so is an intent to publish.
	// It must exceed the longest time that one invocation may run.
	StaleAfter time.Duration
	// ProgressEvery is how often a running extraction logs how far it is; 0 is
	// never.
	ProgressEvery time.Duration
	// Metrics receives what was done, by table; nil is nobody.
	Metrics *metrics.Writer
	// Log receives what happens; never a row.
	Log *slog.Logger

	// stop ends the reading as if the time were over; nil in production.
	stop func() bool
}

// Handle runs the request in payload, which came by hand or from a schedule.
func (j *Job) Handle(ctx context.Context, payload json.RawMessage) (Answer, error) {
	event, err := trigger.Decode(payload)
	if err != nil {
		return Answer{}, fault.Coded(err, fault.Request)
	}
	if event.Kind != trigger.Direct {
		return Answer{}, fault.New(fault.Request, "", "extract is started by a request or a schedule, not by an %s", event.Kind)
	}
	request, err := DecodeRequest(event.Request)
	if err != nil {
		return Answer{}, err
	}
	return j.Run(ctx, request)
}

const (
	// closingTime is kept back from the invocation's deadline, to end uploads
	// and to write down what was not done; a tenth of the time if that is less,
	// but leastClosing at least.
	closingTime  = 10 * time.Second
	leastClosing = 3 * time.Second
	// finishingTime before that, or a tenth of the time that there is if that is
	// less, nothing is begun any more, so that what was can be finished.
	finishingTime = 45 * time.Second
	// unitTime is how long one COPY should take at most, or a tenth of the time
	// that there is.
	unitTime = 8 * time.Second
)

// Run extracts the tables that the request selects. The error is of the run; the
// answer says what became of each table in any case.
func (j *Job) Run(ctx context.Context, request Request) (Answer, error) {
	if err := request.checkContinuation(); err != nil {
		return Answer{}, err
	}
	if request.Continuation == "" && request.For == nil {
		request.For = j.For
	}
	r := &run{Job: j, start: time.Now(), closing: closingTime, unitTime: unitTime, slots: make(chan struct{}, publishers), outcomes: map[string]Outcome{}}
	if deadline, ok := ctx.Deadline(); ok {
		r.closing = min(closingTime, max(leastClosing, time.Until(deadline)/10))
		deadline = deadline.Add(-r.closing)
		tenth := time.Until(deadline) / 10
		r.deadline = deadline
		r.stopAt, r.unitTime = deadline.Add(-min(finishingTime, tenth)), min(unitTime, max(tenth, time.Millisecond))
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadlineCause(ctx, deadline, errOutOfTime)
		defer cancel()
	}
	begin := r.begin
	if request.Continuation != "" {
		begin = r.goOn
	}
	err := begin(ctx, request)
	if r.snapshot != nil {
		defer func() { _ = r.snapshot.Close(ctx) }() // read only: nothing can be lost here
	}
	if err == nil {
		err = r.extract(ctx)
	}
	return r.end(ctx, err)
}

// run is the state of one run.
type run struct {
	*Job
	settings settings
	id       stage.RunID
	// plan is that of a run which an invocation before has left; nil in the first.
	// Attempt names the parts of one that goes on with it.
	plan    *stage.Plan
	attempt string
	start   time.Time
	// Nothing is begun after stopAt, and nothing goes on after deadline; zero is
	// never.
	stopAt, deadline time.Time
	// timeUp is true once there is no time for what would be next.
	timeUp atomic.Bool
	// closing is what is kept back at the end, unitTime how long one COPY should
	// take.
	closing, unitTime time.Duration
	snapshot          *postgres.Snapshot
	moment            stage.Snapshot
	queue             *queue

	// publishing is waited for at the end; slots bound how many tables are
	// published at once.
	publishing sync.WaitGroup
	slots      chan struct{}

	mu       sync.Mutex
	outcomes map[string]Outcome
	// adopted is how many of them an invocation before had published.
	adopted int
	stopped error // why the run reads no further
}

// shelf is where the documents of runs lie.
func (j *Job) shelf() stage.Shelf { return stage.Shelf{Store: j.Store, Bucket: j.Bucket} }

// begin takes the snapshot and makes the tasks.
func (r *run) begin(ctx context.Context, request Request) (err error) {
	if r.settings, err = request.settings(); err != nil {
		return err
	}
	if err := r.open(ctx, request.Snapshot, r.settings.selection(), r.settings.cursors()); err != nil {
		return err
	}
	r.failUnselected(ctx)
	r.queue = newQueue(r.tasks(ctx))
	r.endUploads(ctx)
	return nil
}

// open takes a snapshot of the tables that are selected.
func (r *run) open(ctx context.Context, held string, selection postgres.Selection, cursors map[table.Name]postgres.Cursor) (err error) {
	r.snapshot, err = r.Source.Snapshot(ctx, postgres.Options{
		Selection: selection, Import: held, Cursors: cursors, Patience: r.settings.ddlWait, ShowValues: r.settings.request.ShowValues,
	})
	if err != nil {
		return err
	}
	s := r.snapshot
	r.moment = stage.Snapshot{ID: s.ID, LSN: s.LSN, Visible: s.Visible, At: s.At.UTC(), Held: held}
	if r.id == "" {
		r.id = stage.NewRunID(s.At)
	}
	for _, refused := range s.Refused {
		r.fail(ctx, refused.Name, refused.Err)
	}
	if s.Unheld > 0 {
		r.Log.WarnContext(ctx, "there are more tables than the server has room to lock; those are looked at when they are read", "run", r.id, "tables", s.Unheld)
	}
	return nil
}

// failUnselected tells of tables that the request says something of and does not
// select.
func (r *run) failUnselected(ctx context.Context) {
	selected := map[string]bool{}
	for _, t := range r.snapshot.Tables {
		selected[t.Name.String()] = true
	}
	for name := range r.settings.tables {
		if name := name.String(); !selected[name] && !r.settled(name) {
			r.fail(ctx, name, fault.New(fault.NotFound, "", "overrides name table %s, which does not exist, or which no pattern of tables selects", name))
		}
	}
}

// stopping tells whether the time for reading is over, or the run is.
func (r *run) stopping() bool {
	if !r.stopAt.IsZero() && time.Now().After(r.stopAt) || r.timeUp.Load() || r.stop != nil && r.stop() {
		return true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stopped != nil
}

// fits tells whether there is time for something that took so long before.
func (r *run) fits(before time.Duration) bool {
	if !r.deadline.IsZero() && time.Until(r.deadline) < before*3/2 {
		r.timeUp.Store(true)
	}
	return !r.stopping()
}

// endUploads ends what dead runs left behind. A failure is no reason not to run.
func (r *run) endUploads(ctx context.Context) {
	ended, err := r.Store.AbortUploads(ctx, r.Bucket, r.Layout.Database(r.Database), r.StaleAfter)
	switch {
	case err != nil:
		r.Log.WarnContext(ctx, "uploads of dead runs could not be ended; the next run tries again", "run", r.id, "error", err)
	case ended > 0:
		r.Log.WarnContext(ctx, "ended uploads that dead runs left unfinished", "run", r.id, "uploads", ended)
	}
}

func (r *run) folder(name table.Name) stage.Folder {
	return stage.Folder{Database: r.Database, Table: name, Run: r.id}
}
