package snowflake

import (
	"slices"
	"strings"

	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// mergeStatements put each staged row in the place of the one with its keys.
// MERGE would insert two new rows with the same keys, and rows whose keys are
// NULL each time anew, so both are looked for first.
func mergeStatements(c Config, load warehouse.Load) []string {
	staging := stagingTable(c, load)
	missing := make([]string, len(load.Keys))
	for i, key := range load.Keys {
		missing[i] = table.Quote(key) + " IS NULL"
	}
	list := []string{none(checkKeys, staging+" WHERE "+strings.Join(missing, " OR "))}
	if load.Newest == "" {
		keys := identifiers(load.Keys)
		list = append(list, none(checkDuplicates,
			"(SELECT "+keys+" FROM "+staging+" GROUP BY "+keys+" HAVING COUNT(*) > 1) AS d"))
	}
	list = append(list, merge(c, load))
	there := "(SELECT 1 FROM " + load.Target.SQL() + " AS t WHERE " + sameKeys(load) + ")"
	list = append(list, none(checkMissing, newest(c, load)+" WHERE "+alive(load, "NOT EXISTS "+there)))
	if load.Deleted != "" {
		list = append(list, none(checkRemoved, newest(c, load)+" WHERE s."+table.Quote(load.Deleted)+" AND EXISTS "+there))
	}
	return list
}

// merge is the MERGE itself. Columns of the target that are not staged keep
// their values.
func merge(c Config, load warehouse.Load) string {
	parts := []string{"MERGE INTO " + load.Target.SQL() + " AS t USING " + newest(c, load) + " ON " + sameKeys(load)}
	if load.Deleted != "" {
		parts = append(parts, "WHEN MATCHED AND s."+table.Quote(load.Deleted)+" THEN DELETE")
	}
	var set, values []string
	for _, column := range load.Columns {
		name := table.Quote(column.Name)
		values = append(values, "s."+name)
		if !slices.Contains(load.Keys, column.Name) {
			set = append(set, name+" = s."+name)
		}
	}
	if len(set) > 0 {
		parts = append(parts, "WHEN MATCHED THEN UPDATE SET "+strings.Join(set, ", "))
	}
	when := "WHEN NOT MATCHED"
	if load.Deleted != "" {
		when += " AND " + alive(load, "")
	}
	return strings.Join(append(parts, when+" THEN INSERT ("+identifiers(names(load.Columns))+") VALUES ("+strings.Join(values, ", ")+")"), " ")
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

func sameKeys(load warehouse.Load) string {
	list := make([]string, len(load.Keys))
	for i, key := range load.Keys {
		list[i] = "t." + table.Quote(key) + " = s." + table.Quote(key)
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
