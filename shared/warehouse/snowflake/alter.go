package snowflake

import (
	"errors"
	"fmt"
	"maps"
	"slices"

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
		case statements == nil:
			problems = append(problems, t.unfit(column, *change))
		case t.refuses(change.Kind):
			problems = append(problems, t.refusal(*change, statements[0]))
		}
		s.changes = append(s.changes, *change)
		s.statements = append(s.statements, statements...)
	}
	s.addGone(t, target)
	if t.Changes == warehouse.Freeze {
		for _, change := range s.changes {
			if change.Kind == "gone" {
				problems = append(problems, t.refusal(change, "ALTER TABLE "+t.Target.SQL()+" DROP COLUMN "+table.Quote(change.Column)))
			}
		}
	}
	return errors.Join(problems...)
}

// difference is what the target lacks to take a column, and what mends it; nil
// where nothing does.
func (t task) difference(column targetColumn, target map[string]existingColumn) (*warehouse.Change, []string) {
	name, alter := table.Quote(column.name), "ALTER TABLE "+t.Target.SQL()
	there, found := target[column.name]
	if !found {
		return &warehouse.Change{Kind: "added", Column: column.name, Is: column.kind}, []string{
			alter + " ADD COLUMN IF NOT EXISTS " + name + " " + column.kind,
			"COMMENT ON COLUMN " + t.Target.SQL() + "." + name + " IS " + quote(column.comment),
		}
	}
	how, to := there.takes(column.kind)
	switch how {
	case widen:
		return &warehouse.Change{Kind: "widened", Column: column.name, Was: there.String(), Is: to}, []string{
			alter + " ALTER COLUMN " + name + " SET DATA TYPE " + to,
		}
	case unfit:
		return &warehouse.Change{Kind: "unfit", Column: column.name, Was: there.String(), Is: column.kind}, nil
	case fits:
	}
	return nil, nil
}

func (t task) refuses(kind string) bool {
	return t.Changes == warehouse.Freeze || t.Changes == warehouse.AddOnly && kind != "added"
}

// addGone notes columns that the load has not and that Stagelift made: they have
// a comment. What a request leaves out is not gone.
func (s *preparation) addGone(t task, target map[string]existingColumn) {
	known := append(names(t.Columns), t.Absent...)
	for _, own := range []string{warehouse.RunColumn, warehouse.LoadedAtColumn, warehouse.DeletedAtColumn} {
		known = append(known, t.own(own))
	}
	for _, name := range slices.Sorted(maps.Keys(target)) {
		if there := target[name]; there.comment != "" && !slices.Contains(known, name) {
			s.changes = append(s.changes, warehouse.Change{Kind: "gone", Column: name, Was: there.String()})
		}
	}
}

// unfit says what a person can do about a column that cannot take the staged one:
// the renamed column keeps its values, and the next load adds another.
func (t task) unfit(column targetColumn, change warehouse.Change) error {
	name := table.Quote(column.name)
	return fmt.Errorf("%w: column %s of %s is %s, staged is %s (%s); rename it, and the next load adds it anew: "+
		"ALTER TABLE %s RENAME COLUMN %s TO %s; or give the table another target",
		warehouse.ErrColumn, name, t.Target, change.Was, change.Is, column.comment, t.Target.SQL(), name, table.Quote(column.name+"_before"))
}

func (t task) refusal(change warehouse.Change, statement string) error {
	was, is := change.Was, change.Is
	if was == "" {
		was = "not there"
	}
	if is == "" {
		is = "not there"
	}
	return fmt.Errorf("%w with schema_changes %s: column %s of %s is %s, staged is %s; to allow it run: %s",
		warehouse.ErrColumn, t.Changes, table.Quote(change.Column), t.Target, was, is, statement)
}
