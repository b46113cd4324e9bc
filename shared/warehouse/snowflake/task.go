package snowflake

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// task is a load whose names are spelled as they are in Snowflake. What the files
// call the columns is apart.
type task struct {
	warehouse.Load
	// fields are the names of the columns in the files, in the columns' order.
	fields []string
	// swap is how the rows take the target's place, where they do so as a table;
	// nil where they are put into the target.
	swap *swap
	// cut are lengths of the target's texts that staged ones are cut to, by column:
	// COPY's TRUNCATECOLUMNS knows the staging table's alone.
	cut map[string]int64
}

// newTask spells a load's names, and refuses those that cannot be.
func newTask(load warehouse.Load) (task, error) {
	spell, err := spelling(load.Names)
	if err != nil {
		return task{}, err
	}
	t := task{Load: load, fields: names(load.Columns)}
	t.Target = table.Name{Schema: spell(load.Target.Schema), Table: spell(load.Target.Table)}
	t.Columns = slices.Clone(load.Columns)
	for i := range t.Columns {
		t.Columns[i].Name = spell(t.Columns[i].Name)
	}
	t.Keys, t.Absent = spelled(spell, load.Keys), spelled(spell, load.Absent)
	t.Newest, t.Deleted = spell(load.Newest), spell(load.Deleted)
	t.Layout.ClusterBy = spelled(spell, load.Layout.ClusterBy)
	return t, errors.Join(checkNames(t), checkAdded(t), checkPolicy(t.Changes), checkGrants(t.Grants), checkCopy(t.Load))
}

func checkPolicy(changes warehouse.SchemaChanges) error {
	switch changes {
	case "", warehouse.Evolve, warehouse.AddOnly, warehouse.Freeze:
		return nil
	}
	return fmt.Errorf("schema_changes %q: want evolve, add or freeze", changes)
}

// spelling is what becomes of a name. Letters outside of ASCII stay: a name that
// has one needs its quotes either way.
func spelling(n warehouse.Names) (func(string) string, error) {
	switch n {
	case warehouse.AsIs, "":
		return func(name string) string { return name }, nil
	case warehouse.Upper:
		return func(name string) string { return strings.Map(shift('a', 'A'), name) }, nil
	case warehouse.Lower:
		return func(name string) string { return strings.Map(shift('A', 'a'), name) }, nil
	}
	return nil, fmt.Errorf("names %q: want as_is, upper or lower", n)
}

// shift moves the letters that begin at one place to those that begin at another.
func shift(from, to rune) func(rune) rune {
	return func(r rune) rune {
		if from <= r && r < from+26 {
			return r - from + to
		}
		return r
	}
}

func spelled(spell func(string) string, names []string) []string {
	list := slices.Clone(names)
	for i := range list {
		list[i] = spell(list[i])
	}
	return list
}

// own is the spelling of a name that is Stagelift's.
func (t task) own(name string) string {
	spell, err := spelling(t.Names)
	if err != nil {
		return name
	}
	return spell(name)
}

// targetColumn is a column of the target that a load fills.
type targetColumn struct {
	name, kind string
	// comment says what it is in the source.
	comment string
	// value is what a staged row, called s, gives it.
	value string
}

// targetColumns are the load's, and those that it adds.
func (t task) targetColumns() ([]targetColumn, error) {
	var list []targetColumn
	for i := range t.Columns {
		column, err := t.targetColumn(i)
		if err != nil {
			return nil, err
		}
		list = append(list, column)
	}
	return append(list, t.added()...), nil
}

func (t task) targetColumn(i int) (targetColumn, error) {
	image, err := table.ImageOf(t.Columns[i])
	if err != nil {
		return targetColumn{}, err
	}
	name := t.Columns[i].Name
	column := targetColumn{name, image.Snowflake, sourceType(t.Columns[i]), "s." + table.Quote(name)}
	length, cuts := t.cut[name]
	switch {
	case cuts:
		column.value = fmt.Sprintf("LEFT(%s, %d)", column.value, length)
	case image.Snowflake != "VARIANT":
	case stagedType(t.Format.Name, image) != "VARIANT":
		// The last of repeated names counts, as it does in PostgreSQL's jsonb.
		column.value = "PARSE_JSON(" + column.value + ", 'd')"
	case t.forgiving(): // COPY has not made NULL of it
		column.value = "IFF(IS_NULL_VALUE(" + column.value + "), NULL, " + column.value + ")"
	}
	return column, nil
}

// The comments of columns that a load adds.
const (
	runComment      = "run that read the row"
	loadedAtComment = "when the row was loaded"
	markComment     = "when the source was found without the row"
)

// added are the columns that say which load a row came by.
func (t task) added() []targetColumn {
	var list []targetColumn
	if t.AddRun {
		run := "NULL"
		if t.Run != "" {
			run = quote(string(t.Run))
		}
		list = append(list, targetColumn{t.own(warehouse.RunColumn), "VARCHAR(32)", runComment, run})
	}
	if t.AddLoadedAt {
		list = append(list, targetColumn{t.own(warehouse.LoadedAtColumn), "TIMESTAMP_TZ(6)", loadedAtComment, "CURRENT_TIMESTAMP()"})
	}
	return list
}

// checkAdded refuses a column of the source that has the name of an added one.
func checkAdded(t task) error {
	var problems []error
	added := t.added()
	if t.Sweep != nil && t.Sweep.Soft {
		added = append(added, t.mark())
	}
	for _, column := range added {
		if slices.Contains(names(t.Columns), column.name) {
			problems = append(problems, fmt.Errorf("the load adds column %s, but the source has one of that name; leave one of the two out", table.Quote(column.name)))
		}
	}
	return errors.Join(problems...)
}

// mark is the column that says since when the source has not had a row.
func (t task) mark() targetColumn {
	return targetColumn{t.own(warehouse.DeletedAtColumn), "TIMESTAMP_TZ(6)", markComment, "NULL"}
}

// named lists the names of columns, each quoted.
func named(columns []targetColumn) string {
	list := make([]string, len(columns))
	for i, column := range columns {
		list[i] = table.Quote(column.name)
	}
	return strings.Join(list, ", ")
}

func values(columns []targetColumn) string {
	list := make([]string, len(columns))
	for i, column := range columns {
		list[i] = column.value
	}
	return strings.Join(list, ", ")
}
