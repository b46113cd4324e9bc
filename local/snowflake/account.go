package snowflake

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/stagelift/stagelift/local/snowflake/grammar"
	"github.com/stagelift/stagelift/local/snowflake/stagefile"
)

// parameters are those of a session that change what its statements mean.
type parameters struct {
	ignoreCase, manual bool
	// forms are how texts are read, formatted the types that have one of their own.
	forms     stagefile.Forms
	formatted map[string]bool
}

// newParameters are the account's.
func newParameters(account map[string]string) (parameters, error) {
	p := parameters{formatted: map[string]bool{}}
	for _, name := range slices.Sorted(maps.Keys(account)) {
		if known, err := p.set(name, account[name]); err != nil || !known {
			return p, orElse(err, unsupported("parameter %s of the account is not imitated", name))
		}
	}
	return p, nil
}

func (p parameters) clone() parameters {
	p.formatted = maps.Clone(p.formatted)
	return p
}

// set changes a parameter; known is false for one that is not among them.
func (p *parameters) set(name, value string) (known bool, err error) {
	switch name {
	case "QUOTED_IDENTIFIERS_IGNORE_CASE":
		p.ignoreCase, err = truth(name, value)
	case "AUTOCOMMIT":
		var automatic bool
		automatic, err = truth(name, value)
		p.manual = !automatic
	case "DATE_INPUT_FORMAT":
		err = p.layout(&p.forms.Date, value, "DATE", "DATE")
	case "TIME_INPUT_FORMAT":
		err = p.layout(&p.forms.Time, value, "TIME", "TIME")
	case "TIMESTAMP_INPUT_FORMAT":
		err = p.layout(&p.forms.Timestamp, value, "TIMESTAMP", "TIMESTAMP_NTZ", "TIMESTAMP_LTZ", "TIMESTAMP_TZ")
	case "BINARY_INPUT_FORMAT":
		p.forms.Binary = strings.ToUpper(value)
		if !slices.Contains([]string{"HEX", "BASE64", "UTF8", "UTF-8"}, p.forms.Binary) {
			err = invalid(name, value)
		}
	default:
		return false, nil
	}
	return true, err
}

func (p *parameters) layout(l *grammar.Layout, value, kind string, types ...string) error {
	var err error
	*l, err = grammar.ParseLayout(kind, value)
	for _, t := range types {
		p.formatted[t] = *l != nil
	}
	return err
}

func truth(name, value string) (bool, error) {
	switch strings.ToUpper(value) {
	case "TRUE":
		return true, nil
	case "FALSE":
		return false, nil
	}
	return false, invalid(name, value)
}

func invalid(name, value string) error {
	return sqlError{"001014", "22023", "SQL compilation error:\ninvalid value [" + value + "] for parameter '" + name + "'"}
}

// rules are what the parameters make of the session's SQL.
func (s *session) rules() grammar.Rules {
	return grammar.Rules{
		ColumnList: s.server.options.ColumnList, IgnoreCase: s.ignoreCase,
		BinaryInput: s.forms.Binary, Formatted: s.formatted,
		Temporary: func(t grammar.Table) (grammar.Table, bool) { return s.key(t), s.temporary[s.key(t)] },
	}
}

// Administer runs statements as an account administrator, each for itself, as
// whoever sets the account up does: GRANT, CREATE ROLE, CREATE SCHEMA. Where a
// name says no schema, it is PUBLIC.
func (s *Server) Administer(ctx context.Context, statements ...string) error {
	conn, err := s.sessions.Take(ctx)
	if err != nil {
		return err
	}
	defer s.sessions.Return(ctx, conn)
	x := &execution{handle: newHandle(), multiple: true, in: submission{
		Database: s.options.Database, Schema: "PUBLIC", Warehouse: s.options.Warehouse,
	}}
	admin := s.newSession(conn, x)
	admin.role = ""
	if err := errors.Join(admin.command(ctx, "SET snowflake.role = ''"), admin.prepare(ctx)); err != nil {
		return err
	}
	for _, sql := range statements {
		if _, err := admin.statement(ctx, sql); err != nil {
			return err
		}
	}
	return nil
}
