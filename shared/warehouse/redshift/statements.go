package redshift

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// check says what a statement that fails has found out.
type check int

const (
	checkNothing check = iota
	checkLedger        // the load is in the ledger
	checkSource        // the target is fed from another table
	checkCount         // COPY brought another number of rows
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

// identifierBytes is the longest identifier of Redshift
// (Redshift guide, "Names and identifiers").
const identifierBytes = 127

// ledger names the ledger of a load's target. Names that Redshift takes for one,
// because it folds case, have one ledger. A name that would be too long is cut
// and told apart by a digest.
func ledger(c Config, load warehouse.Load) table.Name {
	target := table.Name{Schema: strings.ToLower(load.Target.Schema), Table: strings.ToLower(load.Target.Table)}
	name := strings.ReplaceAll(target.String(), `\`, "%5C")
	if len(name) > identifierBytes {
		sum := sha256.Sum256([]byte(name))
		const digest = 16
		name = strings.ToValidUTF8(name[:identifierBytes-digest-1], "") + "." + hex.EncodeToString(sum[:])[:digest]
	}
	return table.Name{Schema: c.LedgerSchema, Table: name}
}

// ledgerExists selects a row when the ledger is there.
func ledgerExists(c Config, load warehouse.Load) string {
	name := ledger(c, load)
	return "SELECT table_name FROM svv_tables WHERE table_schema = " + quote(strings.ToLower(name.Schema)) +
		" AND table_name = " + quote(name.Table)
}

// ledgerEntry selects the row count of the load.
func ledgerEntry(c Config, load warehouse.Load) string {
	return "SELECT row_count FROM " + ledger(c, load).SQL() + " WHERE load_id = " + quote(load.ID)
}

// otherSource selects the sources that other loads of the target came from.
func otherSource(c Config, load warehouse.Load) string {
	return "SELECT source FROM " + ledger(c, load).SQL() + " WHERE source <> " + quote(load.Source.String())
}

// setupStatements create what a load needs and are safe to repeat. The ledger
// comes last: it tells that the rest is there.
func setupStatements(c Config, load warehouse.Load) ([]string, error) {
	columns, err := definitions(load.Columns)
	if err != nil {
		return nil, fmt.Errorf("creating table %s: %w", load.Target, err)
	}
	return []string{
		"CREATE SCHEMA IF NOT EXISTS " + table.Quote(load.Target.Schema),
		"CREATE TABLE IF NOT EXISTS " + load.Target.SQL() + " (" + columns + ")",
		"CREATE SCHEMA IF NOT EXISTS " + table.Quote(c.LedgerSchema),
		"CREATE TABLE IF NOT EXISTS " + ledger(c, load).SQL() + ` (load_id VARCHAR(64) NOT NULL, ` +
			`source VARCHAR(512) NOT NULL, run VARCHAR(32) NOT NULL, row_count BIGINT NOT NULL, ` +
			`loaded_at TIMESTAMP NOT NULL DEFAULT SYSDATE)`,
	}, nil
}

// loadStatements are the transaction of an append.
func loadStatements(c Config, load warehouse.Load) ([]statement, error) {
	book := ledger(c, load).SQL()
	statements := []statement{
		{text: "LOCK TABLE " + book},
		{check: checkLedger, text: failUnless("COUNT(*) = 0", book+" WHERE load_id = "+quote(load.ID))},
		{check: checkSource, text: failUnless("COUNT(*) = 0", book+" WHERE source <> "+quote(load.Source.String()))},
	}
	if load.Rows > 0 {
		apply, err := copyAndAppend(c, load)
		if err != nil {
			return nil, err
		}
		statements = append(statements, apply...)
	}
	return append(statements, statement{text: fmt.Sprintf(
		"INSERT INTO %s (load_id, source, run, row_count) VALUES (%s, %s, %s, %d)",
		book, quote(load.ID), quote(load.Source.String()), quote(string(load.Run)), load.Rows)}), nil
}

func copyAndAppend(c Config, load warehouse.Load) ([]statement, error) {
	columns, err := definitions(load.Columns)
	if err != nil {
		return nil, fmt.Errorf("staging for %s: %w", load.Target, err)
	}
	copying, err := copyStatement(c, load)
	if err != nil {
		return nil, err
	}
	names := columnNames(load.Columns)
	staging := stagingTable(load)
	return []statement{
		{text: "CREATE TEMP TABLE " + staging + " (" + columns + ")"},
		{text: copying},
		{check: checkCount, text: failUnless(fmt.Sprintf("COUNT(*) = %d", load.Rows), staging)},
		{text: "INSERT INTO " + load.Target.SQL() + " (" + names + ") SELECT " + names + " FROM " + staging},
		{text: "DROP TABLE " + staging},
	}, nil
}

// failUnless divides by zero unless the condition holds.
func failUnless(condition, from string) string {
	return "SELECT 1 / CASE WHEN " + condition + " THEN 1 ELSE 0 END FROM " + from
}

// stagingTable is private to the session; the load's id keeps it from meeting
// a table of the user's.
func stagingTable(load warehouse.Load) string {
	return table.Quote("stagelift_" + load.ID[:min(16, len(load.ID))])
}

// copyStatement loads the staging table. NULL AS is left out when the files
// use \N, which is COPY's default: a backslash has no literal that every
// setting reads the same.
func copyStatement(c Config, load warehouse.Load) (string, error) {
	if load.Format.Name != "csv" || load.Format.Null != `\N` {
		return "", fmt.Errorf("loading %s: format %s with NULL as %q is not known here", load.Target, load.Format.Name, load.Format.Null)
	}
	parts := []string{
		"COPY " + stagingTable(load) + " (" + columnNames(load.Columns) + ")",
		"FROM " + quote(load.Manifest),
		"IAM_ROLE " + quote(c.CopyRole),
		"FORMAT AS CSV",
		"DELIMITER AS " + quote(load.Format.Delimiter),
	}
	switch load.Format.Compression {
	case "none":
	case "gzip":
		parts = append(parts, "GZIP")
	default:
		return "", fmt.Errorf("loading %s: compression %q is not known here", load.Target, load.Format.Compression)
	}
	if load.Format.Header {
		parts = append(parts, "IGNOREHEADER AS 1")
	}
	parts = append(parts, "DATEFORMAT AS 'auto'", "TIMEFORMAT AS 'auto'", "COMPUPDATE OFF", "STATUPDATE OFF",
		"MANIFEST", "REGION AS "+quote(c.Region))
	return strings.Join(parts, " "), nil
}

// definitions lists the columns with their Redshift types. NOT NULL is not
// carried over: a source may drop it later, and the next load must not fail.
func definitions(columns []table.Column) (string, error) {
	list := make([]string, len(columns))
	for i, column := range columns {
		image, err := table.ImageOf(column)
		if err != nil {
			return "", err
		}
		list[i] = table.Quote(column.Name) + " " + image.Redshift
	}
	return strings.Join(list, ", "), nil
}

func columnNames(columns []table.Column) string {
	list := make([]string, len(columns))
	for i, column := range columns {
		list[i] = table.Quote(column.Name)
	}
	return strings.Join(list, ", ")
}

// quote returns a string literal. Whether a backslash escapes in one depends on
// settings, so it is written as %5C; of all that we quote only the name of a
// table can hold one, and there it need only be the same every time.
func quote(s string) string {
	return "'" + strings.NewReplacer(`'`, `''`, `\`, `%5C`).Replace(s) + "'"
}
