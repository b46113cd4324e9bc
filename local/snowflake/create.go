package snowflake

import (
	"context"
	"errors"
	"fmt"
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
	if err != nil {
		return result{}, err
	}
	about := described{Name: d.Table.Name, Comment: d.Comment, Cluster: d.Cluster, Transient: d.Transient}
	if err := s.take(ctx, d, &about); err != nil {
		return result{}, err
	}
	grants, err := s.grantsToCopy(ctx, d, oid)
	if err != nil {
		return result{}, err
	}
	if oid != 0 {
		if kept, err := s.makeRoom(ctx, d, oid); err != nil || kept {
			return message("status", d.Table.Name+" already exists, statement succeeded."), err
		}
	}
	parts := make([]string, len(d.Columns))
	for i, c := range d.Columns {
		parts[i] = definition(c)
	}
	sql := "CREATE TABLE " + d.Table.SQL() + " (" + strings.Join(parts, ", ") + ")"
	if err := errors.Join(s.command(ctx, sql), s.command(ctx, "COMMENT ON TABLE "+d.Table.SQL()+" IS "+document(about)),
		s.describeColumns(ctx, d.Table, d.Columns)); err != nil {
		return result{}, err
	}
	if d.Clone {
		if err := s.command(ctx, "INSERT INTO "+d.Table.SQL()+" SELECT * FROM "+d.Like.SQL()); err != nil {
			return result{}, err
		}
	}
	done := message("status", "Table "+d.Table.Name+" successfully created.")
	if d.Temporary {
		s.temporary[s.key(d.Table)] = true
		return done, nil
	}
	name := literal(d.Table.SQL()) + "::regclass"
	if err := s.own(ctx, grammar.OnTable, "(SELECT relnamespace FROM pg_catalog.pg_class WHERE oid = "+name+")", name); err != nil {
		return result{}, err
	}
	return done, s.copyGrants(ctx, d, grants, name)
}

// take fills in what a table has of another: with LIKE its columns, without their
// comments, of which the documentation does not speak, and its clustering key; with
// CLONE all that it is.
func (s *session) take(ctx context.Context, d *grammar.Definition, about *described) error {
	if d.Like == nil {
		return nil
	}
	if err := s.needTable(ctx, *d.Like, "SELECT"); err != nil {
		return err
	}
	oid, err := s.relation(ctx, *d.Like)
	if err != nil {
		return err
	}
	columns, other, err := s.everything(ctx, *d.Like, oid)
	if err != nil {
		return err
	}
	d.Columns = columns
	if about.Cluster == nil {
		about.Cluster = other.Cluster
	}
	if d.Clone {
		about.Comment = other.Comment
		if other.Transient && !d.Transient && !d.Temporary {
			return sqlError{"002120", "42601", "SQL compilation error:\nTransient object cannot be cloned to a permanent object."}
		}
		return nil
	}
	for i := range d.Columns {
		d.Columns[i].Comment = nil
	}
	return nil
}

// grantsToCopy are those of the table that is replaced, or else of the one that is
// taken after ("CREATE TABLE", COPY GRANTS).
func (s *session) grantsToCopy(ctx context.Context, d *grammar.Definition, oid uint32) ([][]string, error) {
	if !d.CopyGrants {
		return nil, nil
	}
	if oid == 0 && d.Like != nil {
		var err error
		if oid, err = s.relation(ctx, *d.Like); err != nil {
			return nil, err
		}
	}
	found := s.conn.ExecParams(ctx, fmt.Sprintf("SELECT role, privilege, grantable FROM snowflake_system.grants WHERE kind = '%s' AND id = %d AND privilege <> '%s'",
		grammar.OnTable, oid, grammar.Ownership), nil, nil, nil, nil).Read()
	var list [][]string
	for _, row := range found.Rows {
		list = append(list, []string{string(row[0]), string(row[1]), string(row[2])})
	}
	return list, found.Err
}

// copyGrants gives them, in the place of what is granted on tables to come.
func (s *session) copyGrants(ctx context.Context, d *grammar.Definition, grants [][]string, name string) error {
	if !d.CopyGrants {
		return nil
	}
	problems := []error{s.command(ctx, fmt.Sprintf("DELETE FROM snowflake_system.grants WHERE kind = '%s' AND id = %s AND privilege <> '%s'",
		grammar.OnTable, name, grammar.Ownership))}
	for _, g := range grants {
		problems = append(problems, s.command(ctx, fmt.Sprintf("INSERT INTO snowflake_system.grants VALUES (%s, '%s', %s, '', '%s', '%s')",
			literal(g[0]), grammar.OnTable, name, g[1], g[2])))
	}
	return errors.Join(problems...)
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
