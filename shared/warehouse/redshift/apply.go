package redshift

import (
	"fmt"
	"slices"
	"strings"

	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// insert brings rows of a table of the session's, which is as the staging table,
// into the target.
func insert(into string, columns []staged, from, where string) statement {
	return statement{text: "INSERT INTO " + into + " (" + columnNames(namesOf(columns)) + ") SELECT " +
		valuesOf(columns, "") + " FROM " + from + where, check: checkFit}
}

// failUnless divides by zero unless the condition holds.
func failUnless(condition, from string) string {
	return "SELECT 1 / CASE WHEN " + condition + " THEN 1 ELSE 0 END FROM " + from
}

// countOf is a query in FROM that counts.
func countOf(from, as string) string { return "(SELECT COUNT(*) AS n FROM " + from + ") AS " + as }

// appending remembers how many rows the target had. Under the snapshot of the
// transaction no other writer's rows come between.
func appending(load warehouse.Load, columns []staged) []statement {
	target, staging, before := load.Target.SQL(), temporary(load, ""), temporary(load, "_before")
	return []statement{
		{text: "CREATE TEMP TABLE " + before + " (n BIGINT)"},
		{text: "INSERT INTO " + before + " (n) SELECT COUNT(*) FROM " + target},
		insert(target, columns, staging, ""),
		{check: checkTarget, text: failUnless("a.n = b.n + s.n", countOf(target, "a")+", "+before+" AS b, "+countOf(staging, "s"))},
	}
}

// replacing deletes: TRUNCATE would commit the transaction, and readers would
// see an empty table.
func replacing(load warehouse.Load, columns []staged) []statement {
	target, staging := load.Target.SQL(), temporary(load, "")
	return []statement{
		{text: "DELETE FROM " + target},
		insert(target, columns, staging, ""),
		{check: checkTarget, text: failUnless("a.n = s.n", countOf(target, "a")+", "+countOf(staging, "s"))},
	}
}

// merging updates what is there and inserts what is not, so that columns of the
// target that are not staged keep their values. MERGE would say the same, but could
// not tell why it fails.
func merging(load warehouse.Load, columns []staged) []statement {
	target, rows := load.Target.SQL(), temporary(load, "")
	var statements []statement
	if load.Newest != "" {
		statements = newestOnly(load, columns)
		rows = temporary(load, "_newest")
	}
	keys, same := columnNames(load.Keys), sameKeys(target, load.Keys, columns, rows)
	living := ""
	if load.Deleted != "" {
		living = "COALESCE(" + table.Quote(load.Deleted) + ", FALSE) = FALSE"
	}
	statements = append(
		statements,
		statement{check: checkKeys, text: failUnless("COUNT(*) = 0", rows+" WHERE "+someNull(load.Keys))},
		statement{check: checkKeys, text: failUnless("COUNT(*) = 0", "(SELECT "+keys+" FROM "+rows+" GROUP BY "+keys+" HAVING COUNT(*) > 1) AS twice")},
	)
	if load.Deleted != "" {
		statements = append(statements, statement{tell: tellDeleted, text: "DELETE FROM " + target + " USING " + rows + " WHERE " + same +
			" AND COALESCE(" + rows + "." + table.Quote(load.Deleted) + ", FALSE)"})
	}
	if set := assignments(columns, load.Keys, "s"); set != "" {
		text := "UPDATE " + target + " SET " + set + " FROM " + rows + " AS s WHERE " + sameKeys(target, load.Keys, columns, "s")
		if load.Deleted != "" {
			text += " AND COALESCE(s." + table.Quote(load.Deleted) + ", FALSE) = FALSE"
		}
		statements = append(statements, statement{tell: tellUpdated, check: checkFit, text: text})
	}
	return append(statements,
		insert(target, columns, rows, " WHERE NOT EXISTS (SELECT 1 FROM "+target+" AS t WHERE "+sameKeys("t", load.Keys, columns, rows)+")"+clause("AND", living)),
		statement{check: checkTarget, text: failUnless("a.n = s.n", countOf(target+", "+rows+" WHERE "+same, "a")+", "+countOf(rows+clause("WHERE", living), "s"))},
	)
}

// clause is a condition behind a word, or nothing.
func clause(word, condition string) string {
	if condition == "" {
		return ""
	}
	return " " + word + " " + condition
}

func someNull(keys []string) string {
	list := make([]string, len(keys))
	for i, key := range keys {
		list[i] = table.Quote(key) + " IS NULL"
	}
	return strings.Join(list, " OR ")
}

// sameKeys holds for a row of the target, by what it is called, and one of the
// session's table.
func sameKeys(target string, keys []string, columns []staged, rows string) string {
	list := make([]string, len(keys))
	for i, key := range keys {
		at := slices.IndexFunc(columns, func(s staged) bool { return fold(s.Name) == fold(key) })
		list[i] = target + "." + table.Quote(key) + " = " + columns[at].of(rows)
	}
	return strings.Join(list, " AND ")
}

// assignments are those of all columns but the keys.
func assignments(columns []staged, keys []string, rows string) string {
	var list []string
	for _, column := range columns {
		if !slices.ContainsFunc(keys, func(key string) bool { return fold(key) == fold(column.Name) }) {
			list = append(list, table.Quote(column.Name)+" = "+column.of(rows))
		}
	}
	return strings.Join(list, ", ")
}

// newestOnly keeps one row of those with equal keys.
func newestOnly(load warehouse.Load, columns []staged) []statement {
	columns = slices.DeleteFunc(slices.Clone(columns), func(s staged) bool { return s.copied == "" })
	names, keys, newest := columnNames(namesOf(columns)), columnNames(load.Keys), table.Quote(load.Newest)
	chosen := temporary(load, "_newest")
	return []statement{
		{text: "CREATE TEMP TABLE " + chosen + " (" + definitions(columns, copiedOf) + ")"},
		{text: "INSERT INTO " + chosen + " (" + names + ") SELECT " + names + " FROM (SELECT " + names +
			", ROW_NUMBER() OVER (PARTITION BY " + keys + " ORDER BY " + newest + " DESC NULLS LAST) AS stagelift_rank FROM " +
			temporary(load, "") + ") AS ranked WHERE stagelift_rank = 1"},
	}
}

// sweeping deletes or marks the rows of the target whose keys the source has not.
// All that it says is about sets of rows.
func sweeping(c Config, load warehouse.Load) ([]statement, error) {
	keys := load
	keys.Columns, keys.Copy, keys.BadRows = nil, nil, nil
	for _, key := range load.Keys {
		at := slices.IndexFunc(load.Columns, func(column table.Column) bool { return fold(column.Name) == fold(key) })
		keys.Columns = append(keys.Columns, load.Columns[at])
	}
	keys.Manifest, keys.Parts, keys.Rows = load.Sweep.Manifest, load.Sweep.Parts, load.Sweep.Rows
	columns, err := stagedColumns(keys)
	if err != nil {
		return nil, fmt.Errorf("the sweep's keys: %w", err)
	}
	target, swept := load.Target.SQL(), temporary(load, "_keys")
	statements := []statement{{text: "CREATE TEMP TABLE " + swept + " (" + definitions(columns, copiedOf) + ")"}}
	if keys.Manifest != "" {
		copying, err := copyStatement(c, keys, columns, swept)
		if err != nil {
			return nil, fmt.Errorf("the sweep's keys: %w", err)
		}
		statements = append(statements, statement{check: checkCopy, text: copying})
	}
	there := "EXISTS (SELECT 1 FROM " + swept + " WHERE " + sameKeys(target, load.Keys, columns, swept) + ")"
	statements = append(statements,
		statement{check: checkSwept, text: failUnless(fmt.Sprintf("COUNT(*) = %d", load.Sweep.Rows), swept)},
		statement{check: checkSweptKeys, text: failUnless("COUNT(*) = 0", swept+" WHERE "+someNull(load.Keys))})
	statements = append(statements, sparing(load, swept)...)
	if !load.Sweep.Soft {
		return append(statements, statement{tell: tellDeleted, text: "DELETE FROM " + target + " WHERE NOT " + there}), nil
	}
	mark := table.Quote(warehouse.DeletedAtColumn)
	return append(statements,
		statement{tell: tellDeleted, text: "UPDATE " + target + " SET " + mark + " = SYSDATE WHERE " + mark + " IS NULL AND NOT " + there},
		statement{text: "UPDATE " + target + " SET " + mark + " = NULL WHERE " + mark + " IS NOT NULL AND " + there}), nil
}
