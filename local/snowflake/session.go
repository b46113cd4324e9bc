package snowflake

import (
	"context"
	"fmt"
	"maps"
	"strconv"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/stagelift/stagelift/local/sessions"
	"github.com/stagelift/stagelift/local/snowflake/grammar"
)

// session runs the statements of one request.
type session struct {
	server *Server
	conn   *pgconn.PgConn
	x      *execution
	// current is the statement of the request that runs.
	current *execution
	// role is whose privileges count; empty is an administrator, who has all.
	role   string
	rights rights
	// defines is true while DDL runs, forgets when it changes rights.
	defines, forgets bool
	parameters
	// inSlot is true while it has one of the places where statements run; awake
	// ends its use of the warehouse.
	inSlot bool
	awake  func()
	// open is true within BEGIN and COMMIT.
	open bool
	// names are the long names that were said, by what stands for them.
	names map[string]string
	// temporary are the session's own tables, by schema and name.
	temporary map[grammar.Table]bool
	// purge are files to remove once they are loaded for good.
	purge []file
	// lastCopy is the last COPY INTO that succeeded, or nil.
	lastCopy *copied
}

func (s *Server) newSession(conn *pgconn.PgConn, x *execution) *session {
	role := s.options.Role
	if s.options.AllPrivileges {
		role = ""
	}
	known, _ := s.rights.get()
	return &session{
		server: s, conn: conn, x: x, current: x, role: role, rights: known, parameters: s.account.clone(),
		names: map[string]string{}, temporary: map[grammar.Table]bool{},
	}
}

// prepare begins the session: with the warehouse, the database and the schema.
func (s *session) prepare(ctx context.Context) error {
	if s.x.in.Warehouse != "" {
		warehouse := object{grammar.OnWarehouse, "", s.server.options.Warehouse}
		if usable, err := s.holds(ctx, warehouse, "USAGE"); err != nil || !usable {
			return orElse(err, errNoSuchWarehouse)
		}
	}
	if s.x.in.Database != "" {
		if sees, err := s.holds(ctx, s.database(), ""); err != nil || !sees {
			return orElse(err, noSuchDatabase(s.x.in.Database))
		}
	}
	if s.x.in.Schema != "" {
		return s.useSchema(ctx, s.x.in.Schema)
	}
	return nil
}

// close gives back what the session has of the warehouse.
func (s *session) close() {
	s.leaveSlot()
	if s.awake != nil {
		s.awake()
	}
}

// one runs one statement of the request.
func (s *session) one(ctx context.Context, index int, text grammar.Text) (result, error) {
	if before := s.server.options.BeforeStatement; before != nil {
		if err := before(ctx, s.x.handle, index, text.SQL); err != nil {
			_ = s.conn.Conn().Close()
			return result{}, fmt.Errorf("the session was lost: %w", err)
		}
	}
	return s.statement(ctx, text.SQL)
}

func (s *session) statement(ctx context.Context, sql string) (result, error) {
	st, err := s.rules().Parse(sql, s.x.bindings)
	if err != nil {
		return result{}, err
	}
	maps.Copy(s.names, st.LongNames)
	if err := s.allowed(st); err != nil {
		return result{}, err
	}
	switch st.Kind {
	case grammar.Begin:
		return done(), s.begin(ctx)
	case grammar.Commit:
		return done(), s.end(ctx, "COMMIT")
	case grammar.Rollback:
		return done(), s.end(ctx, "ROLLBACK")
	case grammar.Session:
		for _, p := range st.Set {
			if err := s.set(ctx, p); err != nil {
				return result{}, err
			}
		}
		return done(), nil
	case grammar.DDL:
		return s.define(ctx, st)
	case grammar.Query, grammar.DML, grammar.Load:
	}
	if err := s.wake(ctx); err != nil {
		return result{}, err
	}
	r, err := s.inTransaction(ctx, func() (result, error) { return s.change(ctx, st) })
	if err == nil {
		s.server.remove(ctx, s.purge)
	}
	s.purge = nil
	return r, err
}

// wake lets the warehouse resume for the first statement that needs it.
func (s *session) wake(ctx context.Context) (err error) {
	if s.awake == nil {
		s.awake, err = s.server.compute.Begin(ctx)
	}
	return err
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
	there, err := s.seesSchema(ctx, name)
	if err == nil && s.role == "" {
		there, err = s.schemaExists(ctx, name)
	}
	if err != nil || !there {
		return orElse(err, doesNotExist("Schema", name))
	}
	return s.command(ctx, "SET search_path TO "+identifier(grammar.Held(name)))
}

// set takes the parameters that are imitated, and those that say what is so
// anyway.
func (s *session) set(ctx context.Context, p grammar.Parameter) error {
	known, err := s.parameters.set(p.Name, p.Value)
	switch {
	case err != nil:
		return err
	case p.Name == "AUTOCOMMIT": // it commits what is open
		return s.end(ctx, "COMMIT")
	case known:
		return nil
	case p.Name == "LOCK_TIMEOUT":
		n, err := strconv.Atoi(p.Value)
		if err != nil || n < 1 {
			return unsupported("LOCK_TIMEOUT = %s is not imitated", p.Value)
		}
		return s.command(ctx, fmt.Sprintf("SET lock_timeout = '%ds'", n))
	case p.Name == "TIMEZONE" && p.Value == "UTC", p.Name == "QUERY_TAG",
		p.Name == "ERROR_ON_NONDETERMINISTIC_MERGE" && p.Value == "TRUE",
		// An error ends the request, and with it the session, either way.
		p.Name == "TRANSACTION_ABORT_ON_ERROR" && (p.Value == "TRUE" || p.Value == "FALSE"):
		return nil
	}
	return unsupported("session parameter %s = %s is not imitated", p.Name, p.Value)
}

func (s *session) ask(ctx context.Context, sql string) ([]string, error) {
	return sessions.Ask(ctx, s.conn, sql)
}

func (s *session) command(ctx context.Context, sql string) error {
	_, err := s.conn.ExecParams(ctx, sql, nil, nil, nil, nil).Close()
	return err
}
