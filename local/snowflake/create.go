package snowflake

import (
	"context"
	"errors"
	"strings"

	"github.com/stagelift/stagelift/local/snowflake/grammar"
)

func (s *session) createTable(ctx context.Context, d *grammar.Definition) (result, error) {
	if err := s.mayCreate(ctx, d); err != nil {
		return result{}, err
	}
	if d.Temporary {
		d.Table = s.key(d.Table)
		d.Table.Temporary = true
	}
	oid, err := s.lookUp(ctx, d.Table)
	if err == nil && oid != 0 {
		var kept bool
		if kept, err = s.makeRoom(ctx, d, oid); err == nil && kept {
			return message("status", d.Table.Name+" already exists, statement succeeded."), nil
		}
	}
	if err == nil && d.Like != nil {
		if err = s.needTable(ctx, *d.Like, "SELECT"); err == nil {
			d.Columns, err = s.columnsOf(ctx, *d.Like)
		}
	}
	if err != nil {
		return result{}, err
	}
	parts := make([]string, len(d.Columns))
	for i, c := range d.Columns {
		parts[i] = definition(c)
	}
	sql := "CREATE TABLE " + d.Table.SQL() + " (" + strings.Join(parts, ", ") + ")"
	about := document(described{Name: d.Table.Name, Comment: d.Comment, Cluster: d.Cluster})
	if err := errors.Join(s.command(ctx, sql), s.command(ctx, "COMMENT ON TABLE "+d.Table.SQL()+" IS "+about),
		s.describeColumns(ctx, d.Table, d.Columns)); err != nil {
		return result{}, err
	}
	if d.Temporary {
		s.temporary[s.key(d.Table)] = true
		return message("status", "Table "+d.Table.Name+" successfully created."), nil
	}
	name := literal(d.Table.SQL())
	return message("status", "Table "+d.Table.Name+" successfully created."), s.own(ctx, grammar.OnTable,
		"(SELECT relnamespace FROM pg_catalog.pg_class WHERE oid = "+name+"::regclass)", name+"::regclass")
}

// mayCreate holds CREATE TABLE to the role's privileges. "Creating a temporary
// table does not require the CREATE TABLE privilege" ("CREATE TABLE"), but one
// with the name of another table the other's OWNERSHIP (behaviour change 427).
func (s *session) mayCreate(ctx context.Context, d *grammar.Definition) error {
	key := s.key(d.Table)
	there, err := s.hasSchema(ctx, key.Schema)
	switch {
	case err != nil:
		return err
	case !there:
		return doesNotExist("Schema", key.Schema)
	case !d.Temporary:
		return s.need(ctx, schemaObject(key.Schema), "CREATE TABLE")
	}
	if oid, err := s.lookUp(ctx, key); err != nil || oid == 0 {
		return err
	}
	return s.need(ctx, tableObject(key), grammar.Ownership)
}

// makeRoom deals with a table that is there already; kept is true where it
// stays.
func (s *session) makeRoom(ctx context.Context, d *grammar.Definition, oid uint32) (kept bool, err error) {
	sees, err := s.sees(ctx, d.Table)
	switch {
	case err != nil:
		return false, err
	case !sees:
		return false, hidden("Object", d.Table.Name)
	case d.IfNotExists:
		return true, nil
	case !d.Replace:
		return false, alreadyExists(d.Table.Name)
	}
	if err := s.needTable(ctx, d.Table, grammar.Ownership); err != nil {
		return false, err
	}
	return false, s.dropTable(ctx, d.Table, oid)
}

// definition is a column in PostgreSQL's words. Texts compare by their bytes,
// as Snowflake compares them.
func definition(c grammar.Column) string {
	sql := identifier(grammar.Held(c.Name)) + " " + c.Type.SQL()
	if c.Type.Name == "VARCHAR" {
		sql += ` COLLATE "C"`
	}
	if c.Default != "" {
		sql += " DEFAULT " + c.Default
	}
	if c.NotNull {
		sql += " NOT NULL"
	}
	if check := c.Type.Check(c.Name); check != "" {
		sql += " CONSTRAINT " + checkName(c.Name) + " CHECK (" + check + ")"
	}
	return sql
}

func checkName(column string) string { return identifier(grammar.Held(column + " fits its type")) }
