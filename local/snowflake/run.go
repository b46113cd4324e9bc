package snowflake

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/stagelift/stagelift/local/snowflake/grammar"
)

const commitTimeout = time.Minute

// run carries a request out in a session of its own. The session ends with it:
// a transaction that is still open is rolled back, temporary tables go.
func (s *Server) run(ctx context.Context, x *execution) {
	err := x.wrong
	if err == nil {
		err = s.inSlot(ctx, x)
	}
	s.requests.update(func() {
		switch {
		case err == nil || x.committing:
		case x.canceled:
			err = errCanceled
		case errors.Is(context.Cause(ctx), errTimeout):
			x.timedOut = true
			err = sqlError{"000630", "57014", fmt.Sprintf(
				"Statement reached its statement or warehouse timeout of %d second(s) and was canceled.", int64(x.timeout.Seconds()))}
		case ctx.Err() != nil:
			err = errCanceled
		}
		x.wrong, x.ended = err, s.options.Now()
		for _, part := range x.parts {
			if !part.over() {
				part.wrong = errCanceled
				close(part.done)
			}
		}
		close(x.done)
	})
	code := "090001"
	if err != nil {
		code = asSQLError(err).code
	}
	s.log.InfoContext(ctx, "ended", slog.String("handle", x.handle), slog.String("code", code))
}

func (s *Server) inSlot(ctx context.Context, x *execution) error {
	session := s.newSession(nil, x)
	if err := session.takeSlot(ctx); err != nil {
		return err
	}
	defer session.close()
	conn, err := s.sessions.Take(ctx)
	if err != nil {
		return fmt.Errorf("connecting: %w", err)
	}
	defer s.sessions.Return(ctx, conn)
	session.conn = conn
	if err := session.prepare(ctx); err != nil {
		return err
	}
	if !x.multiple {
		x.result, err = session.one(ctx, 0, x.texts[0])
		return err
	}
	for i, text := range x.texts {
		part := s.requests.addPart(x)
		session.current = part
		part.result, err = session.one(ctx, i, text)
		part.wrong = err
		close(part.done)
		if err != nil {
			return severalError(x.in.Statement, text, err)
		}
	}
	x.result = message("multiple statement execution", "Multiple statements executed successfully.")
	return nil
}

// severalError says which statement of a request failed, in the form that the
// documentation shows.
func severalError(whole string, text grammar.Text, err error) error {
	const shown = 30
	line, position := grammar.Place(whole, text.Offset)
	begin := strings.Join(strings.Fields(text.SQL), " ")
	if len(begin) > shown {
		begin = strings.ToValidUTF8(begin[:shown], "") + " ..."
	}
	return sqlError{"100132", "P0000", fmt.Sprintf(
		"JavaScript execution error: Uncaught Execution of multiple statements failed on statement \"%s\" (at line %d, position %d).\n"+
			"%s in SYSTEM$MULTISTMT at '    throw `Execution of multiple statements failed on statement {0} (at line {1}, position {2}).`"+
			".replace('{1}', LINES[i])' position 4\nstackstrace: \nSYSTEM$MULTISTMT line: 10",
		begin, line, position, asSQLError(err).message)}
}
