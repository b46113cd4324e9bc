package snowflake

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/stagelift/stagelift/shared/warehouse"
)

// attempts bounds how often one call prepares a target, and under how many names
// it submits a load: an answer that says at once that the load failed can be
// one that Snowflake kept from an earlier time.
const attempts = 3

// maxRounds bounds how often a load is judged anew, because others changed the
// ledger before it had its turn.
const maxRounds = 100

// Begin has the load judged by the ledger, creates what is missing, which takes a
// few statements that it waits for, and submits the transaction.
func (w *Warehouse) Begin(ctx context.Context, load warehouse.Load) (warehouse.Outcome, error) {
	if _, err := plan(w.config, load, 0); err != nil {
		return warehouse.Outcome{}, fmt.Errorf("planning the load of %s: %w", load.Target, err)
	}
	return w.begin(ctx, load, 1)
}

func (w *Warehouse) begin(ctx context.Context, load warehouse.Load, round int) (warehouse.Outcome, error) {
	if round > maxRounds {
		return warehouse.Outcome{}, fmt.Errorf("loading %s: %w, and others came first %d times; nothing was changed", load.Target, warehouse.ErrBusy, maxRounds)
	}
	for attempt := 1; ; attempt++ {
		verdict, last, err := w.prepare(ctx, load)
		failed := (*statementError)(nil)
		switch {
		case errors.As(err, &failed) && attempt < attempts:
			// Two that create at once may meet, and one then fails although what
			// it wanted is there.
		case err != nil:
			return warehouse.Outcome{}, err
		case verdict.Enter:
			return w.submit(ctx, load, last, step{name: stepEnter, round: round})
		case verdict.State != "":
			return warehouse.Outcome{State: verdict.State, Rows: verdict.Rows, Reason: verdict.Reason}, nil
		default:
			return w.submit(ctx, load, last, step{name: stepLoad, round: round})
		}
	}
}

// prepare looks what is there, has the load judged, and creates what is missing
// for it if it is to go ahead. Last is the number of the ledger's last entry.
func (w *Warehouse) prepare(ctx context.Context, load warehouse.Load) (verdict warehouse.Verdict, last int64, err error) {
	found, err := w.look(ctx, load)
	if err != nil {
		return verdict, 0, fmt.Errorf("looking at table %s: %w", load.Target, err)
	}
	var b book
	if found.ledger {
		if b, err = w.readLedger(ctx, load); err != nil {
			return verdict, 0, err
		}
	}
	if verdict, err = warehouse.Judge(load, b.entries); err != nil || verdict.State != "" {
		return verdict, b.last, err
	}
	return verdict, b.last, w.setUp(ctx, load, found, b.lockable)
}

// look reads what is there of the load's tables.
func (w *Warehouse) look(ctx context.Context, load warehouse.Load) (existing, error) {
	rows, err := w.query(ctx, lookStatement(w.config, load))
	if err != nil {
		return existing{}, err
	}
	return parseExisting(w.config, load, rows)
}

// setUp creates what is missing. A schema that could not be created may be
// there all the same, without the right to create one: the table tells.
func (w *Warehouse) setUp(ctx context.Context, load warehouse.Load, found existing, lockable bool) error {
	statements, err := setupStatements(w.config, load, found)
	if err != nil {
		return fmt.Errorf("preparing table %s: %w; nothing was changed", load.Target, err)
	}
	if !lockable {
		statements = append(statements, lockRow(w.config, load))
	}
	var schemaErr error
	for _, s := range statements {
		_, err := w.query(ctx, s)
		if failed := (*statementError)(nil); errors.As(err, &failed) && failed.code == codeNoPrivilege && strings.HasPrefix(s, "CREATE SCHEMA") {
			schemaErr = err
			continue
		}
		if err != nil {
			return fmt.Errorf("preparing table %s and its ledger: %w", load.Target, errors.Join(schemaErr, err))
		}
	}
	return nil
}

// submit hands the transaction over. What asks for the same again, here or in
// another invocation, asks under the same name: so it is always sent as a
// repetition, which it may be.
func (w *Warehouse) submit(ctx context.Context, load warehouse.Load, last int64, at step) (warehouse.Outcome, error) {
	planned := load
	if at.name == stepEnter {
		planned = withoutRows(load)
	}
	t, err := plan(w.config, planned, last)
	if err != nil {
		return warehouse.Outcome{}, fmt.Errorf("planning the load of %s: %w", load.Target, err)
	}
	s := w.statement(t.text())
	s.Timeout = int64(w.config.Timeout / time.Second)
	s.Parameters["MULTI_STATEMENT_COUNT"] = strconv.Itoa(len(t.statements))
	s.Parameters["QUERY_TAG"] = "stagelift " + load.ID
	for attempt := 0; ; attempt++ {
		a, err := w.api.submit(ctx, requestID(load.ID, at.round*attempts+attempt, s.Statement), s, true)
		failed := (*statementError)(nil)
		switch {
		case err == nil && a.Handle == "":
			return warehouse.Outcome{}, fmt.Errorf("submitting the load of %s: the answer names no statement", load.Target)
		case err == nil:
			at.id = a.Handle
			return running(at), nil
		case !errors.As(err, &failed):
			return warehouse.Outcome{}, fmt.Errorf("submitting the load of %s: %w", load.Target, err)
		case attempt+1 == attempts:
			return w.explain(ctx, load, at, failed)
		}
	}
}

// Poll asks how the transaction stands. One that Snowflake does not know any
// more is looked up in the ledger, and begun again if it is not there.
func (w *Warehouse) Poll(ctx context.Context, load warehouse.Load, handle string) (warehouse.Outcome, error) {
	at, err := parseStep(handle)
	if err != nil {
		return warehouse.Outcome{}, fmt.Errorf("loading %s: %w", load.Target, err)
	}
	a, err := w.api.status(ctx, at.id)
	failed := (*statementError)(nil)
	switch {
	case unknown(err):
		return w.begin(ctx, load, at.round+1)
	case errors.As(err, &failed):
		return w.explain(ctx, load, at, failed)
	case err != nil:
		return warehouse.Outcome{}, fmt.Errorf("asking for the load of %s, statement %s, which goes on: %w", load.Target, at.id, err)
	case a.Running:
		return running(at), nil
	case at.name == stepEnter:
		return warehouse.Outcome{
			State: warehouse.Skipped, Statements: []string{at.id},
			Reason: fmt.Sprintf("a run newer than %s has brought the whole table", load.Run),
		}, nil
	}
	return w.finish(ctx, load, a)
}

// finish compares what COPY says that it loaded with what was staged. The
// transaction has counted the same rows before it committed; a report that
// cannot be read any more changes nothing.
func (w *Warehouse) finish(ctx context.Context, load warehouse.Load, a answer) (warehouse.Outcome, error) {
	outcome := warehouse.Outcome{State: warehouse.Loaded, Rows: max(load.Rows, 0), Statements: append([]string{a.Handle}, a.Handles...)}
	t, err := plan(w.config, load, 0)
	if err != nil || len(a.Handles) != len(t.statements) {
		return w.counted(ctx, load, outcome)
	}
	var report copyReport
	for _, number := range t.copies {
		if err := w.readReport(ctx, a.Handles[number], &report); err != nil {
			return w.counted(ctx, load, outcome)
		}
	}
	if load.Rows < 0 {
		outcome.Rows = report.rows
	}
	if problem := report.check(load); problem != nil {
		return outcome, fmt.Errorf("loading %s: %w: %w; the transaction counted %d rows and is committed: look at the target",
			load.Target, warehouse.ErrRowCount, problem, outcome.Rows)
	}
	return outcome, nil
}

// counted fills in a number of rows that only the ledger knows.
func (w *Warehouse) counted(ctx context.Context, load warehouse.Load, outcome warehouse.Outcome) (warehouse.Outcome, error) {
	if load.Rows >= 0 {
		return outcome, nil
	}
	b, err := w.readLedger(ctx, load)
	entry, _ := b.entry(load)
	outcome.Rows = entry.Rows
	return outcome, err
}

// Cancel stops what a handle names. The transaction is rolled back, unless it
// had come to its end.
func (w *Warehouse) Cancel(ctx context.Context, handle string) error {
	at, err := parseStep(handle)
	if err == nil {
		err = w.api.cancel(ctx, at.id)
	}
	if err != nil {
		return fmt.Errorf("cancelling a load: %w", err)
	}
	return nil
}
