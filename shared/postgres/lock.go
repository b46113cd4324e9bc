package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/stagelift/stagelift/shared/table"
)

// lockedAtOnce bounds the length of a statement that locks.
const lockedAtOnce = 500

// lock keeps the relations, and what views are made of, from being dropped,
// truncated or rewritten while the snapshot lasts, in the weakest mode there
// is: reads and writes go on.
//
// A statement that is parsed takes the locks of the relations it names and
// holds them to the end of the transaction, although it is never run. LOCK TABLE
// does not take materialised views, and wants SELECT on the whole table where
// we may have been given some columns of it.
func (s *Snapshot) lock(ctx context.Context, list []relation) error {
	for some := range slices.Chunk(list, lockedAtOnce) {
		from := make([]string, len(some))
		for i, r := range some {
			from[i] = Span{Relation: r.Name, Descend: descends(r.Kind)}.from() + fmt.Sprintf(" AS t%d", i)
		}
		if _, err := s.conn.PgConn().Prepare(ctx, "", "SELECT FROM "+strings.Join(from, ", "), nil); err != nil {
			return fmt.Errorf("locking %d tables against DDL: %w", len(list), readHint(err))
		}
	}
	return s.checkRewritten(ctx, list)
}

// descends tells of which kinds of relation ONLY must not be said.
func descends(kind string) bool { return kind == "v" || kind == "f" }

// checkRewritten refuses tables whose storage changed between the snapshot and
// the lock. TRUNCATE, a rewriting ALTER TABLE and REFRESH MATERIALIZED VIEW do
// not heed snapshots: the rows would be gone, or other ones, without an error.
func (s *Snapshot) checkRewritten(ctx context.Context, list []relation) error {
	const query = `
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.oid = ANY($1) AND c.relkind IN ('r', 'm') AND c.relfilenode <> pg_relation_filenode(c.oid)
 ORDER BY 1, 2`
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
