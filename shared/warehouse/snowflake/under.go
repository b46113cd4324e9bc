package snowflake

import (
	"fmt"
	"strings"

	"github.com/stagelift/stagelift/shared/table"
)

// above are the tasks of the loads that a task goes under.
func (t task) above() ([]task, error) {
	var list []task
	for _, load := range t.Under {
		load.Copy, load.BadRows, load.Sweep = nil, nil, nil
		newer, err := newTask(load)
		if err != nil {
			return nil, err
		}
		if len(newer.Parts) > 0 {
			list = append(list, newer)
		}
	}
	return list, nil
}

// createAbove makes the tables for the rows of newer loads.
func (tx *transaction) createAbove(c Config, t task) error {
	newer, err := t.above()
	if err != nil {
		return err
	}
	for _, n := range newer {
		staging, err := createStaging(n, stagingTable(c, n.Load))
		if err != nil {
			return err
		}
		tx.add(staging)
	}
	return nil
}

// copyAbove reads the rows of newer loads once more.
func (tx *transaction) copyAbove(c Config, t task) error {
	newer, err := t.above()
	if err != nil {
		return err
	}
	for _, n := range newer {
		copies, err := copyInto(c, n, stagingTable(c, n.Load))
		if err != nil {
			return fmt.Errorf("run %s, which is newer: %w", n.Run, err)
		}
		tx.add(copies...)
		if n.Rows >= 0 {
			tx.add(ensure(checkRows, fmt.Sprintf("COUNT(*) = %d", n.Rows), stagingTable(c, n.Load)))
		}
	}
	return nil
}

// goUnder takes those rows out of the staging table whose keys newer loads have
// brought.
func (tx *transaction) goUnder(c Config, t task) error {
	newer, err := t.above()
	if err != nil {
		return err
	}
	staging := stagingTable(c, t.Load)
	same := make([]string, len(t.Keys))
	for i, key := range t.Keys {
		same[i] = "s." + table.Quote(key) + " = " + table.Quote(stagingName(t.Load)) + "." + table.Quote(key)
	}
	for _, n := range newer {
		tx.add("DELETE FROM " + staging + " WHERE EXISTS (SELECT 1 FROM " + stagingTable(c, n.Load) + " AS s WHERE " + strings.Join(same, " AND ") + ")")
	}
	return nil
}

// spare adds the keys of newer loads to those of a sweep.
func (tx *transaction) spare(c Config, t task) error {
	newer, err := t.above()
	if err != nil {
		return err
	}
	for _, n := range newer {
		tx.add("INSERT INTO " + sweepTable(c, t.Load) + " (" + identifiers(t.Keys) + ") SELECT " + identifiers(t.Keys) + " FROM " + stagingTable(c, n.Load))
	}
	return nil
}
