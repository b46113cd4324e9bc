package extract

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

var errOutOfTime = errors.New("out of time")

// end writes down how the run went, and answers. What was not read because the
// time was over is left for another invocation, if this one came any further.
func (r *run) end(ctx context.Context, failure error) (Answer, error) {
	answer := r.answer()
	cutOff := failure != nil && errors.Is(context.Cause(ctx), errOutOfTime) || failure == nil && len(answer.Remaining) > 0
	if cutOff && r.moved() {
		leaving, cancel := context.WithTimeout(context.WithoutCancel(ctx), closingTime/2)
		defer cancel()
		continuation, err := r.leave(leaving)
		answer.Continuation = continuation
		failure = err
	} else if failure == nil && len(answer.Remaining) > 0 {
		failure = errOutOfTime
	}
	if failure != nil {
		r.countFailures(ctx)
		answer.Continuation = ""
		failure = r.explain(ctx, answer, failure)
		return Answer{}, errors.Join(failure, r.release(ctx), r.writeSummary(ctx, answer, failure))
	}
	r.Log.InfoContext(ctx, "run finished", "run", r.id, "tables", len(answer.Tables), "remaining", len(answer.Remaining),
		"continuation", answer.Continuation, "seconds", time.Since(r.start).Seconds())
	if err := r.writeSummary(ctx, answer, nil); err != nil {
		// What is in the answer is published. An error would have the run
		// repeated, and its rows loaded once more.
		r.Log.ErrorContext(ctx, "the run is complete, but its summary could not be written", "run", r.id, "error", err)
	}
	return answer, nil
}

// moved tells whether this invocation has brought the run further. One that has
// not would leave the next as little.
func (r *run) moved() bool {
	for _, t := range r.tables {
		if t.publishedAs.Load() != nil || t.committed() {
			return true
		}
	}
	return false
}

func (r *run) answer() Answer {
	answer := Answer{
		Run: r.id, Database: r.Database, Snapshot: r.snapshot, Skipped: r.skipped,
		Tables: append([]Published{}, r.earlier...), Remaining: []string{},
	}
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
		len(published), len(published)+len(answer.Remaining), shortList(published), shortList(answer.Remaining), outOfTime(ctx, err))
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
// over before anything was read.
func outOfTime(ctx context.Context, err error) error {
	if !errors.Is(context.Cause(ctx), errOutOfTime) && !errors.Is(err, errOutOfTime) {
		return err
	}
	return fmt.Errorf("%w: the last %v of an invocation are kept for cleaning up, and no part of a table was read before; give the function more time or memory: %w",
		errOutOfTime, closingTime, err)
}
