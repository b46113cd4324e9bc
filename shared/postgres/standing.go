package postgres

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/stagelift/stagelift/shared/fault"
	"github.com/stagelift/stagelift/shared/table"
)

// standing is what of a relation must stay as it is while it is read.
type standing struct {
	OID  uint32
	Name table.Name
	Kind string
	// File is the relation's file in the database, which changes when it is
	// rewritten or truncated; 0 where there is none.
	File uint32
	// Definition is a digest of a view's; empty for all others.
	Definition string
	// Columns are by their numbers, which a column keeps through all renames.
	Columns []columnStanding

	behind bool // a view is made of it
}

type columnStanding struct {
	Number   int16
	Name     string
	Type     uint32
	Modifier int32
}

const standingQuery = `
SELECT c.oid, n.nspname, c.relname, c.relkind::text, c.relfilenode,
       coalesce((SELECT md5(string_agg(r.ev_action::text, '' ORDER BY r.oid)) FROM pg_rewrite r WHERE r.ev_class = c.oid AND c.relkind = 'v'), ''),
       a.numbers, a.names, a.types, a.modifiers
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 CROSS JOIN LATERAL (
  SELECT coalesce(array_agg(attnum ORDER BY attnum), '{}') AS numbers, coalesce(array_agg(attname::text ORDER BY attnum), '{}') AS names,
         coalesce(array_agg(atttypid ORDER BY attnum), '{}') AS types, coalesce(array_agg(atttypmod ORDER BY attnum), '{}') AS modifiers
    FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped
 ) a
 WHERE c.oid = ANY($1)`

// standings tells how relations stand, as the connection sees them.
func (c *connection) standings(ctx context.Context, oids []uint32) (map[uint32]standing, error) {
	rows, err := c.Query(ctx, standingQuery, oids)
	if err != nil {
		return nil, fmt.Errorf("looking at tables: %w", c.explain(err))
	}
	found := make(map[uint32]standing, len(oids))
	var numbers []int16
	var names []string
	var types []uint32
	var modifiers []int32
	var s standing
	into := []any{&s.OID, &s.Name.Schema, &s.Name.Table, &s.Kind, &s.File, &s.Definition, &numbers, &names, &types, &modifiers}
	_, err = pgx.ForEachRow(rows, into, func() error {
		kept := s
		kept.Columns = make([]columnStanding, len(numbers))
		for i, number := range numbers {
			kept.Columns[i] = columnStanding{number, names[i], types[i], modifiers[i]}
		}
		found[kept.OID] = kept
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("looking at tables: %w", c.explain(err))
	}
	return found, nil
}

// changed says what happened to a relation since the look that s is of; empty
// when nothing did that matters. A column that was added does not. Of what a view
// is made of neither names nor columns do: the view knows them by their numbers.
func (s standing) changed(now standing) string {
	switch {
	case now.OID == 0:
		return "was dropped"
	case now.Kind != s.Kind || now.Definition != s.Definition:
		return "was defined anew"
	case now.File != s.File:
		return "was truncated or rewritten"
	case s.behind:
		return ""
	case now.Name != s.Name:
		return "was renamed to " + now.Name.String()
	}
	for _, was := range s.Columns {
		at := slices.IndexFunc(now.Columns, func(c columnStanding) bool { return c.Number == was.Number })
		switch {
		case at < 0:
			return "lost column " + table.Quote(was.Name)
		case now.Columns[at].Name != was.Name:
			return "had column " + table.Quote(was.Name) + " renamed"
		case now.Columns[at] != was:
			return "had the type of column " + table.Quote(was.Name) + " changed"
		}
	}
	return ""
}

// check compares a table with what there is now.
func (t *Table) check(now map[uint32]standing) error {
	for _, was := range t.standing {
		if change := was.changed(now[was.OID]); change != "" {
			which := "it"
			if was.OID != t.OID {
				which = was.Name.String() + ", which it is made of,"
			}
			return fault.New(fault.Changed, "run again", "table %s is not published: %s %s while the run read it or was about to", t.Name, which, change)
		}
	}
	return nil
}

// checkBehind finds out whether a view is made of other relations now.
func (t *Table) checkBehind(now *catalogue) error {
	f := family{relation: &relation{OID: t.OID}}
	f.lookBehind(now, t.OID)
	for _, r := range f.members {
		if !slices.ContainsFunc(t.standing, func(s standing) bool { return s.OID == r.OID }) {
			return fault.New(fault.Changed, "run again", "table %s is not published: %s became a part of it while the run read it or was about to", t.Name, r.Name)
		}
	}
	return nil
}
