package snowflake

import (
	"context"
	"errors"
	"fmt"

	"github.com/stagelift/stagelift/local/snowflake/grammar"
)

// define runs a DDL statement. It commits the transaction that is open and is
// one of its own, which cannot be rolled back ("Transactions", DDL).
func (s *session) define(ctx context.Context, st grammar.Statement) (result, error) {
	if err := s.end(ctx, "COMMIT"); err != nil {
		return result{}, err
	}
	s.defines = true
	defer func() {
		if s.forgets {
			s.server.rights.forget()
		}
		s.defines, s.forgets = false, false
	}()
	return s.alone(ctx, func() (result, error) {
		// One at a time: PostgreSQL's own IF NOT EXISTS fails in a race.
		if err := s.command(ctx, "SELECT pg_advisory_xact_lock(7357003)"); err != nil {
			return result{}, err
		}
		switch st.Verb {
		case "GRANT":
			return s.grant(ctx, st.Grant)
		case "CREATE ROLE":
			return s.createRole(ctx, st.Define)
		case "CREATE SCHEMA":
			return s.createSchema(ctx, st.Define)
		case "DROP SCHEMA":
			return s.dropSchema(ctx, st.Define)
		case "CREATE TABLE":
			return s.createTable(ctx, st.Define)
		}
		return s.alterTable(ctx, st.Verb, st.Define)
	})
}

// alterTable does what only the owner of a table may ("Access control
// privileges", Table privileges).
func (s *session) alterTable(ctx context.Context, verb string, d *grammar.Definition) (result, error) {
	oid, err := s.find(ctx, d.Table)
	switch {
	case err != nil:
		return result{}, err
	case oid == 0 && d.IfExists && verb == "DROP TABLE":
		return message("status", "Drop statement executed successfully ("+d.Table.Name+" already dropped)."), nil
	case oid == 0 && d.IfExists:
		return done(), nil
	case oid == 0:
		return result{}, doesNotExist("Table", d.Table.String())
	}
	if err := s.needTable(ctx, d.Table, grammar.Ownership); err != nil {
		return result{}, err
	}
	switch verb {
	case "DROP TABLE":
		return message("status", d.Table.Name+" successfully dropped."), s.dropTable(ctx, d.Table, oid)
	case "COMMENT ON TABLE":
		return done(), s.redescribe(ctx, oid, func(about *described) { about.Comment = d.Comment })
	case "ALTER TABLE RENAME":
		return done(), s.rename(ctx, d, oid)
	case "ALTER TABLE SWAP":
		return done(), s.swap(ctx, d, oid)
	case "ALTER TABLE DROP COLUMN":
		return done(), s.dropColumns(ctx, d, oid)
	case "ALTER TABLE RENAME COLUMN":
		return done(), s.renameColumn(ctx, d, oid)
	case "ALTER TABLE ADD COLUMN":
		return done(), s.addColumns(ctx, d)
	}
	return done(), s.alterColumns(ctx, d)
}

// find looks for a table that the role sees; 0 is none.
func (s *session) find(ctx context.Context, t grammar.Table) (uint32, error) {
	if sees, err := s.sees(ctx, t); err != nil || !sees {
		return 0, err
	}
	return s.lookUp(ctx, t)
}

// createSchema needs CREATE SCHEMA on the database also where the schema exists
// (github.com/dbt-labs/dbt-external-tables, issue 214).
func (s *session) createSchema(ctx context.Context, d *grammar.Definition) (result, error) {
	if d.Database != "" && d.Database != s.server.options.Database {
		return result{}, doesNotExist("Database", d.Database)
	}
	held := identifier(grammar.Held(d.Schema))
	there, err := s.schemaExists(ctx, d.Schema)
	if err == nil {
		err = s.need(ctx, s.database(), "CREATE SCHEMA")
	}
	if err != nil {
		return result{}, err
	}
	sees, err := s.seesSchema(ctx, d.Schema)
	switch {
	case err != nil:
		return result{}, err
	case there && !sees:
		return result{}, hidden("Schema", d.Schema)
	case there && !d.IfNotExists:
		return result{}, alreadyExists(d.Schema)
	case there:
		return message("status", d.Schema+" already exists, statement succeeded."), nil
	}
	if err := s.command(ctx, "CREATE SCHEMA "+held); err != nil {
		return result{}, err
	}
	return message("status", "Schema "+d.Schema+" successfully created."), errors.Join(
		s.command(ctx, "COMMENT ON SCHEMA "+held+" IS "+document(described{Name: d.Schema, Comment: d.Comment})),
		s.own(ctx, grammar.OnSchema, "0", literal(held)+"::regnamespace"))
}

func (s *session) dropSchema(ctx context.Context, d *grammar.Definition) (result, error) {
	held := identifier(grammar.Held(d.Schema))
	there, err := s.hasSchema(ctx, d.Schema)
	switch {
	case err != nil:
		return result{}, err
	case !there && !d.IfExists:
		return result{}, doesNotExist("Schema", d.Schema)
	case !there:
		return message("status", "Drop statement executed successfully ("+d.Schema+" already dropped)."), nil
	}
	if err := s.need(ctx, schemaObject(d.Schema), grammar.Ownership); err != nil {
		return result{}, err
	}
	return message("status", d.Schema+" successfully dropped."), errors.Join(
		s.disown(ctx, grammar.OnSchema, literal(held)+"::regnamespace"), s.command(ctx, "DROP SCHEMA "+held+" CASCADE"))
}

// hasSchema tells whether there is a schema that the role sees.
func (s *session) hasSchema(ctx context.Context, name string) (bool, error) {
	there, err := s.schemaExists(ctx, name)
	if err != nil || !there {
		return false, err
	}
	return s.seesSchema(ctx, name)
}

func (s *session) schemaExists(ctx context.Context, name string) (bool, error) {
	row, err := s.ask(ctx, "SELECT to_regnamespace("+literal(identifier(grammar.Held(name)))+") IS NOT NULL")
	return err == nil && row[0] == "t", err
}

func (s *session) dropTable(ctx context.Context, t grammar.Table, oid uint32) error {
	problems := []error{
		s.command(ctx, "DROP TABLE "+t.SQL()),
		s.command(ctx, fmt.Sprintf("DELETE FROM snowflake_system.files WHERE relation = %d", oid)),
	}
	if t.Temporary {
		delete(s.temporary, s.key(t))
	} else {
		problems = append(problems, s.disown(ctx, grammar.OnTable, fmt.Sprint(oid)))
	}
	return errors.Join(problems...)
}
