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

// superseded marks the handle of a request that writes a window into the ledger
// without its rows, since the target was replaced by newer ones: the windows
// after it need not wait for it.
const superseded = "superseded/"

// Begin looks the load up in the ledger, creates what is missing, which takes a
// few statements that it waits for, and submits the transaction.
func (w *Warehouse) Begin(ctx context.Context, load warehouse.Load) (warehouse.Outcome, error) {
	t, err := plan(w.config, load)
	if err != nil {
		return warehouse.Outcome{}, fmt.Errorf("planning the load of %s: %w", load.Target, err)
	}
	for attempt := 1; ; attempt++ {
		book, err := w.prepare(ctx, load)
		failed := (*statementError)(nil)
		switch {
		case errors.As(err, &failed) && attempt < attempts:
			// Two that create at once may meet, and one then fails although what
			// it wanted is there.
		case err != nil:
			return warehouse.Outcome{}, err
		case book.loaded:
			return warehouse.Outcome{State: warehouse.AlreadyLoaded, Rows: book.rows}, nil
		default:
			return w.submit(ctx, load, t, "")
		}
	}
}

// prepare looks what is there and creates what is missing.
func (w *Warehouse) prepare(ctx context.Context, load warehouse.Load) (bookEntry, error) {
	found, err := w.look(ctx, load)
	if err != nil {
		return bookEntry{}, fmt.Errorf("looking at table %s: %w", load.Target, err)
	}
	var book bookEntry
	if found.ledger {
		if book, err = w.entry(ctx, load); err != nil || book.loaded {
			return book, err
		}
	}
	return book, w.setUp(ctx, load, found, book.lockable)
}

// look reads what is there of the load's tables.
func (w *Warehouse) look(ctx context.Context, load warehouse.Load) (existing, error) {
	rows, err := w.query(ctx, lookStatement(w.config, load))
	if err != nil {
		return existing{}, err
	}
	return parseExisting(w.config, load, rows)
}

// bookEntry is what a ledger says of a load.
type bookEntry struct {
	loaded   bool
	rows     int64
	lockable bool // the row to lock is there
}

// entry reads the ledger, which must be there.
func (w *Warehouse) entry(ctx context.Context, load warehouse.Load) (bookEntry, error) {
	var found bookEntry
	rows, err := w.query(ctx, entryStatement(w.config, load))
	for _, row := range rows {
		switch {
		case len(row) != 2 || row[0] == nil || row[1] == nil:
			err = errors.New("it has not the columns that it should")
		case *row[0] == "":
			found.lockable = true
		default:
			found.loaded = true
			found.rows, err = strconv.ParseInt(*row[1], 10, 64)
		}
		if err != nil {
			break
		}
	}
	if err != nil {
		return bookEntry{}, fmt.Errorf("reading the ledger of %s: %w", load.Target, err)
	}
	return found, nil
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
func (w *Warehouse) submit(ctx context.Context, load warehouse.Load, t transaction, mark string) (warehouse.Outcome, error) {
	s := w.statement(t.text())
	s.Timeout = int64(w.config.Timeout / time.Second)
	s.Parameters["MULTI_STATEMENT_COUNT"] = strconv.Itoa(len(t.statements))
	s.Parameters["QUERY_TAG"] = "stagelift " + load.ID
	for attempt := 0; ; attempt++ {
		a, err := w.api.submit(ctx, requestID(load.ID, attempt, s.Statement), s, true)
		failed := (*statementError)(nil)
		switch {
		case err == nil && a.Handle == "":
			return warehouse.Outcome{}, fmt.Errorf("submitting the load of %s: the answer names no statement", load.Target)
		case err == nil:
			return running(mark + a.Handle), nil
		case !errors.As(err, &failed):
			return warehouse.Outcome{}, fmt.Errorf("submitting the load of %s: %w", load.Target, err)
		case attempt+1 == attempts:
			return w.explain(ctx, load, failed)
		}
	}
}

func running(handle string) warehouse.Outcome {
	return warehouse.Outcome{
		State: warehouse.Running, Handle: handle, Statements: []string{strings.TrimPrefix(handle, superseded)},
	}
}

// Poll asks how the transaction stands. One that Snowflake does not know any
// more is looked up in the ledger, and begun again if it is not there.
func (w *Warehouse) Poll(ctx context.Context, load warehouse.Load, handle string) (warehouse.Outcome, error) {
	id, skipped := strings.CutPrefix(handle, superseded)
	a, err := w.api.status(ctx, id)
	failed := (*statementError)(nil)
	switch {
	case unknown(err):
		return w.Begin(ctx, load)
	case errors.As(err, &failed):
		return w.explain(ctx, load, failed)
	case err != nil:
		return warehouse.Outcome{}, fmt.Errorf("asking for the load of %s, statement %s, which goes on: %w", load.Target, id, err)
	case a.Running:
		return running(handle), nil
	case skipped:
		return warehouse.Outcome{
			State: warehouse.Skipped, Statements: []string{id},
			Reason: fmt.Sprintf("%s was replaced by a run newer than %s", load.Target, load.Run),
		}, nil
	}
	return w.finish(ctx, load, a)
}

// finish compares what COPY says that it loaded with what was staged. The
// transaction has counted the same rows before it committed; a report that
// cannot be read any more changes nothing.
func (w *Warehouse) finish(ctx context.Context, load warehouse.Load, a answer) (warehouse.Outcome, error) {
	outcome := warehouse.Outcome{State: warehouse.Loaded, Rows: max(load.Rows, 0), Statements: append([]string{a.Handle}, a.Handles...)}
	t, err := plan(w.config, load)
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
	book, err := w.entry(ctx, load)
	outcome.Rows = book.rows
	return outcome, err
}

// Cancel stops what a handle names. The transaction is rolled back, unless it
// had come to its end.
func (w *Warehouse) Cancel(ctx context.Context, handle string) error {
	id := strings.TrimPrefix(handle, superseded)
	if err := w.api.cancel(ctx, id); err != nil {
		return fmt.Errorf("cancelling statement %s: %w", id, err)
	}
	return nil
}
