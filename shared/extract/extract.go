// Package extract is the job that reads tables and publishes them in the
// staging area.
//
// A run takes one snapshot, cuts the selected tables into spans of blocks, and
// lets a fixed number of streams work through them. A stream copies span after
// span of one table into a part and starts the next part when the part is
// large enough; parts are cut between rows. The last stream to leave a table
// publishes it: manifest, then receipt, and of an incremental run the watermark.
//
// Promised: a receipt exists only when every row of the table at the snapshot,
// or of its window, is in the parts that it lists, and the rows that the server
// counted, the rows that were encoded and the rows of the parts are the same
// number. A run that fails or dies leaves parts without a receipt and perhaps
// unfinished uploads, and nobody reads either; the next run ends the uploads.
// Tables that were published before a later one failed stay published: each is
// whole.
//
// When the invocation's time is nearly over, the streams finish their spans and
// close their parts, and what is left is written down. The answer names it by a
// continuation, with which another invocation goes on. Spans that it reads are
// read at another snapshot, unless the caller holds the first one: the receipt
// says which it was.
//
// Not promised: that rows come in an order, or that a table read in several
// invocations without a held snapshot is of one moment.
//
// Memory is that of the streams: each holds one row, one encoder and the upload
// buffers of one part (see object.Writer).
package extract

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

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
	// Source is the database; Database is its name, which becomes part of keys.
	Source   *postgres.Source
	Database string
	// Store and Bucket are where parts go, laid out by Layout.
	Store  *object.Store
	Bucket string
	Layout stage.Layout
	// StaleAfter is the age at which an unfinished upload under the database's
	// prefix is taken for a dead run's and ended, and so is a claim on a run or
	// on a watermark. It must exceed the longest time that one invocation may
	// run.
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

// Answer says what a run published.
type Answer struct {
	Run      stage.RunID    `json:"run"`
	Database string         `json:"database"`
	Snapshot stage.Snapshot `json:"snapshot"`
	Tables   []Published    `json:"tables"`
	// Skipped names tables that the request selects and that there was nothing
	// to publish of.
	Skipped []Skipped `json:"skipped,omitempty"`
	// Remaining names the selected tables that were not published, because the
	// run failed or its time was over.
	Remaining []string `json:"remaining"`
	// Continuation goes on with what remains, as {"continuation":"…"}; empty
	// when there is nothing to go on with.
	Continuation string `json:"continuation,omitempty"`
}

// Published is one table of a run.
type Published struct {
	Table string `json:"table"`
	Rows  int64  `json:"rows"`
	Bytes int64  `json:"bytes"`
	Parts int    `json:"parts"`
	// Receipt is the key of the receipt, and Consistency and Window what it
	// says.
	Receipt     string        `json:"receipt"`
	Consistency string        `json:"consistency"`
	Window      *stage.Window `json:"window,omitempty"`
}

// Skipped is a table that was not read, and why.
type Skipped struct {
	Table  string `json:"table"`
	Reason string `json:"reason"`
}

// Handle runs the request in payload, which came by hand or from a schedule.
func (j *Job) Handle(ctx context.Context, payload json.RawMessage) (Answer, error) {
	event, err := trigger.Decode(payload)
	if err != nil {
		return Answer{}, err
	}
	if event.Kind != trigger.Direct {
		return Answer{}, fmt.Errorf("extract is started by a request or a schedule, not by an %s", event.Kind)
	}
	request, err := DecodeRequest(event.Request)
	if err != nil {
		return Answer{}, err
	}
	return j.Run(ctx, request)
}

const (
	// closingTime is kept back from the invocation's deadline, to end uploads
	// and to write down what was not done.
	closingTime = 10 * time.Second
	// finishingTime before that, or a tenth of the time that there is if that is
	// less, no span is begun any more, so that those that were can be finished.
	finishingTime = 45 * time.Second
)

// Run extracts the tables that the request selects. Before anything is read,
// every mistake in the request, unknown table and missing privilege is found.
func (j *Job) Run(ctx context.Context, request Request) (Answer, error) {
	if err := request.checkContinuation(); err != nil {
		return Answer{}, err
	}
	var stopAt time.Time
	if deadline, ok := ctx.Deadline(); ok {
		deadline = deadline.Add(-closingTime)
		stopAt = deadline.Add(-min(finishingTime, time.Until(deadline)/10))
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadlineCause(ctx, deadline, errOutOfTime)
		defer cancel()
	}
	begin := j.start
	if request.Continuation != "" {
		begin = j.resume
	}
	r, snapshot, err := begin(ctx, request)
	if err != nil {
		return Answer{}, outOfTime(ctx, err)
	}
	if snapshot != nil {
		defer func() { _ = snapshot.Close(ctx) }() // read only: nothing can be lost here
		r.stopAt = stopAt
		err = r.extract(ctx, snapshot)
	}
	return r.end(ctx, err)
}

// start takes the snapshot and plans the run. The caller must close the
// snapshot.
func (j *Job) start(ctx context.Context, request Request) (*run, *postgres.Snapshot, error) {
	plan, err := request.plan()
	if err != nil {
		return nil, nil, err
	}
	snapshot, err := j.Source.Snapshot(ctx, postgres.SnapshotOptions{Import: request.Snapshot, Cursors: plan.cursors()})
	if err != nil {
		return nil, nil, err
	}
	r := &run{Job: j, plan: plan, id: stage.NewRunID(snapshot.At), start: time.Now(), snapshot: snapshotOf(snapshot)}
	tables, err := snapshot.Tables(ctx, plan.selection())
	if err == nil {
		err = r.prepare(ctx, snapshot, tables)
	}
	if err == nil {
		err = r.endUploads(ctx)
	}
	if err != nil {
		_ = snapshot.Close(ctx) // read only: nothing can be lost here
		return nil, nil, err
	}
	return r, snapshot, nil
}

func (p plan) selection() postgres.Selection {
	columns := make(map[table.Name]postgres.Columns, len(p.tables))
	for name, t := range p.tables {
		columns[name] = t.columns
	}
	return postgres.Selection{Include: p.include, Exclude: p.exclude, Columns: columns}
}

func snapshotOf(s *postgres.Snapshot) stage.Snapshot {
	return stage.Snapshot{ID: s.ID, LSN: s.LSN, Visible: s.Visible, At: s.At.UTC()}
}

// run is the state of one run.
type run struct {
	*Job
	plan     plan
	id       stage.RunID
	step     int    // how many invocations went before
	claimed  string // ETag of the claim on what they left
	start    time.Time
	stopAt   time.Time // no span is begun after it; zero is never
	snapshot stage.Snapshot
	queue    *queue
	tables   []*progress
	skipped  []Skipped
	// earlier and record are the tables that invocations before have published.
	earlier []Published
	record  []stage.PartialTable
}

// stopping tells whether the time for reading is over.
func (r *run) stopping() bool {
	return !r.stopAt.IsZero() && time.Now().After(r.stopAt) || r.stop != nil && r.stop()
}

// endUploads ends what dead runs left behind.
func (r *run) endUploads(ctx context.Context) error {
	ended, err := r.Store.AbortUploads(ctx, r.Bucket, r.Layout.Database(r.Database), r.StaleAfter)
	if err != nil {
		return fmt.Errorf("ending uploads of dead runs: %w", err)
	}
	if ended > 0 {
		r.Log.WarnContext(ctx, "ended uploads that dead runs left unfinished", "uploads", ended)
	}
	return nil
}

func (r *run) folder(name table.Name) stage.Folder {
	return stage.Folder{Database: r.Database, Table: name, Run: r.id}
}
