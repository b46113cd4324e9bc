package snowflake

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// existing is what is there of a load's tables.
type existing struct {
	// target are the target's columns by name; nil when there is no target.
	target map[string]existingColumn
	ledger bool
}

// existingColumn is a column as INFORMATION_SCHEMA.COLUMNS has it. Numbers are
// -1 where they do not apply.
type existingColumn struct {
	kind                                 string
	length, precision, scale, fractional int64
}

// lookStatement selects the columns of the target and of its ledger.
func lookStatement(c Config, load warehouse.Load) string {
	book := ledger(c, load)
	return "SELECT table_schema, table_name, column_name, data_type, character_maximum_length, " +
		"numeric_precision, numeric_scale, datetime_precision FROM information_schema.columns WHERE " +
		"(table_schema = " + quote(load.Target.Schema) + " AND table_name = " + quote(load.Target.Table) + ") OR " +
		"(table_schema = " + quote(book.Schema) + " AND table_name = " + quote(book.Table) + ")"
}

// parseExisting reads the rows of lookStatement.
func parseExisting(c Config, load warehouse.Load, rows [][]*string) (existing, error) {
	found := existing{}
	for _, row := range rows {
		if len(row) != 8 || row[0] == nil || row[1] == nil || row[2] == nil || row[3] == nil {
			return existing{}, errors.New("reading columns: a row of INFORMATION_SCHEMA.COLUMNS is not as documented")
		}
		name := table.Name{Schema: *row[0], Table: *row[1]}
		if name == ledger(c, load) {
			found.ledger = true
		}
		if name != load.Target {
			continue
		}
		column := existingColumn{kind: *row[3]}
		for i, to := range []*int64{&column.length, &column.precision, &column.scale, &column.fractional} {
			*to = -1
			if row[4+i] == nil {
				continue
			}
			var err error
			if *to, err = strconv.ParseInt(*row[4+i], 10, 64); err != nil {
				return existing{}, fmt.Errorf("reading column %s of %s: %w", table.Quote(*row[2]), name, err)
			}
		}
		if found.target == nil {
			found.target = map[string]existingColumn{}
		}
		found.target[*row[2]] = column
	}
	return found, nil
}

// String spells the type as CREATE TABLE takes it.
func (e existingColumn) String() string {
	switch {
	case e.kind == "TEXT":
		return fmt.Sprintf("VARCHAR(%d)", e.length)
	case e.kind == "NUMBER":
		return fmt.Sprintf("NUMBER(%d,%d)", e.precision, e.scale)
	case e.fractional >= 0 && e.kind != "DATE":
		return fmt.Sprintf("%s(%d)", e.kind, e.fractional)
	}
	return e.kind
}

// fit says what has to happen to a column before it takes a type.
type fit int

const (
	fits fit = iota
	widen
	unfit
)

// takes tells how the column fits values of a type, as table.Image has it.
func (e existingColumn) takes(want string) fit {
	kind, list, _ := strings.Cut(strings.TrimSuffix(want, ")"), "(")
	var sizes [2]int64
	for i, size := range strings.SplitN(list, ",", 2) {
		sizes[i], _ = strconv.ParseInt(size, 10, 64) // 0 where there is none
	}
	switch {
	case kind == "VARCHAR" && e.kind == "TEXT":
		if e.length >= sizes[0] {
			return fits
		}
		return widen
	case kind != e.kind:
		return unfit
	case kind == "NUMBER" && (e.scale < sizes[1] || e.precision-e.scale < sizes[0]-sizes[1]):
		return unfit
	case strings.HasPrefix(kind, "TIME") && e.fractional >= 0 && e.fractional < sizes[0]:
		return unfit
	case kind == "BINARY" && e.length >= 0 && e.length < sizes[0]:
		return unfit
	}
	return fits
}
