package snowflake

import (
	"errors"
	"fmt"
	"strings"

	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// keyTask is the load of a sweep's keys into a table of their own.
func (t task) keyTask() task {
	keys := t
	keys.Columns, keys.fields = nil, nil
	for _, key := range t.Keys {
		for i, column := range t.Columns {
			if column.Name == key {
				keys.Columns, keys.fields = append(keys.Columns, column), append(keys.fields, t.fields[i])
			}
		}
	}
	keys.Parts, keys.Rows = t.Sweep.Parts, t.Sweep.Rows
	keys.Copy, keys.BadRows = nil, nil
	return keys
}

// checkSweep refuses a sweep that would delete what it does not know of.
func checkSweep(t task) error {
	if t.Sweep == nil {
		return nil
	}
	var problems []error
	switch {
	case t.Mode != warehouse.Merge || len(t.Keys) == 0:
		problems = append(problems, errors.New("a sweep needs a merge with keys"))
	case t.Sweep.Filter != t.Filter:
		problems = append(problems, errors.New("the sweep lists the keys of other rows than the load's condition takes; a target has one condition for both"))
	}
	if len(t.Sweep.Parts) == 0 && t.Sweep.Rows > 0 {
		problems = append(problems, fmt.Errorf("%d keys are staged, but no parts", t.Sweep.Rows))
	}
	return errors.Join(problems...)
}

// sweepTable holds the keys for as long as the request lasts.
func sweepTable(c Config, load warehouse.Load) string {
	return table.Name{Schema: c.LedgerSchema, Table: "stagelift_" + load.ID[:min(16, len(load.ID))] + "_keys"}.SQL()
}

// sweep deletes or marks the rows of the target whose keys the source has not. All
// that it says is about sets of rows.
func (tx *transaction) sweep(c Config, t task) error {
	k := t.keyTask()
	copies, err := copyInto(c, k, sweepTable(c, t.Load))
	if err != nil {
		return fmt.Errorf("the sweep's keys: %w", err)
	}
	keys := sweepTable(c, t.Load)
	tx.add(copies...)
	tx.add(ensure(checkSwept, fmt.Sprintf("COUNT(*) = %d", t.Sweep.Rows), keys), none(checkSweptKeys, keys+" WHERE "+someNull(t.Keys)))
	if err := tx.spare(c, t); err != nil {
		return err
	}
	columns, err := k.targetColumns()
	if err != nil {
		return err
	}
	var same []string
	for i, key := range t.Keys {
		same = append(same, columns[i].value+" = "+t.Target.SQL()+"."+table.Quote(key))
	}
	there := "EXISTS (SELECT 1 FROM " + keys + " AS s WHERE " + strings.Join(same, " AND ") + ")"
	if !t.Sweep.Soft {
		tx.told("DELETE FROM "+t.Target.SQL()+" WHERE NOT "+there, &tx.tell.Deleted)
		return nil
	}
	mark := table.Quote(t.mark().name)
	tx.told("UPDATE "+t.Target.SQL()+" SET "+mark+" = CURRENT_TIMESTAMP() WHERE "+mark+" IS NULL AND NOT "+there, &tx.tell.Marked)
	tx.add("UPDATE " + t.Target.SQL() + " SET " + mark + " = NULL WHERE " + mark + " IS NOT NULL AND " + there)
	return nil
}
