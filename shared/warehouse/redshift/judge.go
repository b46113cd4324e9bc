package redshift

import (
	"fmt"

	"github.com/stagelift/stagelift/shared/warehouse"
)

// errorStatement selects what COPY found wrong, by the query's number. The
// text of values is left out: it may be anybody's data.
func errorStatement(query int64) string {
	return fmt.Sprintf("SELECT file_name, line_number, column_name, error_code, error_message FROM sys_load_error_detail"+
		" WHERE query_id = %d ORDER BY file_name, line_number LIMIT 20", query)
}

func readErrors(rows [][]string) []warehouse.RowError {
	var list []warehouse.RowError
	for _, row := range rows {
		if len(row) == 5 {
			list = append(list, warehouse.RowError{
				File: row[0], Line: number(row[1]), Column: row[2], Code: row[3], Message: row[4],
			})
		}
	}
	return list
}
