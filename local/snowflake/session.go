package snowflake

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/stagelift/stagelift/local/snowflake/grammar"
)

// session runs the statements of one request.
type session struct {
	server *Server
	conn   *pgconn.PgConn
	x      *execution
	// open is true within BEGIN and COMMIT.
	open bool
	// names are the long names that were said, by what stands for them.
	names map[string]string
	// temporary are the session's own tables, by schema and name.
	temporary map[grammar.Table]bool
	// purge are files to remove once they are loaded for good.
	purge []file
}

// one runs one statement of the request.
func (s *session) one(ctx context.Context, index int, text grammar.Text) (result, error) {
	if before := s.server.options.BeforeStatement; before != nil {
		if err := before(ctx, s.x.handle, index, text.SQL); err != nil {
			_ = s.conn.Conn().Close()
			return result{}, fmt.Errorf("the session was lost: %w", err)
		}
	}
	st, err := grammar.Parse(text.SQL, s.x.bindings, func(t grammar.Table) bool { return s.temporary[s.key(t)] })
	if err != nil {
		return result{}, err
	}
	maps.Copy(s.names, st.LongNames)
	if err := s.allowed(st); err != nil {
		return result{}, err
	}
	switch st.Kind {
	case grammar.Begin:
		if !s.open {
			err = s.command(ctx, "BEGIN ISOLATION LEVEL READ COMMITTED")
			s.open = err == nil
		}
		return done(), err
	case grammar.Commit:
		return done(), s.end(ctx, "COMMIT")
	case grammar.Rollback:
		return done(), s.end(ctx, "ROLLBACK")
	case grammar.Session:
		return done(), s.set(ctx, st.Set)
	case grammar.DDL:
		return s.define(ctx, st)
	case grammar.Query, grammar.DML, grammar.Load:
	}
	r, err := s.inTransaction(ctx, func() (result, error) { return s.change(ctx, st) })
	if err == nil {
		s.server.remove(ctx, s.purge)
	}
	s.purge = nil
	return r, err
}

// allowed holds a statement to what a session of the SQL API may do.
func (s *session) allowed(st grammar.Statement) error {
	switch st.Kind {
	case grammar.Begin, grammar.Commit, grammar.Rollback, grammar.Session:
		if !s.x.multiple {
			return sqlError{"391911", "0A000", "Unsupported feature '" + st.Verb + "': it is supported only within a request that specifies multiple statements."}
		}
	case grammar.Query, grammar.DML, grammar.Load:
		if s.x.in.Warehouse == "" {
			return errNoWarehouse
		}
	case grammar.DDL:
		if st.Temporary && !s.x.multiple {
			return sqlError{"391911", "0A000", "Unsupported feature 'TEMPORARY': it is supported only within a request that specifies multiple statements."}
		}
	}
	for _, t := range st.Tables {
		switch {
		case t.Database != "" && t.Database != s.server.options.Database:
			return doesNotExist("Database", t.Database)
		case t.Database == "" && s.x.in.Database == "":
			return sqlError{"090105", "22000", "Cannot perform operation. This session does not have a current database. Call 'USE DATABASE', or use a qualified name."}
		case t.Schema == "" && s.x.in.Schema == "":
			return sqlError{"090106", "22000", "Cannot perform operation. This session does not have a current schema. Call 'USE SCHEMA', or use a qualified name."}
		}
	}
	return nil
}

// key is a table's name in full.
func (s *session) key(t grammar.Table) grammar.Table {
	if t.Schema == "" {
		t.Schema = s.x.in.Schema
	}
	return grammar.Table{Schema: t.Schema, Name: t.Name}
}

func (s *session) useSchema(ctx context.Context, name string) error {
	held := identifier(grammar.Held(name))
	found := s.conn.ExecParams(ctx, "SELECT to_regnamespace($1) IS NOT NULL", [][]byte{[]byte(held)}, nil, nil, nil).Read()
	if found.Err != nil {
		return found.Err
	}
	if string(found.Rows[0][0]) != "t" {
		return doesNotExist("Schema", name)
	}
	return s.command(ctx, "SET search_path TO "+held)
}

// set takes the parameters that say what is so anyway, and LOCK_TIMEOUT.
func (s *session) set(ctx context.Context, p *grammar.Parameter) error {
	switch {
	case p.Name == "LOCK_TIMEOUT":
		n, err := strconv.Atoi(p.Value)
		if err != nil || n < 1 {
			return unsupported("LOCK_TIMEOUT = %s is not imitated", p.Value)
		}
		return s.command(ctx, fmt.Sprintf("SET lock_timeout = '%ds'", n))
	case p.Name == "AUTOCOMMIT" && p.Value == "TRUE", p.Name == "TIMEZONE" && p.Value == "UTC", p.Name == "QUERY_TAG",
		p.Name == "ERROR_ON_NONDETERMINISTIC_MERGE" && p.Value == "TRUE",
		// An error ends the request, and with it the session, either way.
		p.Name == "TRANSACTION_ABORT_ON_ERROR" && (p.Value == "TRUE" || p.Value == "FALSE"):
		return nil
	}
	return unsupported("session parameter %s = %s is not imitated", p.Name, p.Value)
}

// inTransaction runs a statement in the transaction that is open, or in one of
// its own.
func (s *session) inTransaction(ctx context.Context, do func() (result, error)) (result, error) {
	if s.open {
		return do()
	}
	if err := s.command(ctx, "BEGIN ISOLATION LEVEL READ COMMITTED"); err != nil {
		return result{}, err
	}
	s.open = true
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

func (s *session) command(ctx context.Context, sql string) error {
	_, err := s.conn.ExecParams(ctx, sql, nil, nil, nil, nil).Close()
	return err
}
