package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stagelift/stagelift/shared/fault"
	"github.com/stagelift/stagelift/shared/object"
	"github.com/stagelift/stagelift/shared/stage"
)

var errOutOfTime = errors.New("out of time")

// end writes down how the run went, and answers. What was not read because the
// time was over is left for another invocation, if this one came any further.
func (r *run) end(ctx context.Context, failure error) (Answer, error) {
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.closing*9/10)
	defer cancel()
	var remaining []string
	var continuation string
	if r.queue != nil {
		remaining, continuation, failure = r.endTables(ending, failure, r.cutOff(ctx))
	}
	answer := r.answer()
	answer.Continuation = continuation
	answer.Remaining = append(answer.Remaining, remaining...)
	failure = r.verdict(ctx, answer, failure)
	if r.id == "" {
		return answer, failure
	}
	if failure != nil {
		r.Log.ErrorContext(ctx, "run failed", "run", r.id, "code", fault.CodeOf(failure, fault.Internal), "error", failure,
			"continuation", continuation, "seconds", time.Since(r.start).Seconds())
	} else {
		r.Log.InfoContext(ctx, "run finished", "run", r.id, "tables", len(answer.with(Published)), "remaining", len(answer.Remaining),
			"continuation", continuation, "seconds", time.Since(r.start).Seconds())
	}
	if err := r.writeSummary(ending, answer, failure); err != nil {
		// What is in the answer is published. An error would have the run
		// repeated, and its rows loaded once more.
		r.Log.ErrorContext(ctx, "the summary of the run could not be written", "run", r.id, "error", err)
	}
	return answer, failure
}

// cutOff tells whether the invocation's time is what ended the reading.
func (r *run) cutOff(ctx context.Context) bool {
	r.mu.Lock()
	stopped := r.stopped
	r.mu.Unlock()
	return errors.Is(context.Cause(ctx), errOutOfTime) || stopped == nil && r.stopping()
}

// endTables settles the tables that were not read to their end: they are left, if
// the time was over, or fail with the run.
func (r *run) endTables(ctx context.Context, failure error, cutOff bool) (remaining []string, continuation string, err error) {
	if cutOff {
		return r.leaveTables(ctx)
	}
	why := failure
	if why == nil {
		why = errors.New("it was not read to its end")
	}
	for _, p := range r.unsettled() {
		r.settle(Outcome{Table: p.Name.String(), Outcome: Failed, Code: fault.NotReached, Reason: "the run ended before: " + why.Error()})
		r.countFailure(ctx, p.Name.String())
	}
	return nil, "", failure
}

func (r *run) unsettled() (list []*progress) {
	for _, p := range r.queue.tables {
		if !p.sweeping && !r.settled(p.Name.String()) {
			list = append(list, p)
		}
	}
	return list
}

// leaveTables leaves what there was no time for, if the run was brought any
// further: one that was not would leave the next as little.
func (r *run) leaveTables(ctx context.Context) (remaining []string, continuation string, err error) {
	r.leaveSlices(ctx, r.unsettled())
	list := r.unsettled()
	moved, err := r.leave(ctx, list)
	switch {
	case err != nil:
		return nil, "", fault.Coded(err, fault.Staging)
	case len(list) == 0:
		return nil, "", nil
	case !moved:
		for _, p := range list {
			r.fail(ctx, p.Name.String(), fault.New(fault.OutOfTime, "give the function more time or memory, or cut the table by a filter",
				"nothing of it could be read to its end%s%s", p.uncuttable(), p.onlyKeys()))
		}
		return nil, "", errOutOfTime
	}
	for _, p := range list {
		remaining = append(remaining, p.Name.String())
	}
	if slices.ContainsFunc(list, func(p *progress) bool { return p.folder.Run == r.id }) {
		return remaining, string(r.id), nil
	}
	// Without a plan of this run, what remains is another's that it went on with.
	return remaining, string(list[0].folder.Run), nil
}

// uncuttable says of a table that is read in one go why it is.
func (p *progress) uncuttable() string {
	if p.Relations[0].ByBlock {
		return ""
	}
	return ", for the server does not read it by ranges: it is a view or a foreign table, its ctid may not be read, or the server is PostgreSQL 13"
}

// onlyKeys says of a table of which the keys alone are missing how they can be read
// over several invocations.
func (p *progress) onlyKeys() string {
	if p.sweep == nil || !p.sweep.began() || len(p.open) > 0 || p.open == nil {
		return ""
	}
	return ": its rows are all read, and its keys must be of one moment; hold a snapshot and give it to each invocation"
}

// verdict is the error of the run: its own, or that tables failed.
func (r *run) verdict(ctx context.Context, a Answer, failure error) error {
	failed := a.with(Failed)
	switch {
	case errors.Is(failure, errOutOfTime) && len(failed) > 0:
		return fault.New(fault.OutOfTime, "give the function more time or memory",
			"%w: the last %v of an invocation are kept for cleaning up, and nothing was brought further before; run %s %s", errOutOfTime, r.closing, r.id, a.summary())
	case errors.Is(failure, errOutOfTime), failure != nil && errors.Is(context.Cause(ctx), errOutOfTime):
		return fault.New(fault.OutOfTime, "give the function more time or memory",
			"%w: the last %v of an invocation are kept for cleaning up, and nothing was brought further before: %w", errOutOfTime, r.closing, failure)
	case failure != nil && r.id == "":
		return fault.Coded(failure, fault.Source)
	case failure != nil:
		return &fault.Error{Code: fault.CodeOf(failure, fault.Source), Err: fmt.Errorf("run %s %s: %w", r.id, a.summary(), failure)}
	case len(failed) > 0:
		return &fault.Error{Code: fault.TablesFailed, Err: fmt.Errorf("run %s %s", r.id, a.summary())}
	}
	return nil
}

// summary says in a sentence what became of the tables; the document of the run
// has all of them.
func (a Answer) summary() string {
	published, failed := a.with(Published), a.with(Failed)
	words := []string{fmt.Sprintf("published %d of %d tables (%s)", len(published), len(published)+len(failed)+len(a.Remaining), shortList(names(published)))}
	for i, o := range failed {
		if i == shownFailures {
			words = append(words, fmt.Sprintf("and %d more failed", len(failed)-i))
			break
		}
		said := fmt.Sprintf("%s failed: %s (%s)", o.Table, o.Reason, o.Code)
		if o.Mend != "" {
			said += ": " + o.Mend
		}
		words = append(words, said)
	}
	if a.Continuation != "" {
		words = append(words, fmt.Sprintf("remaining: %s, to be gone on with by %s", shortList(a.Remaining), a.Continuation))
	}
	return strings.Join(words, "; ")
}

// shownFailures is how many failures the error of a run tells.
const shownFailures = 5

func names(list []Outcome) []string {
	names := make([]string, len(list))
	for i, o := range list {
		names[i] = o.Table
	}
	return names
}

// shortList joins the first names of a list.
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

// summary is what _runs/<run>.json says.
type summary struct {
	Answer
	Error string `json:"error,omitempty"`
	// Code is the error's.
	Code fault.Code `json:"code,omitempty"`
}

// writeSummary records how the run ended, also when it was cut off. A run that
// goes on replaces what it said before.
func (r *run) writeSummary(ctx context.Context, answer Answer, failure error) error {
	s := summary{Answer: answer}
	if failure != nil {
		s.Error, s.Code = failure.Error(), fault.CodeOf(failure, fault.Internal)
	}
	document := stage.Document[summary]{Shelf: r.shelf(), Key: r.Layout.Run(r.Database, r.id)}
	if r.plan == nil {
		_, err := document.Create(ctx, s)
		if errors.Is(err, object.ErrExists) {
			return fmt.Errorf("two runs have the id %s: %w", r.id, err)
		}
		return err
	}
	found, err := r.Store.Stat(ctx, object.Location{Bucket: r.Bucket, Key: document.Key})
	if err != nil && !errors.Is(err, object.ErrNotFound) {
		return err
	}
	_, err = document.Replace(ctx, s, found.ETag)
	return err
}
