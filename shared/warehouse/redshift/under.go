package redshift

import (
	"fmt"
	"strings"

	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// goingUnder reads the rows of newer loads once more, and takes those out of the
// staging table that have their keys.
func goingUnder(c Config, load warehouse.Load) ([]statement, error) {
	var list []statement
	for _, newer := range load.Under {
		if newer.Manifest == "" {
			continue
		}
		columns, err := stagedColumns(newer)
		if err != nil {
			return nil, fmt.Errorf("run %s, which is newer: %w", newer.Run, err)
		}
		rows, staging := temporary(newer, ""), temporary(load, "")
		copying, err := copyStatement(c, newer, columns, rows)
		if err != nil {
			return nil, fmt.Errorf("run %s, which is newer: %w", newer.Run, err)
		}
		same := make([]string, len(load.Keys))
		for i, key := range load.Keys {
			same[i] = staging + "." + table.Quote(key) + " = " + rows + "." + table.Quote(key)
		}
		list = append(list,
			statement{text: "CREATE TEMP TABLE " + rows + " (" + definitions(columns, copiedOf) + ")"},
			statement{check: checkCopy, text: copying})
		if newer.Rows >= 0 {
			list = append(list, statement{text: failUnless(fmt.Sprintf("COUNT(*) = %d", newer.Rows), rows)})
		}
		if load.Manifest != "" {
			list = append(list, statement{text: "DELETE FROM " + staging + " USING " + rows + " WHERE " + strings.Join(same, " AND ")})
		}
	}
	return list, nil
}

// sparing adds the keys of newer loads to those of a sweep.
func sparing(load warehouse.Load, swept string) []statement {
	var list []statement
	for _, newer := range load.Under {
		if newer.Manifest != "" {
			keys := columnNames(load.Keys)
			list = append(list, statement{text: "INSERT INTO " + swept + " (" + keys + ") SELECT " + keys + " FROM " + temporary(newer, "")})
		}
	}
	return list
}
