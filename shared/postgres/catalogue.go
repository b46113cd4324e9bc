package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/stagelift/stagelift/shared/table"
)

// relation is a row of the catalogue.
type relation struct {
	OID      uint32
	Name     table.Name
	Kind     string
	Leaf     bool // a partition; read through its parent unless named itself
	Usage    bool // USAGE on the schema
	Select   bool // SELECT on all of the relation
	Filtered bool // row-level security applies to us
	Named    bool // a pattern without wildcards names it
}

// relations lists everything that could be read, as of the snapshot.
func (s *Snapshot) relations(ctx context.Context) ([]relation, error) {
	const query = `
SELECT c.oid, n.nspname, c.relname, c.relkind::text, c.relispartition,
       has_schema_privilege(n.oid, 'USAGE'), has_table_privilege(c.oid, 'SELECT'),
       c.relrowsecurity AND row_security_active(c.oid)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relpersistence <> 't'
   AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
 ORDER BY n.nspname, c.relname`
	rows, err := s.conn.Query(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("listing tables: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (relation, error) {
		var r relation
		err := row.Scan(&r.OID, &r.Name.Schema, &r.Name.Table, &r.Kind, &r.Leaf, &r.Usage, &r.Select, &r.Filtered)
		return r, err
	})
	if err != nil {
		return nil, fmt.Errorf("listing tables: %w", err)
	}
	return list, nil
}

// choose picks the relations that the patterns select. A wildcard selects
// tables and partitioned tables; views, foreign tables and single partitions
// must be named. Every pattern that selects nothing is reported.
func choose(all []relation, include, exclude []table.Pattern) ([]relation, error) {
	used := make([]bool, len(include))
	var chosen []relation
	for _, r := range all {
		selected := false
		for i, pattern := range include {
			if pattern.Matches(r.Name) && (pattern.Exact() || isTable(r)) {
				used[i], selected = true, true
				r.Named = r.Named || pattern.Exact()
			}
		}
		if selected && !matchesAny(exclude, r.Name) {
			chosen = append(chosen, r)
		}
	}
	var problems []error
	for i, pattern := range include {
		switch {
		case used[i]:
		case pattern.Exact():
			problems = append(problems, fmt.Errorf("table %s does not exist, or was created after the snapshot", pattern))
		default:
			problems = append(problems, fmt.Errorf("pattern %s matches no table", pattern))
		}
	}
	if len(problems) == 0 && len(chosen) == 0 {
		problems = append(problems, errors.New("every selected table is excluded"))
	}
	return chosen, errors.Join(problems...)
}

func isTable(r relation) bool { return (r.Kind == "r" || r.Kind == "p") && !r.Leaf }

func matchesAny(patterns []table.Pattern, name table.Name) bool {
	for _, pattern := range patterns {
		if pattern.Matches(name) {
			return true
		}
	}
	return false
}

func oids(list []relation) []uint32 {
	ids := make([]uint32, len(list))
	for i, r := range list {
		ids[i] = r.OID
	}
	return ids
}
