package postgres

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/stagelift/stagelift/shared/table"
)

// Selection says which tables are read, and what of them.
type Selection struct {
	// Include and Exclude are patterns of tables. A wildcard selects tables and
	// partitioned tables; views, materialised views, foreign tables and single
	// partitions must be named.
	Include, Exclude []table.Pattern
	// Columns choose columns of single tables; of all others every column is
	// read. A table in it must be selected.
	Columns map[table.Name]Columns
}

// Columns choose columns of a table by their names. The table's order stays.
type Columns struct {
	// Only are the columns to read; none is all of them.
	Only []string
	// Except are left out of those.
	Except []string
}

// Table is a table as it will be read.
type Table struct {
	Name table.Name
	// Columns are in the table's order, dropped ones left out, and those that
	// the selection leaves out; empty when the table has none.
	Columns []table.Column
	// Named is true when a pattern without wildcards named the table.
	Named bool
	// PrimaryKey lists column names in key order; nil without a key. Columns
	// need not hold all of them.
	PrimaryKey []string
	// Repeats are the columns whose values repeat so that a dictionary pays, as
	// far as the server's statistics tell us.
	Repeats []string
	// Blocks is the number of heap blocks, over all partitions.
	Blocks int64
	// Rows is the planner's estimate; -1 when it was never analysed.
	Rows int64

	leaves []leaf
}

// leaf is a relation that holds rows of a table.
type leaf struct {
	name    table.Name
	file    uint32 // see Span
	blocks  int64
	byBlock bool // it has a heap, and the server scans ctid ranges by block
	descend bool // ONLY is not for views and foreign tables
}

// Tables selects tables and describes them, in the order of their names. It
// fails on a pattern that selects nothing and on a table that cannot be read
// whole, naming each of them. SELECT on the chosen columns suffices.
func (s *Snapshot) Tables(ctx context.Context, selection Selection) ([]Table, error) {
	tables, err := s.selectTables(ctx, selection)
	if err != nil {
		return nil, fmt.Errorf("selecting tables of database %q: %w", s.source.config.Database, err)
	}
	return tables, nil
}

func (s *Snapshot) selectTables(ctx context.Context, selection Selection) ([]Table, error) {
	all, err := s.relations(ctx)
	if err != nil {
		return nil, err
	}
	chosen, err := choose(all, selection.Include, selection.Exclude)
	if err := errors.Join(err, unselected(chosen, selection.Columns)); err != nil {
		return nil, err
	}
	family, err := s.withPartitions(ctx, all, chosen)
	if err != nil {
		return nil, err
	}
	columns, err := s.columns(ctx, chosen)
	if err != nil {
		return nil, err
	}
	if err := selection.narrow(chosen, columns); err != nil {
		return nil, err
	}
	readable, err := s.accesses(ctx, family.members)
	if err != nil {
		return nil, err
	}
	if err := refuse(family.demands(chosen, columns, selection), readable, s.source.config.User); err != nil {
		return nil, err
	}
	if err := s.lock(ctx, family.members); err != nil {
		return nil, err
	}
	return s.describe(ctx, chosen, family, columns)
}

// unselected reports tables whose columns were chosen, but not they.
func unselected(chosen []relation, columns map[table.Name]Columns) error {
	var problems []error
	for _, name := range slices.SortedFunc(maps.Keys(columns), table.Name.Compare) {
		if !slices.ContainsFunc(chosen, func(r relation) bool { return r.Name == name }) {
			problems = append(problems, fmt.Errorf("columns of table %s are chosen, but the table is not selected", name))
		}
	}
	return errors.Join(problems...)
}

// narrow leaves the chosen columns in columns.
func (q Selection) narrow(chosen []relation, columns map[uint32][]table.Column) error {
	var problems []error
	for _, r := range chosen {
		kept, err := q.Columns[r.Name].of(columns[r.OID])
		if err != nil {
			problems = append(problems, fmt.Errorf("table %s: %w", r.Name, err))
		}
		columns[r.OID] = kept
	}
	return errors.Join(problems...)
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
