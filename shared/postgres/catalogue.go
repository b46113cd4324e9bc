package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/stagelift/stagelift/shared/fault"
	"github.com/stagelift/stagelift/shared/table"
)

// relation is a row of the catalogue: something that holds rows, or shows them.
type relation struct {
	OID      uint32
	Name     table.Name
	Kind     string // r table, p partitioned, v view, m materialised view, f foreign table
	Leaf     bool   // a partition; read through its parent unless named itself
	Unlogged bool
	Usage    bool // USAGE on the schema
	Select   bool // SELECT on all of the relation
	Filtered bool // row-level security applies to us
}

// catalogue is what one connection sees of the database at one moment: every
// relation of its users, and how they hang together.
type catalogue struct {
	list []relation // by name
	byID map[uint32]*relation
	// below and above lead to the partitions of a table and the tables that
	// inherit from it, and back. A partition that is half detached is in no
	// table, as for queries.
	below, above map[uint32][]uint32
	// behind leads from a view to what its definition names.
	behind map[uint32][]uint32
}

// relationQuery leaves out what was dropped while it runs: of that the functions
// of privileges, which see what is now, say NULL.
const relationQuery = `
SELECT c.oid, n.nspname, c.relname, c.relkind::text, c.relispartition, c.relpersistence = 'u',
       has_schema_privilege(n.oid, 'USAGE') AS usable, has_table_privilege(c.oid, 'SELECT') AS readable,
       c.relrowsecurity AND coalesce(row_security_active(c.oid), false)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relpersistence <> 't'
   AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
   AND has_schema_privilege(n.oid, 'USAGE') IS NOT NULL AND has_table_privilege(c.oid, 'SELECT') IS NOT NULL
 ORDER BY n.nspname, c.relname`

// familyQuery asks for inhdetachpending by way of JSON, since 13 has not got it.
const familyQuery = `
SELECT i.inhparent, i.inhrelid FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
 WHERE c.relkind IN ('r', 'p', 'f') AND NOT coalesce((to_jsonb(i)->>'inhdetachpending')::boolean, false)
 ORDER BY i.inhparent, i.inhrelid`

const viewQuery = `
SELECT DISTINCT r.ev_class, d.refobjid FROM pg_rewrite r JOIN pg_class v ON v.oid = r.ev_class AND v.relkind = 'v'
  JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid AND d.refclassid = 'pg_class'::regclass
 WHERE d.refobjid <> r.ev_class`

// catalogue looks at the database.
func (c *connection) catalogue(ctx context.Context) (*catalogue, error) {
	all := &catalogue{byID: map[uint32]*relation{}, below: map[uint32][]uint32{}, above: map[uint32][]uint32{}, behind: map[uint32][]uint32{}}
	rows, err := c.Query(ctx, relationQuery)
	if err != nil {
		return nil, fmt.Errorf("listing tables: %w", c.explain(err))
	}
	if all.list, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (relation, error) {
		var r relation
		err := row.Scan(&r.OID, &r.Name.Schema, &r.Name.Table, &r.Kind, &r.Leaf, &r.Unlogged, &r.Usage, &r.Select, &r.Filtered)
		return r, err
	}); err != nil {
		return nil, fmt.Errorf("listing tables: %w", c.explain(err))
	}
	for i := range all.list {
		all.byID[all.list[i].OID] = &all.list[i]
	}
	edges := func(what, query string, add func(from, to uint32)) error {
		rows, err := c.Query(ctx, query)
		if err != nil {
			return fmt.Errorf("finding %s: %w", what, c.explain(err))
		}
		var from, to uint32
		if _, err = pgx.ForEachRow(rows, []any{&from, &to}, func() error { add(from, to); return nil }); err != nil {
			return fmt.Errorf("finding %s: %w", what, c.explain(err))
		}
		return nil
	}
	if err := edges("partitions", familyQuery, func(parent, child uint32) {
		all.below[parent] = append(all.below[parent], child)
		all.above[child] = append(all.above[child], parent)
	}); err != nil {
		return nil, err
	}
	return all, edges("what views are made of", viewQuery, func(view, of uint32) {
		all.behind[view] = append(all.behind[view], of)
	})
}

// family is a chosen relation and all that its rows come from.
type family struct {
	*relation
	// named is true when a pattern without wildcards names it.
	named bool
	// leaves hold the rows: the relation itself, its partitions, the tables that
	// inherit from it.
	leaves []*relation
	// members are all that must not change while it is read: the relation, what
	// lies between it and its leaves, and what a view is made of.
	members []*relation
	// apart are tables that inherit from it and that are chosen themselves, or
	// that are left out on purpose.
	apart []table.Name
}

// families finds what the chosen relations are made of. Only tells of which
// tables the rows of the tables that inherit from them are left out; the rows of
// those that are chosen themselves always are, so that each row is read once.
func (all *catalogue) families(chosen []choice, only func(table.Name) bool) []family {
	own := make(map[uint32]bool, len(chosen))
	for _, c := range chosen {
		own[c.OID] = true
	}
	list := make([]family, len(chosen))
	for i, c := range chosen {
		f := family{relation: c.relation, named: c.named}
		f.descend(all, c.OID, map[uint32]bool{}, func(child *relation) bool {
			return child.Leaf || !own[child.OID] && (only == nil || !only(c.Name))
		})
		f.lookBehind(all, c.OID)
		list[i] = f
	}
	return list
}

// descend walks from a relation to those below it that take enters.
func (f *family) descend(all *catalogue, oid uint32, seen map[uint32]bool, take func(*relation) bool) {
	r := all.byID[oid]
	if r == nil || seen[oid] {
		return
	}
	seen[oid] = true
	if f.members = append(f.members, r); r.Kind != "p" {
		f.leaves = append(f.leaves, r)
	}
	for _, child := range all.below[oid] {
		switch below := all.byID[child]; {
		case below == nil:
		case take(below):
			f.descend(all, child, seen, take)
		default:
			f.apart = append(f.apart, below.Name)
		}
	}
}

// lookBehind adds what a view is made of, and what that is made of.
func (f *family) lookBehind(all *catalogue, view uint32) {
	for _, oid := range all.behind[view] {
		if r := all.byID[oid]; r != nil && !slices.Contains(f.members, r) {
			behind := family{}
			behind.descend(all, oid, map[uint32]bool{}, func(*relation) bool { return true })
			for _, member := range behind.members {
				if !slices.Contains(f.members, member) {
					f.members = append(f.members, member)
				}
			}
			f.lookBehind(all, oid)
		}
	}
}

// inherited tells whether rows of other tables than the family's own are in it:
// a key of its own does not hold over them.
func (f *family) inherited() bool { return f.Kind != "p" && len(f.leaves) > 1 }

// choice is a relation that a pattern selects.
type choice struct {
	*relation
	named bool
}

// choose picks the relations that the patterns select, and reports the patterns
// that select nothing. A wildcard selects tables and partitioned tables; views,
// foreign tables and single partitions must be named.
func (all *catalogue) choose(include, exclude []table.Pattern) ([]choice, []Refusal) {
	used := make([]bool, len(include))
	var chosen []choice
	for i := range all.list {
		r := &all.list[i]
		selected, named := false, false
		for n, pattern := range include {
			if pattern.Matches(r.Name) && (pattern.Exact() || (r.Kind == "r" || r.Kind == "p") && !r.Leaf) {
				used[n], selected, named = true, true, named || pattern.Exact()
			}
		}
		if selected && !matchesAny(exclude, r.Name) {
			chosen = append(chosen, choice{r, named})
		}
	}
	var missing []Refusal
	for n, pattern := range include {
		if used[n] {
			continue
		}
		mend, what := all.nearest(pattern), "pattern %s matches no table"
		if pattern.Exact() {
			what = "table %s does not exist, or was created after the snapshot"
		}
		missing = append(missing, Refusal{Name: pattern.String(), Err: fault.New(fault.NotFound, mend, what, pattern)})
	}
	return chosen, missing
}

// nearest says what a pattern that selects nothing may have meant.
func (all *catalogue) nearest(pattern table.Pattern) string {
	var named, folded []string
	for _, r := range all.list {
		switch {
		case pattern.Matches(r.Name):
			named = append(named, r.Name.String())
		case strings.EqualFold(r.Name.String(), pattern.String()):
			folded = append(folded, r.Name.String())
		}
	}
	switch {
	case len(named) > 0:
		return fmt.Sprintf("wildcards select tables alone; name %s", named[0])
	case len(folded) > 0:
		return fmt.Sprintf("did you mean %s?", strings.Join(folded, " or "))
	}
	return ""
}

// checkExcluded refuses to leave out a part of a table whose rows are read: it
// would be missing without a word.
func checkExcluded(list []family, exclude []table.Pattern) error {
	var problems []error
	for _, f := range list {
		for _, member := range f.members {
			for _, pattern := range exclude {
				if pattern.Exact() && member != f.relation && pattern.Matches(member.Name) {
					problems = append(problems, fmt.Errorf("exclude names %s, whose rows are read as those of %s; leave them out by a filter, or exclude %[2]s",
						member.Name, f.Name))
				}
			}
		}
	}
	return errors.Join(problems...)
}

func matchesAny(patterns []table.Pattern, name table.Name) bool {
	return slices.ContainsFunc(patterns, func(p table.Pattern) bool { return p.Matches(name) })
}

func oidsOf[T any](list []T, oid func(T) uint32) []uint32 {
	ids := make([]uint32, len(list))
	for i, item := range list {
		ids[i] = oid(item)
	}
	return ids
}

func ids(list []*relation) []uint32 {
	return oidsOf(list, func(r *relation) uint32 { return r.OID })
}
