package redshift

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/warehouse"
)

var historyKinds = map[warehouse.HistoryKind]string{warehouse.Integer: "BIGINT", warehouse.Double: "DOUBLE PRECISION"}

func historyTable(c Config) table.Name {
	return table.Name{Schema: c.LedgerSchema, Table: warehouse.HistoryTable}
}

func createHistory(c Config) string {
	list := []string{"at TIMESTAMP DEFAULT SYSDATE"}
	for _, column := range warehouse.HistoryColumns {
		kind := historyKinds[column.Kind]
		if column.Kind == warehouse.Text {
			kind = fmt.Sprintf("VARCHAR(%d)", column.Length)
		}
		list = append(list, column.Name+" "+kind)
	}
	return "CREATE TABLE IF NOT EXISTS " + historyTable(c).SQL() + " (" + strings.Join(list, ", ") + ")"
}

// note adds a record. Rows and from are those of enter, where the rows are counted
// by the warehouse; else rows is empty.
func note(c Config, r warehouse.Record, rows, from string) string {
	names, values := make([]string, len(warehouse.HistoryColumns)), r.Values()
	list := make([]string, len(values))
	for i, column := range warehouse.HistoryColumns {
		names[i] = column.Name
		switch value := values[i].(type) {
		case string:
			list[i] = quote(value)
		case float64:
			list[i] = strconv.FormatFloat(value, 'f', 3, 64)
		default:
			list[i] = fmt.Sprint(value)
		}
		if column.Name == "rows_in" && rows != "" {
			list[i] = rows
		}
	}
	return "INSERT INTO " + historyTable(c).SQL() + " (" + strings.Join(names, ", ") + ") SELECT " + strings.Join(list, ", ") + from
}

// Record submits the row and does not wait for it. Where there is no history yet
// nothing was loaded either.
func (w *Warehouse) Record(ctx context.Context, r warehouse.Record) error {
	if _, err := w.submit(ctx, note(w.config, r, "", "")); err != nil {
		return fmt.Errorf("recording how the load of %s ended: %w", r.Load.Target, err)
	}
	return nil
}
