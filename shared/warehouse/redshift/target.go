package redshift

import (
	"fmt"

	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// createStatements create what a load needs and does not find, and are safe to
// repeat. CREATE SCHEMA takes a right on the database also where the schema is
// there, so it is left out then. The ledger comes first: where the target is, the
// ledger is.
func createStatements(c Config, load warehouse.Load, f found) ([]string, error) {
	var statements []string
	schema := func(name string) {
		if !f.schemas[c.fold(name)] {
			statements = append(statements, "CREATE SCHEMA IF NOT EXISTS "+table.Quote(name))
		}
	}
	if f.ledger == nil {
		schema(c.LedgerSchema)
		statements = append(statements, createHistory(c), createLedger(ledger(c, load)), lockRow(ledger(c, load)))
	}
	if f.target == nil && load.Abandon == "" {
		columns, err := requiredColumns(load)
		if err != nil {
			return nil, err
		}
		create := "CREATE TABLE IF NOT EXISTS " + load.Target.SQL() + " (" + definitions(columns, kindOf) + ")" + layout(load.Layout)
		if len(create) > maxStatementBytes {
			return nil, fmt.Errorf("CREATE TABLE has %d bytes, and the Data API takes %d: create %s yourself", len(create), maxStatementBytes, load.Target)
		}
		schema(load.Target.Schema)
		statements = append(statements, create)
	}
	return statements, nil
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

// comment keeps what the column was in the source.
func comment(load warehouse.Load, column staged) string {
	return "COMMENT ON COLUMN " + load.Target.SQL() + "." + table.Quote(column.Name) + " IS " + quote(column.comment)
}

// wishes are batches that may fail without harm: comments take ownership, and
// grants need somebody to be granted to. Comments are in one batch as far as they
// fit, each grant stands alone. own are comments that people have put on columns of
// the table that a swap replaced.
func wishes(load warehouse.Load, n notes, own map[string]string) ([][]string, error) {
	columns, err := requiredColumns(load)
	if err != nil {
		return nil, err
	}
	var comments []string
	for _, column := range columns {
		theirs := own[column.Name] + own[fold(column.Name)]
		if theirs == "" && (n.Created || n.Load != "" || n.added(column.Name)) {
			comments = append(comments, comment(load, column))
		}
	}
	comments = append(comments, putBack(load, own)...)
	var list [][]string
	for len(comments) > 0 {
		some := min(len(comments), maxStatements)
		list, comments = append(list, comments[:some]), comments[some:]
	}
	if !n.Created && n.Load == "" {
		return list, nil
	}
	for _, grant := range load.Grants {
		if n.Schema {
			list = append(list, []string{"GRANT USAGE ON SCHEMA " + table.Quote(load.Target.Schema) + " TO " + grantee(grant)})
		}
		list = append(list, []string{"GRANT SELECT ON TABLE " + load.Target.SQL() + " TO " + grantee(grant)})
	}
	return list, nil
}

func (n notes) added(column string) bool {
	for _, change := range n.Changes {
		if change.Kind == warehouse.Added && change.Column == column {
			return true
		}
	}
	return false
}

// grantee spells one of a load's grants as GRANT takes it: a user has no word before
// its name.
func grantee(grant string) string {
	g, err := warehouse.ParseGrant(grant)
	if err != nil { // it was checked when the load began
		return ""
	}
	name := table.Quote(g.Name)
	if !g.Exact {
		name = table.Quote(fold(g.Name))
	}
	if g.Kind == "USER" {
		return name
	}
	return g.Kind + " " + name
}
