package snowflake

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/warehouse"
)

var historyKinds = map[warehouse.HistoryKind]string{warehouse.Integer: "NUMBER(19,0)", warehouse.Double: "FLOAT"}

// historyTable has a name in lower case, as the targets have. Its columns, as those
// of a ledger, need no quotes.
func historyTable(c Config) table.Name {
	return table.Name{Schema: c.LedgerSchema, Table: warehouse.HistoryTable}
}

func createHistory(c Config) string {
	list := []string{"at TIMESTAMP_TZ(6)"}
	for _, column := range warehouse.HistoryColumns {
		kind := historyKinds[column.Kind]
		if column.Kind == warehouse.Text {
			kind = fmt.Sprintf("VARCHAR(%d)", column.Length)
		}
		list = append(list, column.Name+" "+kind)
	}
	return "CREATE TABLE IF NOT EXISTS " + historyTable(c).SQL() + " (" + strings.Join(list, ", ") + ")"
}

// note adds a record. Rows is where the warehouse counts them, or empty.
func note(c Config, r warehouse.Record, rows string) string {
	names, list := []string{"at"}, []string{"CURRENT_TIMESTAMP()"}
	for i, value := range r.Values() {
		name := warehouse.HistoryColumns[i].Name
		var text string
		switch value := value.(type) {
		case string:
			text = quote(value)
		case float64:
			text = strconv.FormatFloat(value, 'f', 3, 64)
		default:
			text = fmt.Sprint(value)
		}
		if name == "rows_in" && rows != "" {
			text = rows
		}
		names, list = append(names, name), append(list, text)
	}
	return "INSERT INTO " + historyTable(c).SQL() + " (" + strings.Join(names, ", ") + ") SELECT " + strings.Join(list, ", ")
}

// Record submits the row and does not wait for it. Where there is no history yet
// nothing was loaded either.
func (w *Warehouse) Record(ctx context.Context, r warehouse.Record) error {
	if _, err := w.api.run(ctx, w.statement(note(w.config, r, ""))); err != nil {
		return fmt.Errorf("recording how the load of %s ended: %w", r.Load.Target, err)
	}
	return nil
}
