package redshift

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/stagelift/stagelift/shared/warehouse"
)

// ours reports whether a batch is one of this load's: it enters it into its
// ledger.
func (w *Warehouse) ours(load warehouse.Load, ended description) bool {
	if len(ended.subs) == 0 {
		return false
	}
	text := aws.ToString(ended.subs[len(ended.subs)-1].QueryString)
	return strings.HasPrefix(text, "INSERT INTO "+ledger(w.config, load).SQL()+" ") && strings.Contains(text, quote(load.ID))
}

// withoutRows is the load of a window that is entered into the ledger and leaves
// the target as it is.
func withoutRows(load warehouse.Load) warehouse.Load {
	load.Manifest, load.Parts, load.Rows, load.Sweep = "", nil, 0, nil
	return load
}

func (w *Warehouse) afterLoad(ctx context.Context, load warehouse.Load, at step, ended description) (warehouse.Outcome, error) {
	switch {
	case !w.ours(load, ended):
		return warehouse.Outcome{}, fmt.Errorf("loading %s: statement %s is not of load %s; give the handle that was answered for it", load.Target, at.id, load.ID)
	case ended.failed():
		return w.explain(ctx, load, at, ended)
	case entered(ended) == warehouse.Abandoned:
		return at.outcome(warehouse.Outcome{State: warehouse.Abandoned, Statements: []string{at.id}, Reason: load.Abandon}), nil
	case entered(ended) == warehouse.Skipped:
		return at.outcome(warehouse.Outcome{
			State: warehouse.Skipped, Statements: []string{at.id},
			Reason: fmt.Sprintf("a run newer than %s has brought the whole table", load.Run),
		}), nil
	}
	at.Load, at.Rows = at.id, load.Rows
	if uncounted(load) {
		return w.begin(ctx, load, at.to(stepConfirm), ledgerStatement(w.config, load))
	}
	return w.afterCount(ctx, load, at, ended)
}

// afterCount begins what is to be done after a load whose rows are counted.
func (w *Warehouse) afterCount(ctx context.Context, load warehouse.Load, at step, ended description) (warehouse.Outcome, error) {
	if own, swapped := remarksOf(ended); swapped {
		return w.wish(ctx, load, at, 0, own)
	}
	return w.finishWith(ctx, load, at, ended)
}

// finish tells of a load that is done, once it is known which rows it left out.
func (w *Warehouse) finish(ctx context.Context, load warehouse.Load, at step) (warehouse.Outcome, error) {
	ended, err := w.describe(ctx, at.Load)
	if err != nil {
		return warehouse.Outcome{}, fmt.Errorf("loading %s: %w", load.Target, err)
	}
	return w.finishWith(ctx, load, at, ended)
}

func (w *Warehouse) finishWith(ctx context.Context, load warehouse.Load, at step, ended description) (warehouse.Outcome, error) {
	switch {
	case !w.ours(load, ended):
		return warehouse.Outcome{}, fmt.Errorf("loading %s: statement %s is not of load %s; give the handle that was answered for it", load.Target, at.Load, load.ID)
	case forgiving(load) && at.Rows != load.Rows && at.name != stepRejected:
		return w.begin(ctx, load, at.to(stepRejected), rejectedStatement(load, ended))
	}
	outcome := at.outcome(warehouse.Outcome{State: warehouse.Loaded, Rows: at.Rows, Statements: []string{at.Load}})
	outcome.Warnings = append(outcome.Warnings, w.nulls(ctx, load, ended)...)
	w.count(load, ended, &outcome)
	return outcome, nil
}

// count adds up the rows that the statements of a load report to have changed.
func (w *Warehouse) count(load warehouse.Load, ended description, o *warehouse.Outcome) {
	statements, err := w.known(load)
	if err != nil { // it was built before
		return
	}
	told := map[string]tell{}
	for _, s := range statements {
		told[s.text] = s.tell
	}
	for _, sub := range ended.subs {
		switch rows := max(sub.ResultRows, 0); told[aws.ToString(sub.QueryString)] {
		case tellUpdated:
			o.Updated += rows
		case tellDeleted:
			o.Deleted += rows
		case tellNothing:
		}
	}
}
