package snowflake

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// sessionParameters are what a statement of a load relies on and an account may
// have set otherwise ("Parameters"). Names are as they are quoted, texts are read
// as AUTO and HEX read them, each statement outside of a transaction is one of its
// own, and a failed one ends the transaction that it was in.
const sessionParameters = "QUOTED_IDENTIFIERS_IGNORE_CASE = FALSE, AUTOCOMMIT = TRUE, DATE_INPUT_FORMAT = 'AUTO', TIME_INPUT_FORMAT = 'AUTO', " +
	"TIMESTAMP_INPUT_FORMAT = 'AUTO', BINARY_INPUT_FORMAT = 'HEX', ERROR_ON_NONDETERMINISTIC_MERGE = TRUE, TRANSACTION_ABORT_ON_ERROR = TRUE"

// setSession is the first statement of every request of several.
func setSession(c Config) string {
	return fmt.Sprintf("ALTER SESSION SET %s, LOCK_TIMEOUT = %d", sessionParameters, int64(max(c.LockWait, time.Second)/time.Second))
}

// together runs statements in a session that is set as setSession says, one after
// the other, and waits for their end. The handles are those of the statements.
func (w *Warehouse) together(ctx context.Context, statements []string) (handles []string, err error) {
	all := append([]string{setSession(w.config)}, statements...)
	s := w.statement(strings.Join(all, ";\n"))
	s.Parameters["MULTI_STATEMENT_COUNT"] = strconv.Itoa(len(all))
	a, err := w.wait(ctx, s)
	if err != nil {
		return nil, err
	}
	if len(a.Handles) != len(all) {
		return nil, fmt.Errorf("statement %s: the answer names %d statements, want %d", a.Handle, len(a.Handles), len(all))
	}
	return a.Handles[1:], nil
}

// ask runs a query that names tables. Where the account folds quoted names, which
// look finds out, it does so in a session that does not; that takes a request more.
func (w *Warehouse) ask(ctx context.Context, text string) ([][]*string, error) {
	if !w.folds.Load() {
		rows, err := w.query(ctx, text)
		if failed := (*statementError)(nil); !errors.As(err, &failed) || !failed.notFound() {
			return rows, err
		}
	}
	handles, err := w.together(ctx, []string{text})
	if err != nil {
		return nil, err
	}
	a, err := w.api.status(ctx, handles[0])
	if err == nil && a.Running {
		err = errors.New("the statement was said to be done, and runs")
	}
	if err != nil {
		return nil, ended(ctx, err)
	}
	return w.api.rows(ctx, a)
}
