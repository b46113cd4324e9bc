package redshift

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/stagelift/stagelift/local/redshift/grammar"
	"github.com/stagelift/stagelift/local/sessions"
	"github.com/stagelift/stagelift/local/sqltext"
)

// session runs the statements of one transaction.
type session struct {
	*Server
	conn *pgconn.PgConn
	// role is PostgreSQL's name of the user; empty is the superuser.
	role string
	// views are the queries of the late-binding views.
	views map[grammar.Table]string
}

func (s *session) parse(sql string) (grammar.Statement, error) {
	r := grammar.Rules{CaseSensitive: s.options.CaseSensitive, AnyName: s.options.AnyName}
	if len(s.views) > 0 {
		r.LateView = func(t grammar.Table) (string, bool) {
			query, known := s.views[inSchema(t)]
			return query, known
		}
	}
	return r.Parse(sql)
}

// inSchema is a table's name in full.
func inSchema(t grammar.Table) grammar.Table {
	if t.Schema == "" {
		t.Schema = "public"
	}
	return t
}

// begin starts the transaction at the isolation of the database. SNAPSHOT is
// Redshift's default: the first statement that reads or writes takes the
// snapshot, LOCK does not ("Isolation levels in Amazon Redshift"); PostgreSQL's
// REPEATABLE READ does the same. PostgreSQL's SERIALIZABLE finds the cycles
// that Redshift's finds.
func (s *session) begin(ctx context.Context) error {
	level := "REPEATABLE READ"
	if s.options.Serializable {
		level = "SERIALIZABLE"
	}
	if s.role == "" {
		return command(ctx, s.conn, "BEGIN ISOLATION LEVEL "+level)
	}
	return commands(ctx, s.conn, "BEGIN ISOLATION LEVEL "+level, "SET LOCAL ROLE "+sqltext.Quote(s.role))
}

// asSuperuser runs what the user may do and PostgreSQL's role may not.
func (s *session) asSuperuser(ctx context.Context, sql string) error {
	if s.role == "" {
		return command(ctx, s.conn, sql)
	}
	return commands(ctx, s.conn, "RESET ROLE", sql, "SET LOCAL ROLE "+sqltext.Quote(s.role))
}

// statement runs one statement of the transaction.
func (s *session) statement(ctx context.Context, sql string, query int64, batch bool) (result, error) {
	parsed, err := s.parse(sql)
	switch {
	case err != nil:
		return result{}, err
	case parsed.Commits && batch:
		return result{}, errors.New("TRUNCATE is refused in a batch: on Redshift it commits the transaction that it runs in; use DELETE")
	case parsed.Alone && batch:
		return result{}, errors.New("ERROR: ALTER TABLE ALTER COLUMN cannot run inside a transaction block")
	}
	if parsed.Writes != "" {
		// One writer at a time, as on Redshift, where a write waits for the
		// table and not for the row ("LOCK", "Managing concurrent write
		// operations"). Whoever may insert may not lock so in PostgreSQL.
		if err := s.asSuperuser(ctx, "LOCK TABLE "+parsed.Writes+" IN SHARE ROW EXCLUSIVE MODE"); err != nil {
			return result{}, err
		}
	}
	if err := s.checkWidth(ctx, parsed); err != nil {
		return result{}, err
	}
	switch {
	case parsed.Copy != nil:
		rows, err := s.copy(ctx, parsed.Copy, query)
		return result{rows: rows}, err
	case parsed.Returns:
		return readResult(s.conn.ExecParams(ctx, parsed.SQL, nil, nil, nil, nil))
	case parsed.Grant != nil:
		return result{}, s.grant(ctx, parsed.Grant)
	case parsed.Account != nil:
		return result{}, s.createAccount(ctx, *parsed.Account)
	case parsed.View != nil:
		return result{}, s.view(ctx, parsed)
	case parsed.Alter != nil:
		return result{}, s.alter(ctx, parsed)
	case parsed.Create != nil:
		return result{}, s.create(ctx, parsed)
	case parsed.Drops != nil:
		return result{}, s.drop(ctx, parsed)
	}
	tag, err := s.conn.ExecParams(ctx, parsed.SQL, nil, nil, nil, nil).Close()
	return result{rows: tag.RowsAffected()}, err
}

// checkWidth holds an INSERT or a COPY to the limit of a row's width.
func (s *session) checkWidth(ctx context.Context, parsed grammar.Statement) error {
	if s.options.RowWidth == 0 || parsed.Target == nil {
		return nil
	}
	sql := `SELECT coalesce(sum(CASE WHEN atttypid IN ('bpchar'::regtype, 'varchar'::regtype) THEN atttypmod - 4
		WHEN attlen > 0 THEN attlen WHEN atttypid = 'numeric'::regtype THEN 16 ELSE 0 END), 0) > ` + fmt.Sprint(s.options.RowWidth) + `
		FROM pg_catalog.pg_attribute WHERE attrelid = ` + regclass(*parsed.Target) + ` AND attnum > 0 AND NOT attisdropped`
	if parsed.Columns != nil {
		names := make([]string, len(parsed.Columns))
		for i, name := range parsed.Columns {
			names[i] = sqltext.QuoteText(sqltext.Held(name))
		}
		sql += " AND attname IN (" + strings.Join(names, ", ") + ")"
	}
	wide, err := s.ask(ctx, sql)
	if err == nil && wide[0] == "t" {
		err = errors.New("ERROR: 8001 DETAIL: The combined length of columns processed in the SQL statement exceeded the query-processing limit of 65535 characters")
	}
	return err
}

// regclass is a table in the words of PostgreSQL's catalogue.
func regclass(t grammar.Table) string { return sqltext.QuoteText(t.SQL()) + "::regclass" }

func (s *session) ask(ctx context.Context, sql string) ([]string, error) {
	return sessions.Ask(ctx, s.conn, sql)
}

func command(ctx context.Context, conn *pgconn.PgConn, sql string) error {
	_, err := conn.ExecParams(ctx, sql, nil, nil, nil, nil).Close()
	return err
}

// commands sends several at once.
func commands(ctx context.Context, conn *pgconn.PgConn, sql ...string) error {
	_, err := conn.Exec(ctx, strings.Join(sql, "; ")).ReadAll()
	return err
}

const insufficientPrivilege = "42501"

var relationNoun = regexp.MustCompile(`^(permission denied for|must be owner of) (?:table|view) `)

// asError puts an error into the form that DescribeStatement shows.
func (s *Server) asError(err error) error {
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
		if s.options.Serializable {
			return errors.New("ERROR: 1023 DETAIL: Serializable isolation violation on table in Redshift")
		}
		return errors.New("ERROR: could not complete because of conflict with concurrent transaction")
	case insufficientPrivilege:
		if strings.HasPrefix(server.Message, "permission denied for database ") {
			return errors.New("ERROR: permission denied for database " + s.options.Database)
		}
		return errors.New("ERROR: " + relationNoun.ReplaceAllString(server.Message, "$1 relation "))
	}
	return fmt.Errorf("ERROR: %s", server.Message)
}
