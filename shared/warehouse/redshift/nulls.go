package redshift

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// nullsStatement counts the values of each column that COPY has read from JSON of
// which nobody has said what is in it. A member that is missing is NULL, and one
// that is spelled otherwise is missing ("COPY from JSON format"): a whole column of
// NULLs arrives with the right count. It is empty for all other loads.
func nullsStatement(load warehouse.Load) string {
	if load.Format.Name != "jsonl" || load.Rows >= 0 || load.Manifest == "" {
		return ""
	}
	counts := make([]string, len(load.Columns))
	for i, column := range load.Columns {
		counts[i] = "COUNT(" + table.Quote(column.Name) + ")"
	}
	return "SELECT COUNT(*), " + strings.Join(counts, ", ") + " FROM " + temporary(load, "")
}

// nulls warns of columns without a value. What cannot be read any more is no reason
// to doubt the load.
func (w *Warehouse) nulls(ctx context.Context, load warehouse.Load, ended description) []string {
	statement := nullsStatement(load)
	for _, sub := range ended.subs {
		if statement == "" || aws.ToString(sub.QueryString) != statement {
			continue
		}
		rows, err := w.rows(ctx, aws.ToString(sub.Id))
		if err != nil || len(rows) != 1 || len(rows[0]) != len(load.Columns)+1 || rows[0][0] == "0" {
			return nil
		}
		var list []string
		for i, column := range load.Columns {
			if rows[0][i+1] == "0" {
				list = append(list, fmt.Sprintf("column %s is NULL in every row of the files; if they spell it otherwise, spell it so in the route's columns", table.Quote(column.Name)))
			}
		}
		return list
	}
	return nil
}
