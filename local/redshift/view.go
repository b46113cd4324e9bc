package redshift

import (
	"context"
	"fmt"

	"github.com/stagelift/stagelift/local/redshift/grammar"
	"github.com/stagelift/stagelift/local/sqltext"
)

// findViews reads the late-binding views, if there are any. It runs before the
// transaction begins: inside, it would take the snapshot that the first
// statement is to take.
func (s *session) findViews(ctx context.Context) error {
	if !s.late.Load() {
		return nil
	}
	found := s.conn.ExecParams(ctx, "SELECT schema, name, query FROM "+systemSchema+".late_views", nil, nil, nil, nil).Read()
	if found.Err != nil {
		return fmt.Errorf("reading the late-binding views: %w", found.Err)
	}
	s.views = map[grammar.Table]string{}
	for _, row := range found.Rows {
		s.views[grammar.Table{Schema: string(row[0]), Name: string(row[1])}] = string(row[2])
	}
	return nil
}

// view creates a late-binding view, or drops views of either kind. Nothing
// depends on a late-binding one, and it depends on nothing: its query is read
// each time that it is used ("CREATE VIEW", Late-binding views).
func (s *session) view(ctx context.Context, parsed grammar.Statement) error {
	if parsed.View.Query != "" {
		return s.createLate(ctx, parsed.View)
	}
	for _, t := range parsed.View.Views {
		if err := s.dropView(ctx, t, parsed); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) createLate(ctx context.Context, v *grammar.View) error {
	t := inSchema(v.Views[0])
	found, err := s.ask(ctx, "SELECT has_schema_privilege("+sqltext.QuoteText(sqltext.Held(t.Schema))+", 'CREATE'), to_regclass("+
		sqltext.QuoteText(t.SQL())+") IS NOT NULL")
	_, known := s.views[t]
	switch {
	case err != nil:
		return err
	case found[0] != "t":
		return fmt.Errorf("ERROR: permission denied for schema %s", t.Schema)
	case found[1] == "t", known && !v.Replace:
		return fmt.Errorf("ERROR: relation %q already exists", t.Name)
	}
	s.late.Store(true)
	if s.views == nil {
		s.views = map[grammar.Table]string{}
	}
	s.views[t] = v.Query
	return s.asSuperuser(ctx, fmt.Sprintf("INSERT INTO %s.late_views VALUES (%s, %s, %s) ON CONFLICT (schema, name) DO UPDATE SET query = excluded.query",
		systemSchema, sqltext.QuoteText(t.Schema), sqltext.QuoteText(t.Name), sqltext.QuoteText(v.Query)))
}

func (s *session) dropView(ctx context.Context, t grammar.Table, parsed grammar.Statement) error {
	full := inSchema(t)
	if _, known := s.views[full]; known {
		delete(s.views, full)
		return s.asSuperuser(ctx, fmt.Sprintf("DELETE FROM %s.late_views WHERE schema = %s AND name = %s",
			systemSchema, sqltext.QuoteText(full.Schema), sqltext.QuoteText(full.Name)))
	}
	ifExists := ""
	if parsed.View.IfExists {
		ifExists = "IF EXISTS "
	}
	return command(ctx, s.conn, "DROP VIEW "+ifExists+t.SQL()+parsed.SQL)
}
