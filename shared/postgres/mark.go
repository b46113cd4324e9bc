package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/stagelift/stagelift/shared/table"
)

// mark finds a cursor in the catalogue.
func (s *Snapshot) mark(ctx context.Context, cursor Cursor) (*mark, error) {
	m := &mark{Cursor: cursor}
	const find = `
SELECT c.oid, c.relkind::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p', 'v', 'm', 'f')`
	err := s.conn.QueryRow(ctx, find, cursor.Table.Schema, cursor.Table.Table).Scan(&m.oid, &m.kind)
	if errors.Is(err, pgx.ErrNoRows) {
		return m, fmt.Errorf("table %s does not exist", cursor.Table)
	}
	if err != nil {
		return m, fmt.Errorf("finding %s: %w", cursor.Table, err)
	}
	columns, err := s.columns(ctx, []relation{{OID: m.oid}})
	if err != nil {
		return m, err
	}
	chosen, err := Columns{Only: []string{cursor.Column}}.of(columns[m.oid])
	if err != nil {
		return m, fmt.Errorf("cursor of %s: %w", cursor.Table, err)
	}
	m.Bound.Column = chosen[0]
	return m, errors.Join(s.findFamily(ctx, m), s.findIndex(ctx, m), s.findSequences(ctx, m))
}

// findFamily finds the relations whose locks tell who writes to the table: the
// table, its partitions, and the partitioned tables it is part of. A row that is
// inserted through one of these takes its value before its partition is locked.
func (s *Snapshot) findFamily(ctx context.Context, m *mark) error {
	const query = `
WITH RECURSIVE below (oid) AS (
  SELECT $1::oid
  UNION
  SELECT i.inhrelid FROM below JOIN pg_class p ON p.oid = below.oid AND p.relkind = 'p' JOIN pg_inherits i ON i.inhparent = p.oid
), above (oid) AS (
  SELECT $1::oid
  UNION
  SELECT i.inhparent FROM above JOIN pg_class c ON c.oid = above.oid AND c.relispartition JOIN pg_inherits i ON i.inhrelid = c.oid
)
SELECT array_agg(c.oid), bool_or(c.relkind = 'f') FROM pg_class c WHERE c.oid IN (SELECT oid FROM below UNION SELECT oid FROM above)`
	if err := s.conn.QueryRow(ctx, query, m.oid).Scan(&m.family, &m.foreign); err != nil {
		return fmt.Errorf("finding partitions of %s: %w", m.Table, err)
	}
	return nil
}

func (s *Snapshot) findIndex(ctx context.Context, m *mark) error {
	const query = `
SELECT EXISTS (
  SELECT FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am am ON am.oid = x.relam AND am.amname = 'btree'
    JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
   WHERE i.indrelid = $1 AND a.attname = $2 AND i.indisvalid AND i.indpred IS NULL)`
	if err := s.conn.QueryRow(ctx, query, m.oid, m.Cursor.Column).Scan(&m.Index); err != nil {
		return fmt.Errorf("finding indexes of %s: %w", m.Table, err)
	}
	return nil
}

// findSequences looks at the sequences that the column owns, or that its default
// draws from, in any relation of the family.
func (s *Snapshot) findSequences(ctx context.Context, m *mark) error {
	const query = `
WITH behind AS (
  SELECT d.objid AS oid FROM pg_depend d JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
   WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
     AND d.refobjid = ANY($1) AND a.attname = $2
  UNION
  SELECT d.refobjid FROM pg_attrdef f JOIN pg_attribute a ON a.attrelid = f.adrelid AND a.attnum = f.adnum
    JOIN pg_depend d ON d.classid = 'pg_attrdef'::regclass AND d.objid = f.oid AND d.refclassid = 'pg_class'::regclass
   WHERE f.adrelid = ANY($1) AND a.attname = $2
)
SELECT n.nspname, c.relname, q.seqincrement < 0 OR q.seqcycle, q.seqcache > 1
  FROM behind JOIN pg_sequence q ON q.seqrelid = behind.oid
  JOIN pg_class c ON c.oid = q.seqrelid JOIN pg_namespace n ON n.oid = c.relnamespace ORDER BY 1, 2`
	rows, err := s.conn.Query(ctx, query, m.family, m.Cursor.Column)
	if err != nil {
		return fmt.Errorf("finding sequences of %s: %w", m.Table, err)
	}
	var name table.Name
	var backward, cached bool
	_, err = pgx.ForEachRow(rows, []any{&name.Schema, &name.Table, &backward, &cached}, func() error {
		if backward {
			m.backward = name.SQL()
		}
		if cached {
			m.cached = name.SQL()
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("finding sequences of %s: %w", m.Table, err)
	}
	return nil
}
