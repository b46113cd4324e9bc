package snowflake

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/stagelift/stagelift/local/snowflake/grammar"
)

// administrator is the role of whoever sets the account up; public is everybody's.
const (
	administrator = "ACCOUNTADMIN"
	public        = "PUBLIC"
)

// object is what privileges are on: a schema has no schema, a table and a stage
// have one.
type object struct{ kind, schema, name string }

// rights are the privileges of a role; the value tells whether it may grant one.
// None changes once it was read.
type rights map[object]map[string]bool

func tableObject(t grammar.Table) object {
	return object{grammar.OnTable, grammar.Held(t.Schema), grammar.Held(t.Name)}
}

func schemaObject(name string) object { return object{grammar.OnSchema, "", grammar.Held(name)} }

func (s *session) database() object {
	return object{grammar.OnDatabase, "", s.server.options.Database}
}

// knownRights are the role's as they were read last, for sessions to come.
type knownRights struct {
	mu      sync.Mutex
	version int
	rights  rights
}

// get returns what is known, perhaps nothing, and the version that it has.
func (k *knownRights) get() (rights, int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.rights, k.version
}

// put takes what was read, unless it was changed since.
func (k *knownRights) put(r rights, version int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.version == version {
		k.rights = r
	}
}

// forget is for when grants, or the names of objects, have changed.
func (k *knownRights) forget() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.version++
	k.rights = nil
}

// readRights reads what the role may do, for this session and for those to
// come. What its own DDL has not committed yet is for itself alone.
func (s *session) readRights(ctx context.Context) error {
	_, version := s.server.rights.get()
	found := s.conn.ExecParams(ctx, "SELECT kind, schema, name, privilege, grantable FROM snowflake_system.rights WHERE role IN ("+
		literal(s.role)+", '"+public+"')", nil, nil, nil, nil).Read()
	if found.Err != nil {
		return fmt.Errorf("reading the role's privileges: %w", found.Err)
	}
	s.rights = rights{}
	for _, row := range found.Rows {
		o := object{string(row[0]), string(row[1]), string(row[2])}
		if s.rights[o] == nil {
			s.rights[o] = map[string]bool{}
		}
		s.rights[o][string(row[3])] = s.rights[o][string(row[3])] || string(row[4]) == "t"
	}
	if !s.defines {
		s.server.rights.put(s.rights, version)
	}
	return nil
}

// changedRights is for DDL after which rights have to be read again.
func (s *session) changedRights() { s.rights, s.forgets = nil, true }

// holds tells whether the role owns the object or has the privilege on it, or
// any at all where none is named. It reads again before it says no: another
// request may have granted, or created, in between.
func (s *session) holds(ctx context.Context, o object, privilege string) (bool, error) {
	held := func() bool {
		has := s.rights[o]
		_, owns := has[grammar.Ownership]
		_, given := has[privilege]
		return owns || given || privilege == "" && len(has) > 0
	}
	if s.role == "" || held() {
		return true, nil
	}
	err := s.readRights(ctx)
	return held(), err
}

// seesSchema tells whether the role may name what is in a schema: it takes a
// privilege on the schema, and one on the database ("Access control
// privileges").
func (s *session) seesSchema(ctx context.Context, schema string) (bool, error) {
	if schema == informationSchema {
		return true, nil
	}
	for _, o := range []object{s.database(), schemaObject(schema)} {
		if sees, err := s.holds(ctx, o, ""); err != nil || !sees {
			return false, err
		}
	}
	return true, nil
}

const informationSchema = "INFORMATION_SCHEMA"

// sees tells whether the role may name a table; one that it may not name does
// not exist to it.
func (s *session) sees(ctx context.Context, t grammar.Table) (bool, error) {
	key := s.key(t)
	switch sees, err := s.seesSchema(ctx, key.Schema); {
	case err != nil || !sees:
		return false, err
	case t.Temporary, key.Schema == informationSchema:
		return true, nil
	}
	return s.holds(ctx, tableObject(key), "")
}

// need refuses what the role has not all of the privileges for.
func (s *session) need(ctx context.Context, o object, privileges ...string) error {
	for _, p := range privileges {
		switch has, err := s.holds(ctx, o, p); {
		case err != nil:
			return err
		case !has:
			return insufficient(o)
		}
	}
	return nil
}

func insufficient(o object) error {
	return sqlError{"003001", "42501", fmt.Sprintf("SQL access control error:\nInsufficient privileges to operate on %s '%s'",
		strings.ToLower(o.kind), o.name)}
}

// needTable refuses a table that the role does not see, or may not use so.
func (s *session) needTable(ctx context.Context, t grammar.Table, privileges ...string) error {
	switch sees, err := s.sees(ctx, t); {
	case err != nil:
		return err
	case !sees:
		return doesNotExist("Object", t.String())
	case t.Temporary, s.key(t).Schema == informationSchema:
		return nil
	}
	return s.need(ctx, tableObject(s.key(t)), privileges...)
}

// may holds a query, a change of rows or a COPY to the privileges of the role
// ("Access control privileges", Table privileges, Stage privileges). USAGE on the
// integration is the stage's owner's to have.
func (s *session) may(ctx context.Context, st grammar.Statement) error {
	if s.role == "" {
		return nil
	}
	sources := st.Tables
	if st.Target != nil {
		if err := s.needTable(ctx, *st.Target, st.Needs...); err != nil {
			return err
		}
		sources = sources[1:]
	}
	if st.Copy != nil {
		return s.needStage(ctx, st.Copy.Stage)
	}
	needs := []string{"SELECT"}
	if st.Validate != nil {
		needs = nil
	}
	for _, t := range sources {
		if err := s.needTable(ctx, t, needs...); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) needStage(ctx context.Context, stage grammar.Table) error {
	key := s.key(stage)
	switch sees, err := s.seesSchema(ctx, key.Schema); {
	case err != nil:
		return err
	case !sees:
		return doesNotExist("Stage", stage.String())
	}
	switch usable, err := s.holds(ctx, object{grammar.OnStage, key.Schema, key.Name}, "USAGE"); {
	case err != nil:
		return err
	case !usable:
		return doesNotExist("Stage", stage.String())
	}
	return nil
}

// own makes the role the owner of what it created, and gives to others what was
// granted on such objects beforehand.
func (s *session) own(ctx context.Context, kind, in, created string) error {
	role := s.role
	if role == "" {
		role = administrator
	}
	s.changedRights()
	return s.command(ctx, fmt.Sprintf(`WITH owned AS (INSERT INTO snowflake_system.grants VALUES (%s, '%s', %s, '', '%s', true))
		INSERT INTO snowflake_system.grants SELECT role, kind, %[3]s, '', privilege, grantable FROM snowflake_system.future_grants
		WHERE kind = '%[2]s' AND container = %[5]s ON CONFLICT DO NOTHING`, literal(role), kind, created, grammar.Ownership, in))
}

// disown forgets the privileges on what was dropped.
func (s *session) disown(ctx context.Context, kind, oid string) error {
	s.changedRights()
	return s.command(ctx, fmt.Sprintf("DELETE FROM snowflake_system.grants WHERE kind = '%s' AND id = %s", kind, oid))
}

// grantable are the privileges that the role may grant on an object.
func (s *session) grantable(ctx context.Context, o object, privileges []string) (allowed bool, err error) {
	if s.role == "" {
		return true, nil
	}
	for _, owned := range []object{o, {kind: grammar.OnAccount}} {
		privilege := grammar.Ownership
		if owned.kind == grammar.OnAccount {
			privilege = "MANAGE GRANTS"
		}
		if allowed, err = s.holds(ctx, owned, privilege); err != nil || allowed {
			return allowed, err
		}
	}
	return !slices.ContainsFunc(privileges, func(p string) bool { return !s.rights[o][p] }), nil
}
