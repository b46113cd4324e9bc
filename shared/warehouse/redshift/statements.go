package redshift

import (
	"fmt"
	"strings"

	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// check says what a statement that fails has found out.
type check int

const (
	checkNothing check = iota
	checkLedger        // the ledger is not the one that was judged
	checkCopy          // COPY could not take a row
	checkCount         // COPY brought another number of rows
	checkKeys          // the keys of the staged rows are not fit to merge by
	checkTarget        // the target gained another number of rows
)

// statement is one of a transaction.
type statement struct {
	text  string
	check check
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
// the entry says, on the condition that the last one has the number before it.
func loadStatements(c Config, load warehouse.Load, entry warehouse.Entry) ([]statement, error) {
	book := ledger(c, load)
	statements := takeTurn(book, entry)
	rows, counted, from := fmt.Sprint(load.Rows), "", ""
	if load.Manifest != "" {
		apply, err := copyAndApply(c, load)
		if err != nil {
			return nil, err
		}
		statements = append(statements, apply...)
		if load.Rows < 0 {
			counted, from = "COUNT(*)", " FROM "+temporary(load, "")
			rows = counted
		}
	} else if load.Mode == warehouse.Replace && entry.State == warehouse.Loaded {
		statements = append(statements,
			statement{text: "DELETE FROM " + load.Target.SQL()},
			statement{check: checkTarget, text: failUnless("COUNT(*) = 0", load.Target.SQL())})
	}
	record := warehouse.Planned(load, entry)
	record.Outcome.Statements = []string{batchName(c, load)}
	return append(statements, statement{text: note(c, record, counted, from)}, enter(book, entry, rows, from)), nil
}

func copyAndApply(c Config, load warehouse.Load) ([]statement, error) {
	columns, err := stagedColumns(load)
	if err != nil {
		return nil, err
	}
	copying, err := copyStatement(c, load, columns)
	if err != nil {
		return nil, err
	}
	staging := temporary(load, "")
	statements := []statement{
		{text: "CREATE TEMP TABLE " + staging + " (" + definitions(columns, copiedOf) + ")"},
		{check: checkCopy, text: copying},
	}
	if load.Rows >= 0 {
		statements = append(statements, statement{check: checkCount, text: failUnless(fmt.Sprintf("COUNT(*) = %d", load.Rows), staging)})
	}
	under, err := goingUnder(c, load)
	if err != nil {
		return nil, err
	}
	statements = append(statements, under...)
	switch load.Mode {
	case warehouse.Append:
		return append(statements, appending(load, columns)...), nil
	case warehouse.Replace:
		return append(statements, replacing(load, columns)...), nil
	case warehouse.Merge:
		return append(statements, merging(load, columns)...), nil
	}
	return nil, fmt.Errorf("mode %q is not one that is loaded here: append, replace and merge are", load.Mode)
}

// insert brings rows of a table of the session's, which is as the staging table,
// into the target.
func insert(load warehouse.Load, columns []staged, from, where string) statement {
	return statement{text: "INSERT INTO " + load.Target.SQL() + " (" + columnNames(namesOf(columns)) + ") SELECT " +
		valuesOf(columns) + " FROM " + from + where}
}

// failUnless divides by zero unless the condition holds.
func failUnless(condition, from string) string {
	return "SELECT 1 / CASE WHEN " + condition + " THEN 1 ELSE 0 END FROM " + from
}

// appending remembers how many rows the target had. Under the snapshot of the
// transaction no other writer's rows come between.
func appending(load warehouse.Load, columns []staged) []statement {
	staging, before := temporary(load, ""), temporary(load, "_before")
	return []statement{
		{text: "CREATE TEMP TABLE " + before + " (n BIGINT)"},
		{text: "INSERT INTO " + before + " (n) SELECT COUNT(*) FROM " + load.Target.SQL()},
		insert(load, columns, staging, ""),
		{check: checkTarget, text: failUnless("COUNT(*) = (SELECT n FROM "+before+") + (SELECT COUNT(*) FROM "+staging+")", load.Target.SQL())},
	}
}

// replacing deletes: TRUNCATE would commit the transaction, and readers would
// see an empty table.
func replacing(load warehouse.Load, columns []staged) []statement {
	staging := temporary(load, "")
	return []statement{
		{text: "DELETE FROM " + load.Target.SQL()},
		insert(load, columns, staging, ""),
		{check: checkTarget, text: failUnless("COUNT(*) = (SELECT COUNT(*) FROM "+staging+")", load.Target.SQL())},
	}
}

// merging deletes and inserts. MERGE would say the same, but could not tell why
// it fails.
func merging(load warehouse.Load, columns []staged) []statement {
	target, rows := load.Target.SQL(), temporary(load, "")
	var statements []statement
	if load.Newest != "" {
		statements = newestOnly(load, columns)
		rows = temporary(load, "_newest")
	}
	var nulls, equal []string
	for _, key := range load.Keys {
		name := table.Quote(key)
		nulls = append(nulls, name+" IS NULL")
		equal = append(equal, target+"."+name+" = "+rows+"."+name)
	}
	keys, same := columnNames(load.Keys), strings.Join(equal, " AND ")
	kept, living := "", ""
	if load.Deleted != "" {
		kept = " WHERE COALESCE(" + table.Quote(load.Deleted) + ", FALSE) = FALSE"
		living = kept
	}
	return append(statements,
		statement{check: checkKeys, text: failUnless("COUNT(*) = 0", rows+" WHERE "+strings.Join(nulls, " OR "))},
		statement{check: checkKeys, text: failUnless("COUNT(*) = 0", "(SELECT "+keys+" FROM "+rows+" GROUP BY "+keys+" HAVING COUNT(*) > 1) AS twice")},
		statement{text: "DELETE FROM " + target + " USING " + rows + " WHERE " + same},
		insert(load, columns, rows, kept),
		statement{check: checkTarget, text: failUnless("COUNT(*) = (SELECT COUNT(*) FROM "+rows+living+")", target+", "+rows+" WHERE "+same)},
	)
}

// newestOnly keeps one row of those with equal keys.
func newestOnly(load warehouse.Load, columns []staged) []statement {
	names, keys, newest := columnNames(namesOf(columns)), columnNames(load.Keys), table.Quote(load.Newest)
	chosen := temporary(load, "_newest")
	return []statement{
		{text: "CREATE TEMP TABLE " + chosen + " (" + definitions(columns, copiedOf) + ")"},
		{text: "INSERT INTO " + chosen + " (" + names + ") SELECT " + names + " FROM (SELECT " + names +
			", ROW_NUMBER() OVER (PARTITION BY " + keys + " ORDER BY " + newest + " DESC NULLS LAST) AS stagelift_rank FROM " +
			temporary(load, "") + ") AS ranked WHERE stagelift_rank = 1"},
	}
}
