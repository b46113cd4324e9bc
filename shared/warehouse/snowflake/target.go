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
	// columns are those of the ledger, in capitals.
	columns map[string]bool
	history bool
}

// existingColumn is a column as INFORMATION_SCHEMA.COLUMNS has it. Numbers are
// -1 where they do not apply.
type existingColumn struct {
	kind                                 string
	length, precision, scale, fractional int64
	comment                              string
}

// seen is what lookStatement calls its first column. The answer calls it in
// capitals where the account takes quoted names for them.
const seen = "seen"

// lookStatement selects the columns of the target, of its ledger and of the history.
func lookStatement(c Config, load warehouse.Load) string {
	book := ledger(c, load)
	return "SELECT table_schema AS " + table.Quote(seen) + ", table_name, column_name, data_type, character_maximum_length, " +
		"numeric_precision, numeric_scale, datetime_precision, comment FROM information_schema.columns WHERE " +
		"(table_schema = " + quote(load.Target.Schema) + " AND table_name = " + quote(load.Target.Table) + ") OR " +
		"(table_schema = " + quote(book.Schema) + " AND table_name IN (" + quote(book.Table) + ", " + quote(warehouse.HistoryTable) + "))"
}

// parseExisting reads the rows of lookStatement.
func parseExisting(c Config, load warehouse.Load, rows [][]*string) (existing, error) {
	found := existing{}
	for _, row := range rows {
		if len(row) != 9 || row[0] == nil || row[1] == nil || row[2] == nil || row[3] == nil {
			return existing{}, errors.New("reading columns: a row of INFORMATION_SCHEMA.COLUMNS is not as documented")
		}
		name := table.Name{Schema: *row[0], Table: *row[1]}
		switch name {
		case historyTable(c):
			found.history = true
		case ledger(c, load):
			found.note(*row[2])
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
		if row[8] != nil {
			column.comment = *row[8]
		}
		if found.target == nil {
			found.target = map[string]existingColumn{}
		}
		found.target[*row[2]] = column
	}
	return found, nil
}

// note remembers a column of the ledger.
func (e *existing) note(column string) {
	e.ledger = true
	if e.columns == nil {
		e.columns = map[string]bool{}
	}
	e.columns[strings.ToUpper(column)] = true
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

// maxPrecision is how many digits a NUMBER has at most.
const maxPrecision = 38

// takes tells how the column fits values of a type, as table.Image has it, and
// where it is to be widened to what. A text without a limit and bytes fit any
// column of theirs: COPY and INSERT refuse what is too long and do not cut it,
// while to change a column takes its ownership, and the length of a BINARY cannot
// be changed at all ("ALTER TABLE … ALTER COLUMN"). The scale of a NUMBER stays.
func (e existingColumn) takes(want string) (fit, string) {
	kind, list, _ := strings.Cut(strings.TrimSuffix(want, ")"), "(")
	var sizes [2]int64
	for i, size := range strings.SplitN(list, ",", 2) {
		sizes[i], _ = strconv.ParseInt(size, 10, 64) // 0 where there is none
	}
	switch {
	case kind == "VARCHAR" && e.kind == "TEXT":
		if e.length >= sizes[0] || want == anyText && !e.limited() {
			return fits, ""
		}
		return widen, want
	case kind != e.kind:
		return unfit, ""
	case kind == "NUMBER":
		return e.takesNumber(sizes[0], sizes[1])
	case strings.HasPrefix(kind, "TIME") && e.fractional >= 0 && e.fractional < sizes[0]:
		return unfit, ""
	}
	return fits, ""
}

func (e existingColumn) takesNumber(precision, scale int64) (fit, string) {
	digits := max(precision-scale, e.precision-e.scale) + e.scale
	switch {
	case e.scale < scale || digits > maxPrecision:
		return unfit, ""
	case digits > e.precision:
		return widen, fmt.Sprintf("NUMBER(%d,%d)", digits, e.scale)
	}
	return fits, ""
}

// limited tells whether the source had a limit on the text when the column was
// made: then it is Stagelift's, and so is its limit.
func (e existingColumn) limited() bool {
	return e.comment == fmt.Sprintf("character varying(%d)", e.length) || e.comment == fmt.Sprintf("character(%d)", e.length)
}
