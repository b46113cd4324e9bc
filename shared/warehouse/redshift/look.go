package redshift

import (
	"fmt"
	"slices"
	"strings"

	"github.com/stagelift/stagelift/shared/warehouse"
)

// lookStatement asks for the schemas of the target and of its ledger, and for their
// columns: a row for each of them, and one for a schema without any. Schemas are
// taken from the catalogue, since information_schema.schemata lists those alone
// that the user owns. pg_catalog is always there, and so the setting that decides
// how names are read. They are asked for in both spellings.
func lookStatement(c Config, load warehouse.Load) string {
	var schemas, tables []string
	for _, exact := range []bool{false, true} {
		c.exact = exact
		book := ledger(c, load)
		schemas = append(schemas, c.fold(load.Target.Schema), c.fold(book.Schema))
		tables = append(tables, c.fold(load.Target.Table), book.Table, warehouse.HistoryTable)
	}
	return "SELECT current_setting('enable_case_sensitive_identifier'), n.nspname, c.table_name, c.column_name, c.data_type," +
		" c.character_maximum_length, c.numeric_precision, c.numeric_scale, c.ordinal_position, c.remarks FROM pg_namespace AS n" +
		" LEFT JOIN svv_columns AS c ON c.table_schema = n.nspname AND c.table_name IN (" + literals(unique(tables)) + ")" +
		" WHERE n.nspname IN (" + literals(append(unique(schemas), "pg_catalog")) + ")"
}

// literals lists texts, quoted.
func literals(list []string) string {
	quoted := make([]string, len(list))
	for i, s := range list {
		quoted[i] = quote(s)
	}
	return strings.Join(quoted, ", ")
}

// unique leaves out what came before.
func unique(list []string) []string {
	var seen []string
	for _, s := range list {
		if !slices.Contains(seen, s) {
			seen = append(seen, s)
		}
	}
	return seen
}

// existing is a column that is there.
type existing struct {
	kind
	// position counts columns from 1, with gaps.
	position int64
	// remark is the comment on it; empty where there is none.
	remark string
}

// ours tells whether a load has made the column, by its comment.
func (e existing) ours() bool { return strings.HasPrefix(e.remark, commentOfSource) }

// found is what lookStatement answers.
type found struct {
	// exact is true where quoted names keep their case.
	exact bool
	// schemas are those that are there.
	schemas map[string]bool
	// target, ledger and history have the columns by name; nil where there is no
	// table.
	target          map[string]existing
	ledger, history map[string]kind
}

func readLook(c Config, load warehouse.Load, rows [][]string) (found, error) {
	f := found{schemas: map[string]bool{}}
	for _, row := range rows {
		if len(row) != 10 {
			return found{}, fmt.Errorf("reading the columns of %s: %d fields, want 10", load.Target, len(row))
		}
		f.exact = row[0] == "on" || row[0] == "true"
		f.schemas[row[1]] = true
	}
	c.exact = f.exact
	book := ledger(c, load)
	for _, row := range rows {
		k := kindFound(row[4], number(row[5]), number(row[6]), number(row[7]))
		switch {
		case row[2] == "":
		case row[1] == c.fold(load.Target.Schema) && row[2] == c.fold(load.Target.Table):
			f.target = put(f.target, row[3], existing{k, number(row[8]), row[9]})
		case row[1] == c.fold(book.Schema) && row[2] == book.Table:
			f.ledger = put(f.ledger, row[3], k)
		case row[1] == c.fold(book.Schema) && row[2] == warehouse.HistoryTable:
			f.history = put(f.history, row[3], k)
		}
	}
	return f, nil
}

// put adds to a map that may not be there yet.
func put[V any](m map[string]V, key string, value V) map[string]V {
	if m == nil {
		m = map[string]V{}
	}
	m[key] = value
	return m
}
