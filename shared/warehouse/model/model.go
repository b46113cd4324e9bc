// Package model is a table that moves, the runs that read it, and a target that
// loads them as warehouse.Judge says: the reference that the judgement is held to.
//
// A history is drawn by its seed. A source changes; runs read it whole, by windows,
// by a filter, with fewer columns, with the keys of the whole table; their loads are
// delivered in any order, twice, late, and fail and come again. What is held is
// mended as its error says: read once more, begun anew, or given up.
//
// Then three things must be true:
//
//   - The target is what the loads that landed give when they are done in the order
//     of their runs.
//   - A row of a run that was not given up is in the target as it was read, unless
//     the source has changed or removed it since, or a newer run has replaced the
//     table.
//   - Nothing is there twice.
package model

import (
	"fmt"
	"maps"
	"slices"

	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// Row is a row of the source or the target. A and B are values that tell which
// change of the source made them; 0 is NULL. Cursor is when the source changed it.
type Row struct {
	Key, A, B, Cursor int
}

// Receipt is what one run read, and how it is to be loaded.
type Receipt struct {
	Load warehouse.Load
	Rows []Row
	// Keys are those of the whole source; nil without a sweep.
	Keys []int
	// At is when the run read.
	At int
	// Parity is the filter: rows whose key leaves this remainder by two; negative
	// is none.
	Parity int
}

// RunAt names the run of a moment.
func RunAt(at int) stage.RunID {
	return stage.RunID(fmt.Sprintf("20261121T%06dZ-7f3a91c2", at))
}

// Name is the table that is read and loaded.
var Name = table.Name{Schema: "public", Table: "t"}

// Columns are those of a row, all or without b.
func Columns(b bool) []table.Column {
	list := []table.Column{{Name: "id", Type: "bigint"}, {Name: "a", Type: "bigint", Nullable: true}, {Name: "c", Type: "bigint", Nullable: true}}
	if b {
		list = append(list, table.Column{Name: "b", Type: "bigint", Nullable: true})
	}
	return list
}

// HasB reports whether the receipt has column b.
func (r Receipt) HasB() bool { return len(r.Load.Absent) == 0 }

// Target is what a warehouse holds.
type Target []Row

// Apply does what a load's transaction does. Spared are keys that newer runs have
// brought.
func (t Target) Apply(r Receipt, spared map[int]bool) Target {
	rows := slices.DeleteFunc(slices.Clone(r.Rows), func(row Row) bool { return spared[row.Key] })
	if !r.HasB() {
		for i := range rows {
			rows[i].B = 0
		}
	}
	switch r.Load.Mode {
	case warehouse.Append:
		return append(slices.Clone(t), rows...)
	case warehouse.Replace:
		return rows
	case warehouse.Merge:
	}
	next := slices.Clone(t)
	for _, row := range rows {
		next = next.put(row, r.HasB())
	}
	if r.Keys != nil {
		next = slices.DeleteFunc(next, func(row Row) bool { return !slices.Contains(r.Keys, row.Key) && !spared[row.Key] })
	}
	return next
}

// put merges a row. A column that was not read stays as it is.
func (t Target) put(row Row, b bool) Target {
	for i := range t {
		if t[i].Key != row.Key {
			continue
		}
		if !b {
			row.B = t[i].B
		}
		t[i] = row
		return t
	}
	return append(t, row)
}

// Sorted is the target in an order of its own.
func (t Target) Sorted() Target {
	list := slices.Clone(t)
	slices.SortFunc(list, func(x, y Row) int {
		return slices.Compare([]int{x.Key, x.Cursor, x.A, x.B}, []int{y.Key, y.Cursor, y.A, y.B})
	})
	return list
}

// InOrder is the target that receipts give in the order of their runs.
func InOrder(landed []Receipt) Target {
	list := slices.Clone(landed)
	slices.SortFunc(list, func(x, y Receipt) int { return x.At - y.At })
	var t Target
	for _, r := range list {
		t = t.Apply(r, nil)
	}
	return t
}

// Broken says what of the laws does not hold of a target: nothing when all do.
// Landed and skipped are the loads that ended so, source is what the table is now.
func Broken(target Target, landed, skipped []Receipt, source map[int]Row) error {
	if want := InOrder(landed).Sorted(); !slices.Equal(target.Sorted(), want) {
		return fmt.Errorf("the target holds %v, in the order of the runs it is %v", target.Sorted(), want)
	}
	replaced, byWord := -1, false
	for _, r := range landed {
		if r.Load.Mode == warehouse.Replace {
			replaced = max(replaced, r.At)
		}
		byWord = byWord || r.Load.Mode == warehouse.Append && r.Load.Window == nil
	}
	for _, r := range slices.Concat(landed, skipped) {
		if r.At < replaced {
			continue
		}
		for _, row := range r.Rows {
			if err := missing(target, r, row, source); err != nil {
				return err
			}
		}
	}
	seen := map[Row]bool{}
	for _, row := range target {
		if seen[row] && !byWord {
			return fmt.Errorf("row %+v is there twice", row)
		}
		seen[row] = true
	}
	return nil
}

// missing reports a row that was read, is so still, and is not in the target so.
func missing(target Target, r Receipt, row Row, source map[int]Row) error {
	now, there := source[row.Key]
	if !there || now.Cursor != row.Cursor {
		return nil
	}
	for _, got := range target {
		if got.Key == row.Key && got.A == row.A && got.Cursor == row.Cursor && (got.B == row.B || !r.HasB()) {
			return nil
		}
	}
	return fmt.Errorf("row %+v of run %s (%s) is not in the target", row, r.Load.Run, r.Load.Mode)
}

// keysOf are the keys that loads have brought.
func keysOf(receipts []Receipt) map[int]bool {
	keys := map[int]bool{}
	for _, r := range receipts {
		for _, row := range r.Rows {
			keys[row.Key] = true
		}
	}
	return keys
}

func sortedKeys(source map[int]Row) []int { return slices.Sorted(maps.Keys(source)) }
