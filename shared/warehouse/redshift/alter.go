package redshift

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// changes are what a target needs before a load can go into it.
type changes struct {
	create bool
	// alter are statements that a batch can hold; widen no transaction may hold
	// ("ALTER TABLE", Parameters).
	alter, widen []string
	// rebuild are columns that get another type by a new one in their place, each in
	// statements of one transaction.
	rebuild []rebuilding
	// recreate is true when the target has to be made anew for its types.
	recreate bool
	// met are the differences between the columns.
	met []warehouse.Change
}

// rebuilding puts a new column in the place of one.
type rebuilding struct {
	column     string
	statements []string
}

// reconcile finds what the target lacks, or refuses what it cannot take.
func reconcile(c Config, load warehouse.Load, f found) (changes, error) {
	c.exact = f.exact
	if err := checkTwins(c, load); err != nil {
		return changes{}, err
	}
	if f.target == nil && load.Abandon == "" || f.ledger == nil {
		return changes{create: true}, nil
	}
	columns, err := requiredColumns(load)
	if err != nil {
		return changes{}, err
	}
	var need changes
	if f.history == nil {
		need.alter = append(need.alter, createHistory(c))
	}
	for _, column := range ledgerColumns {
		if _, there := f.ledger[column.name]; !there {
			name, _, _ := strings.Cut(column.kind, " ")
			need.alter = append(need.alter, "ALTER TABLE "+ledger(c, load).SQL()+" ADD COLUMN "+column.name+" "+name)
		}
	}
	if load.Abandon != "" { // nothing is done to the target
		return need, nil
	}
	var problems []error
	for _, column := range columns {
		problems = append(problems, need.add(c, load, column, f.target))
	}
	problems = append(problems, need.gone(c, load, columns, f.target))
	return need, errors.Join(problems...)
}

func (n *changes) add(c Config, load warehouse.Load, column staged, target map[string]existing) error {
	have, there := target[c.fold(column.Name)]
	want, err := parseKind(column.kind)
	if err != nil {
		return err
	}
	change, remedy := difference(load, column, have, there, want)
	switch {
	case change.Kind == "":
		return nil
	case change.Kind == unfit && !load.Recreate:
		return misfit(load, column, change)
	case change.Kind == unfit, load.Recreate && change.Kind == warehouse.Widened:
		change.Kind, remedy = warehouse.Recreated, []string{"a load with recreate"}
	}
	if load.Changes.Refuses(change.Kind) {
		return warehouse.Refusal(load, change, strings.Join(remedy, "; "))
	}
	n.met = append(n.met, change)
	switch {
	case change.Kind == warehouse.Recreated:
		n.recreate = true
	case change.Kind == warehouse.Added:
		n.alter = append(n.alter, remedy...)
	case len(remedy) == 1:
		n.widen = append(n.widen, remedy...)
	default:
		n.rebuild = append(n.rebuild, rebuilding{c.fold(column.Name), remedy})
	}
	return nil
}

// unfit is what no policy allows: values would be lost.
const unfit = "unfit"

// difference is what the target lacks to take a column, and the statements that
// mend it.
func difference(load warehouse.Load, column staged, have existing, there bool, want kind) (warehouse.Change, []string) {
	alter, name := "ALTER TABLE "+load.Target.SQL(), table.Quote(column.Name)
	change := warehouse.Change{Kind: warehouse.Widened, Column: column.Name, Was: have.String(), Is: want.String()}
	switch {
	case !there:
		return warehouse.Change{Kind: warehouse.Added, Column: column.Name, Is: want.String()}, []string{alter + " ADD COLUMN " + name + " " + column.kind}
	case have.holds(want):
		return warehouse.Change{}, nil
	case have.name == "VARCHAR" && column.kind == widest && !have.ours():
		// A text without a limit fits as far as it fits: INSERT refuses what is too
		// long, and nobody asked for another column.
		return warehouse.Change{}, nil
	case have.name == "VARCHAR" && want.name == "VARCHAR":
		return change, []string{alter + " ALTER COLUMN " + name + " TYPE " + column.kind}
	case want.holds(have.kind):
		between := table.Quote("stagelift_" + digest(column.Name)[:16])
		return change, []string{
			alter + " ADD COLUMN " + between + " " + column.kind,
			"UPDATE " + load.Target.SQL() + " SET " + between + " = " + name,
			alter + " DROP COLUMN " + name + " RESTRICT",
			alter + " RENAME COLUMN " + between + " TO " + name,
		}
	}
	change.Kind = unfit
	return change, nil
}

// misfit says what a person can do about a column that cannot take the staged one:
// the renamed column keeps its values, and the next load adds another.
func misfit(load warehouse.Load, column staged, change warehouse.Change) error {
	name := table.Quote(column.Name)
	return fmt.Errorf("%w: column %s of %s is %s, and %s is staged, from %s; rename it, and the next load adds it anew: "+
		"ALTER TABLE %s RENAME COLUMN %s TO %s; or replace the table with recreate; or load into another target",
		warehouse.ErrColumn, name, load.Target, change.Was, change.Is, sourceType(column.Column), load.Target.SQL(), name, table.Quote(column.Name+"_before"))
}

// gone notes columns that an earlier load made and that this one has not. What a
// request leaves out is not gone.
func (n *changes) gone(c Config, load warehouse.Load, columns []staged, target map[string]existing) error {
	known := map[string]bool{}
	for _, name := range append(namesOf(columns), load.Absent...) {
		known[c.fold(name)] = true
	}
	var problems []error
	for _, name := range slices.SortedFunc(maps.Keys(target), func(a, b string) int { return int(target[a].position - target[b].position) }) {
		there := target[name]
		if known[name] || !there.ours() {
			continue
		}
		change := warehouse.Change{Kind: warehouse.Gone, Column: name, Was: there.String()}
		if load.Changes.Refuses(change.Kind) {
			problems = append(problems, warehouse.Refusal(load, change, "ALTER TABLE "+load.Target.SQL()+" DROP COLUMN "+table.Quote(name)))
		}
		n.met = append(n.met, change)
	}
	return errors.Join(problems...)
}

// viewsStatement asks which views are bound to which columns of the target ("DROP
// TABLE", Viewing the dependencies for a table). A late-binding view is bound to
// none.
func viewsStatement(c Config, load warehouse.Load) string {
	return "SELECT vn.nspname, v.relname, a.attname FROM pg_depend AS d JOIN pg_rewrite AS r ON d.objid = r.oid" +
		" JOIN pg_class AS v ON r.ev_class = v.oid JOIN pg_class AS t ON d.refobjid = t.oid" +
		" JOIN pg_attribute AS a ON d.refobjid = a.attrelid AND d.refobjsubid = a.attnum" +
		" JOIN pg_namespace AS vn ON vn.oid = v.relnamespace JOIN pg_namespace AS tn ON tn.oid = t.relnamespace" +
		" WHERE tn.nspname = " + quote(c.fold(load.Target.Schema)) + " AND t.relname = " + quote(c.fold(load.Target.Table)) + " AND a.attnum > 0"
}

// bound refuses to touch columns that views are bound to; nil columns are all of
// them. what says what would be done.
func bound(load warehouse.Load, rows [][]string, columns []string, what string) error {
	by := map[string][]string{}
	for _, row := range rows {
		if len(row) != 3 {
			return fmt.Errorf("reading the views of %s: %d fields, want 3", load.Target, len(row))
		}
		view := table.Name{Schema: row[0], Table: row[1]}.SQL()
		if columns == nil || slices.Contains(columns, row[2]) {
			by[view] = append(by[view], table.Quote(row[2]))
		}
	}
	var list, drops []string
	for _, view := range slices.Sorted(maps.Keys(by)) {
		slices.Sort(by[view])
		list = append(list, view+" ("+strings.Join(slices.Compact(by[view]), ", ")+")")
		drops = append(drops, "DROP VIEW "+view)
	}
	if list == nil {
		return nil
	}
	return fmt.Errorf("%w: to %s, views that are bound to the table must go first: %s; run: %s; and create them again after the load, "+
		"WITH NO SCHEMA BINDING so that it does not come to this again",
		warehouse.ErrColumn, what, strings.Join(list, ", "), strings.Join(drops, "; "))
}
