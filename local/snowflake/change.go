package snowflake

import (
	"context"
	"fmt"
	"strconv"

	"github.com/stagelift/stagelift/local/pgserver"
	"github.com/stagelift/stagelift/local/snowflake/grammar"
)

// change runs a query or a change of rows, within a transaction.
func (s *session) change(ctx context.Context, st grammar.Statement) (result, error) {
	if err := s.may(ctx, st); err != nil {
		return result{}, err
	}
	if st.Validate != nil {
		if err := s.validate(ctx, st.Validate); err != nil {
			return result{}, err
		}
	}
	if st.Kind == grammar.Query {
		return readResult(s.conn.ExecParams(ctx, st.SQL, nil, nil, nil, nil), s.names)
	}
	oid, err := s.relation(ctx, *st.Target)
	if err != nil {
		return result{}, err
	}
	if st.Locks {
		// UPDATE, DELETE and MERGE keep each other out of a table to the end of
		// the transaction; INSERT and COPY do not wait ("Resource locking").
		if err := s.lock(ctx, oid, st.Target.Name); err != nil {
			return result{}, err
		}
	}
	if st.Kind == grammar.Load {
		return s.copy(ctx, st.Copy, oid)
	}
	if st.Verb == "MERGE" {
		if err := s.canMerge(); err != nil {
			return result{}, err
		}
	}
	before, err := s.changes(ctx, oid)
	if err != nil {
		return result{}, err
	}
	if err := s.command(ctx, st.SQL); err != nil {
		return result{}, err
	}
	after, err := s.changes(ctx, oid)
	if err != nil {
		return result{}, err
	}
	return s.counted(ctx, st, oid, statistics{
		Inserted: after.Inserted - before.Inserted, Updated: after.Updated - before.Updated, Deleted: after.Deleted - before.Deleted,
	})
}

// MergesFrom is the major version of PostgreSQL from which on a stand-in on it has
// MERGE. Before, a statement with it fails and says so.
const MergesFrom = 15

func (s *session) canMerge() error {
	major, err := pgserver.Major(s.conn)
	if err == nil && major < MergesFrom {
		err = unsupported("MERGE is done by PostgreSQL's own, which it has from version %d on; on version %d it is not supported", MergesFrom, major)
	}
	return err
}

// counted is what Snowflake answers to the change.
func (s *session) counted(ctx context.Context, st grammar.Statement, oid uint32, stats statistics) (result, error) {
	switch st.Verb {
	case "INSERT":
		return counts(stats, "inserted"), nil
	case "UPDATE":
		return counts(stats, "updated"), nil
	case "DELETE":
		return counts(stats, "deleted"), nil
	case "TRUNCATE":
		// TRUNCATE forgets what was loaded, DELETE does not.
		return done(), s.command(ctx, fmt.Sprintf("DELETE FROM snowflake_system.files WHERE relation = %d", oid))
	}
	return counts(stats, "inserted", "updated", "deleted"), nil
}

// changes are the rows that this transaction has changed so far, as PostgreSQL
// counts them. Its tag of a MERGE does not tell them apart.
func (s *session) changes(ctx context.Context, oid uint32) (statistics, error) {
	sql := fmt.Sprintf("SELECT pg_stat_get_xact_tuples_inserted(%d), pg_stat_get_xact_tuples_updated(%[1]d), "+
		"pg_stat_get_xact_tuples_deleted(%[1]d)", oid)
	found := s.conn.ExecParams(ctx, sql, nil, nil, nil, nil).Read()
	if found.Err != nil {
		return statistics{}, found.Err
	}
	var n [3]int64
	for i := range n {
		var err error
		if n[i], err = strconv.ParseInt(string(found.Rows[0][i]), 10, 64); err != nil {
			return statistics{}, fmt.Errorf("counting changes: %w", err)
		}
	}
	return statistics{Inserted: n[0], Updated: n[1], Deleted: n[2]}, nil
}

// relation finds a table that there must be.
func (s *session) relation(ctx context.Context, t grammar.Table) (uint32, error) {
	oid, err := s.lookUp(ctx, t)
	if err == nil && oid == 0 {
		err = doesNotExist("Table", t.String())
	}
	return oid, err
}

// lookUp finds a table, or returns 0.
func (s *session) lookUp(ctx context.Context, t grammar.Table) (uint32, error) {
	found := s.conn.ExecParams(ctx, "SELECT coalesce(to_regclass($1)::oid, 0)", [][]byte{[]byte(t.SQL())}, nil, nil, nil).Read()
	if found.Err != nil {
		return 0, found.Err
	}
	oid, err := strconv.ParseUint(string(found.Rows[0][0]), 10, 32)
	if err != nil {
		return 0, fmt.Errorf("looking for a table: %w", err)
	}
	return uint32(oid), nil
}
