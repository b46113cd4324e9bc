package redshift

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/stagelift/stagelift/shared/warehouse"
)

// maxRounds bounds how often a load begins anew, because others changed the
// target or the ledger while it was looked at.
const maxRounds = 100

// next takes the step after one that has ended.
func (w *Warehouse) next(ctx context.Context, load warehouse.Load, at step, ended description) (warehouse.Outcome, error) {
	switch at.name {
	case stepLoad:
		return w.afterLoad(ctx, load, at, ended)
	case stepCreate:
		return w.afterCreate(ctx, load, at, ended)
	case stepAlter:
		return w.again(ctx, load, at, ended)
	}
	if ended.failed() && at.name == stepErrors { // why the COPY failed is still to be told
		return w.afterErrors(ctx, load, at, nil)
	}
	if ended.failed() {
		return warehouse.Outcome{}, fmt.Errorf("loading %s: %w; nothing was changed", load.Target, ended)
	}
	rows, err := w.rows(ctx, at.id)
	if err != nil {
		return warehouse.Outcome{}, fmt.Errorf("loading %s: %w", load.Target, err)
	}
	switch at.name {
	case stepLook:
		return w.afterLook(ctx, load, at, rows)
	case stepErrors:
		return w.afterErrors(ctx, load, at, rows)
	}
	return w.afterLedger(ctx, load, at, rows)
}

// begin submits a statement as the next step.
func (w *Warehouse) begin(ctx context.Context, load warehouse.Load, at step, sql string) (warehouse.Outcome, error) {
	var err error
	if at.id, err = w.submit(ctx, sql); err != nil {
		return warehouse.Outcome{}, fmt.Errorf("loading %s: %w", load.Target, err)
	}
	return running(at), nil
}

func (w *Warehouse) look(ctx context.Context, load warehouse.Load, round int) (warehouse.Outcome, error) {
	return w.begin(ctx, load, step{name: stepLook, round: round}, lookStatement(w.config, load))
}

func (w *Warehouse) afterLook(ctx context.Context, load warehouse.Load, at step, rows [][]string) (warehouse.Outcome, error) {
	columns, err := readLook(load, rows)
	if err != nil {
		return warehouse.Outcome{}, err
	}
	need, err := reconcile(w.config, load, columns)
	switch {
	case err != nil:
		return warehouse.Outcome{}, fmt.Errorf("loading %s: %w; nothing was changed", load.Target, err)
	case need.create && at.round > fewRounds:
		return warehouse.Outcome{}, w.unseen(load)
	case need.create:
		return w.create(ctx, load, at, 0)
	case len(need.alter) > 0:
		chunk := need.alter[:min(len(need.alter), maxStatements)]
		id, err := w.submitBatch(ctx, "", chunk)
		if err != nil {
			return warehouse.Outcome{}, fmt.Errorf("loading %s: %w", load.Target, err)
		}
		return running(step{name: stepAlter, round: at.round, id: id}), nil
	case len(need.widen) > 0:
		return w.begin(ctx, load, step{name: stepAlter, round: at.round}, need.widen[0])
	}
	return w.begin(ctx, load, step{name: stepLedger, round: at.round}, ledgerStatement(w.config, load))
}

// create submits a chunk of the statements that create the target: a batch
// takes so many, and a table may have more comments.
func (w *Warehouse) create(ctx context.Context, load warehouse.Load, at step, chunk int) (warehouse.Outcome, error) {
	statements, err := createStatements(w.config, load)
	if err != nil {
		return warehouse.Outcome{}, fmt.Errorf("loading %s: %w", load.Target, err)
	}
	chunks := slices.Collect(slices.Chunk(statements, maxStatements))
	if chunk >= len(chunks) {
		return w.look(ctx, load, at.round+1)
	}
	id, err := w.submitBatch(ctx, "", chunks[chunk])
	if err != nil {
		return warehouse.Outcome{}, fmt.Errorf("loading %s: %w", load.Target, err)
	}
	return running(step{name: stepCreate, round: at.round, id: id, of: strconv.Itoa(chunk)}), nil
}

func (w *Warehouse) afterCreate(ctx context.Context, load warehouse.Load, at step, ended description) (warehouse.Outcome, error) {
	if ended.failed() {
		return w.again(ctx, load, at, ended)
	}
	return w.create(ctx, load, at, int(number(at.of))+1)
}

// fewRounds are as many as several loads that create one table at once need.
const fewRounds = 10

// again looks once more, after a change and also after one that failed: two
// that create or change the same at once may meet, and one then fails although
// what it wanted is there.
func (w *Warehouse) again(ctx context.Context, load warehouse.Load, at step, ended description) (warehouse.Outcome, error) {
	switch {
	case ended.failed() && at.round >= fewRounds:
		return warehouse.Outcome{}, fmt.Errorf("creating or changing table %s and its ledger: %w", load.Target, ended)
	case at.round >= maxRounds:
		return warehouse.Outcome{}, w.unseen(load)
	}
	return w.look(ctx, load, at.round+1)
}

// unseen is that what was created is not found.
func (w *Warehouse) unseen(load warehouse.Load) error {
	return fmt.Errorf("creating table %s and its ledger: they are not seen in svv_columns, although they were created; grant the user of the load SELECT on them",
		load.Target)
}

// afterLedger has the load judged by the ledger, and begins it.
func (w *Warehouse) afterLedger(ctx context.Context, load warehouse.Load, at step, rows [][]string) (warehouse.Outcome, error) {
	book, err := readLedger(load, rows)
	if err != nil {
		return warehouse.Outcome{}, err
	}
	if !book.lockable && at.name == stepLedger { // it is of an earlier version
		return w.begin(ctx, load, step{name: stepAlter, round: at.round}, lockRow(ledger(w.config, load)))
	}
	verdict, err := warehouse.Judge(load, book.entries)
	switch {
	case err != nil:
		return warehouse.Outcome{}, err
	case verdict.State == warehouse.AlreadyLoaded && at.name == stepConfirm:
		return warehouse.Outcome{State: warehouse.Loaded, Rows: verdict.Rows, Statements: []string{at.of}}, nil
	case verdict.State != "" && !verdict.Enter:
		return warehouse.Outcome{State: verdict.State, Rows: verdict.Rows, Reason: verdict.Reason}, nil
	case at.name == stepConfirm:
		return warehouse.Outcome{}, fmt.Errorf("loading %s: statement %s finished, but the ledger does not have load %s; look what removed it", load.Target, at.of, load.ID)
	}
	entry := warehouse.Enter(load, verdict)
	entry.Sequence = book.last + 1
	if verdict.Enter {
		load = withoutRows(load)
	}
	if load.Sweep != nil && len(verdict.Under) > 0 {
		return warehouse.Outcome{}, warehouse.TooManyUnder(load)
	}
	if load.Under, err = warehouse.FindUnder(ctx, load, verdict); err != nil {
		return warehouse.Outcome{}, err
	}
	statements, err := loadStatements(w.config, load, entry)
	if err != nil {
		return warehouse.Outcome{}, fmt.Errorf("loading %s: %w", load.Target, err)
	}
	if len(statements) > maxStatements {
		return warehouse.Outcome{}, warehouse.TooManyUnder(load)
	}
	id, err := w.submitBatch(ctx, batchName(w.config, load), texts(statements))
	if err != nil {
		return warehouse.Outcome{}, fmt.Errorf("loading %s: %w", load.Target, err)
	}
	return running(step{name: stepLoad, round: at.round, id: id}), nil
}

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
	load.Manifest, load.Parts, load.Rows = "", nil, 0
	return load
}

func (w *Warehouse) afterLoad(ctx context.Context, load warehouse.Load, at step, ended description) (warehouse.Outcome, error) {
	switch {
	case !w.ours(load, ended):
		return warehouse.Outcome{}, fmt.Errorf("loading %s: statement %s is not of load %s; give the handle that was answered for it", load.Target, at.id, load.ID)
	case ended.failed():
		return w.explain(ctx, load, at, ended)
	case entered(ended) == warehouse.Abandoned:
		return warehouse.Outcome{State: warehouse.Abandoned, Statements: []string{at.id}, Reason: load.Abandon}, nil
	case entered(ended) == warehouse.Skipped:
		return warehouse.Outcome{
			State: warehouse.Skipped, Statements: []string{at.id},
			Reason: fmt.Sprintf("a run newer than %s has brought the whole table", load.Run),
		}, nil
	case load.Rows < 0:
		return w.begin(ctx, load, step{name: stepConfirm, round: at.round, of: at.id}, ledgerStatement(w.config, load))
	}
	return warehouse.Outcome{State: warehouse.Loaded, Rows: load.Rows, Statements: []string{at.id}}, nil
}
