package postgres

import (
	"errors"
	"fmt"
	"slices"

	"github.com/stagelift/stagelift/shared/fault"
	"github.com/stagelift/stagelift/shared/table"
)

// Selection says which tables are read, and what of them.
type Selection struct {
	// Include and Exclude are patterns of tables. A wildcard selects tables and
	// partitioned tables; views, materialised views, foreign tables and single
	// partitions must be named.
	Include, Exclude []table.Pattern
	// Columns choose columns of single tables; of all others every column is
	// read.
	Columns map[table.Name]Columns
	// Only tells of which tables the rows of the tables that inherit from them
	// are left out; nil is of none.
	Only func(table.Name) bool
}

// Columns choose columns of a table by their names. The table's order stays.
type Columns struct {
	// Only are the columns to read; none is all of them.
	Only []string
	// Except are left out of those.
	Except []string
}

// of returns the columns that are chosen of all.
func (c Columns) of(all []table.Column) ([]table.Column, error) {
	names := make([]string, len(all))
	for i, column := range all {
		names[i] = column.Name
	}
	var unknown []string
	for _, name := range slices.Concat(c.Only, c.Except) {
		if !slices.Contains(names, name) {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) > 0 {
		return nil, fmt.Errorf("it has no column %s; its columns are %s", quoteAll(unknown), quoteAll(names))
	}
	kept := slices.DeleteFunc(slices.Clone(all), func(column table.Column) bool {
		return len(c.Only) > 0 && !slices.Contains(c.Only, column.Name) || slices.Contains(c.Except, column.Name)
	})
	if len(kept) == 0 && len(all) > 0 {
		return nil, errors.New("no column of it is left to read")
	}
	return kept, nil
}

// Refusal is a table, or a pattern, that is not read, and why.
type Refusal struct {
	// Name is the table as it prints, or the pattern.
	Name string
	Err  *fault.Error
}

// Table is a table as it will be read.
type Table struct {
	Name table.Name
	// OID is the relation's own, which it keeps through all renames.
	OID uint32
	// Columns are in the table's order, dropped ones left out, and those that
	// the selection leaves out; empty when the table has none.
	Columns []table.Column
	// LeftOut are the names of those that the selection leaves out, in their order.
	LeftOut []string
	// Named is true when a pattern without wildcards named the table.
	Named bool
	// PrimaryKey lists column names in key order; nil without a key that holds
	// over all rows. Columns need not hold all of them.
	PrimaryKey []string
	// Repeats are the columns whose values repeat so that a dictionary pays, as
	// far as the server's statistics tell us.
	Repeats []string
	// Relations hold the rows: the table itself, its partitions, the tables that
	// inherit from it; at least one.
	Relations []Relation
	// Apart are tables that inherit from this one and whose rows are not in it.
	Apart []table.Name

	kind     string
	standing []standing
	// lock is the statement that locks all that standing names.
	lock []string
	// numbers are those of the columns, by name.
	numbers map[string]int16
}

// Relation holds rows of a table.
type Relation struct {
	OID  uint32
	Name table.Name
	// File is the relation's file in the database, which changes when the
	// relation is rewritten; 0 where there is none.
	File uint32
	// Blocks is the number of heap blocks, Bytes all that the relation takes up,
	// with what is stored apart from its rows.
	Blocks, Bytes int64
	// Rows is the planner's estimate; -1 when it was never analysed.
	Rows int64
	// ByBlock is true where rows have a ctid and a range of it can be read by
	// its blocks alone. All other relations are read whole.
	ByBlock bool

	from reading
}

// reading is how a relation stands in a statement.
type reading struct {
	descend bool // ONLY is not for views and foreign tables
	guarded bool // we may read its tableoid
	hasCTID bool // we may read its ctid
	// alias is the name that a filter knows it by; empty is its own.
	alias string
	// virtual are the expressions of columns that the table defines otherwise
	// than the relation itself.
	virtual map[string]string
	columns []string // of the table; only with virtual
}

// Blocks is the number of heap blocks of all relations of the table.
func (t *Table) Blocks() (n int64) {
	for _, r := range t.Relations {
		n += r.Blocks
	}
	return n
}

// Bytes is what all relations of the table take up.
func (t *Table) Bytes() (n int64) {
	for _, r := range t.Relations {
		n += r.Bytes
	}
	return n
}

// Rows is the planner's estimate for the table; -1 when a relation was never
// analysed.
func (t *Table) Rows() (n int64) {
	for _, r := range t.Relations {
		if r.Rows < 0 {
			return -1
		}
		n += r.Rows
	}
	return n
}

// Foreign tells whether rows of the table may be another server's.
func (t *Table) Foreign() bool {
	return slices.ContainsFunc(t.standing, func(s standing) bool { return s.Kind == "f" })
}

// Relation returns the relation with that OID; nil when there is none.
func (t *Table) Relation(oid uint32) *Relation {
	for i := range t.Relations {
		if t.Relations[i].OID == oid {
			return &t.Relations[i]
		}
	}
	return nil
}

// ColumnNumber is the number that the catalogue knows a column by, which it keeps
// through all renames; 0 without such a column.
func (t *Table) ColumnNumber(name string) int16 { return t.numbers[name] }

// BlockSize is the size of a heap block in bytes. RDS offers no other.
const BlockSize = 8192
