package redshift

import (
	"errors"
	"fmt"
	"strings"

	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// lookStatement asks for the columns of the target, of its ledger and of the
// history. A table that is not there has none.
func lookStatement(c Config, load warehouse.Load) string {
	book := ledger(c, load)
	return "SELECT table_schema, table_name, column_name, data_type, character_maximum_length, numeric_precision, numeric_scale" +
		" FROM svv_columns WHERE table_schema = " + quote(fold(load.Target.Schema)) + " AND table_name = " + quote(fold(load.Target.Table)) +
		" OR table_schema = " + quote(fold(book.Schema)) + " AND table_name IN (" + quote(book.Table) + ", " + quote(warehouse.HistoryTable) + ")"
}

// found are the columns that lookStatement answers, by name.
type found struct {
	target, ledger, history map[string]kind
}

func readLook(load warehouse.Load, rows [][]string) (found, error) {
	f := found{map[string]kind{}, map[string]kind{}, map[string]kind{}}
	for _, row := range rows {
		if len(row) != 7 {
			return found{}, fmt.Errorf("reading the columns of %s: %d fields, want 7", load.Target, len(row))
		}
		to := f.ledger
		if row[1] == warehouse.HistoryTable {
			to = f.history
		}
		if row[0] == fold(load.Target.Schema) && row[1] == fold(load.Target.Table) {
			to = f.target
		}
		to[row[2]] = kindFound(row[3], number(row[4]), number(row[5]), number(row[6]))
	}
	return f, nil
}

// createStatements create what a load needs and are safe to repeat. The ledger
// comes first: where the target is, the ledger is.
func createStatements(c Config, load warehouse.Load) ([]string, error) {
	columns, err := stagedColumns(load)
	if err != nil {
		return nil, err
	}
	create := "CREATE TABLE IF NOT EXISTS " + load.Target.SQL() + " (" + definitions(columns, kindOf) + ")" + layout(load.Layout)
	if len(create) > maxStatementBytes {
		return nil, fmt.Errorf("CREATE TABLE has %d bytes, and the Data API takes %d: create %s yourself", len(create), maxStatementBytes, load.Target)
	}
	statements := []string{
		"CREATE SCHEMA IF NOT EXISTS " + table.Quote(c.LedgerSchema),
		createHistory(c),
		createLedger(ledger(c, load)),
		lockRow(ledger(c, load)),
		"CREATE SCHEMA IF NOT EXISTS " + table.Quote(load.Target.Schema),
		create,
	}
	for _, column := range columns {
		statements = append(statements, comment(load, column))
	}
	return statements, nil
}

// comment keeps what the column was in the source.
func comment(load warehouse.Load, column staged) string {
	kind := column.Type
	if column.Source != "" {
		kind = column.Source
	}
	return "COMMENT ON COLUMN " + load.Target.SQL() + "." + table.Quote(column.Name) + " IS " + quote("PostgreSQL: "+kind)
}

func layout(l warehouse.TargetLayout) string {
	var text string
	if l.DistKey != "" {
		text = " DISTSTYLE KEY DISTKEY (" + table.Quote(l.DistKey) + ")"
	}
	if len(l.SortKeys) > 0 {
		text += " COMPOUND SORTKEY (" + columnNames(l.SortKeys) + ")"
	}
	return text
}

// changes are what a target needs before a load can go into it. widen are
// statements that no transaction may hold ("ALTER TABLE", Parameters).
type changes struct {
	create       bool
	alter, widen []string
}

// reconcile finds what the target lacks, or refuses what it cannot take.
func reconcile(c Config, load warehouse.Load, f found) (changes, error) {
	if len(f.target) == 0 || len(f.ledger) == 0 {
		return changes{create: true}, nil
	}
	columns, err := stagedColumns(load)
	if err != nil {
		return changes{}, err
	}
	var need changes
	if len(f.history) == 0 {
		need.alter = append(need.alter, createHistory(c))
	}
	for _, column := range ledgerColumns {
		if _, there := f.ledger[column.name]; !there {
			name, _, _ := strings.Cut(column.kind, " ")
			need.alter = append(need.alter, "ALTER TABLE "+ledger(c, load).SQL()+" ADD COLUMN "+column.name+" "+name)
		}
	}
	var problems []error
	for _, column := range columns {
		problems = append(problems, need.add(load, column, f.target))
	}
	return need, errors.Join(problems...)
}

func (n *changes) add(load warehouse.Load, column staged, target map[string]kind) error {
	have, there := target[fold(column.Name)]
	want, err := parseKind(column.kind)
	name := table.Quote(column.Name)
	switch {
	case err != nil:
		return err
	case !there:
		n.alter = append(n.alter, "ALTER TABLE "+load.Target.SQL()+" ADD COLUMN "+name+" "+column.kind, comment(load, column))
	case have.holds(want):
	case have.name == "VARCHAR" && want.name == "VARCHAR":
		n.widen = append(n.widen, "ALTER TABLE "+load.Target.SQL()+" ALTER COLUMN "+name+" TYPE "+column.kind)
	default:
		return fmt.Errorf("%w: column %s of %s is %s, and %s is staged, from %s; load into another target, or change the column",
			warehouse.ErrColumn, name, load.Target, have, want, column.Type)
	}
	return nil
}
