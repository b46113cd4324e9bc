package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/stagelift/stagelift/shared/table"
)

// statistic is what ANALYZE found out about a column.
type statistic struct {
	// distinct is pg_stats.n_distinct: a number of values, or negative and the
	// share of the rows that are different.
	distinct float64
	// width is the average size of a value in bytes.
	width int64
}

// statisticKey names a column of a relation, with or without the rows of the
// relations that inherit from it.
type statisticKey struct {
	oid       uint32
	column    string
	inherited bool
}

// statistics reads what we are shown of pg_stats.
func (s *Snapshot) statistics(ctx context.Context, list []relation) (map[statisticKey]statistic, error) {
	const query = `
SELECT c.oid, p.attname, p.inherited, p.n_distinct::float8, p.avg_width::bigint
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_stats p ON p.schemaname = n.nspname AND p.tablename = c.relname
 WHERE c.oid = ANY($1)`
	rows, err := s.conn.Query(ctx, query, oids(list))
	if err != nil {
		return nil, fmt.Errorf("reading statistics: %w", err)
	}
	found := map[statisticKey]statistic{}
	var key statisticKey
	var value statistic
	_, err = pgx.ForEachRow(rows, []any{&key.oid, &key.column, &key.inherited, &value.distinct, &value.width}, func() error {
		found[key] = value
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading statistics: %w", err)
	}
	return found, nil
}

const (
	// rowsPerValue is how often a value must come again for a dictionary to
	// save more than it costs.
	rowsPerValue = 8
	// dictionaryBytes is what a dictionary may hold before writers of Parquet
	// give it up: 1 MiB in most, and statistics are estimates.
	dictionaryBytes = 512 << 10
)

// repeats tells whether a dictionary pays for a column of a table of so many
// rows.
func (s statistic) repeats(rows int64) bool {
	distinct := s.distinct
	if distinct < 0 {
		distinct *= -float64(rows)
	}
	return distinct > 0 && distinct*rowsPerValue <= float64(rows) && distinct*float64(max(s.width, 1)) <= dictionaryBytes
}

// repeating lists the columns that repeat. A partitioned table is analysed as a
// whole only when somebody asks for it; without, a column must repeat in every
// partition that has statistics.
func repeating(columns []table.Column, r relation, leaves []relation, rows int64,
	sizes map[uint32]size, statistics map[statisticKey]statistic,
) []string {
	var names []string
	for _, column := range columns {
		whole, analysed := statistics[statisticKey{oid: r.OID, column: column.Name, inherited: r.Kind == "p"}]
		yes := analysed && whole.repeats(rows)
		for _, leaf := range leaves {
			part, found := statistics[statisticKey{oid: leaf.OID, column: column.Name}]
			if analysed || !found {
				continue
			}
			if yes = part.repeats(sizes[leaf.OID].rows); !yes {
				break
			}
		}
		if yes {
			names = append(names, column.Name)
		}
	}
	return names
}
