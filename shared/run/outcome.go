package run

import (
	"context"
	"slices"
	"strings"

	"github.com/stagelift/stagelift/shared/fault"
	"github.com/stagelift/stagelift/shared/stage"
)

// Answer says what became of a run.
type Answer struct {
	Run      stage.RunID    `json:"run"`
	Database string         `json:"database"`
	Snapshot stage.Snapshot `json:"snapshot"`
	// Tables are all that the request selects, by name; see Outcome.
	Tables []Outcome `json:"tables"`
	// Remaining names the selected tables that were not settled, because the
	// run's time was over.
	Remaining []string `json:"remaining"`
	// Continuation goes on with what remains, as {"continuation":"…"}; empty
	// when there is nothing to go on with.
	Continuation string `json:"continuation,omitempty"`
}

// The outcomes of a table.
const (
	// Published: its receipt is there.
	Published = "published"
	// Skipped: there was nothing to publish.
	Skipped = "skipped"
	// Failed: it was to be published and is not.
	Failed = "failed"
)

// Outcome is what became of one table of a run.
type Outcome struct {
	// Table is the table as it prints, or a pattern that selects none.
	Table   string `json:"table"`
	Outcome string `json:"outcome"`
	// Code says for a program why the table was not published, Reason for a
	// person, and Mend what that person can do.
	Code   fault.Code `json:"code,omitempty"`
	Reason string     `json:"reason,omitempty"`
	Mend   string     `json:"mend,omitempty"`
	// The rest is of a published table. Receipt is the key of the receipt, and
	// Consistency, Window and Apart what it says; Load is the mode by which it is
	// to be loaded. Keys is how many keys its sweep has, nil without one, and Unswept
	// says why there is none that was asked for.
	Rows        int64         `json:"rows"`
	Bytes       int64         `json:"bytes"`
	Parts       int           `json:"parts"`
	Receipt     string        `json:"receipt,omitempty"`
	Consistency string        `json:"consistency,omitempty"`
	Window      *stage.Window `json:"window,omitempty"`
	Apart       []string      `json:"apart,omitempty"`
	Load        string        `json:"load,omitempty"`
	// Altered counts, by column, values that were changed to fit their targets.
	Altered map[string]stage.Altered `json:"altered,omitempty"`
	Keys    *int64                   `json:"keys,omitempty"`
	Unswept string                   `json:"unswept,omitempty"`
}

// settle keeps the first outcome of a table, and reports whether this was it.
func (r *run) settle(o Outcome) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, settled := r.outcomes[o.Table]; settled {
		return false
	}
	r.outcomes[o.Table] = o
	return true
}

func (r *run) settled(name string) bool { return r.settledAs(name) != "" }

// settledAs returns the outcome of a table; empty when it is not settled.
func (r *run) settledAs(name string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.outcomes[name].Outcome
}

// fail settles that a table is not published, and stops the run where the request
// wants that.
func (r *run) fail(ctx context.Context, name string, err error) {
	o := Outcome{Table: name, Outcome: Failed, Code: fault.CodeOf(err, fault.Internal), Reason: err.Error(), Mend: fault.MendOf(err)}
	if o.Mend != "" {
		o.Reason = strings.TrimSuffix(o.Reason, "; "+o.Mend)
	}
	if !r.settle(o) {
		return
	}
	r.Log.ErrorContext(ctx, "table failed", "run", r.id, "table", name, "code", o.Code, "reason", o.Reason, "mend", o.Mend)
	r.countFailure(ctx, name)
	if r.settings.onFailure == "stop" {
		r.halt(err)
	}
}

func (r *run) skip(ctx context.Context, name string, code fault.Code, reason string) {
	if r.settle(Outcome{Table: name, Outcome: Skipped, Code: code, Reason: reason}) {
		r.Log.WarnContext(ctx, "table skipped", "run", r.id, "table", name, "code", code, "reason", reason)
	}
}

// halt has the run read no further; the first reason counts.
func (r *run) halt(why error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopped == nil {
		r.stopped = why
	}
}

// answer puts together what became of all tables.
func (r *run) answer() Answer {
	r.mu.Lock()
	defer r.mu.Unlock()
	a := Answer{Run: r.id, Database: r.Database, Snapshot: r.moment, Tables: []Outcome{}, Remaining: []string{}}
	for _, o := range r.outcomes {
		a.Tables = append(a.Tables, o)
	}
	slices.SortFunc(a.Tables, func(a, b Outcome) int { return strings.Compare(a.Table, b.Table) })
	return a
}

// with lists the tables of an outcome.
func (a Answer) with(outcome string) []Outcome {
	return slices.DeleteFunc(slices.Clone(a.Tables), func(o Outcome) bool { return o.Outcome != outcome })
}
