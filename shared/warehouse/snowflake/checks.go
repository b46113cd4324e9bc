package snowflake

import (
	"fmt"

	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// check names what a transaction makes sure of.
type check string

const (
	checkLock       check = "lock"       // nothing was there to be locked
	checkLedger     check = "ledger"     // the load is in the ledger
	checkSource     check = "source"     // the target is fed from another table
	checkNewer      check = "newer"      // a newer run is loaded
	checkHeld       check = "held"       // a run before this one is not loaded
	checkBehind     check = "behind"     // the window lies behind what is loaded
	checkRows       check = "rows"       // COPY brought another number of rows
	checkKeys       check = "keys"       // staged keys are NULL
	checkDuplicates check = "duplicates" // staged keys are there twice
	checkTarget     check = "target"     // the target gained another number of rows
	checkMissing    check = "missing"    // staged rows are not in the target
	checkRemoved    check = "removed"    // deleted rows are still in the target
)

// ensure fails unless the condition holds, and says how many rows it counted.
// The count is part of the text so that the text is not made, and refused,
// before anything was counted; and it is never NULL, as a text with a NULL in
// it would be.
func ensure(c check, condition, from string) string {
	return "SELECT CAST(CASE WHEN " + condition + " THEN '1' ELSE 'stagelift " + string(c) + " ' || COUNT(*)" +
		" END AS NUMBER(38,0)) FROM " + from
}

// none fails if there is a row.
func none(c check, from string) string { return ensure(c, "COUNT(*) = 0", from) }

// entryStatement selects what the ledger has of the load, and its lock row.
func entryStatement(c Config, load warehouse.Load) string {
	return "SELECT load_id, row_count FROM " + ledger(c, load).SQL() + " WHERE load_id IN ('', " + quote(load.ID) + ")"
}

// otherSource selects the source of a load from another table.
func otherSource(c Config, load warehouse.Load) string {
	return "SELECT MAX(source) FROM " + ledger(c, load).SQL() + otherSources(load)
}

func otherSources(load warehouse.Load) string {
	return " WHERE load_id <> '' AND source <> " + quote(load.Source.String())
}

// newestRun selects the newest run that is loaded, of those that the load must
// not be older than.
func newestRun(c Config, load warehouse.Load) string {
	return "SELECT MAX(run) FROM " + ledger(c, load).SQL() + newerRuns(load)
}

// newerRuns are the runs that this load's rows are older than: for one that
// replaces, any; for one that merges, those that replaced everything.
func newerRuns(load warehouse.Load) string {
	where := " WHERE load_id <> '' AND run > " + quote(string(load.Run))
	if load.Mode == warehouse.Merge {
		where += " AND mode = " + quote(string(warehouse.Replace))
	}
	return where
}

// lastWindow selects where the windows that were merged end.
func lastWindow(c Config, load warehouse.Load) (string, error) {
	end, err := sortable(load, "window_to")
	return "SELECT MAX(" + end + ") FROM " + ledger(c, load).SQL() + merged(load), err
}

func merged(load warehouse.Load) string {
	return " WHERE mode = " + quote(string(warehouse.Merge)) + " AND window_column = " + quote(load.Window.Column)
}

// sortable makes ends of windows comparable: numbers as such; times as they
// are printed, which sorts as they do from the year 1 to 9999.
func sortable(load warehouse.Load, expression string) (string, error) {
	t, err := table.ParseType(load.Window.Type)
	if err != nil {
		return "", err
	}
	switch t.Name {
	case "smallint", "integer", "bigint":
		return "CAST(" + expression + " AS NUMBER(38,0))", nil
	case "date", "timestamp with time zone", "timestamp without time zone":
		return expression, nil
	}
	return "", fmt.Errorf("windows over %s of type %s cannot be ordered here", table.Quote(load.Window.Column), load.Window.Type)
}

// notReplaced is the check that the target does not hold newer rows. Rows of no
// run have no age.
func notReplaced(c Config, load warehouse.Load) []string {
	if load.Run == "" || load.Mode == warehouse.Append {
		return nil
	}
	return []string{none(checkNewer, ledger(c, load).SQL()+newerRuns(load))}
}

// inOrder are the checks that a window comes in its turn.
func inOrder(c Config, load warehouse.Load) ([]string, error) {
	if load.Mode != warehouse.Merge || load.Window == nil {
		return nil, nil
	}
	book := ledger(c, load).SQL()
	var list []string
	last, err := sortable(load, "window_to")
	if err != nil {
		return nil, err
	}
	to, err := sortable(load, quote(load.Window.To))
	if err != nil {
		return nil, err
	}
	list = append(list, ensure(checkBehind, "COUNT(*) = 0 OR MAX("+last+") < "+to, book+merged(load)))
	if load.Window.From != "" {
		from, err := sortable(load, quote(load.Window.From))
		if err != nil {
			return nil, err
		}
		list = append(list, ensure(checkHeld, "MAX("+last+") >= "+from, book+merged(load)))
	}
	return list, nil
}
