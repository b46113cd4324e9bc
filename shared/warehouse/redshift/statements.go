package redshift

import (
	"fmt"

	"github.com/stagelift/stagelift/shared/warehouse"
)

// check says what a statement that fails has found out.
type check int

const (
	checkNothing   check = iota
	checkLedger          // the ledger is not the one that was judged
	checkCopy            // COPY could not take a row
	checkCount           // COPY brought another number of rows
	checkKeys            // the keys of the staged rows are not fit to merge by
	checkTarget          // the target gained another number of rows
	checkFit             // a text is too long for a column of the target
	checkSwept           // COPY brought another number of a sweep's keys
	checkSweptKeys       // a sweep's key is NULL
)

// tell says what the number of rows that a statement changed is.
type tell int

const (
	tellNothing tell = iota
	tellUpdated
	tellDeleted
)

// statement is one of a transaction.
type statement struct {
	text  string
	check check
	tell  tell
}

func texts(statements []statement) []string {
	list := make([]string, len(statements))
	for i, s := range statements {
		list[i] = s.text
	}
	return list
}

// checkSizes holds the limits of the Data API.
func checkSizes(statements []statement) error {
	for i, s := range statements {
		if len(s.text) > maxStatementBytes {
			return fmt.Errorf("statement %d of the load has %d bytes, and the Data API takes %d: the table has too many columns", i+1, len(s.text), maxStatementBytes)
		}
	}
	return nil
}

// loadStatements are the transaction of a load that is entered into the ledger as
// the entry says, on the condition that the last one has the number before it. What
// they say of the table that a swap replaces comes after all checks.
func loadStatements(c Config, load warehouse.Load, entry warehouse.Entry, k kept) ([]statement, error) {
	book := ledger(c, load)
	statements := takeTurn(book, entry)
	rows, counted, from := fmt.Sprint(load.Rows), "", ""
	if entry.State == warehouse.Loaded || entry.State == warehouse.Aside {
		apply, err := copyAndApply(c, load, k)
		if err != nil {
			return nil, err
		}
		statements = append(statements, apply...)
	}
	if load.Manifest != "" && uncounted(load) {
		counted, from = "COUNT(*)", " FROM "+temporary(load, "")
		rows = counted
	}
	record := warehouse.Planned(load, entry)
	record.Outcome.Statements = []string{batchName(c, load)}
	return append(statements, statement{text: note(c, record, counted, from)}, enter(book, entry, rows, from)), nil
}

// uncounted is true where the warehouse counts the rows that a load brings.
func uncounted(load warehouse.Load) bool { return load.Rows < 0 || forgiving(load) }

// copyAndApply are the statements between those about the ledger.
func copyAndApply(c Config, load warehouse.Load, k kept) ([]statement, error) {
	columns, err := targetColumns(load)
	if err != nil {
		return nil, err
	}
	statements, err := copying(c, load, k)
	if err != nil {
		return nil, err
	}
	switch empty := load.Manifest == ""; {
	case load.Mode == warehouse.Replace && k.swap:
		statements = append(statements, swapping(load, columns, k)...)
	case load.Mode == warehouse.Replace && empty:
		statements = append(statements,
			statement{text: "DELETE FROM " + load.Target.SQL()},
			statement{check: checkTarget, text: failUnless("COUNT(*) = 0", load.Target.SQL())})
	case load.Mode == warehouse.Replace:
		statements = append(statements, replacing(load, columns)...)
	case load.Mode == warehouse.Append && !empty:
		statements = append(statements, appending(load, columns)...)
	case load.Mode == warehouse.Merge && !empty:
		statements = append(statements, merging(load, columns)...)
	}
	if load.Sweep == nil || load.Mode != warehouse.Merge {
		return statements, nil
	}
	sweep, err := sweeping(c, load)
	return append(statements, sweep...), err
}

// copying fills the staging table and counts.
func copying(c Config, load warehouse.Load, k kept) ([]statement, error) {
	if load.Manifest == "" {
		return goingUnder(c, load)
	}
	columns, err := stagedColumns(load)
	if err != nil {
		return nil, err
	}
	if truncates(load) {
		cutTo(c, columns, k.columns)
	}
	staging := temporary(load, "")
	copies, err := copyStatement(c, load, columns, staging)
	if err != nil {
		return nil, err
	}
	statements := []statement{
		{text: "CREATE TEMP TABLE " + staging + " (" + definitions(columns, copiedOf) + ")"},
		{check: checkCopy, text: copies},
	}
	if load.Rows >= 0 {
		came := fmt.Sprintf("COUNT(*) = %d", load.Rows)
		if forgiving(load) {
			came = fmt.Sprintf("COUNT(*) BETWEEN %d AND %d", max(load.Rows-*load.BadRows, 0), load.Rows)
		}
		statements = append(statements, statement{check: checkCount, text: failUnless(came, staging)})
	}
	if nulls := nullsStatement(load); nulls != "" {
		statements = append(statements, statement{text: nulls})
	}
	under, err := goingUnder(c, load)
	return append(statements, under...), err
}
