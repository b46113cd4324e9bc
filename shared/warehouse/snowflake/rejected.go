package snowflake

import (
	"context"
	"errors"
	"fmt"

	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// rejectedLimit is how many bad rows are told one by one.
const rejectedLimit = 1000

// forgiving is true where COPY goes on after a bad row. What it rejected is asked
// of VALIDATE, which knows no COPY that transforms: JSON Lines and Parquet are
// matched by the columns' names then.
func (t task) forgiving() bool { return t.BadRows != nil }

// rejectedTable holds what COPY rejected for as long as the request lasts. It has
// no values.
func rejectedTable(c Config, load warehouse.Load) string {
	return table.Name{Schema: c.LedgerSchema, Table: "stagelift_" + load.ID[:min(16, len(load.ID))] + "_rejected"}.SQL()
}

// rejectedRows counts rows: one may have several errors.
const rejectedRows = "COUNT(DISTINCT file || ':' || record)"

func createRejected(c Config, load warehouse.Load) string {
	return "CREATE TEMPORARY TABLE " + rejectedTable(c, load) + " (reason VARCHAR, file VARCHAR, line NUMBER(19,0), field VARCHAR, code VARCHAR, record NUMBER(19,0))"
}

// keepRejected notes what the COPY before it rejected.
func keepRejected(c Config, load warehouse.Load) string {
	return "INSERT INTO " + rejectedTable(c, load) + " (reason, file, line, field, code, record) SELECT v.error, v.file, v.line, v.column_name, " +
		"TO_VARCHAR(v.code), v.row_number FROM TABLE(VALIDATE(" + stagingTable(c, load) + ", JOB_ID => '_last')) AS v"
}

func tellRejected(c Config, load warehouse.Load) string {
	return fmt.Sprintf("SELECT reason, file, line, field, code FROM %s ORDER BY file, line LIMIT %d", rejectedTable(c, load), rejectedLimit)
}

// copies fills the staging table, and the one of what was rejected.
func (tx *transaction) copies(c Config, t task) error {
	statements, err := copyStatements(c, t)
	if err != nil {
		return err
	}
	staging, brought := stagingTable(c, t.Load), "COUNT(*)"
	for _, statement := range statements {
		tx.told(statement, &tx.tell.Copies)
		if t.forgiving() {
			tx.add(keepRejected(c, t.Load))
		}
	}
	if t.forgiving() {
		rejected := rejectedTable(c, t.Load)
		tx.add(ensure(checkRejected, fmt.Sprintf("%s <= %d", rejectedRows, *t.BadRows), rejected))
		tx.told(tellRejected(c, t.Load), &tx.tell.Rejected)
		brought += " + (SELECT " + rejectedRows + " FROM " + rejected + ")"
	}
	if t.Rows >= 0 {
		tx.add(ensure(checkRows, fmt.Sprintf("%s = %d", brought, t.Rows), staging))
	}
	return nil
}

// rejected reads what a load's COPY statements rejected.
func (w *Warehouse) rejected(ctx context.Context, t task, handle string) ([]warehouse.RowError, error) {
	a, err := w.api.status(ctx, handle)
	if err != nil {
		return nil, err
	}
	rows, err := w.api.rows(ctx, a)
	if err != nil {
		return nil, err
	}
	list := make([]warehouse.RowError, 0, len(rows))
	for _, row := range rows {
		if len(row) != 5 {
			return nil, errors.New("the list of rejected rows has not the columns that it should")
		}
		var text [5]string
		for i, value := range row {
			if value != nil {
				text[i] = *value
			}
		}
		line, err := number(row[2])
		if err != nil {
			return nil, err
		}
		list = append(list, warehouse.RowError{
			File: fileURL(t.Load, text[1]), Line: line, Column: columnName(text[3]), Code: text[4], Message: withoutValues(text[0]),
		})
	}
	return list, nil
}

// diagnose reads the files once more, into nothing that stays, to tell which rows
// are bad: those that were found are gone with the transaction that refused them.
func (w *Warehouse) diagnose(ctx context.Context, t task) ([]warehouse.RowError, error) {
	staging, err := createStaging(t, stagingTable(w.config, t.Load))
	if err != nil {
		return nil, err
	}
	copies, err := copyStatements(w.config, t)
	if err != nil {
		return nil, err
	}
	statements := []string{staging, createRejected(w.config, t.Load)}
	for _, statement := range copies {
		statements = append(statements, statement, keepRejected(w.config, t.Load))
	}
	handles, err := w.together(ctx, append(statements, tellRejected(w.config, t.Load)))
	if err != nil {
		return nil, err
	}
	return w.rejected(ctx, t, handles[len(handles)-1])
}
