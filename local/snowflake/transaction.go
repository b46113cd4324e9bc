package snowflake

import (
	"context"
	"errors"
)

// inTransaction runs a statement in the transaction that is open, or in one of
// its own. Without AUTOCOMMIT that one stays open, and is lost unless somebody
// commits it ("Transactions", Autocommit).
func (s *session) inTransaction(ctx context.Context, do func() (result, error)) (result, error) {
	if s.open {
		return do()
	}
	if err := s.begin(ctx); err != nil || s.manual {
		return orDo(err, do)
	}
	return s.alone(ctx, do)
}

func orDo(err error, do func() (result, error)) (result, error) {
	if err != nil {
		return result{}, err
	}
	return do()
}

func (s *session) begin(ctx context.Context) error {
	if s.open {
		return nil
	}
	err := s.command(ctx, "BEGIN ISOLATION LEVEL READ COMMITTED")
	s.open = err == nil
	return err
}

// alone runs a statement and commits it.
func (s *session) alone(ctx context.Context, do func() (result, error)) (result, error) {
	if err := s.begin(ctx); err != nil {
		return result{}, err
	}
	r, err := do()
	if err != nil {
		return result{}, errors.Join(err, s.end(context.WithoutCancel(ctx), "ROLLBACK"))
	}
	return r, s.end(ctx, "COMMIT")
}

// end ends the transaction, if one is open; otherwise it does nothing, as with
// Snowflake. A commit is not to be cancelled half-way, for then nobody could
// tell how it ended.
func (s *session) end(ctx context.Context, verb string) error {
	if !s.open {
		return nil
	}
	s.open = false
	if verb == "ROLLBACK" {
		if s.conn.IsClosed() {
			return nil // it went with the session
		}
		return s.command(ctx, verb)
	}
	going := false
	s.server.requests.update(func() {
		going = ctx.Err() == nil
		s.x.committing = going
	})
	if !going {
		return ctx.Err()
	}
	defer s.server.requests.update(func() { s.x.committing = false })
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTimeout)
	defer cancel()
	return s.command(ctx, verb)
}
