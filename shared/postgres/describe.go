package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/stagelift/stagelift/shared/table"
)

// Tables selects tables and describes them, in the order of their names. It
// fails on a pattern that selects nothing and on a table that cannot be read
// whole, naming each of them.
func (s *Snapshot) Tables(ctx context.Context, include, exclude []table.Pattern) ([]Table, error) {
	all, err := s.relations(ctx)
	if err != nil {
		return nil, err
	}
	chosen, err := choose(all, include, exclude)
	if err != nil {
		return nil, fmt.Errorf("selecting tables of database %q: %w", s.source.config.Database, err)
	}
	family, err := s.withPartitions(ctx, all, chosen)
	if err != nil {
		return nil, err
	}
	if err := readable(family.members, s.source.config.User); err != nil {
		return nil, fmt.Errorf("selecting tables of database %q: %w", s.source.config.Database, err)
	}
	if err := s.lock(ctx, family.members); err != nil {
		return nil, err
	}
	return s.describe(ctx, chosen, family)
}

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

func (s *Snapshot) describe(ctx context.Context, chosen []relation, f family) ([]Table, error) {
	columns, err := s.columns(ctx, chosen)
	if err != nil {
		return nil, err
	}
	keys, err := s.primaryKeys(ctx, chosen)
	if err != nil {
		return nil, err
	}
	sizes, err := s.sizes(ctx, f.members)
	if err != nil {
		return nil, err
	}
	tables := make([]Table, len(chosen))
	for i, r := range chosen {
		t := Table{Name: r.Name, Columns: columns[r.OID], PrimaryKey: keys[r.OID]}
		if len(t.Columns) == 0 {
			return nil, fmt.Errorf("table %s has no columns; exclude it", t.Name)
		}
		for _, member := range f.leaves[r.OID] {
			size := sizes[member.OID]
			heap := member.Kind == "r" || member.Kind == "m"
			t.leaves = append(t.leaves, leaf{
				name: member.Name, blocks: size.blocks,
				byBlock: heap && s.scansByBlock(), descend: member.Kind == "v" || member.Kind == "f",
			})
			t.Blocks += size.blocks
			t.Rows = addEstimates(t.Rows, size.rows)
		}
		if len(t.leaves) == 0 { // partitioned, without a partition: no rows, but a table all the same
			t.leaves = []leaf{{name: r.Name}}
		}
		tables[i] = t
	}
	return tables, nil
}

// scansByBlock tells whether the server reads a ctid range by its blocks alone
// (from PostgreSQL 14). Before, every range would read the whole table.
func (s *Snapshot) scansByBlock() bool {
	version := s.conn.PgConn().ParameterStatus("server_version")
	var major int
	if _, err := fmt.Sscanf(version, "%d", &major); err != nil {
		return false
	}
	return major >= 14
}

func addEstimates(a, b int64) int64 {
	if a < 0 || b < 0 {
		return -1
	}
	return a + b
}

// columns resolves domains to what they are over, so that a type is known by
// what its values are.
func (s *Snapshot) columns(ctx context.Context, list []relation) (map[uint32][]table.Column, error) {
	const query = `
SELECT a.attrelid, a.attname, format_type(base.oid, base.typmod), NOT a.attnotnull
  FROM pg_attribute a
 CROSS JOIN LATERAL (
  WITH RECURSIVE chain (oid, typmod, depth) AS (
    SELECT a.atttypid, a.atttypmod, 0
    UNION ALL
    SELECT t.typbasetype, t.typtypmod, chain.depth + 1
      FROM chain JOIN pg_type t ON t.oid = chain.oid AND t.typtype = 'd'
  )
  SELECT oid, typmod FROM chain ORDER BY depth DESC LIMIT 1
 ) base
 WHERE a.attrelid = ANY($1) AND a.attnum > 0 AND NOT a.attisdropped
 ORDER BY a.attrelid, a.attnum`
	columns := make(map[uint32][]table.Column, len(list))
	rows, err := s.conn.Query(ctx, query, oids(list))
	if err != nil {
		return nil, fmt.Errorf("reading columns: %w", err)
	}
	var relid uint32
	var c table.Column
	_, err = pgx.ForEachRow(rows, []any{&relid, &c.Name, &c.Type, &c.Nullable}, func() error {
		columns[relid] = append(columns[relid], c)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading columns: %w", err)
	}
	return columns, nil
}

func (s *Snapshot) primaryKeys(ctx context.Context, list []relation) (map[uint32][]string, error) {
	const query = `
SELECT i.indrelid, a.attname
  FROM pg_index i
 CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, position)
  JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
 WHERE i.indisprimary AND i.indrelid = ANY($1)
 ORDER BY i.indrelid, k.position`
	keys := make(map[uint32][]string, len(list))
	rows, err := s.conn.Query(ctx, query, oids(list))
	if err != nil {
		return nil, fmt.Errorf("reading primary keys: %w", err)
	}
	var relid uint32
	var name string
	_, err = pgx.ForEachRow(rows, []any{&relid, &name}, func() error {
		keys[relid] = append(keys[relid], name)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading primary keys: %w", err)
	}
	return keys, nil
}

type size struct{ blocks, rows int64 }

// sizes is asked after the snapshot was taken and the tables were locked, so
// every row that the snapshot sees lies below the size that is found.
func (s *Snapshot) sizes(ctx context.Context, list []relation) (map[uint32]size, error) {
	const query = `
SELECT oid, coalesce(pg_relation_size(oid), 0) / $2::bigint, reltuples::bigint
  FROM pg_class WHERE oid = ANY($1)`
	sizes := make(map[uint32]size, len(list))
	rows, err := s.conn.Query(ctx, query, oids(list), int64(BlockSize))
	if err != nil {
		return nil, fmt.Errorf("reading table sizes: %w", err)
	}
	var relid uint32
	var z size
	_, err = pgx.ForEachRow(rows, []any{&relid, &z.blocks, &z.rows}, func() error {
		sizes[relid] = z
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading table sizes: %w", err)
	}
	return sizes, nil
}
