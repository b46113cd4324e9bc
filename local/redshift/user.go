package redshift

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/stagelift/stagelift/local/redshift/grammar"
	"github.com/stagelift/stagelift/local/sqltext"
)

// Administer runs statements as a superuser, each in a transaction of its own,
// as whoever sets the warehouse up does: GRANT, CREATE SCHEMA, CREATE USER.
func (s *Server) Administer(ctx context.Context, statements ...string) error {
	conn, err := s.sessions.Take(ctx)
	if err != nil {
		return fmt.Errorf("connecting as an administrator: %w", err)
	}
	defer s.sessions.Return(ctx, conn)
	for _, sql := range statements {
		admin := &session{Server: s, conn: conn}
		err := errors.Join(admin.findViews(ctx), admin.begin(ctx))
		if err == nil {
			_, err = admin.statement(ctx, sql, 0, false)
		}
		if err == nil {
			err = command(ctx, conn, "COMMIT")
		}
		if err != nil {
			return errors.Join(fmt.Errorf("administering by %s: %w", sql, s.asError(err)), command(ctx, conn, "ROLLBACK"))
		}
	}
	return nil
}

// roleOf is PostgreSQL's role of an account. Its roles belong to the whole
// server, where other stand-ins have theirs; users, roles and groups are named
// apart.
func (s *Server) roleOf(a grammar.Account) string {
	if a.Kind == grammar.Public {
		return "public"
	}
	return sqltext.Held(fmt.Sprintf("%s %s of %s", a.Kind, a.Name, s.name))
}

// createUser makes the user that requests run as.
func (s *Server) createUser(ctx context.Context) error {
	if s.options.Superuser {
		return nil
	}
	user := grammar.Account{Kind: grammar.User, Name: s.options.User}
	s.role = s.roleOf(user)
	conn, err := s.sessions.Take(ctx)
	if err != nil {
		return fmt.Errorf("connecting to create the user: %w", err)
	}
	defer s.sessions.Return(ctx, conn)
	sql := fmt.Sprintf("DO $$ BEGIN IF to_regrole(%s) IS NULL THEN CREATE ROLE %s; END IF; END $$",
		sqltext.QuoteText(sqltext.Quote(s.role)), sqltext.Quote(s.role))
	if err := commands(ctx, conn, sql, s.rememberAccount(user)); err != nil {
		return fmt.Errorf("creating the user: %w", err)
	}
	return s.Administer(ctx, s.options.Grants...)
}

func (s *session) createAccount(ctx context.Context, a grammar.Account) error {
	if err := command(ctx, s.conn, "CREATE ROLE "+sqltext.Quote(s.roleOf(a))); err != nil {
		return err
	}
	return s.asSuperuser(ctx, s.rememberAccount(a))
}

// rememberAccount keeps who a role of PostgreSQL's is.
func (s *Server) rememberAccount(a grammar.Account) string {
	return fmt.Sprintf("INSERT INTO %s.accounts VALUES (%s, %s, %s) ON CONFLICT DO NOTHING", systemSchema,
		sqltext.QuoteText(s.roleOf(a)), sqltext.QuoteText(string(a.Kind)), sqltext.QuoteText(a.Name))
}

// ownPrivileges are Redshift's that PostgreSQL has not.
var ownPrivileges = []string{"ALTER", "DROP"}

func (s *session) grant(ctx context.Context, g *grammar.Grant) error {
	var to []string
	for _, a := range g.To {
		to = append(to, s.account(a))
	}
	objects, err := s.objects(g)
	if err != nil {
		return err
	}
	var native, own []string
	for _, p := range g.Privileges {
		switch {
		case !slices.Contains(ownPrivileges, p):
			native = append(native, p)
		case !strings.Contains(g.On, "TABLE"):
			return fmt.Errorf("GRANT %s ON %s is not imitated by this stand-in", p, g.On)
		default:
			own = append(own, p)
		}
		if p == "ALL" && strings.Contains(g.On, "TABLE") {
			own = ownPrivileges
		}
	}
	option := ""
	if g.Option {
		option = " WITH GRANT OPTION"
	}
	sql := "GRANT " + strings.Join(native, ", ") + " ON " + g.On + " " + objects + " TO " + strings.Join(to, ", ") + option
	if g.On == "ROLE" {
		sql = "GRANT " + objects + " TO " + strings.Join(to, ", ") + strings.Replace(option, "GRANT", "ADMIN", 1)
	}
	if len(native) > 0 || g.On == "ROLE" {
		err = command(ctx, s.conn, sql)
	}
	if server := (*pgconn.PgError)(nil); errors.As(err, &server) && server.Code == "42704" {
		return s.unknownAccount(g, server.Message)
	}
	for _, p := range own {
		err = errors.Join(err, s.grantOwn(ctx, g, p))
	}
	return err
}

// account is an account as GRANT names it.
func (s *Server) account(a grammar.Account) string {
	if a.Kind == grammar.Public {
		return "PUBLIC"
	}
	return sqltext.Quote(s.roleOf(a))
}

// unknownAccount tells which of a GRANT's accounts there is none of.
func (s *Server) unknownAccount(g *grammar.Grant, message string) error {
	for _, a := range g.To {
		if strings.Contains(message, s.roleOf(a)) {
			return fmt.Errorf("ERROR: %s %q does not exist", a.Kind, a.Name)
		}
	}
	return fmt.Errorf("ERROR: role %s does not exist", strings.Join(g.Names, ", "))
}

// objects are what a GRANT is about, in PostgreSQL's words.
func (s *Server) objects(g *grammar.Grant) (string, error) {
	var list []string
	for _, t := range g.Tables {
		list = append(list, t.SQL())
	}
	for _, name := range g.Names {
		switch {
		case g.On == "ROLE":
			list = append(list, s.account(grammar.Account{Kind: grammar.Role, Name: name}))
		case g.On != "DATABASE":
			list = append(list, sqltext.Quote(name))
		case name != s.options.Database:
			return "", fmt.Errorf("ERROR: database %q does not exist", name)
		default:
			list = append(list, sqltext.Quote(s.name))
		}
	}
	return strings.Join(list, ", "), nil
}

// grantOwn keeps a privilege on tables that PostgreSQL has not. The owner alone
// can grant it.
func (s *session) grantOwn(ctx context.Context, g *grammar.Grant, privilege string) error {
	var where []string
	for _, t := range g.Tables {
		where = append(where, "c.oid = "+regclass(t))
	}
	for _, name := range g.Names {
		where = append(where, "c.relnamespace = "+sqltext.QuoteText(sqltext.Quote(name))+"::regnamespace")
	}
	condition := "(" + strings.Join(where, " OR ") + ") AND c.relkind IN ('r', 'v')"
	foreign, err := s.ask(ctx, "SELECT c.relname FROM pg_catalog.pg_class c WHERE "+condition+" AND NOT pg_has_role(c.relowner, 'USAGE') LIMIT 1")
	switch {
	case err != nil:
		return err
	case foreign != nil:
		return fmt.Errorf("ERROR: permission denied for relation %s", foreign[0])
	}
	for _, a := range g.To {
		sql := fmt.Sprintf("INSERT INTO %s.privileges SELECT c.oid, %s, %s FROM pg_catalog.pg_class c WHERE %s",
			systemSchema, sqltext.QuoteText(s.roleOf(a)), sqltext.QuoteText(privilege), condition)
		err = errors.Join(err, s.asSuperuser(ctx, sql))
	}
	return err
}

// byPrivilege tells whether the user may do to a table, by a privilege of
// Redshift's own, what PostgreSQL would let its owner do.
func (s *session) byPrivilege(ctx context.Context, t grammar.Table, privilege string) (bool, error) {
	if s.role == "" {
		return false, nil
	}
	found, err := s.ask(ctx, "SELECT 1 FROM "+systemSchema+".privileges WHERE relation = to_regclass("+sqltext.QuoteText(t.SQL())+
		") AND privilege = "+sqltext.QuoteText(privilege)+" AND (role = 'public' OR pg_has_role(role, 'USAGE'))")
	return found != nil, err
}
