// Package tabletest gives tests the type table as docs/types.md shows it, so
// that those which must leave no type out have one list. The tests of package
// table hold that list to the code, both ways.
package tabletest

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stagelift/stagelift/shared/table"
)

// Row is a line of the table.
type Row struct {
	// Column is of the line's type, named after it as the document spells it.
	Column table.Column
	// Cells are the line's, the type among them.
	Cells []string
}

// first is the cell with the type, in backticks, and the column's kind in
// parentheses where it has one.
var first = regexp.MustCompile("^`([^`]+)`(?: \\((enum|composite|range|multirange)\\))?$")

// cells is how many a line of the table has.
const cells = 7

// Rows reads the table of the document at path, in its order.
func Rows(t testing.TB, path string) []Row {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var rows []Row
	for line := range strings.Lines(string(text)) {
		row := Row{Cells: strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")}
		for i := range row.Cells {
			row.Cells[i] = strings.TrimSpace(row.Cells[i])
		}
		m := first.FindStringSubmatch(row.Cells[0])
		if m == nil || len(row.Cells) != cells {
			continue
		}
		row.Column = table.Column{Name: m[1], Type: m[1], Kind: m[2]}
		rows = append(rows, row)
	}
	if len(rows) < 40 {
		t.Fatalf("%s has %d rows that read as rows of the type table", path, len(rows))
	}
	return rows
}

// Columns are one of every type, all nullable.
func Columns(t testing.TB, path string) []table.Column {
	t.Helper()
	rows := Rows(t, path)
	columns := make([]table.Column, len(rows))
	for i, row := range rows {
		columns[i] = row.Column
		columns[i].Nullable = true
	}
	return columns
}
