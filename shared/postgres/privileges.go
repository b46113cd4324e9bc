package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/stagelift/stagelift/shared/table"
)

// access is what we may read of a relation that we may not read all of.
type access struct {
	OID      uint32
	Readable []string
}

// accesses asks which columns of the relations we may read, where that is not
// all of them.
func (s *Snapshot) accesses(ctx context.Context, list []relation) (map[uint32][]string, error) {
	const query = `
SELECT attrelid, array_agg(attname) FROM pg_attribute
 WHERE attrelid = ANY($1) AND attnum > 0 AND NOT attisdropped AND has_column_privilege(attrelid, attnum, 'SELECT')
 GROUP BY attrelid`
	partly := slices.DeleteFunc(slices.Clone(list), func(r relation) bool { return r.Select })
	rows, err := s.conn.Query(ctx, query, oids(partly))
	if err != nil {
		return nil, fmt.Errorf("reading column privileges: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[access])
	if err != nil {
		return nil, fmt.Errorf("reading column privileges: %w", err)
	}
	readable := make(map[uint32][]string, len(found))
	for _, a := range found {
		readable[a.OID] = a.Readable
	}
	return readable, nil
}

// demand is what is to be read of a relation.
type demand struct {
	relation
	columns []string
	// some is true when the request names these columns, so that a grant on
	// them alone is what is wanted.
	some bool
}

// refuse tells what we may not read, or would read only in part, with the
// statements that would change it. Readable holds the columns that may be read
// of the relations that may not be read whole.
func refuse(demands []demand, readable map[uint32][]string, user string) error {
	var problems []error
	to := " TO " + table.Quote(user)
	for _, d := range demands {
		missing := slices.DeleteFunc(slices.Clone(d.columns), func(column string) bool {
			return d.Select || slices.Contains(readable[d.OID], column)
		})
		switch {
		case !d.Usage:
			problems = append(problems, fmt.Errorf("table %s: no privilege on its schema; run: GRANT USAGE ON SCHEMA %s%s",
				d.Name, table.Quote(d.Name.Schema), to))
		case len(missing) > 0 && d.some:
			problems = append(problems, fmt.Errorf("table %s: no privilege to read %d of its columns; run: GRANT SELECT (%s) ON %s%s",
				d.Name, len(missing), quoteAll(missing), d.Name.SQL(), to))
		case len(missing) > 0:
			problems = append(problems, fmt.Errorf("table %s: no privilege to read it; run: GRANT SELECT ON %s%s",
				d.Name, d.Name.SQL(), to))
		case d.Filtered:
			problems = append(problems, fmt.Errorf("table %s: row-level security would hide rows; run: ALTER ROLE %s BYPASSRLS",
				d.Name, table.Quote(user)))
		}
	}
	return errors.Join(problems...)
}

func quoteAll(names []string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = table.Quote(name)
	}
	return strings.Join(quoted, ", ")
}
