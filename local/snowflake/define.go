package snowflake

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/stagelift/stagelift/local/snowflake/grammar"
)

// define runs a DDL statement. It commits the transaction that is open and is
// one of its own, which cannot be rolled back ("Transactions", DDL).
func (s *session) define(ctx context.Context, st grammar.Statement) (result, error) {
	if err := s.end(ctx, "COMMIT"); err != nil {
		return result{}, err
	}
	return s.inTransaction(ctx, func() (result, error) {
		// One at a time: PostgreSQL's own IF NOT EXISTS fails in a race.
		if err := s.command(ctx, "SELECT pg_advisory_xact_lock(7357003)"); err != nil {
			return result{}, err
		}
		d := st.Define
		switch st.Verb {
		case "CREATE SCHEMA":
			return s.createSchema(ctx, d)
		case "DROP SCHEMA":
			return s.dropSchema(ctx, d)
		case "CREATE TABLE":
			return s.createTable(ctx, d)
		}
		oid, err := s.lookUp(ctx, d.Table)
		switch {
		case err != nil:
			return result{}, err
		case oid == 0 && d.IfExists:
			return done(), nil
		case oid == 0:
			return result{}, doesNotExist("Table", d.Table.String())
		}
		switch st.Verb {
		case "DROP TABLE":
			return message("status", d.Table.Name+" successfully dropped."), s.dropTable(ctx, d.Table, oid)
		case "COMMENT ON TABLE":
			return done(), s.describeTable(ctx, d)
		case "ALTER TABLE ADD COLUMN":
			return done(), s.addColumns(ctx, d)
		}
		return done(), s.alterColumns(ctx, d)
	})
}

func (s *session) createSchema(ctx context.Context, d *grammar.Definition) (result, error) {
	if d.Database != "" && d.Database != s.server.options.Database {
		return result{}, doesNotExist("Database", d.Database)
	}
	held := identifier(grammar.Held(d.Schema))
	there, err := s.exists(ctx, "to_regnamespace", held)
	switch {
	case err != nil:
		return result{}, err
	case there && !d.IfNotExists:
		return result{}, sqlError{"002002", "42710", fmt.Sprintf("SQL compilation error:\nObject '%s' already exists.", d.Schema)}
	case there:
		return message("status", d.Schema+" already exists, statement succeeded."), nil
	}
	if err := s.command(ctx, "CREATE SCHEMA "+held); err != nil {
		return result{}, err
	}
	return message("status", "Schema "+d.Schema+" successfully created."),
		s.command(ctx, "COMMENT ON SCHEMA "+held+" IS "+document(described{Name: d.Schema, Comment: d.Comment}))
}

func (s *session) dropSchema(ctx context.Context, d *grammar.Definition) (result, error) {
	held := identifier(grammar.Held(d.Schema))
	there, err := s.exists(ctx, "to_regnamespace", held)
	switch {
	case err != nil:
		return result{}, err
	case !there && !d.IfExists:
		return result{}, doesNotExist("Schema", d.Schema)
	case !there:
		return done(), nil
	}
	return message("status", d.Schema+" successfully dropped."), s.command(ctx, "DROP SCHEMA "+held+" CASCADE")
}

func (s *session) exists(ctx context.Context, function, name string) (bool, error) {
	found := s.conn.ExecParams(ctx, "SELECT "+function+"($1) IS NOT NULL", [][]byte{[]byte(name)}, nil, nil, nil).Read()
	if found.Err != nil {
		return false, found.Err
	}
	return string(found.Rows[0][0]) == "t", nil
}

func (s *session) createTable(ctx context.Context, d *grammar.Definition) (result, error) {
	schema := s.key(d.Table).Schema
	there, err := s.exists(ctx, "to_regnamespace", identifier(grammar.Held(schema)))
	switch {
	case err != nil:
		return result{}, err
	case !there:
		return result{}, doesNotExist("Schema", schema)
	}
	if d.Temporary {
		d.Table = s.key(d.Table)
		d.Table.Temporary = true
	}
	oid, err := s.lookUp(ctx, d.Table)
	switch {
	case err != nil:
		return result{}, err
	case oid != 0 && d.IfNotExists:
		return message("status", d.Table.Name+" already exists, statement succeeded."), nil
	case oid != 0 && !d.Replace:
		return result{}, sqlError{"002002", "42710", fmt.Sprintf("SQL compilation error:\nObject '%s' already exists.", d.Table.Name)}
	case oid != 0:
		if err := s.dropTable(ctx, d.Table, oid); err != nil {
			return result{}, err
		}
	}
	if d.Like != nil {
		if d.Columns, err = s.columnsOf(ctx, *d.Like); err != nil {
			return result{}, err
		}
	}
	parts := make([]string, len(d.Columns))
	for i, c := range d.Columns {
		parts[i] = definition(c)
	}
	sql := "CREATE TABLE " + d.Table.SQL() + " (" + strings.Join(parts, ", ") + ")"
	if err := errors.Join(s.command(ctx, sql), s.describeTable(ctx, d), s.describeColumns(ctx, d.Table, d.Columns)); err != nil {
		return result{}, err
	}
	if d.Temporary {
		s.temporary[s.key(d.Table)] = true
	}
	return message("status", "Table "+d.Table.Name+" successfully created."), nil
}

func (s *session) dropTable(ctx context.Context, t grammar.Table, oid uint32) error {
	if t.Temporary {
		defer delete(s.temporary, s.key(t))
	}
	return errors.Join(s.command(ctx, "DROP TABLE "+t.SQL()),
		s.command(ctx, fmt.Sprintf("DELETE FROM snowflake_system.files WHERE relation = %d", oid)))
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

// described is what the comments of PostgreSQL's objects hold.
type described struct {
	Name    string  `json:"name"`
	Type    string  `json:"type,omitempty"`
	Comment *string `json:"comment,omitempty"`
}

func document(d described) string {
	text, err := json.Marshal(d)
	if err != nil {
		panic(err) // it holds strings only
	}
	return "E" + strings.ReplaceAll(literal(string(text)), `\`, `\\`)
}

func (s *session) describeTable(ctx context.Context, d *grammar.Definition) error {
	return s.command(ctx, "COMMENT ON TABLE "+d.Table.SQL()+" IS "+document(described{Name: d.Table.Name, Comment: d.Comment}))
}

func (s *session) describeColumns(ctx context.Context, t grammar.Table, columns []grammar.Column) error {
	for _, c := range columns {
		sql := "COMMENT ON COLUMN " + t.SQL() + "." + identifier(grammar.Held(c.Name)) + " IS " +
			document(described{Name: c.Name, Type: c.Type.String(), Comment: c.Comment})
		if err := s.command(ctx, sql); err != nil {
			return err
		}
	}
	return nil
}
