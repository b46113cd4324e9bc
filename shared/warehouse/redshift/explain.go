package redshift

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/stagelift/stagelift/shared/warehouse"
)

// explain finds out what a failed transaction means. That the statement of a
// check failed is no proof of what it checks, since statements fail for other
// reasons too: it must have failed by its division.
func (w *Warehouse) explain(ctx context.Context, load warehouse.Load, at step, ended description) (warehouse.Outcome, error) {
	index := ended.failedAt()
	found, err := w.checkAt(load, ended, index)
	if err != nil {
		return warehouse.Outcome{}, err
	}
	if found != checkCopy && !dividedByZero(ended) {
		found = checkNothing
	}
	switch found {
	case checkLedger:
		if at.round >= maxRounds {
			return warehouse.Outcome{}, fmt.Errorf("loading %s: %w, and others came first %d times; nothing was changed", load.Target, warehouse.ErrBusy, maxRounds)
		}
		return w.begin(ctx, load, step{name: stepLedger, round: at.round + 1}, ledgerStatement(w.config, load))
	case checkCopy:
		if query := ended.subs[index].RedshiftQueryId; query > 0 {
			return w.begin(ctx, load, step{name: stepErrors, round: at.round, of: at.id}, errorStatement(query))
		}
	case checkCount:
		return warehouse.Outcome{}, fmt.Errorf("loading %s: %w: want %d, %s; nothing was changed",
			load.Target, warehouse.ErrRowCount, load.Rows, copied(ended.subs[index-1].ResultRows))
	case checkKeys:
		return warehouse.Outcome{}, fmt.Errorf("loading %s: %w: %s; nothing was changed", load.Target, warehouse.ErrKeys, whichKeys(load))
	case checkTarget:
		return warehouse.Outcome{}, fmt.Errorf("loading %s: %w: after mode %s the target holds another number; nothing was changed",
			load.Target, warehouse.ErrRowCount, load.Mode)
	case checkNothing:
	}
	return warehouse.Outcome{}, fmt.Errorf("loading %s: %w; nothing was changed", load.Target, ended)
}

// checkAt returns what the statement of that number checks. It goes by the text, for
// a load that went under others has more statements than it is known to have by now.
func (w *Warehouse) checkAt(load warehouse.Load, ended description, index int) (check, error) {
	statements, err := loadStatements(w.config, load, warehouse.Enter(load, warehouse.Verdict{}))
	if err != nil || index < 0 || index >= len(ended.subs) {
		return checkNothing, err
	}
	if index < len(takeTurn(ledger(w.config, load), warehouse.Entry{})) { // it has the number of the ledger's last entry in it
		return statements[index].check, nil
	}
	text := aws.ToString(ended.subs[index].QueryString)
	for _, s := range statements {
		if s.text == text {
			return s.check, nil
		}
	}
	if strings.HasPrefix(text, "COPY ") {
		return checkCopy, nil
	}
	return checkNothing, nil
}

// dividedByZero reports whether a check did not hold. Leader and compute nodes
// word it differently, but both speak of a division by zero.
func dividedByZero(ended description) bool {
	message := strings.ToLower(ended.Error())
	return strings.Contains(message, "divi") && strings.Contains(message, "zero")
}

// copied words the number of rows that COPY reported. Redshift may report 0
// whatever it copied (github.com/aws/aws-sdk, issue 333).
func copied(rows int64) string {
	if rows < 1 {
		return "COPY reported none"
	}
	return fmt.Sprintf("COPY reported %d", rows)
}

func whichKeys(load warehouse.Load) string {
	keys := columnNames(load.Keys)
	if load.Newest == "" {
		return "two rows agree in (" + keys + "), or one is NULL there; name a cursor that decides between them, or other keys"
	}
	return "a row is NULL in (" + keys + ")"
}

// afterErrors tells why a COPY failed, and where.
func (w *Warehouse) afterErrors(ctx context.Context, load warehouse.Load, at step, rows [][]string) (warehouse.Outcome, error) {
	failed, err := w.describe(ctx, at.of)
	if err != nil {
		return warehouse.Outcome{}, fmt.Errorf("loading %s: %w", load.Target, err)
	}
	if !w.ours(load, failed) {
		return warehouse.Outcome{}, fmt.Errorf("loading %s: statement %s is not of load %s; give the handle that was answered for it", load.Target, at.of, load.ID)
	}
	outcome := warehouse.Outcome{Errors: readErrors(rows), Statements: []string{at.of}}
	problems := []error{fmt.Errorf("loading %s: %w; nothing was changed", load.Target, failed)}
	for _, e := range outcome.Errors {
		problems = append(problems, fmt.Errorf("%s, line %d, column %s: %s (%s)", e.File, e.Line, e.Column, e.Message, e.Code))
	}
	return outcome, errors.Join(problems...)
}
