package redshift

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/stagelift/stagelift/local/redshift/grammar"
	"github.com/stagelift/stagelift/local/sqltext"
)

// create makes a table and keeps what PostgreSQL does not keep of it.
func (s *session) create(ctx context.Context, parsed grammar.Statement) error {
	c := parsed.Create
	if len(c.Marks) == 0 && c.Like == nil {
		return command(ctx, s.conn, parsed.SQL)
	}
	there, err := s.ask(ctx, "SELECT to_regclass("+sqltext.QuoteText(c.Table.SQL())+") IS NOT NULL")
	if err != nil {
		return err
	}
	if err := command(ctx, s.conn, parsed.SQL); err != nil || there[0] == "t" {
		return err
	}
	if c.Like != nil {
		// Distribution and sort keys come along, keys and encodings do not.
		return s.asSuperuser(ctx, fmt.Sprintf(`INSERT INTO %s.marks SELECT %s, n.attnum, '', 0, true FROM %[1]s.marks m
			JOIN pg_catalog.pg_attribute o ON o.attrelid = m.relation AND o.attnum = m.number
			JOIN pg_catalog.pg_attribute n ON n.attrelid = %[2]s AND n.attname = o.attname
			WHERE m.relation = %s AND m.layout`, systemSchema, regclass(c.Table), regclass(*c.Like)))
	}
	for _, m := range c.Marks {
		err = errors.Join(err, s.mark(ctx, c.Table, m))
	}
	return err
}

func (s *session) mark(ctx context.Context, t grammar.Table, m grammar.Mark) error {
	return s.asSuperuser(ctx, fmt.Sprintf(`INSERT INTO %s.marks SELECT attrelid, attnum, %s, %d, %t FROM pg_catalog.pg_attribute
		WHERE attrelid = %s AND attname = %s`,
		systemSchema, sqltext.QuoteText(m.Encoding), m.Key, m.Layout, regclass(t), sqltext.QuoteText(sqltext.Held(m.Column))))
}

// fixedEncodings are those of a column whose type cannot be changed ("ALTER
// TABLE", ALTER COLUMN TYPE).
var fixedEncodings = []string{"BYTEDICT", "RUNLENGTH", "TEXT255", "TEXT32K"}

// alter changes a table. The privilege ALTER is enough to add a column; all else
// is the owner's ("ALTER TABLE", Required privileges).
func (s *session) alter(ctx context.Context, parsed grammar.Statement) error {
	a := parsed.Alter
	switch a.Action {
	case grammar.AddColumn:
		return s.addColumn(ctx, parsed)
	case grammar.RenameTable:
	default:
		if err := s.checkColumn(ctx, a, strings.HasSuffix(parsed.SQL, "CASCADE")); err != nil {
			return err
		}
	}
	if err := command(ctx, s.conn, parsed.SQL); err != nil || a.Action != grammar.RenameColumn {
		return err
	}
	checked, err := s.ask(ctx, "SELECT 1 FROM pg_catalog.pg_constraint WHERE conrelid = "+regclass(a.Table)+
		" AND conname = "+unquoted(a.OldCheck))
	if err != nil || checked == nil {
		return err
	}
	return command(ctx, s.conn, "ALTER TABLE "+a.Table.SQL()+" RENAME CONSTRAINT "+a.OldCheck+" TO "+a.NewCheck)
}

// unquoted is a quoted identifier as a text.
func unquoted(identifier string) string {
	return sqltext.QuoteText(strings.ReplaceAll(identifier[1:len(identifier)-1], `""`, `"`))
}

func (s *session) addColumn(ctx context.Context, parsed grammar.Statement) error {
	run := func() error { return command(ctx, s.conn, parsed.SQL) }
	granted, err := s.byPrivilege(ctx, parsed.Alter.Table, "ALTER")
	if err != nil {
		return err
	}
	if granted {
		run = func() error { return s.asSuperuser(ctx, parsed.SQL) }
	}
	if err := run(); err != nil || parsed.Alter.Mark == nil {
		return err
	}
	return s.mark(ctx, parsed.Alter.Table, *parsed.Alter.Mark)
}

// checkColumn looks for what forbids the change of a column: what "ALTER TABLE"
// says of ALTER COLUMN TYPE and DROP COLUMN. Views are PostgreSQL's to mind.
func (s *session) checkColumn(ctx context.Context, a *grammar.Alter, cascade bool) error {
	found, err := s.ask(ctx, `SELECT a.atthasdef, coalesce(m.encoding, ''), coalesce(m.keyed, 0) > 0, coalesce(m.keyed, 0) > 1, coalesce(m.layout, false),
		(SELECT count(*) FROM pg_catalog.pg_attribute o WHERE o.attrelid = a.attrelid AND o.attnum > 0 AND NOT o.attisdropped) = 1
		FROM pg_catalog.pg_attribute a LEFT JOIN `+systemSchema+`.marks m ON m.relation = a.attrelid AND m.number = a.attnum
		WHERE a.attrelid = `+regclass(a.Table)+` AND a.attname = `+sqltext.QuoteText(sqltext.Held(a.Column))+` AND NOT a.attisdropped`)
	if err != nil || found == nil { // PostgreSQL says what is not there
		return err
	}
	yes := func(i int) bool { return found[i] == "t" }
	var why string
	switch {
	case a.Action == grammar.AlterType && slices.Contains(fixedEncodings, found[1]):
		why = "its compression encoding is " + found[1]
	case a.Action == grammar.AlterType && yes(0):
		why = "it has a default value"
	case a.Action == grammar.AlterType && yes(2):
		why = "it is part of a key"
	case a.Action == grammar.DropColumn && yes(5):
		why = "a table must have at least one column"
	case a.Action == grammar.DropColumn && yes(4):
		why = "it is of the distribution key or a sort key"
	case a.Action == grammar.DropColumn && yes(3) && !cascade:
		why = "it takes part in a multipart key"
	default:
		return nil
	}
	return fmt.Errorf("ERROR: cannot %s %q: %s", strings.ToLower(string(a.Action)), a.Column, why)
}

// drop removes tables, which their owners may, and whoever has the privilege
// DROP on each.
func (s *session) drop(ctx context.Context, parsed grammar.Statement) error {
	for _, t := range parsed.Drops {
		granted, err := s.byPrivilege(ctx, t, "DROP")
		switch {
		case err != nil:
			return err
		case !granted:
			return command(ctx, s.conn, parsed.SQL)
		}
	}
	return s.asSuperuser(ctx, parsed.SQL)
}
