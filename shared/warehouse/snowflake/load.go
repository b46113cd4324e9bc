package snowflake

import (
	"context"
	"errors"
	"fmt"
	"strconv"
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
	t, err := newTask(warehouse.Given(load))
	if err == nil {
		_, err = plan(w.config, t, warehouse.Enter(load, warehouse.Verdict{}))
	}
	if err != nil {
		return warehouse.Outcome{}, fmt.Errorf("planning the load of %s: %w", load.Target, err)
	}
	return w.begin(ctx, t, 1)
}

func (w *Warehouse) begin(ctx context.Context, t task, round int) (warehouse.Outcome, error) {
	if round > maxRounds {
		return warehouse.Outcome{}, fmt.Errorf("loading %s: %w, and others came first %d times; nothing was changed", t.Target, warehouse.ErrBusy, maxRounds)
	}
	for attempt := 1; ; attempt++ {
		p, err := w.prepare(ctx, t)
		failed := (*statementError)(nil)
		switch {
		case errors.Is(err, errPending) && attempt < attempts:
		case errors.Is(err, errPending):
			return w.begin(ctx, t, round+1)
		case errors.As(err, &failed) && attempt < attempts:
			// Two that create at once may meet, and one then fails although what
			// it wanted is there.
		case err != nil:
			return warehouse.Outcome{}, err
		case p.verdict.Enter:
			t.Load, t.Sweep = withoutRows(t.Load), nil
			return w.submit(ctx, t, p, step{name: stepEnter, round: round})
		case p.verdict.State != "":
			return warehouse.Outcome{State: p.verdict.State, Rows: p.verdict.Rows, Reason: p.verdict.Reason}, nil
		default:
			if t.Under, err = warehouse.FindUnder(ctx, t.Load, p.verdict); err != nil {
				return warehouse.Outcome{}, err
			}
			t.cut = p.cut
			return w.submit(ctx, t, p, step{name: stepLoad, round: round})
		}
	}
}

// submit hands the transaction over. What asks for the same again, here or in
// another invocation, asks under the same name: so it is always sent as a
// repetition, which it may be.
func (w *Warehouse) submit(ctx context.Context, t task, p prepared, at step) (warehouse.Outcome, error) {
	at.notes = p.notes
	for attempt := 0; ; attempt++ {
		number := at.round*attempts + attempt
		if p.swap != nil {
			own := *p.swap
			own.mark = markOf(t.Load, number)
			t.swap = &own
		}
		tx, err := plan(w.config, t, p.entry)
		if err != nil {
			return warehouse.Outcome{}, fmt.Errorf("planning the load of %s: %w", t.Target, err)
		}
		at.Tell = tx.tell
		s := w.statement(tx.text())
		s.Timeout = int64(w.config.Timeout / time.Second)
		s.Parameters["MULTI_STATEMENT_COUNT"] = strconv.Itoa(len(tx.statements))
		s.Parameters["QUERY_TAG"] = queryTag(t.Load)
		a, err := w.api.submit(ctx, requestID(t.ID, number, s.Statement), s, true)
		failed := (*statementError)(nil)
		switch {
		case err == nil && a.Handle == "":
			return warehouse.Outcome{}, fmt.Errorf("submitting the load of %s: the answer names no statement", t.Target)
		case err == nil:
			at.id = a.Handle
			return running(at), nil
		case !errors.As(err, &failed):
			return warehouse.Outcome{}, fmt.Errorf("submitting the load of %s: %w", t.Target, err)
		case attempt+1 == attempts:
			return w.explain(ctx, t, at, failed)
		}
	}
}

// queryTag is what the query history finds the statements of a load by.
func queryTag(load warehouse.Load) string { return "stagelift " + load.ID }

// Poll asks how the transaction stands. One that Snowflake does not know any
// more is looked up in the ledger, and begun again if it is not there.
func (w *Warehouse) Poll(ctx context.Context, load warehouse.Load, handle string) (warehouse.Outcome, error) {
	at, err := parseStep(handle)
	if err != nil {
		return warehouse.Outcome{}, fmt.Errorf("loading %s: %w", load.Target, err)
	}
	t, err := newTask(warehouse.Given(load))
	if err != nil {
		return warehouse.Outcome{}, fmt.Errorf("loading %s: %w", load.Target, err)
	}
	a, err := w.api.status(ctx, at.id)
	failed := (*statementError)(nil)
	switch {
	case unknown(err):
		return w.begin(ctx, t, at.round+1)
	case errors.As(err, &failed):
		return w.explain(ctx, t, at, failed)
	case err != nil:
		return warehouse.Outcome{}, fmt.Errorf("asking for the load of %s, statement %s, which goes on: %w", t.Target, at.id, err)
	case a.Running:
		return running(at), nil
	case at.name == stepEnter && t.Abandon != "":
		return at.outcome(warehouse.Outcome{State: warehouse.Abandoned, Statements: []string{at.id}, Reason: t.Abandon}), nil
	case at.name == stepEnter:
		return at.outcome(warehouse.Outcome{
			State: warehouse.Skipped, Statements: []string{at.id},
			Reason: fmt.Sprintf("a run newer than %s has brought the whole table", t.Run),
		}), nil
	}
	return w.finish(ctx, t, at, a)
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
