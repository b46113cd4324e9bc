package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/stagelift/stagelift/shared/table"
)

// family is the chosen relations and the partitions below them.
type family struct {
	members []relation
	leaves  map[uint32][]relation // by chosen relation: those that hold its rows
}

// withPartitions finds the leaves of partitioned tables through pg_inherits,
// which, unlike pg_partition_tree(), is read at the snapshot: a partition
// attached later is not in it, one detached later still is.
func (s *Snapshot) withPartitions(ctx context.Context, all, chosen []relation) (family, error) {
	const query = `
WITH RECURSIVE tree (root, relid) AS (
  SELECT oid, oid FROM pg_class WHERE oid = ANY($1) AND relkind = 'p'
  UNION ALL
  SELECT tree.root, i.inhrelid FROM tree
    JOIN pg_class p ON p.oid = tree.relid AND p.relkind = 'p'
    JOIN pg_inherits i ON i.inhparent = tree.relid
)
SELECT root, relid FROM tree WHERE root <> relid ORDER BY root, relid`
	byOID := make(map[uint32]relation, len(all))
	for _, r := range all {
		byOID[r.OID] = r
	}
	f := family{members: chosen, leaves: make(map[uint32][]relation, len(chosen))}
	for _, r := range chosen {
		if r.Kind != "p" {
			f.leaves[r.OID] = []relation{r}
		}
	}
	rows, err := s.conn.Query(ctx, query, oids(chosen))
	if err != nil {
		return family{}, fmt.Errorf("finding partitions: %w", err)
	}
	var root, member uint32
	_, err = pgx.ForEachRow(rows, []any{&root, &member}, func() error {
		r := byOID[member]
		f.members = append(f.members, r)
		if r.Kind != "p" {
			f.leaves[root] = append(f.leaves[root], r)
		}
		return nil
	})
	if err != nil {
		return family{}, fmt.Errorf("finding partitions: %w", err)
	}
	return f, nil
}

// demands are what is read of which relation. Of a partitioned table itself
// nothing is, but its row-level security counts: it is what its users see.
func (f family) demands(chosen []relation, columns map[uint32][]table.Column, selection Selection) []demand {
	var demands []demand
	for _, r := range chosen {
		names := make([]string, len(columns[r.OID]))
		for i, column := range columns[r.OID] {
			names[i] = column.Name
		}
		choice := selection.Columns[r.Name]
		some := len(choice.Only)+len(choice.Except) > 0
		if r.Kind == "p" {
			demands = append(demands, demand{relation: r})
		}
		for _, leaf := range f.leaves[r.OID] {
			demands = append(demands, demand{relation: leaf, columns: names, some: some})
		}
	}
	return demands
}
