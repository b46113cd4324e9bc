package redshift

import (
	"context"
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
	if found != checkCopy && found != checkFit && !dividedByZero(ended) {
		found = checkNothing
	}
	switch found {
	case checkLedger:
		if at.round >= maxRounds {
			return warehouse.Outcome{}, fmt.Errorf("loading %s: %w, and others came first %d times; nothing was changed", load.Target, warehouse.ErrBusy, maxRounds)
		}
		at.round++
		return w.judge(ctx, load, at)
	case checkCopy:
		next := at.to(stepErrors)
		next.of = at.id
		return w.begin(ctx, load, next, errorStatement(ended.subs[index].RedshiftQueryId, errorsLimit))
	case checkFit:
		if strings.Contains(strings.ToLower(ended.Error()), "too long") {
			next := at.to(stepFit)
			next.of = at.id
			return w.begin(ctx, load, next, lookStatement(w.config, load))
		}
		if strings.Contains(ended.Error(), "8001") {
			return warehouse.Outcome{}, fmt.Errorf("loading %s: %w; nothing was changed; the columns are too wide together: Redshift handles rows of 65,535 bytes, "+
				"and counts the declared length of each VARCHAR; give texts a length (\"text\" in the request), or leave columns out", load.Target, ended)
		}
	case checkCount:
		return warehouse.Outcome{}, fmt.Errorf("loading %s: %w: want %d, %s; nothing was changed",
			load.Target, warehouse.ErrRowCount, load.Rows, copied(ended.subs[index-1].ResultRows))
	case checkKeys:
		return warehouse.Outcome{}, fmt.Errorf("loading %s: %w: %s; nothing was changed", load.Target, warehouse.ErrKeys, whichKeys(load))
	case checkSwept:
		return warehouse.Outcome{}, fmt.Errorf("loading %s: %w: of the sweep's keys %d were staged, and another number came; nothing was changed",
			load.Target, warehouse.ErrRowCount, load.Sweep.Rows)
	case checkSweptKeys:
		return warehouse.Outcome{}, fmt.Errorf("loading %s: %w: a key of the sweep is NULL in (%s); nothing was changed",
			load.Target, warehouse.ErrKeys, columnNames(load.Keys))
	case checkTarget:
		return warehouse.Outcome{}, fmt.Errorf("loading %s: %w: after mode %s the target holds another number; nothing was changed",
			load.Target, warehouse.ErrRowCount, load.Mode)
	case checkNothing:
		if conflicts(ended) {
			return w.afterConflict(ctx, load, at, ended)
		}
	}
	return warehouse.Outcome{}, fmt.Errorf("loading %s: %w; nothing was changed", load.Target, ended)
}

// conflicts reports whether a transaction was taken back because another one came
// between: 1023 under SERIALIZABLE, under SNAPSHOT the words alone, 1018 where a table
// was made after the snapshot ("Troubleshooting serializable isolation errors").
func conflicts(ended description) bool {
	text := strings.ToLower(ended.Error())
	return strings.Contains(text, "1023") && strings.Contains(text, "serializable") || strings.Contains(text, "1018") && strings.Contains(text, "relation") ||
		strings.Contains(text, "conflict with concurrent transaction") || strings.Contains(text, "deadlock detected")
}

// afterConflict has the load judged again: nothing of it was done.
func (w *Warehouse) afterConflict(ctx context.Context, load warehouse.Load, at step, ended description) (warehouse.Outcome, error) {
	if at.round >= fewRounds {
		return warehouse.Outcome{}, fmt.Errorf("loading %s: %w, and other transactions came first %d times: %w; nothing was changed", load.Target, warehouse.ErrBusy, at.round, ended)
	}
	at.round++
	return w.judge(ctx, load, at)
}

// checkAt returns what the statement of that number checks. It goes by the text, for
// a load that went under others, or that replaced its table, has other statements
// than it is known to have by now.
func (w *Warehouse) checkAt(load warehouse.Load, ended description, index int) (check, error) {
	statements, err := w.known(load)
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

// known are the statements that a load may have, as far as it tells.
func (w *Warehouse) known(load warehouse.Load) ([]statement, error) {
	entry := warehouse.Enter(load, warehouse.Verdict{})
	statements, err := loadStatements(w.config, load, entry, kept{})
	if err != nil || !swaps(load) {
		return statements, err
	}
	swapped, err := loadStatements(w.config, load, entry, kept{swap: true})
	return append(statements, swapped...), err
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
