package run

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/table"
)

// LoadRequest says how tables are to be loaded. What an override leaves out is as
// in the request.
//
// Without a mode nothing is lost and nothing doubled: a whole table replaces what
// the target holds; a window is merged by the key, and appended where there is
// none; rows that a condition picks of a table are merged by the key, and refused
// where there is none, since neither replacing the rest nor adding them again is
// safe. Whole tables are appended only when somebody says so.
type LoadRequest struct {
	// Mode is "replace", "merge" or "append"; empty is as above. A merge is by the
	// primary key, or what the override gives for one.
	Mode string `json:"mode,omitempty"`
	// Deleted is a boolean column; where it is true, a merge removes the row.
	Deleted string `json:"deleted,omitempty"`
	// DistKey and SortKeys are columns that a new table in Redshift is
	// distributed and sorted by, ClusterBy those that one in Snowflake is
	// clustered by.
	DistKey   string   `json:"dist_key,omitempty"`
	SortKeys  []string `json:"sort_keys,omitzero"`
	ClusterBy []string `json:"cluster_by,omitzero"`
	// Swap replaces by a new table that takes the target's name, in place of
	// emptying the target; Recreate does so where a column's type has changed in a
	// way that the target cannot follow.
	Swap     *bool `json:"swap,omitempty"`
	Recreate *bool `json:"recreate,omitempty"`
	// Deletes is "hard" or "soft": the keys of the whole table are read as well, and
	// a merge deletes, or marks, what the target has and they have not. "keep", the
	// default, does neither.
	Deletes string `json:"deletes,omitempty"`
	// DeletesBeyondWhere says of a table with a condition that the target is to hold
	// the rows that the condition picks and no others, so that all others are deleted
	// too. DeletesEmpty says that a table without rows is meant to be empty; else its
	// rows stay in the target.
	DeletesBeyondWhere *bool `json:"deletes_beyond_where,omitempty"`
	DeletesEmpty       *bool `json:"deletes_empty,omitempty"`
	// SchemaChanges is "evolve", which is the default, "add" or "freeze": what may
	// become of the target's columns.
	SchemaChanges string `json:"schema_changes,omitempty"`
	// Names is "as_is", which is the default, "upper" or "lower": how Snowflake
	// spells identifiers.
	Names string `json:"names,omitempty"`
	// Add are columns that the load adds: "run", "loaded_at".
	Add []string `json:"add,omitzero"`
	// Grants may read the target: "ROLE reporting", "USER ann", "GROUP analysts".
	Grants []string `json:"grants,omitzero"`
}

// sweepRules are what a request says of sweeps that would delete much.
type sweepRules struct{ beyondWhere, empty bool }

// loading joins how tables are to be loaded with what is different about one. The
// mode stays empty where nobody says it: it is the table's then.
func (q Request) loading(o LoadRequest) stage.Load {
	l := q.Load
	load := stage.Load{
		Mode: cmp.Or(o.Mode, l.Mode), Deleted: cmp.Or(o.Deleted, l.Deleted),
		DistKey: cmp.Or(o.DistKey, l.DistKey), SortKeys: either(o.SortKeys, l.SortKeys), ClusterBy: either(o.ClusterBy, l.ClusterBy),
		Swap: chosen(o.Swap, l.Swap), Recreate: chosen(o.Recreate, l.Recreate), Deletes: cmp.Or(o.Deletes, l.Deletes),
		SchemaChanges: cmp.Or(o.SchemaChanges, l.SchemaChanges), Names: cmp.Or(o.Names, l.Names),
		Add: either(o.Add, l.Add), Grants: either(o.Grants, l.Grants),
	}
	if load.Deletes == "keep" {
		load.Deletes = ""
	}
	return load
}

func (q Request) sweepRules(o LoadRequest) sweepRules {
	return sweepRules{beyondWhere: chosen(o.DeletesBeyondWhere, q.Load.DeletesBeyondWhere), empty: chosen(o.DeletesEmpty, q.Load.DeletesEmpty)}
}

// either returns a list that is given, though it may be empty, or the other.
func either(a, b []string) []string {
	if a != nil {
		return a
	}
	return b
}

func chosen(a, b *bool) bool {
	if a == nil {
		a = b
	}
	return a != nil && *a
}

// checkLoadWords finds what is wrong with a load whatever the table is: words that
// there are not, and, as far as the mode is known, what does not go with it.
func (t treatment) checkLoadWords(q Request, o Override) error {
	load, problems := t.load, []error{}
	if load.Mode == "" {
		load.Mode = "replace"
	}
	problems = append(problems, load.Check())
	mode := t.load.Mode
	switch {
	case mode == "" && q.Mode == "incremental":
		mode = "merge" // or append, which goes with as little
	case mode == "" && o.Where != "":
		mode = "merge"
	}
	return errors.Join(append(problems, t.checkMode(mode))...)
}

// checkMode finds what does not go with a mode; empty is not known yet.
func (t treatment) checkMode(mode string) error {
	var problems []error
	for _, c := range []struct {
		field, with, mend string
		set               bool
	}{
		{"swap", "replace", "set it to false for what is not replaced", t.load.Swap},
		{"recreate", "replace", "set it to false for what is not replaced", t.load.Recreate},
		{"deletes", "merge", `set "mode":"merge", or "deletes":"keep"`, t.load.Deletes != ""},
		{"deleted", "merge", `set "mode":"merge"`, t.load.Deleted != ""},
	} {
		if c.set && mode != "" && mode != c.with {
			problems = append(problems, fmt.Errorf("load.%s is for load.mode %s, and the mode is %s; %s", c.field, c.with, mode, c.mend))
		}
	}
	if t.load.Deletes != "" && t.where != "" && !t.sweep.beyondWhere {
		problems = append(problems, errors.New(`load.deletes with where would delete from the target all rows that the condition does not pick; `+
			`where the target holds no others, set "deletes_beyond_where":true, else "deletes":"keep"`))
	}
	return errors.Join(problems...)
}

// settleMode gives the table the mode that nobody said.
func (t *task) settleMode() error {
	incremental := t.settings.incremental
	switch {
	case t.load.Mode != "":
	case len(t.key) > 0 && (incremental || t.where != ""):
		t.load.Mode = "merge"
	case incremental && t.cursor != nil && t.cursor.Lookback != "":
		return errors.New("with a lookback rows come again, and without a key they cannot be merged; give one as overrides[table].primary_key")
	case incremental:
		t.load.Mode, t.appends = "append", true
	case t.where != "":
		return errors.New(`where picks some rows of the table, which has no key to merge them by; give one as overrides[table].primary_key, ` +
			`or set "load":{"mode":"replace"}, by which the target holds these rows alone, or "append", by which they are added each time`)
	default:
		t.load.Mode = "replace"
	}
	return nil
}

// checkLoad finds what the loader would find wrong: names of columns that are not
// read, or that it gives to columns of its own.
func (t *task) checkLoad() error {
	problems := []error{t.settleMode()}
	if problems[0] == nil {
		problems = append(problems, t.checkMode(t.load.Mode))
	}
	if t.load.Mode == "merge" && len(t.key) == 0 {
		problems = append(problems, errors.New("load.mode merge needs a key, and there is none among the columns that are read; give one as overrides[table].primary_key"))
	}
	if i := t.position(t.load.Deleted); t.load.Deleted != "" && (i < 0 || t.columns[i].Type != "boolean") {
		problems = append(problems, fmt.Errorf("load.deleted names %s, which is no boolean column that is read", table.Quote(t.load.Deleted)))
	}
	names := slices.Concat(t.load.SortKeys, t.load.ClusterBy)
	if t.load.DistKey != "" {
		names = append(names, t.load.DistKey)
	}
	for _, name := range names {
		if t.position(name) < 0 {
			problems = append(problems, fmt.Errorf("load names column %s, which is not read", table.Quote(name)))
		}
	}
	for _, name := range t.load.Added() {
		if t.position(name) >= 0 || slices.Contains(t.LeftOut, name) {
			problems = append(problems, fmt.Errorf("load adds column %s, and the table has one of that name; leave it out of load.add, or load.deletes soft", table.Quote(name)))
		}
	}
	return errors.Join(problems...)
}
