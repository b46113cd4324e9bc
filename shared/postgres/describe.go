package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/stagelift/stagelift/shared/table"
)

// describe puts together what is known about the chosen relations.
func (s *Snapshot) describe(ctx context.Context, chosen []relation, f family, columns map[uint32][]table.Column) ([]Table, error) {
	keys, err := s.primaryKeys(ctx, chosen)
	if err != nil {
		return nil, err
	}
	sizes, err := s.sizes(ctx, f.members)
	if err != nil {
		return nil, err
	}
	statistics, err := s.statistics(ctx, f.members)
	if err != nil {
		return nil, err
	}
	tables := make([]Table, len(chosen))
	for i, r := range chosen {
		t := Table{Name: r.Name, Named: r.Named, Columns: columns[r.OID], PrimaryKey: keys[r.OID]}
		for _, member := range f.leaves[r.OID] {
			size := sizes[member.OID]
			t.leaves = append(t.leaves, leaf{
				name: member.Name, file: size.file, blocks: size.blocks, byBlock: size.scannable && s.scansByBlock(), descend: descends(member.Kind),
			})
			t.Blocks += size.blocks
			t.Rows = addEstimates(t.Rows, size.rows)
		}
		t.Repeats = repeating(t.Columns, r, f.leaves[r.OID], t.Rows, sizes, statistics)
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

// columnQuery resolves domains to what they are over, so that a type is known by
// what its values are; also the domains that are elements of an array. Of the
// type that is left it tells the kind.
const columnQuery = `
SELECT a.attrelid, a.attname,
       CASE WHEN element.oid IS NULL THEN format_type(base.oid, base.typmod)
            ELSE format_type(element.oid, element.typmod) || '[]' END,
       CASE last.typtype WHEN 'e' THEN 'enum' WHEN 'c' THEN 'composite' WHEN 'r' THEN 'range' WHEN 'm' THEN 'multirange' ELSE '' END,
       NOT a.attnotnull
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
  LEFT JOIN pg_type item ON item.typarray = base.oid
 CROSS JOIN LATERAL (
  WITH RECURSIVE chain (oid, typmod, depth) AS (
    SELECT item.oid, base.typmod, 0
    UNION ALL
    SELECT t.typbasetype, t.typtypmod, chain.depth + 1
      FROM chain JOIN pg_type t ON t.oid = chain.oid AND t.typtype = 'd'
  )
  SELECT oid, typmod FROM chain ORDER BY depth DESC LIMIT 1
 ) element
  JOIN pg_type last ON last.oid = coalesce(element.oid, base.oid)
 WHERE a.attrelid = ANY($1) AND a.attnum > 0 AND NOT a.attisdropped
 ORDER BY a.attrelid, a.attnum`

func (s *Snapshot) columns(ctx context.Context, list []relation) (map[uint32][]table.Column, error) {
	columns := make(map[uint32][]table.Column, len(list))
	rows, err := s.conn.Query(ctx, columnQuery, oids(list))
	if err != nil {
		return nil, fmt.Errorf("reading columns: %w", err)
	}
	var relid uint32
	var c table.Column
	_, err = pgx.ForEachRow(rows, []any{&relid, &c.Name, &c.Type, &c.Kind, &c.Nullable}, func() error {
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
 WHERE i.indisprimary AND i.indrelid = ANY($1) AND k.position <= i.indnkeyatts
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

type size struct {
	blocks, rows int64
	file         uint32 // 0 where there is none
	scannable    bool   // by ranges of ctid: it is a heap, and we may read its ctid
}

// sizes is asked after the snapshot was taken and the tables were locked, so
// every row that the snapshot sees lies below the size that is found. A grant of
// columns alone does not include ctid.
func (s *Snapshot) sizes(ctx context.Context, list []relation) (map[uint32]size, error) {
	const query = `
SELECT c.oid, coalesce(pg_relation_size(c.oid), 0) / $2::bigint, c.reltuples::bigint,
       coalesce(pg_relation_filenode(c.oid), 0),
       c.relkind IN ('r', 'm') AND am.amname IS NOT DISTINCT FROM 'heap' AND coalesce(has_column_privilege(c.oid, (-1)::smallint, 'SELECT'), false)
  FROM pg_class c LEFT JOIN pg_am am ON am.oid = c.relam WHERE c.oid = ANY($1)`
	sizes := make(map[uint32]size, len(list))
	rows, err := s.conn.Query(ctx, query, oids(list), int64(BlockSize))
	if err != nil {
		return nil, fmt.Errorf("reading table sizes: %w", err)
	}
	var relid uint32
	var z size
	_, err = pgx.ForEachRow(rows, []any{&relid, &z.blocks, &z.rows, &z.file, &z.scannable}, func() error {
		sizes[relid] = z
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading table sizes: %w", err)
	}
	return sizes, nil
}
