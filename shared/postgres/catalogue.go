package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/stagelift/stagelift/shared/table"
)

// Table is a table as it will be read.
type Table struct {
	Name table.Name
	// Columns are in the table's order, dropped ones left out.
	Columns []table.Column
	// PrimaryKey lists column names in key order; nil without a key.
	PrimaryKey []string
	// Blocks is the number of heap blocks, over all partitions.
	Blocks int64
	// Rows is the planner's estimate; -1 when it was never analysed.
	Rows int64

	leaves []leaf
}

// leaf is a relation that holds rows of a table.
type leaf struct {
	name    table.Name
	blocks  int64
	byBlock bool // it has a heap, and the server scans ctid ranges by block
	descend bool // ONLY is not for views and foreign tables
}

// relation is a row of the catalogue.
type relation struct {
	OID      uint32
	Name     table.Name
	Kind     string
	Leaf     bool // a partition; read through its parent unless named itself
	Usage    bool // USAGE on the schema
	Select   bool // SELECT on the relation
	Filtered bool // row-level security applies to us
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

// readable refuses what we may not read or would read only in part, with the
// statements that would change it.
func readable(list []relation, user string) error {
	var problems []error
	for _, r := range list {
		to := " TO " + table.Quote(user)
		switch {
		case !r.Usage:
			problems = append(problems, fmt.Errorf("table %s: no privilege on its schema; run: GRANT USAGE ON SCHEMA %s%s",
				r.Name, table.Quote(r.Name.Schema), to))
		case !r.Select:
			problems = append(problems, fmt.Errorf("table %s: no privilege to read it; run: GRANT SELECT ON %s%s",
				r.Name, r.Name.SQL(), to))
		case r.Filtered:
			problems = append(problems, fmt.Errorf("table %s: row-level security would hide rows; run: ALTER ROLE %s BYPASSRLS",
				r.Name, table.Quote(user)))
		}
	}
	return errors.Join(problems...)
}

// lockable are the kinds that LOCK TABLE takes. The rest cannot be truncated.
func lockable(kind string) bool { return kind == "r" || kind == "p" }

// lock keeps the relations from being dropped, truncated or rewritten while
// the snapshot lasts, in the weakest mode there is: reads and writes go on.
func (s *Snapshot) lock(ctx context.Context, list []relation) error {
	var names []string
	for _, r := range list {
		if lockable(r.Kind) {
			names = append(names, "ONLY "+r.Name.SQL())
		}
	}
	if len(names) == 0 {
		return nil
	}
	if _, err := s.conn.Exec(ctx, "LOCK TABLE "+strings.Join(names, ", ")+" IN ACCESS SHARE MODE"); err != nil {
		return fmt.Errorf("locking %d tables against DDL: %w", len(names), readHint(err))
	}
	return s.checkRewritten(ctx, list)
}

// checkRewritten refuses tables whose storage changed between the snapshot and
// the lock. TRUNCATE and a rewriting ALTER TABLE do not heed snapshots: the
// rows would be gone without an error.
func (s *Snapshot) checkRewritten(ctx context.Context, list []relation) error {
	const query = `
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.oid = ANY($1) AND c.relkind = 'r' AND c.relfilenode <> pg_relation_filenode(c.oid)`
	rows, err := s.conn.Query(ctx, query, oids(list))
	if err != nil {
		return fmt.Errorf("checking for rewritten tables: %w", err)
	}
	rewritten, err := pgx.CollectRows(rows, pgx.RowToStructByPos[table.Name])
	if err != nil {
		return fmt.Errorf("checking for rewritten tables: %w", err)
	}
	if len(rewritten) > 0 {
		return fmt.Errorf("table %s was truncated or rewritten while the run started; run again", rewritten[0])
	}
	return nil
}

func oids(list []relation) []uint32 {
	ids := make([]uint32, len(list))
	for i, r := range list {
		ids[i] = r.OID
	}
	return ids
}
