package snowflake

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// alter brings the target's columns to what the load needs, as far as its policy
// goes. What a policy refuses is told with the statement that does it.
func (s *preparation) alter(t task, target map[string]existingColumn) error {
	columns, err := t.targetColumns()
	if err != nil {
		return err
	}
	if t.Sweep != nil && t.Sweep.Soft {
		columns = append(columns, t.mark())
	}
	var problems []error
	for _, column := range columns {
		change, statements := t.difference(column, target)
		switch {
		case change == nil:
			continue
		case statements == nil && t.Recreate && t.Mode == warehouse.Replace:
			change.Kind = warehouse.Recreated
			if t.Changes.Refuses(change.Kind) {
				problems = append(problems, warehouse.Refusal(t.Load, *change, "the load with schema_changes evolve"))
			}
			s.anew = append(s.anew, column)
		case statements == nil:
			problems = append(problems, t.unfit(column, *change))
		case t.Changes.Refuses(change.Kind):
			problems = append(problems, warehouse.Refusal(t.Load, *change, statements[0]))
		}
		s.changes = append(s.changes, *change)
		s.statements = append(s.statements, statements...)
	}
	s.wishes = append(s.wishes, t.returned(target)...)
	for _, change := range t.gone(target) {
		if t.Changes.Refuses(change.Kind) {
			problems = append(problems, warehouse.Refusal(t.Load, change, "ALTER TABLE "+t.Target.SQL()+" DROP COLUMN "+table.Quote(change.Column)))
		}
		s.changes = append(s.changes, change)
		s.wishes = append(s.wishes, t.remark(change.Column, target[change.Column].comment+goneMark+string(t.Run)))
	}
	s.changes = warehouse.Renames(s.changes)
	return errors.Join(problems...)
}

// difference is what the target lacks to take a column, and what mends it; nil
// where nothing does.
func (t task) difference(column targetColumn, target map[string]existingColumn) (*warehouse.Change, []string) {
	name, alter := table.Quote(column.name), "ALTER TABLE "+t.Target.SQL()
	there, found := target[column.name]
	if !found {
		return &warehouse.Change{Kind: warehouse.Added, Column: column.name, Is: column.kind}, []string{
			alter + " ADD COLUMN IF NOT EXISTS " + name + " " + column.kind,
			t.remark(column.name, column.comment),
		}
	}
	how, to := there.takes(column.kind)
	switch how {
	case widen:
		return &warehouse.Change{Kind: warehouse.Widened, Column: column.name, Was: there.String(), Is: to}, []string{
			alter + " ALTER COLUMN " + name + " SET DATA TYPE " + to,
		}
	case unfit:
		return &warehouse.Change{Kind: "unfit", Column: column.name, Was: there.String(), Is: column.kind}, nil
	case fits:
	}
	return nil, nil
}

// goneMark is in the comment of a column that was told to be gone, so that it is
// told once.
const goneMark = ", gone since run "

// gone are columns that the load has not and that Stagelift made: they have a
// comment. What a request leaves out is not gone.
func (t task) gone(target map[string]existingColumn) []warehouse.Change {
	known := append(names(t.Columns), t.Absent...)
	for _, own := range []string{warehouse.RunColumn, warehouse.LoadedAtColumn, warehouse.DeletedAtColumn} {
		known = append(known, t.own(own))
	}
	var list []warehouse.Change
	for _, name := range slices.Sorted(maps.Keys(target)) {
		if there := target[name]; there.comment != "" && !strings.Contains(there.comment, goneMark) && !slices.Contains(known, name) {
			list = append(list, warehouse.Change{Kind: warehouse.Gone, Column: name, Was: there.String()})
		}
	}
	return list
}

// returned takes the mark from columns that are back.
func (t task) returned(target map[string]existingColumn) []string {
	var list []string
	for _, column := range t.Columns {
		if comment, _, marked := strings.Cut(target[column.Name].comment, goneMark); marked {
			list = append(list, t.remark(column.Name, comment))
		}
	}
	return list
}

func (t task) remark(column, comment string) string {
	return "COMMENT ON COLUMN " + t.Target.SQL() + "." + table.Quote(column) + " IS " + quote(comment)
}

// unfit says what a person can do about a column that cannot take the staged one:
// the renamed column keeps its values, and the next load adds another.
func (t task) unfit(column targetColumn, change warehouse.Change) error {
	name := table.Quote(column.name)
	return fmt.Errorf("%w: column %s of %s is %s, staged is %s (%s); replace the table with recreate, or rename the column, and the next load adds it anew: "+
		"ALTER TABLE %s RENAME COLUMN %s TO %s; or give the table another target",
		warehouse.ErrColumn, name, t.Target, change.Was, change.Is, column.comment, t.Target.SQL(), name, table.Quote(column.name+"_before"))
}
