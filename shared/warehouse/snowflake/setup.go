package snowflake

import (
	"errors"
	"fmt"
	"strings"

	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// preparation is what has to be done before a load can be.
type preparation struct {
	// statements create and change tables. DDL commits on Snowflake, so each of
	// them stands alone, is safe to repeat, and loses nothing when no load follows.
	// The ledger comes last: it tells that the rest is there.
	statements []string
	// schemas are those of tables that are to be created.
	schemas []string
	// wishes are statements that may fail without harm.
	wishes []string
	// changes are what differs of the target's columns.
	changes []warehouse.Change
	// anew are columns that a new table in the target's place has with other types.
	anew []targetColumn
}

// setUpFor says what a load misses.
func setUpFor(c Config, t task, found existing) (preparation, error) {
	var s preparation
	if t.Abandon != "" { // nothing is done to the target
		found.target = nil
	} else if found.target == nil {
		columns, err := t.definitions()
		if err != nil {
			return preparation{}, err
		}
		cluster, err := clusterBy(t)
		if err != nil {
			return preparation{}, err
		}
		s.schemas, s.wishes = append(s.schemas, t.Target.Schema), t.grants()
		s.statements = append(s.statements, "CREATE TABLE IF NOT EXISTS "+t.Target.SQL()+" ("+columns+")"+cluster)
	} else if err := s.alter(t, found.target); err != nil {
		return preparation{}, err
	} else if t.Swap && t.Mode == warehouse.Replace || len(s.anew) > 0 {
		s.wishes = append(s.wishes, t.grants()...) // the new table takes them over
	}
	if !found.ledger {
		s.schemas = append(s.schemas, c.LedgerSchema)
		s.statements = append(s.statements, createLedger(ledger(c, t.Load)))
	}
	if !found.history {
		s.statements = append(s.statements, createHistory(c))
	}
	return s, nil
}

// lockRow puts the row there that loads of the target lock, as entry number 0. A
// second one, by two who did not see each other, does no harm: both are locked.
func lockRow(c Config, load warehouse.Load) string {
	book := ledger(c, load).SQL()
	return "INSERT INTO " + book + " (sequence, load_id, source, run, mode, state, row_count, loaded_at) " +
		"SELECT 0, '', '', '', 'lock', 'lock', 0, CURRENT_TIMESTAMP() FROM " +
		"(SELECT COUNT(*) AS locks FROM " + book + " WHERE load_id = '') AS l WHERE l.locks = 0"
}

// definitions list the target's columns with their types, and with what they are
// in the source as a comment. NOT NULL is not carried over: a source may drop it
// later, and the next load must not fail.
func (t task) definitions() (string, error) {
	columns, err := t.targetColumns()
	if err != nil {
		return "", err
	}
	if t.Sweep != nil && t.Sweep.Soft {
		columns = append(columns, t.mark())
	}
	list := make([]string, len(columns))
	for i, column := range columns {
		list[i] = table.Quote(column.name) + " " + column.kind + " COMMENT " + quote(column.comment)
	}
	return strings.Join(list, ", "), nil
}

func sourceType(c table.Column) string {
	if c.Source != "" {
		return c.Source
	}
	return c.Type
}

func clusterBy(t task) (string, error) {
	keys := t.Layout.ClusterBy
	if len(keys) == 0 {
		return "", nil
	}
	if err := known(t.Load, keys); err != nil {
		return "", fmt.Errorf("clustering: %w", err)
	}
	return " CLUSTER BY (" + identifiers(keys) + ")", nil
}

// known checks that the load has the columns.
func known(load warehouse.Load, columns []string) error {
	there := map[string]bool{}
	for _, column := range load.Columns {
		there[column.Name] = true
	}
	var problems []error
	for _, column := range columns {
		if !there[column] {
			problems = append(problems, fmt.Errorf("there is no column %s among those staged", table.Quote(column)))
		}
	}
	return errors.Join(problems...)
}
