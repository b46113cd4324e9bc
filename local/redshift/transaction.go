package redshift

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/stagelift/stagelift/local/redshift/grammar"
)

const commitTimeout = time.Minute

// run carries an execution out on a session of its own, from SUBMITTED to its
// end. Temporary tables go with the session.
func (s *Server) run(ctx context.Context, x *execution) {
	err := s.inSlot(ctx, x)
	s.executions.update(x, func(now time.Time) {
		x.status = finished
		if err != nil {
			x.status, x.err = failed, err.Error()
			if ctx.Err() != nil && !x.committing {
				x.status, x.err = aborted, "ERROR: Query cancelled on user's request"
			}
		}
		if !x.begun.IsZero() {
			x.duration = now.Sub(x.begun)
		}
		for _, sub := range x.statements {
			switch {
			case !sub.status.over():
				sub.status, sub.updated = aborted, now
			case x.status == aborted && sub.status == failed:
				sub.status, sub.err = aborted, x.err
			}
		}
	})
	s.log.InfoContext(ctx, "ended", slog.String("id", x.id), slog.String("status", string(x.status)), slog.String("error", x.err))
}

func (s *Server) inSlot(ctx context.Context, x *execution) error {
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-ctx.Done():
		return ctx.Err()
	}
	s.executions.update(x, func(now time.Time) { x.status, x.begun = picked, now })
	if x.database != s.options.Database {
		return fmt.Errorf("FATAL: database %q does not exist", x.database)
	}
	conn, err := s.sessions.Take(ctx)
	if err != nil {
		return fmt.Errorf("FATAL: connecting: %w", err)
	}
	defer s.sessions.Return(ctx, conn)
	s.executions.update(x, func(time.Time) { x.status, x.pid = started, conn.PID() })
	return s.transaction(ctx, conn, x)
}

// transaction runs the statements at the isolation of Redshift's default,
// SNAPSHOT: the first statement that reads or writes takes the snapshot, LOCK
// does not ("Isolation levels in Amazon Redshift"); PostgreSQL's REPEATABLE
// READ does the same.
func (s *Server) transaction(ctx context.Context, conn *pgconn.PgConn, x *execution) error {
	if err := prepareNames(ctx, conn, x); err != nil {
		return redshiftError(err)
	}
	if err := command(ctx, conn, "BEGIN ISOLATION LEVEL REPEATABLE READ"); err != nil {
		return redshiftError(err)
	}
	for i, sub := range x.statements {
		if s.options.BeforeStatement != nil {
			if err := s.options.BeforeStatement(ctx, sub.id, i, sub.sql); err != nil {
				_ = conn.Conn().Close()
				return s.endStatement(x, i, result{}, fmt.Errorf("ERROR: connection to the warehouse was lost: %w", err))
			}
		}
		s.executions.update(x, func(now time.Time) { sub.status, sub.begun, sub.updated = started, now, now })
		r, err := s.statement(ctx, conn, sub, x.batch)
		if err := s.endStatement(x, i, r, redshiftError(err)); err != nil {
			return err
		}
	}
	return s.commit(ctx, conn, x)
}

func prepareNames(ctx context.Context, conn *pgconn.PgConn, x *execution) error {
	for _, sub := range x.statements {
		parsed, err := grammar.Parse(sub.sql)
		if err != nil {
			continue // its turn to fail comes later
		}
		if err := rememberNames(ctx, conn, parsed.LongNames); err != nil {
			return err
		}
	}
	return nil
}

// endStatement notes how a statement ended. The error of a batch says which
// statement it was, as the Data API does.
func (s *Server) endStatement(x *execution, index int, r result, err error) error {
	sub := x.statements[index]
	s.executions.update(x, func(now time.Time) {
		sub.status, sub.updated, sub.result = finished, now, r
		if !sub.begun.IsZero() {
			sub.duration = now.Sub(sub.begun)
		}
		if err != nil {
			sub.status, sub.err = failed, err.Error()
		}
	})
	if err != nil && x.batch {
		return fmt.Errorf("Query #%d failed with %w", index+1, err)
	}
	return err
}

// commit is not to be cancelled half-way, for then nobody could tell how it
// ended.
func (s *Server) commit(ctx context.Context, conn *pgconn.PgConn, x *execution) error {
	s.executions.update(x, func(time.Time) { x.committing = ctx.Err() == nil })
	if !x.committing {
		return ctx.Err()
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTimeout)
	defer cancel()
	return redshiftError(command(ctx, conn, "COMMIT"))
}

// statement runs one statement of the transaction.
func (s *Server) statement(ctx context.Context, conn *pgconn.PgConn, sub *subStatement, batch bool) (result, error) {
	parsed, err := grammar.Parse(sub.sql)
	if err != nil {
		return result{}, err
	}
	if parsed.Commits && batch {
		return result{}, errors.New("TRUNCATE is refused in a batch: on Redshift it commits the transaction that it runs in; use DELETE")
	}
	if parsed.Alone && batch {
		return result{}, errors.New("ERROR: ALTER TABLE ALTER COLUMN cannot run inside a transaction block")
	}
	if parsed.Writes != "" {
		// One writer at a time, as on Redshift, where a write waits for the
		// table and not for the row ("LOCK", "Managing concurrent write
		// operations").
		if err := command(ctx, conn, "LOCK TABLE "+parsed.Writes+" IN SHARE ROW EXCLUSIVE MODE"); err != nil {
			return result{}, err
		}
	}
	switch {
	case parsed.Copy != nil:
		rows, err := s.copy(ctx, conn, parsed.Copy, sub.queryID)
		return result{rows: rows}, err
	case parsed.Returns:
		return readResult(conn.ExecParams(ctx, parsed.SQL, nil, nil, nil, nil))
	}
	tag, err := conn.ExecParams(ctx, parsed.SQL, nil, nil, nil, nil).Close()
	return result{rows: tag.RowsAffected()}, err
}

func command(ctx context.Context, conn *pgconn.PgConn, sql string) error {
	_, err := conn.ExecParams(ctx, sql, nil, nil, nil, nil).Close()
	return err
}

// redshiftError puts an error into the form that DescribeStatement shows.
func redshiftError(err error) error {
	if err == nil {
		return nil
	}
	server := &pgconn.PgError{}
	if !errors.As(err, &server) {
		if strings.HasPrefix(err.Error(), "ERROR: ") {
			return err
		}
		return fmt.Errorf("ERROR: %w", err)
	}
	switch server.Code {
	case "23502":
		return fmt.Errorf("ERROR: Cannot insert a NULL value into column %s", server.ColumnName)
	case "23514", "22001":
		return errors.New("ERROR: Value too long for character type")
	case "40001":
		return fmt.Errorf("ERROR: 1023 DETAIL: Serializable isolation violation on table: %s", server.Message)
	}
	return fmt.Errorf("ERROR: %s", server.Message)
}
