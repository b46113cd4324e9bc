package snowflake

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// transaction is the request that carries a load out.
type transaction struct {
	statements []string
	// copies are the numbers of the COPY statements among them.
	copies []int
}

func (t *transaction) add(statements ...string) { t.statements = append(t.statements, statements...) }

// requestLimit is the longest text of a request (Snowflake reference, "Query
// size limits").
const requestLimit = 1_000_000

// text puts each statement on a line of its own, as the query history shows it.
func (t *transaction) text() string { return strings.Join(t.statements, ";\n") }

// plan says in full what a load will do, on the condition that the ledger's last
// entry is number last; or every reason why it cannot be done.
func plan(c Config, load warehouse.Load, last int64) (transaction, error) {
	if err := errors.Join(checkNames(load), checkMode(load), checkParts(load)); err != nil {
		return transaction{}, err
	}
	var t transaction
	t.add("ALTER SESSION SET TRANSACTION_ABORT_ON_ERROR = TRUE",
		fmt.Sprintf("ALTER SESSION SET LOCK_TIMEOUT = %d", int64(max(c.LockWait, time.Second)/time.Second)))
	if len(load.Parts) > 0 {
		columns, err := definitions(load.Columns, false)
		if err != nil {
			return transaction{}, err
		}
		t.add("CREATE TEMPORARY TABLE " + stagingTable(c, load) + " (" + columns + ")")
	}
	book := ledger(c, load).SQL()
	t.add("BEGIN TRANSACTION",
		"UPDATE "+book+" SET loaded_at = CURRENT_TIMESTAMP() WHERE load_id = ''",
		ensure(checkLock, "COUNT(*) > 0", book+" WHERE load_id = ''"),
		unchanged(c, load, last))
	if err := t.apply(c, load); err != nil {
		return transaction{}, err
	}
	t.add(enter(c, load), "COMMIT")
	if size := len(t.text()); size > requestLimit {
		return transaction{}, fmt.Errorf("the %d parts and %d columns make a request of %d bytes, Snowflake takes %d; stage fewer, larger parts",
			len(load.Parts), len(load.Columns), size, requestLimit)
	}
	return t, nil
}

// apply copies the parts and puts their rows into the target.
func (t *transaction) apply(c Config, load warehouse.Load) error {
	if len(load.Parts) == 0 {
		if load.Mode == warehouse.Replace {
			t.add("DELETE FROM "+load.Target.SQL(), none(checkTarget, load.Target.SQL()))
		}
		return nil
	}
	copies, err := copyStatements(c, load)
	if err != nil {
		return err
	}
	for _, statement := range copies {
		t.copies = append(t.copies, len(t.statements))
		t.add(statement)
	}
	staging := stagingTable(c, load)
	if load.Rows >= 0 {
		t.add(ensure(checkRows, fmt.Sprintf("COUNT(*) = %d", load.Rows), staging))
	}
	switch load.Mode {
	case warehouse.Append:
		t.add(appendStatements(c, load)...)
	case warehouse.Replace:
		t.add("DELETE FROM "+load.Target.SQL(), insert(c, load),
			ensure(checkTarget, "COUNT(*) = (SELECT COUNT(*) FROM "+staging+")", load.Target.SQL()))
	case warehouse.Merge:
		t.add(mergeStatements(c, load)...)
	}
	return nil
}

// appendStatements note in the lock row how many rows the target has: it is
// ours alone until the end of the transaction.
func appendStatements(c Config, load warehouse.Load) []string {
	book, target, staging := ledger(c, load).SQL(), load.Target.SQL(), stagingTable(c, load)
	return []string{
		"UPDATE " + book + " SET row_count = (SELECT COUNT(*) FROM " + target + ") WHERE load_id = ''",
		insert(c, load),
		ensure(checkTarget, "COUNT(*) = (SELECT MAX(row_count) FROM "+book+" WHERE load_id = '') + (SELECT COUNT(*) FROM "+staging+")", target),
	}
}

func insert(c Config, load warehouse.Load) string {
	columns := identifiers(names(load.Columns))
	return "INSERT INTO " + load.Target.SQL() + " (" + columns + ") SELECT " + columns + " FROM " + stagingTable(c, load)
}

func checkMode(load warehouse.Load) error {
	switch load.Mode {
	case warehouse.Append, warehouse.Replace:
		return nil
	case warehouse.Merge:
		return checkMerge(load)
	}
	return fmt.Errorf("mode %q is not known here", load.Mode)
}

func checkMerge(load warehouse.Load) error {
	if len(load.Keys) == 0 {
		return errors.New("a merge needs keys")
	}
	columns := slices.Clone(load.Keys)
	for _, column := range []string{load.Newest, load.Deleted} {
		if column != "" {
			columns = append(columns, column)
		}
	}
	problem := known(load, columns)
	for _, column := range load.Columns {
		if image, err := table.ImageOf(column); column.Name == load.Deleted && (err != nil || image.Snowflake != "BOOLEAN") {
			problem = errors.Join(problem, fmt.Errorf("column %s says what is deleted, but is %s, not boolean",
				table.Quote(column.Name), sourceType(column)))
		}
	}
	return problem
}

func checkParts(load warehouse.Load) error {
	switch {
	case load.ID == "":
		return errors.New("the load has no id")
	case len(load.Columns) == 0:
		return errors.New("the load has no columns")
	case len(load.Parts) == 0 && load.Rows > 0:
		return fmt.Errorf("%d rows are staged, but no parts", load.Rows)
	}
	return nil
}
