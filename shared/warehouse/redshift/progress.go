package redshift

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"

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
	case stepCreate, stepAlter:
		return w.again(ctx, load, at, ended)
	case stepWish:
		return w.afterWish(ctx, load, at, ended)
	}
	telling := at.name == stepErrors || at.name == stepRecent || at.name == stepRejected || at.name == stepFit
	switch {
	case ended.failed() && telling: // what is known without it is still to be told
		return w.tell(ctx, load, at, nil)
	case ended.failed() && at.name == stepLook && len(ended.subs) > 1:
		return w.lookAlone(ctx, load, at)
	case ended.failed():
		return warehouse.Outcome{}, fmt.Errorf("loading %s: %w; nothing was changed", load.Target, ended)
	}
	rows, err := w.answers(ctx, ended)
	switch {
	case err != nil:
		return warehouse.Outcome{}, fmt.Errorf("loading %s: %w", load.Target, err)
	case telling:
		return w.tell(ctx, load, at, rows[0])
	case at.name == stepLook || at.name == stepViews:
		return w.afterLook(ctx, load, at, rows)
	}
	return w.afterLedger(ctx, load, at, rows)
}

// answers are the rows of a query, or of each query of a batch.
func (w *Warehouse) answers(ctx context.Context, ended description) ([][][]string, error) {
	ids := []string{ended.id}
	if len(ended.subs) > 0 {
		ids = nil
		for _, sub := range ended.subs {
			ids = append(ids, aws.ToString(sub.Id))
		}
	}
	answers := make([][][]string, len(ids))
	for i, id := range ids {
		var err error
		if answers[i], err = w.rows(ctx, id); err != nil {
			return nil, err
		}
	}
	return answers, nil
}

// begin submits statements as the next step, in one transaction if there are
// several.
func (w *Warehouse) begin(ctx context.Context, load warehouse.Load, at step, sql ...string) (warehouse.Outcome, error) {
	at.exact = w.config.exact
	var err error
	if len(sql) == 1 {
		at.id, err = w.submit(ctx, sql[0])
	} else {
		at.id, err = w.submitBatch(ctx, "", sql)
	}
	if err != nil {
		return warehouse.Outcome{}, fmt.Errorf("loading %s: %w", load.Target, err)
	}
	return running(at), nil
}

// look asks for the columns, and for the ledger in the same go: mostly nothing is
// lacking. Where there is no ledger that fails, and the columns are asked for alone.
func (w *Warehouse) look(ctx context.Context, load warehouse.Load, at step) (warehouse.Outcome, error) {
	if swaps(load) { // which has to know more than the ledger
		return w.lookAlone(ctx, load, at)
	}
	return w.begin(ctx, load, at.to(stepLook), lookStatement(w.config, load), ledgerStatement(w.config, load))
}

func (w *Warehouse) lookAlone(ctx context.Context, load warehouse.Load, at step) (warehouse.Outcome, error) {
	return w.begin(ctx, load, at.to(stepLook), lookStatement(w.config, load))
}

// afterLook does one thing that the target lacks, or has the load judged.
func (w *Warehouse) afterLook(ctx context.Context, load warehouse.Load, at step, rows [][][]string) (warehouse.Outcome, error) {
	f, err := readLook(w.config, load, rows[0])
	if err != nil {
		return warehouse.Outcome{}, err
	}
	spelled := f.exact == w.config.exact // else it was another ledger that was asked for
	w = w.as(f.exact)
	need, err := reconcile(w.config, load, f)
	if err != nil {
		return warehouse.Outcome{}, fmt.Errorf("loading %s: %w; nothing was changed", load.Target, err)
	}
	at = at.noted(need.met)
	switch {
	case need.create:
		return w.create(ctx, load, at, f)
	case len(need.alter) > 0:
		return w.begin(ctx, load, at.to(stepAlter), need.alter[:min(len(need.alter), maxStatements)]...)
	case len(need.widen) > 0:
		return w.begin(ctx, load, at.to(stepAlter), need.widen[0])
	case len(need.rebuild) > 0 && at.name == stepLook:
		return w.begin(ctx, load, at.to(stepViews), lookStatement(w.config, load), viewsStatement(w.config, load))
	case len(need.rebuild) > 0:
		return w.rebuild(ctx, load, at, need.rebuild, rows[1])
	}
	wished, err := wishes(load, at.notes, nil)
	if err == nil && wished == nil && spelled && at.name == stepLook && len(rows) > 1 {
		at.exact = f.exact
		return w.afterLedger(ctx, load, at, [][][]string{rows[1], rows[0]})
	}
	return w.wish(ctx, load, at, 0, nil)
}

func (w *Warehouse) create(ctx context.Context, load warehouse.Load, at step, f found) (warehouse.Outcome, error) {
	if at.round > fewRounds {
		return warehouse.Outcome{}, w.unseen(load)
	}
	statements, err := createStatements(w.config, load, f)
	if err != nil {
		return warehouse.Outcome{}, fmt.Errorf("loading %s: %w", load.Target, err)
	}
	if f.target == nil && load.Abandon == "" {
		at.Created, at.Schema = true, at.Schema || !f.schemas[w.config.fold(load.Target.Schema)]
	}
	return w.begin(ctx, load, at.to(stepCreate), statements...)
}

// rebuild puts new columns in the place of some, as many as a batch takes.
func (w *Warehouse) rebuild(ctx context.Context, load warehouse.Load, at step, columns []rebuilding, views [][]string) (warehouse.Outcome, error) {
	var names, statements []string
	for _, r := range columns {
		names = append(names, r.column)
		if len(statements)+len(r.statements) <= maxStatements {
			statements = append(statements, r.statements...)
		}
	}
	if err := bound(load, views, names, "change the type of its columns"); err != nil {
		return warehouse.Outcome{}, fmt.Errorf("loading %s: %w; nothing was changed", load.Target, err)
	}
	return w.begin(ctx, load, at.to(stepAlter), statements...)
}

// fewRounds are as many as several loads that create one table at once need.
const fewRounds = 10

// again looks once more, after a change and also after one that failed: two
// that create or change the same at once may meet, and one then fails although
// what it wanted is there.
func (w *Warehouse) again(ctx context.Context, load warehouse.Load, at step, ended description) (warehouse.Outcome, error) {
	switch {
	case ended.failed() && at.round >= fewRounds:
		return warehouse.Outcome{}, fmt.Errorf("creating or changing table %s and its ledger: %w%s", load.Target, ended, hint(ended))
	case at.round >= maxRounds:
		return warehouse.Outcome{}, w.unseen(load)
	}
	at.round++
	return w.look(ctx, load, at)
}

// hint says what a person can do about a change that the table's owner alone may
// make, or that the column's encoding or a view forbids.
func hint(ended description) string {
	text := ended.text
	if failed := ended.failedAt(); failed >= 0 {
		text = aws.ToString(ended.subs[failed].QueryString)
	}
	m := alterTypeShape.FindStringSubmatch(text)
	if m == nil {
		return ""
	}
	return fmt.Sprintf("; ALTER COLUMN TYPE takes a column that you own, without a default, a key, a view that is bound to it, "+
		"and the encodings BYTEDICT, RUNLENGTH, TEXT255 and TEXT32K; as its owner drop what is in the way and run: %s ALTER COLUMN %s ENCODE lzo; %s", m[1], m[2], text)
}

var alterTypeShape = regexp.MustCompile(`^(ALTER TABLE .*) ALTER COLUMN (.*) TYPE VARCHAR\(\d+\)$`)

// unseen is that what was created is not found.
func (w *Warehouse) unseen(load warehouse.Load) error {
	return fmt.Errorf("creating table %s and its ledger: they are not seen in svv_columns, although they were created; grant the user of the load SELECT on them",
		load.Target)
}

// wish submits a wish by its number, or goes on where there is none: to the ledger
// before a load, to the outcome after it. own are comments of people that a swap has
// to put back.
func (w *Warehouse) wish(ctx context.Context, load warehouse.Load, at step, number int, own map[string]string) (warehouse.Outcome, error) {
	list, err := wishes(load, at.notes, own)
	switch {
	case err != nil:
		return warehouse.Outcome{}, fmt.Errorf("loading %s: %w", load.Target, err)
	case number < len(list):
		at = at.to(stepWish)
		at.of = strconv.Itoa(number)
		return w.begin(ctx, load, at, list[number]...)
	case at.Load != "":
		return w.finish(ctx, load, at)
	}
	return w.judge(ctx, load, at)
}

func (w *Warehouse) afterWish(ctx context.Context, load warehouse.Load, at step, ended description) (warehouse.Outcome, error) {
	if ended.failed() {
		at.Warnings = append(slices.Clone(at.Warnings), "a comment or a grant on "+load.Target.String()+" was refused: "+ended.Error())
	}
	var own map[string]string
	if at.Load != "" {
		before, err := w.describe(ctx, at.Load)
		if err != nil {
			return warehouse.Outcome{}, fmt.Errorf("loading %s: %w", load.Target, err)
		}
		own, _ = remarksOf(before)
	}
	return w.wish(ctx, load, at, int(number(at.of))+1, own)
}

// judge asks for the ledger, and for what has to be known of the target beside it.
func (w *Warehouse) judge(ctx context.Context, load warehouse.Load, at step) (warehouse.Outcome, error) {
	statements := []string{ledgerStatement(w.config, load)}
	switch {
	case swaps(load):
		statements = append(statements, keptStatements(w.config, load)...)
	case truncates(load):
		statements = append(statements, lookStatement(w.config, load))
	}
	return w.begin(ctx, load, at.to(stepLedger), statements...)
}

// afterLedger has the load judged by the ledger, and begins it. Rows are the
// ledger's, then what was asked beside it.
func (w *Warehouse) afterLedger(ctx context.Context, load warehouse.Load, at step, rows [][][]string) (warehouse.Outcome, error) {
	book, err := readLedger(load, rows[0])
	if err != nil {
		return warehouse.Outcome{}, err
	}
	if !book.lockable && at.name != stepConfirm { // it is of an earlier version
		return w.begin(ctx, load, at.to(stepAlter), lockRow(ledger(w.config, load)))
	}
	verdict, err := warehouse.Judge(load, book.entries)
	switch {
	case err != nil:
		return warehouse.Outcome{}, err
	case verdict.State == warehouse.AlreadyLoaded && at.name == stepConfirm:
		at.Rows = verdict.Rows
		ended, err := w.describe(ctx, at.Load)
		if err != nil {
			return warehouse.Outcome{}, fmt.Errorf("loading %s: %w", load.Target, err)
		}
		return w.afterCount(ctx, load, at, ended)
	case verdict.State != "" && !verdict.Enter:
		return at.outcome(warehouse.Outcome{State: verdict.State, Rows: verdict.Rows, Reason: verdict.Reason}), nil
	case at.name == stepConfirm:
		return warehouse.Outcome{}, fmt.Errorf("loading %s: statement %s finished, but the ledger does not have load %s; look what removed it", load.Target, at.Load, load.ID)
	}
	entry := warehouse.Enter(load, verdict)
	entry.Sequence = book.last + 1
	if verdict.Enter {
		load = withoutRows(load)
	}
	if load.Under, err = warehouse.FindUnder(ctx, load, verdict); err != nil {
		return warehouse.Outcome{}, err
	}
	k, err := w.beside(load, rows[1:])
	if err != nil {
		return warehouse.Outcome{}, fmt.Errorf("loading %s: %w; nothing was changed", load.Target, err)
	}
	statements, err := loadStatements(w.config, load, entry, k)
	if err != nil {
		return warehouse.Outcome{}, fmt.Errorf("loading %s: %w", load.Target, err)
	}
	if len(statements) > maxStatements {
		return warehouse.Outcome{}, warehouse.TooManyUnder(load)
	}
	at = at.to(stepLoad)
	if at.id, err = w.submitBatch(ctx, batchName(w.config, load), texts(statements)); err != nil {
		return warehouse.Outcome{}, fmt.Errorf("loading %s: %w", load.Target, err)
	}
	return running(at), nil
}

// beside reads what was asked beside the ledger, for a load that needs it.
func (w *Warehouse) beside(load warehouse.Load, rows [][][]string) (kept, error) {
	switch {
	case swaps(load) && len(rows) > 2:
		return readKept(w.config, load, rows[0], rows[1], rows[2])
	case truncates(load) && len(rows) > 0:
		f, err := readLook(w.config, load, rows[0])
		return kept{columns: f.target}, err
	}
	return kept{}, nil
}
