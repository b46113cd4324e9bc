package snowflake

import (
	"context"
	"errors"
	"fmt"

	"github.com/stagelift/stagelift/local/snowflake/grammar"
)

// rename gives a table another name, in another schema perhaps. It needs CREATE
// TABLE on the schema besides ("ALTER TABLE", Parameters). Privileges and load
// metadata go along.
func (s *session) rename(ctx context.Context, d *grammar.Definition, oid uint32) error {
	to := s.key(*d.Other)
	there, err := s.hasSchema(ctx, to.Schema)
	switch {
	case err != nil:
		return err
	case d.Table.Temporary || d.Other.Temporary:
		return unsupported("renaming a temporary table is not imitated")
	case !there:
		return doesNotExist("Schema", to.Schema)
	}
	if err := s.need(ctx, schemaObject(to.Schema), "CREATE TABLE"); err != nil {
		return err
	}
	switch taken, err := s.lookUp(ctx, to); {
	case err != nil:
		return err
	case taken != 0:
		return alreadyExists(d.Other.Name)
	}
	return s.move(ctx, oid, s.key(d.Table), to)
}

// swap exchanges the names of two tables, in one transaction ("ALTER TABLE",
// SWAP WITH). The role has to own both.
func (s *session) swap(ctx context.Context, d *grammar.Definition, oid uint32) error {
	other, err := s.find(ctx, *d.Other)
	switch {
	case err != nil:
		return err
	case other == 0:
		return doesNotExist("Table", d.Other.String())
	case d.Table.Temporary || d.Other.Temporary:
		return unsupported("swapping a temporary table is not imitated")
	case other == oid:
		return unsupported("swapping a table with itself is not imitated")
	}
	if err := s.needTable(ctx, *d.Other, grammar.Ownership); err != nil {
		return err
	}
	one, two := s.key(d.Table), s.key(*d.Other)
	aside := grammar.Table{Schema: one.Schema, Name: "~aside"}
	return errors.Join(s.move(ctx, oid, one, aside), s.move(ctx, other, two, one), s.move(ctx, oid, aside, two))
}

// move names a table so that on its way it meets no other.
func (s *session) move(ctx context.Context, oid uint32, from, to grammar.Table) error {
	s.changedRights() // they are by name
	between := grammar.Table{Schema: from.Schema, Name: fmt.Sprintf("~%d", oid)}
	moved := grammar.Table{Schema: to.Schema, Name: between.Name}
	list := []string{
		"ALTER TABLE " + from.SQL() + " RENAME TO " + identifier(between.Name),
		"ALTER TABLE " + between.SQL() + " SET SCHEMA " + identifier(grammar.Held(to.Schema)),
		"ALTER TABLE " + moved.SQL() + " RENAME TO " + identifier(grammar.Held(to.Name)),
	}
	for _, sql := range list {
		if err := s.command(ctx, sql); err != nil {
			return err
		}
	}
	return s.redescribe(ctx, oid, func(about *described) { about.Name = to.Name })
}
