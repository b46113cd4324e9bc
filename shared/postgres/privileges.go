package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/stagelift/stagelift/shared/fault"
	"github.com/stagelift/stagelift/shared/table"
)

// access is what we may read of a relation that we may not read all of.
type access struct {
	OID      uint32
	Readable []string
}

// accesses asks which columns of the relations we may read, where that is not
// all of them.
func (c *connection) accesses(ctx context.Context, list []family) (map[uint32][]string, error) {
	const query = `
SELECT attrelid, array_agg(attname::text) FROM pg_attribute
 WHERE attrelid = ANY($1) AND attnum > 0 AND NOT attisdropped AND has_column_privilege(attrelid, attnum, 'SELECT')
 GROUP BY attrelid`
	var partly []*relation
	for _, f := range list {
		for _, leaf := range f.leaves {
			if !leaf.Select {
				partly = append(partly, leaf)
			}
		}
	}
	if len(partly) == 0 {
		return nil, nil
	}
	rows, err := c.Query(ctx, query, ids(partly))
	if err != nil {
		return nil, fmt.Errorf("reading column privileges: %w", c.explain(err))
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[access])
	if err != nil {
		return nil, fmt.Errorf("reading column privileges: %w", c.explain(err))
	}
	readable := make(map[uint32][]string, len(found))
	for _, a := range found {
		readable[a.OID] = a.Readable
	}
	return readable, nil
}

// refuse tells what of a table we may not read, or would read only in part, with
// the statements that would change it; nil when there is nothing. Readable holds
// the columns that may be read of the relations that may not be read whole. Some
// is true when the request names the columns, so that a grant on them alone is
// what is wanted. Of a partitioned table itself nothing is read, but its row-level
// security counts: it is what its users see.
func (c *connection) refuse(f family, columns []string, some bool, readable map[uint32][]string) *fault.Error {
	var run []string
	to := " TO " + table.Quote(c.source.config.User)
	add := func(statement string) {
		if !slices.Contains(run, statement) {
			run = append(run, statement)
		}
	}
	for _, leaf := range f.leaves {
		missing := slices.DeleteFunc(slices.Clone(columns), func(column string) bool {
			return leaf.Select || slices.Contains(readable[leaf.OID], column)
		})
		if !leaf.Usage {
			add("GRANT USAGE ON SCHEMA " + table.Quote(leaf.Name.Schema) + to)
		}
		switch {
		case len(missing) > 0 && some:
			add(fmt.Sprintf("GRANT SELECT (%s) ON %s%s", quoteAll(missing), leaf.Name.SQL(), to))
		case len(missing) > 0:
			add("GRANT SELECT ON " + leaf.Name.SQL() + to)
		}
	}
	if len(run) > 0 {
		return fault.New(fault.NoPrivilege, "run: "+strings.Join(run, "; "), "table %s: no privilege to read it", f.Name)
	}
	for _, r := range append(slices.Clone(f.leaves), f.relation) {
		if r.Filtered {
			return fault.New(fault.RowSecurity, "run: ALTER ROLE "+table.Quote(c.source.config.User)+" BYPASSRLS",
				"table %s: row-level security would hide rows", r.Name)
		}
	}
	for _, r := range f.members {
		if r.Unlogged && c.standby {
			return fault.New(fault.Unreadable, "read it from the primary, or leave it out",
				"table %s: %s is unlogged, and a standby has no rows of such a table", f.Name, r.Name)
		}
	}
	return nil
}

func quoteAll(names []string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = table.Quote(name)
	}
	return strings.Join(quoted, ", ")
}
