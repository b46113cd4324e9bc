package snowflake

import (
	"slices"
	"strings"

	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// merge puts each staged row in the place of the one with its keys. MERGE would
// insert two new rows with the same keys, and rows whose keys are NULL each time
// anew, so both are looked for first.
func (tx *transaction) merge(c Config, t task, columns []targetColumn) {
	staging := stagingTable(c, t.Load)
	tx.add(none(checkKeys, staging+" WHERE "+someNull(t.Keys)))
	if t.Newest == "" {
		keys := identifiers(t.Keys)
		tx.add(none(checkDuplicates, "(SELECT "+keys+" FROM "+staging+" GROUP BY "+keys+" HAVING COUNT(*) > 1) AS d"))
	}
	tx.told(mergeStatement(c, t, columns), &tx.tell.Updated, &tx.tell.Deleted)
	there := "(SELECT 1 FROM " + t.Target.SQL() + " AS t WHERE " + sameKeys(t, columns) + ")"
	tx.add(none(checkMissing, newest(c, t.Load)+" WHERE "+alive(t.Load, "NOT EXISTS "+there)))
	if t.Deleted != "" {
		tx.add(none(checkRemoved, newest(c, t.Load)+" WHERE s."+table.Quote(t.Deleted)+" AND EXISTS "+there))
	}
}

func someNull(keys []string) string {
	list := make([]string, len(keys))
	for i, key := range keys {
		list[i] = table.Quote(key) + " IS NULL"
	}
	return strings.Join(list, " OR ")
}

// mergeStatement is the MERGE itself. Columns of the target that are not staged
// keep their values.
func mergeStatement(c Config, t task, columns []targetColumn) string {
	parts := []string{"MERGE INTO " + t.Target.SQL() + " AS t USING " + newest(c, t.Load) + " ON " + sameKeys(t, columns)}
	if t.Deleted != "" {
		parts = append(parts, "WHEN MATCHED AND s."+table.Quote(t.Deleted)+" THEN DELETE")
	}
	var set []string
	for _, column := range columns {
		if !slices.Contains(t.Keys, column.name) {
			set = append(set, table.Quote(column.name)+" = "+column.value)
		}
	}
	if len(set) > 0 {
		parts = append(parts, "WHEN MATCHED THEN UPDATE SET "+strings.Join(set, ", "))
	}
	when := "WHEN NOT MATCHED"
	if t.Deleted != "" {
		when += " AND " + alive(t.Load, "")
	}
	return strings.Join(append(parts, when+" THEN INSERT ("+named(columns)+") VALUES ("+values(columns)+")"), " ")
}

// newest is the staged rows, of those with equal keys the one with the largest
// cursor; a cursor that is NULL is the smallest.
func newest(c Config, load warehouse.Load) string {
	columns := identifiers(names(load.Columns))
	if load.Newest == "" {
		return "(SELECT " + columns + " FROM " + stagingTable(c, load) + ") AS s"
	}
	return "(SELECT " + columns + " FROM (SELECT " + columns + ", ROW_NUMBER() OVER (PARTITION BY " + identifiers(load.Keys) +
		" ORDER BY " + table.Quote(load.Newest) + " DESC NULLS LAST) AS stagelift_rank FROM " + stagingTable(c, load) +
		") AS r WHERE stagelift_rank = 1) AS s"
}

func sameKeys(t task, columns []targetColumn) string {
	var list []string
	for _, key := range t.Keys {
		at := slices.IndexFunc(columns, func(c targetColumn) bool { return c.name == key })
		list = append(list, "t."+table.Quote(key)+" = "+columns[at].value)
	}
	return strings.Join(list, " AND ")
}

// alive holds for staged rows that are not marked as deleted, and the rest of
// the condition if there is one. A mark that is NULL is none.
func alive(load warehouse.Load, rest string) string {
	var list []string
	if load.Deleted != "" {
		list = append(list, "NOT COALESCE(s."+table.Quote(load.Deleted)+", FALSE)")
	}
	if rest != "" {
		list = append(list, rest)
	}
	return strings.Join(list, " AND ")
}
