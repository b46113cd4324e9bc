// Package extract is the job that reads tables and publishes them in the
// staging area.
//
// A run takes one snapshot, cuts the selected tables into spans of blocks, and
// lets a fixed number of streams work through them. A stream copies span after
// span of one table into a part and starts the next part when the part is
// large enough; parts are cut between rows. The last stream to leave a table
// publishes it: manifest, then receipt.
//
// Promised: a receipt exists only when every row of the table at the snapshot
// is in the parts that it lists, and the rows that the server counted, the rows
// that were encoded and the rows of the parts are the same number. A run that
// fails or dies leaves parts without a receipt and perhaps unfinished uploads,
// and nobody reads either; the next run ends the uploads. Tables that were
// published before a later one failed stay published: each is whole.
//
// Memory is that of the streams: each holds one row, one compressor and the
// upload buffers of one part (see object.Writer).
package extract

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

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
	// prefix is taken for a dead run's and ended. It must exceed the longest
	// time that one invocation may run.
	StaleAfter time.Duration
	// ProgressEvery is how often a running extraction logs how far it is; 0 is
	// never.
	ProgressEvery time.Duration
	// Log receives what happens; never a row.
	Log *slog.Logger
}

// Answer says what a run published.
type Answer struct {
	Run      stage.RunID    `json:"run"`
	Database string         `json:"database"`
	Snapshot stage.Snapshot `json:"snapshot"`
	Tables   []Published    `json:"tables"`
	// Remaining names the selected tables that were not published. It is empty
	// unless the run failed.
	Remaining []string `json:"remaining"`
}

// Published is one table of a run.
type Published struct {
	Table string `json:"table"`
	Rows  int64  `json:"rows"`
	Bytes int64  `json:"bytes"`
	Parts int    `json:"parts"`
	// Receipt is the key of the receipt.
	Receipt string `json:"receipt"`
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

// closingTime is kept back from the invocation's deadline, to end uploads and
// to say in time what was not done.
const closingTime = 10 * time.Second

// Run extracts the tables that the request selects. Before anything is read,
// every mistake in the request, unknown table and missing privilege is found.
func (j *Job) Run(ctx context.Context, request Request) (Answer, error) {
	plan, err := request.plan()
	if err != nil {
		return Answer{}, err
	}
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadlineCause(ctx, deadline.Add(-closingTime), errOutOfTime)
		defer cancel()
	}
	r, snapshot, err := j.start(ctx, plan)
	if err != nil {
		return Answer{}, outOfTime(ctx, err)
	}
	defer func() { _ = snapshot.Close(ctx) }() // read only: nothing can be lost here
	err = r.extract(ctx, snapshot)
	answer := r.answer()
	if err != nil {
		err = r.explain(ctx, answer, err)
		return Answer{}, errors.Join(err, r.writeSummary(ctx, answer, err))
	}
	j.Log.InfoContext(ctx, "run finished", "run", r.id, "tables", len(answer.Tables), "seconds", time.Since(r.start).Seconds())
	if err := r.writeSummary(ctx, answer, nil); err != nil {
		// Every table is published. An error would have the run repeated, and
		// its rows loaded once more.
		j.Log.ErrorContext(ctx, "the run is complete, but its summary could not be written", "run", r.id, "error", err)
	}
	return answer, nil
}

// start takes the snapshot and plans the run. The caller must close the
// snapshot.
func (j *Job) start(ctx context.Context, plan plan) (*run, *postgres.Snapshot, error) {
	snapshot, err := j.Source.Snapshot(ctx)
	if err != nil {
		return nil, nil, err
	}
	r := j.newRun(plan, snapshot)
	tables, err := snapshot.Tables(ctx, plan.include, plan.exclude)
	if err == nil {
		err = r.prepare(ctx, tables)
	}
	if err != nil {
		_ = snapshot.Close(ctx) // read only: nothing can be lost here
		return nil, nil, err
	}
	return r, snapshot, nil
}

var errOutOfTime = errors.New("out of time")

// run is the state of one run.
type run struct {
	*Job
	plan     plan
	id       stage.RunID
	start    time.Time
	snapshot stage.Snapshot
	queue    *queue
	tables   []*progress
}

func (j *Job) newRun(p plan, snapshot *postgres.Snapshot) *run {
	return &run{
		Job: j, plan: p, id: stage.NewRunID(snapshot.At), start: time.Now(),
		snapshot: stage.Snapshot{ID: snapshot.ID, LSN: snapshot.LSN, At: snapshot.At.UTC()},
	}
}

// prepare cuts the tables into spans and ends what dead runs left behind.
func (r *run) prepare(ctx context.Context, tables []postgres.Table) error {
	ended, err := r.Store.AbortUploads(ctx, r.Bucket, r.Layout.Database(r.Database), r.StaleAfter)
	if err != nil {
		return fmt.Errorf("ending uploads of dead runs: %w", err)
	}
	if ended > 0 {
		r.Log.WarnContext(ctx, "ended uploads that dead runs left unfinished", "uploads", ended)
	}
	for _, t := range tables {
		p, err := r.newProgress(t)
		if err != nil {
			return err
		}
		r.tables = append(r.tables, p)
		r.Log.InfoContext(ctx, "table selected", "run", r.id, "table", t.Name.String(), "rows_estimate", t.Rows,
			"bytes_estimate", t.Blocks*postgres.BlockSize, "spans", len(p.spans))
	}
	r.queue = newQueue(r.tables)
	return nil
}

func (r *run) folder(name table.Name) stage.Folder {
	return stage.Folder{Database: r.Database, Table: name, Run: r.id}
}

func (r *run) answer() Answer {
	answer := Answer{Run: r.id, Database: r.Database, Snapshot: r.snapshot, Tables: []Published{}, Remaining: []string{}}
	for _, t := range r.tables {
		if published := t.publishedAs.Load(); published != nil {
			answer.Tables = append(answer.Tables, *published)
		} else {
			answer.Remaining = append(answer.Remaining, t.Name.String())
		}
	}
	return answer
}

// explain adds to an error how far the run came.
func (r *run) explain(ctx context.Context, answer Answer, err error) error {
	published := make([]string, len(answer.Tables))
	for i, t := range answer.Tables {
		published[i] = t.Table
	}
	return fmt.Errorf("run %s stopped with %d of %d tables published (done: %s; not done: %s): %w", r.id,
		len(published), len(r.tables), shortList(published), shortList(answer.Remaining), outOfTime(ctx, err))
}

// shortList joins the first names of a list; the summary of the run has all.
func shortList(names []string) string {
	const most = 20
	switch {
	case len(names) == 0:
		return "none"
	case len(names) > most:
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
	}
	return strings.Join(names, ", ")
}

// outOfTime says so of an error that came because the invocation's time was
// over.
func outOfTime(ctx context.Context, err error) error {
	if !errors.Is(context.Cause(ctx), errOutOfTime) {
		return err
	}
	return fmt.Errorf("%w: the last %v of the invocation are kept for cleaning up; select fewer tables, or allow more streams, memory or time: %w",
		errOutOfTime, closingTime, err)
}
