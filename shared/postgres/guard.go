package postgres

import (
	"slices"
	"strconv"
	"strings"

	"github.com/stagelift/stagelift/shared/fault"
)

// Names are resolved anew by every statement, and a schema can be renamed without
// a lock on what it holds. So every COPY ends with an error when it reads another
// relation than the one that was locked and looked at. It finds out once where the
// bound that a scan begins at can depend on it, since that is computed once; a
// condition by its side costs a tenth of what the server does for a COPY.

// guarded returns how the statement reads the span: what stands before it, what it
// reads from and the conditions that keep it to the span and to the relation.
// named tells that conditions of others may call the relation by its name.
func (s Span) guarded(named bool) (with, from string, conditions []string) {
	r := s.Relation
	switch {
	case !protected:
		return "", r.source(), append(s.bounds(), "true")
	case !r.ByBlock:
		return "", r.source(), slices.Concat(s.bounds(), []string{"(SELECT " + r.same(r.resolved()) + ")"}, r.each())
	case named || !r.from.guarded:
		return "", r.source(), slices.Concat(s.boundsIf(r.same(r.resolved())), r.each())
	}
	// What the statement names is resolved one time, and is the same relation
	// wherever it stands: the first row of the span tells which. A span without
	// rows has the relation's name compared.
	const name = "read"
	columns := "tableoid, ctid, *"
	if r.from.virtual != nil {
		columns = "*" // which has them
	}
	first := "(SELECT tableoid FROM " + name + " WHERE " + strings.Join(s.boundsFrom(startOf(s.From)), " AND ") + " LIMIT 1)"
	return "WITH " + name + " AS NOT MATERIALIZED (SELECT " + columns + " FROM " + r.source() + ") ", name,
		s.boundsIf(r.same("coalesce(" + first + ", " + r.resolved() + ")"))
}

// bounds are the conditions that the blocks put on a row.
func (s Span) bounds() []string {
	if s.From == 0 && s.To == 0 {
		return nil
	}
	return s.boundsFrom(startOf(s.From))
}

// boundsIf end the statement where the condition is not true.
func (s Span) boundsIf(condition string) []string {
	return s.boundsFrom("(SELECT CASE WHEN " + condition + " THEN " + startOf(s.From) + " END)")
}

func (s Span) boundsFrom(begin string) []string {
	bounds := []string{"ctid >= " + begin}
	if s.To > 0 {
		bounds = append(bounds, "ctid < "+startOf(s.To))
	}
	return bounds
}

// startOf is before the first row of a block.
func startOf(block int64) string { return "'(" + strconv.FormatInt(block, 10) + ",0)'::tid" }

// each compares every row, where we may.
func (r *Relation) each() []string {
	if !r.from.guarded {
		return nil
	}
	return []string{"(tableoid = " + r.oid() + " OR " + r.swapped("tableoid") + ")"}
}

// same is true for the relation's oid, and ends the statement for another one.
func (r *Relation) same(oid string) string {
	return "coalesce(" + oid + " = " + r.oid() + ", false) OR " + r.swapped(r.resolved())
}

// oid is the relation that was looked at, resolved the one that has its name now.
func (r *Relation) oid() string { return "'" + strconv.FormatUint(uint64(r.OID), 10) + "'::oid" }

func (r *Relation) resolved() string { return "to_regclass(" + escapeString(r.Name.SQL()) + ")::oid" }

// swapped ends the statement. The value is one that the planner does not know.
func (r *Relation) swapped(value string) string {
	say := r.Name.String() + " is another relation than the one that was looked at" + raiseMend + "run again"
	return raise("boolean", fault.Changed, say, "left(coalesce("+value+"::text, ''), 0)")
}
