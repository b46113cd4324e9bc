package redshift

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
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
	end, err := s.compute.Begin(ctx)
	if err != nil {
		return err
	}
	defer end()
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
	return (&session{Server: s, conn: conn, role: s.role}).transaction(ctx, x)
}

// transaction runs the statements of an execution.
func (s *session) transaction(ctx context.Context, x *execution) error {
	if err := errors.Join(s.findViews(ctx), s.prepareNames(ctx, x)); err != nil {
		return s.asError(err)
	}
	if err := s.begin(ctx); err != nil {
		return s.asError(err)
	}
	for i, sub := range x.statements {
		if s.options.BeforeStatement != nil {
			if err := s.options.BeforeStatement(ctx, sub.id, i, sub.sql); err != nil {
				_ = s.conn.Conn().Close()
				return s.endStatement(x, i, result{}, fmt.Errorf("ERROR: connection to the warehouse was lost: %w", err))
			}
		}
		s.executions.update(x, func(now time.Time) { sub.status, sub.begun, sub.updated = started, now, now })
		r, err := s.statement(ctx, sub.sql, sub.queryID, x.batch)
		if err := s.endStatement(x, i, r, s.asError(err)); err != nil {
			return err
		}
	}
	return s.commit(ctx, x)
}

func (s *session) prepareNames(ctx context.Context, x *execution) error {
	for _, sub := range x.statements {
		parsed, err := s.parse(sub.sql)
		if err != nil {
			continue // its turn to fail comes later
		}
		if err := rememberNames(ctx, s.conn, parsed.LongNames); err != nil {
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
func (s *session) commit(ctx context.Context, x *execution) error {
	s.executions.update(x, func(time.Time) { x.committing = ctx.Err() == nil })
	if !x.committing {
		return ctx.Err()
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTimeout)
	defer cancel()
	return s.asError(command(ctx, s.conn, "COMMIT"))
}
