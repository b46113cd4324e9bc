package snowflake

import (
	"context"
	"fmt"
	"strings"

	"github.com/stagelift/stagelift/local/snowflake/grammar"
)

func (s *session) createRole(ctx context.Context, d *grammar.Definition) (result, error) {
	if err := s.need(ctx, object{kind: grammar.OnAccount}, "CREATE ROLE"); err != nil {
		return result{}, err
	}
	there, err := s.isRole(ctx, d.Role)
	switch {
	case err != nil:
		return result{}, err
	case there && !d.IfNotExists:
		return result{}, alreadyExists(d.Role)
	case there:
		return message("status", d.Role+" already exists, statement succeeded."), nil
	}
	return message("status", "Role "+d.Role+" successfully created."),
		s.command(ctx, "INSERT INTO snowflake_system.roles VALUES ("+literal(d.Role)+")")
}

func (s *session) isRole(ctx context.Context, name string) (bool, error) {
	row, err := s.ask(ctx, "SELECT 1 FROM snowflake_system.roles WHERE name = "+literal(name))
	return row != nil, err
}

// grant gives privileges to a role. Whoever grants owns the object, has the
// privilege with the option to grant it, or MANAGE GRANTS; grants on objects to
// come need the latter ("GRANT <privileges>", Access control requirements).
func (s *session) grant(ctx context.Context, g *grammar.Grant) (result, error) {
	if err := s.grantee(ctx, g); err != nil {
		return result{}, err
	}
	privileges := g.Privileges
	if privileges[0] == "ALL" {
		privileges = grammar.Privileges[g.On]
	}
	target, err := s.grantTarget(ctx, g)
	if err != nil {
		return result{}, err
	}
	n := 0
	switch {
	case g.Future:
		n, err = 1, s.grantFuture(ctx, g, target[0], privileges)
	default:
		for _, t := range target {
			if err = s.grantOne(ctx, g, t, privileges); err != nil {
				break
			}
			n++
		}
	}
	s.changedRights()
	status := "Statement executed successfully."
	if g.In != "" && !g.Future {
		status = fmt.Sprintf("Statement executed successfully. %d objects affected.", n)
	}
	return message("status", status), err
}

// grantee refuses who is not there. What a user has is kept under a name that no
// role has; requests run by a role alone.
func (s *session) grantee(ctx context.Context, g *grammar.Grant) error {
	if g.User {
		if !strings.EqualFold(g.To, s.server.options.User) {
			return doesNotExist("User", g.To)
		}
		g.To = "user " + g.To
		return nil
	}
	there, err := s.isRole(ctx, g.To)
	if err == nil && !there {
		err = doesNotExist("Role", g.To)
	}
	return err
}

// grantable is an object, and what it is in the table of grants.
type granted struct {
	object
	id, name string
}

// grantTarget finds what is granted on: one object, all those in another, or
// for FUTURE the one that holds them.
func (s *session) grantTarget(ctx context.Context, g *grammar.Grant) ([]granted, error) {
	t := g.Object
	switch {
	case g.In == grammar.OnSchema, g.On == grammar.OnSchema && g.In == "":
		return s.grantSchema(ctx, g)
	case g.In == grammar.OnDatabase, g.On == grammar.OnDatabase:
		if sees, err := s.holds(ctx, s.database(), ""); err != nil || !sees || t.Name != s.server.options.Database {
			return nil, orElse(err, doesNotExist("Database", t.Name))
		}
		if g.In != "" && !g.Future {
			return s.grantAll(ctx, `SELECT nspname, oid, '' FROM pg_catalog.pg_namespace
				WHERE nspname NOT IN ('snowflake_system', 'information_schema', 'INFORMATION_SCHEMA') AND nspname NOT LIKE 'pg\_%'`, g.On, "")
		}
		return []granted{{s.database(), "0", t.Name}}, nil
	case g.On == grammar.OnTable:
		if sees, err := s.sees(ctx, t); err != nil || !sees {
			return nil, orElse(err, doesNotExist("Table", t.String()))
		}
		oid, err := s.relation(ctx, t)
		return []granted{{tableObject(s.key(t)), fmt.Sprint(oid), ""}}, err
	case g.On == grammar.OnStage:
		key := s.key(t)
		name := key.Schema + "." + key.Name
		if _, known := s.server.options.Stages[name]; !known {
			return nil, doesNotExist("Stage", t.String())
		}
		return []granted{{object{grammar.OnStage, key.Schema, key.Name}, "0", name}}, nil
	case g.On == grammar.OnAccount:
		return []granted{{object{kind: grammar.OnAccount}, "0", ""}}, nil
	}
	if known := map[string]string{
		grammar.OnWarehouse: s.server.options.Warehouse, grammar.OnIntegration: s.server.options.Integration,
	}[g.On]; known != t.Name {
		return nil, doesNotExist(g.On[:1]+strings.ToLower(g.On[1:]), t.Name)
	}
	return []granted{{object{g.On, "", t.Name}, "0", t.Name}}, nil
}

func orElse(err, otherwise error) error {
	if err == nil {
		return otherwise
	}
	return err
}

func (s *session) grantSchema(ctx context.Context, g *grammar.Grant) ([]granted, error) {
	t := g.Object
	row, err := s.ask(ctx, "SELECT to_regnamespace("+literal(identifier(grammar.Held(t.Name)))+")::oid")
	if err != nil {
		return nil, err
	}
	sees, err := s.seesSchema(ctx, t.Name)
	if t.Database != "" && t.Database != s.server.options.Database || row[0] == "" || !sees {
		return nil, orElse(err, doesNotExist("Schema", t.Name))
	}
	if g.On == grammar.OnTable && !g.Future {
		return s.grantAll(ctx, "SELECT relname, oid, '' FROM pg_catalog.pg_class WHERE relkind = 'r' AND relnamespace = "+row[0], g.On, grammar.Held(t.Name))
	}
	return []granted{{schemaObject(t.Name), row[0], ""}}, nil
}

func (s *session) grantAll(ctx context.Context, sql, kind, schema string) ([]granted, error) {
	found := s.conn.ExecParams(ctx, sql, nil, nil, nil, nil).Read()
	if found.Err != nil {
		return nil, found.Err
	}
	var list []granted
	for _, row := range found.Rows {
		list = append(list, granted{object{kind, schema, string(row[0])}, string(row[1]), ""})
	}
	return list, nil
}

func (s *session) grantFuture(ctx context.Context, g *grammar.Grant, in granted, privileges []string) error {
	if err := s.need(ctx, object{kind: grammar.OnAccount}, "MANAGE GRANTS"); err != nil {
		return err
	}
	for _, p := range privileges {
		if err := s.command(ctx, fmt.Sprintf("INSERT INTO snowflake_system.future_grants VALUES (%s, '%s', %s, '%s', %t) ON CONFLICT DO NOTHING",
			literal(g.To), g.On, in.id, p, g.Option)); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) grantOne(ctx context.Context, g *grammar.Grant, t granted, privileges []string) error {
	switch allowed, err := s.grantable(ctx, t.object, privileges); {
	case err != nil:
		return err
	case !allowed:
		return insufficient(t.object)
	}
	if privileges[0] == grammar.Ownership {
		if err := s.transfer(ctx, g, t); err != nil {
			return err
		}
	}
	for _, p := range privileges {
		if err := s.command(ctx, fmt.Sprintf(`INSERT INTO snowflake_system.grants AS g VALUES (%s, '%s', %s, %s, '%s', %t)
			ON CONFLICT (role, kind, id, name, privilege) DO UPDATE SET grantable = g.grantable OR excluded.grantable`,
			literal(g.To), g.On, t.id, literal(t.name), p, g.Option || p == grammar.Ownership)); err != nil {
			return err
		}
	}
	return nil
}

// transfer takes an object from its owner. Other grants on it have to be copied
// or revoked with it ("GRANT OWNERSHIP").
func (s *session) transfer(ctx context.Context, g *grammar.Grant, t granted) error {
	where := fmt.Sprintf(" FROM snowflake_system.grants WHERE kind = '%s' AND id = %s AND name = %s", g.On, t.id, literal(t.name))
	other, err := s.ask(ctx, "SELECT privilege, role"+where+" AND privilege <> '"+grammar.Ownership+"'")
	switch {
	case err != nil:
		return err
	case other != nil && g.Current == "":
		return sqlError{"003036", "42501", fmt.Sprintf("SQL execution error: Dependent grant of privilege '%s' on securable '%s' to role '%s' exists. "+
			"It must be revoked first.", other[0], t.object.name, other[1])}
	case g.Current == "COPY":
		where += " AND privilege = '" + grammar.Ownership + "'"
	}
	return s.command(ctx, "DELETE"+where)
}
