package postgres

import "context"

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

// lookAtStatistics reads what we are shown of pg_stats. Without the names the server
// would look through the statistics of the whole database.
func (d *description) lookAtStatistics(ctx context.Context) error {
	const query = `
SELECT c.oid, p.attname, p.inherited, p.n_distinct::float8, p.avg_width::bigint
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_stats p ON p.schemaname = n.nspname AND p.tablename = c.relname
 WHERE c.oid = ANY($1) AND p.tablename = ANY($2)`
	d.statistics = map[statisticKey]statistic{}
	_, leaves := d.everywhere()
	var names []string
	for _, f := range d.list {
		names = append(names, f.Name.Table)
		for _, leaf := range f.leaves {
			names = append(names, leaf.Name.Table)
		}
	}
	var key statisticKey
	var value statistic
	return d.each(ctx, "statistics", query, []any{append(leaves, d.roots()...), names},
		[]any{&key.oid, &key.column, &key.inherited, &value.distinct, &value.width}, func() { d.statistics[key] = value })
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
// relation that has statistics.
func repeating(t *Table, statistics map[statisticKey]statistic) []string {
	var names []string
	rows := t.Rows()
	for _, column := range t.Columns {
		whole, analysed := statistics[statisticKey{oid: t.OID, column: column.Name, inherited: t.kind == "p"}]
		yes := analysed && whole.repeats(rows)
		for _, r := range t.Relations {
			part, found := statistics[statisticKey{oid: r.OID, column: column.Name}]
			if analysed || !found {
				continue
			}
			if yes = part.repeats(r.Rows); !yes {
				break
			}
		}
		if yes {
			names = append(names, column.Name)
		}
	}
	return names
}
