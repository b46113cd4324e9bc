package postgres

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/stagelift/stagelift/shared/fault"
	"github.com/stagelift/stagelift/shared/table"
)

// defaultWait is how long transactions that write to a table are waited for.
const defaultWait = 30 * time.Second

// mark is a cursor on its way to its bound.
type mark struct {
	family
	Cursor
	Bound
	// watched are the relations whose locks tell who writes to the table: the
	// family, and the partitioned tables that it is a part of. A row that is
	// inserted through one of these takes its value before its partition is locked.
	watched []uint32
	// unproven says why rows could be missed by a cursor that is read without a
	// lookback; nil when they cannot.
	unproven *fault.Error
}

func (m *mark) name() string { return table.Quote(m.Cursor.Column) + " of " + m.Name.String() }

func (m *mark) refuse(mend, format string, args ...any) {
	if m.Refused == nil {
		m.Refused = fault.New(fault.Cursor, mend, "cursor %s: "+format, append([]any{m.name()}, args...)...)
	}
}

// doubt is a refusal that a lookback overcomes.
func (m *mark) doubt(mend, format string, args ...any) {
	if m.unproven == nil {
		m.unproven = fault.New(fault.Cursor, mend, "cursor %s: "+format, append([]any{m.name()}, args...)...)
	}
}

// bound finds out how far each cursor may be read, in a way that no row is lost
// that commits later. It runs before the snapshot is taken. What cannot be bounded
// is refused by its own bound, and the others are not.
func (s *Snapshot) bound(ctx context.Context, list []family) error {
	marks, err := s.marks(ctx, list)
	if err != nil || len(marks) == 0 {
		return err
	}
	for _, look := range []func(context.Context, []*mark) error{s.lookAtCursors, s.judgeKinds, s.lookAtIndexes, s.lookAtSequences, s.lookAtViews, s.lookAtZones, s.lookAtLookbacks} {
		if err := look(ctx, marks); err != nil {
			return fmt.Errorf("bounding cursors: %w", err)
		}
	}
	for _, m := range marks {
		if m.Refused == nil && m.Lookback == "" {
			m.Refused = m.unproven
		}
	}
	if err := s.boundIntegers(ctx, open(marks, kindInteger)); err != nil {
		return fmt.Errorf("bounding cursors: %w", err)
	}
	if err := s.boundTimes(ctx, open(marks, kindTime)); err != nil {
		return fmt.Errorf("bounding cursors: %w", err)
	}
	for _, m := range marks {
		s.Bounds[m.Name] = m.Bound
	}
	return nil
}

// open returns the marks of a kind that are not refused.
func open(marks []*mark, kind cursorKind) []*mark {
	return slices.DeleteFunc(slices.Clone(marks), func(m *mark) bool { return m.Refused != nil || kindOf(m.Bound.Column) != kind })
}

func (s *Snapshot) marks(ctx context.Context, list []family) ([]*mark, error) {
	var marks []*mark
	for _, f := range list {
		if cursor, asked := s.options.Cursors[f.Name]; asked {
			m := &mark{family: f, Cursor: cursor, watched: ids(f.members)}
			marks = append(marks, m)
		}
	}
	if len(marks) == 0 {
		return nil, nil
	}
	all, err := s.looker.catalogue(ctx)
	if err != nil {
		return nil, err
	}
	for _, m := range marks {
		for above := all.above[m.OID]; len(above) > 0; above = above[1:] {
			m.watched = append(m.watched, above[0])
			above = append(above, all.above[above[0]]...)
		}
	}
	return marks, nil
}

// lookAtCursors finds the cursors' columns.
func (s *Snapshot) lookAtCursors(ctx context.Context, marks []*mark) error {
	columns, err := s.looker.readColumns(ctx, oidsOf(marks, func(m *mark) uint32 { return m.OID }))
	if err != nil {
		return err
	}
	for _, m := range marks {
		all := make([]table.Column, len(columns[m.OID]))
		for i, c := range columns[m.OID] {
			all[i] = c.Column
		}
		chosen, err := Columns{Only: []string{m.Cursor.Column}}.of(all)
		if err != nil {
			m.refuse("", "%w", err)
			continue
		}
		m.Bound.Column = chosen[0]
		if kindOf(m.Bound.Column) == kindUnknown {
			m.refuse("", "it is of type %s; want timestamp with or without time zone, date, smallint, integer or bigint", m.Bound.Column.Type)
		}
	}
	return nil
}

// lookAtIndexes finds out where an index begins with the cursor in every relation
// that holds rows.
func (s *Snapshot) lookAtIndexes(ctx context.Context, marks []*mark) error {
	const query = `
SELECT m.root, bool_and(EXISTS (
  SELECT FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am am ON am.oid = x.relam AND am.amname = 'btree'
    JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
   WHERE i.indrelid = m.leaf AND a.attname = m.name AND i.indisvalid AND i.indpred IS NULL))
  FROM unnest($1::oid[], $2::oid[], $3::text[]) AS m (root, leaf, name) GROUP BY 1`
	var roots, leaves []uint32
	var names []string
	byID := map[uint32]*mark{}
	for _, m := range marks {
		byID[m.OID] = m
		for _, leaf := range m.leaves {
			roots, leaves, names = append(roots, m.OID), append(leaves, leaf.OID), append(names, m.Cursor.Column)
		}
	}
	var root uint32
	var indexed bool
	return s.looker.each(ctx, "indexes", query, []any{roots, leaves, names}, []any{&root, &indexed}, func() { byID[root].Index = indexed })
}

// lookAtViews looks through views. Of one that shows the rows of one table and
// nothing else, a row is new when the table's is; rows of any other can appear
// when another table changes, or with time, under an old stamp.
func (s *Snapshot) lookAtViews(ctx context.Context, marks []*mark) error {
	const query = `
SELECT c.oid, pg_column_is_updatable(c.oid, a.attnum, false) AND NOT EXISTS (
         SELECT FROM pg_rewrite r WHERE r.ev_class = ANY($3) AND (r.ev_action::text LIKE '%SQLVALUEFUNCTION%' OR EXISTS (
           SELECT FROM regexp_matches(r.ev_action::text, ':(?:func|opfunc)id (\d+)', 'g') AS f JOIN pg_proc p ON p.oid = f[1]::oid WHERE p.provolatile <> 'i')))
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = $2 WHERE c.oid = $1`
	for _, m := range marks {
		if m.Kind != "v" || m.Refused != nil {
			continue
		}
		var views []uint32
		var tables []*relation
		for _, member := range m.members {
			switch {
			case member.Kind == "v":
				views = append(views, member.OID)
			case !member.Leaf:
				tables = append(tables, member)
			}
		}
		var oid uint32
		simple := false
		if err := s.looker.each(ctx, "views", query, []any{m.OID, m.Cursor.Column, views}, []any{&oid, &simple}, func() {}); err != nil {
			return err
		}
		if !simple || len(tables) != 1 {
			m.doubt("read the tables it is made of, or give a lookback", "rows of this view can appear with an old value when another table changes, or with time")
		}
	}
	return nil
}

// lookAtLookbacks has the server read the lookbacks, so that a later run does not
// fail over one.
func (s *Snapshot) lookAtLookbacks(ctx context.Context, marks []*mark) error {
	for _, m := range marks {
		if m.Lookback == "" || m.Refused != nil {
			continue
		}
		if kindOf(m.Bound.Column) == kindInteger {
			if n, err := parseInteger("lookback", m.Lookback); err != nil || n.Sign() < 0 {
				m.refuse("", "lookback is %q, want a number of at least 0", m.Lookback)
			}
			continue
		}
		// An infinite interval is one from PostgreSQL 17 on.
		const query = `SELECT $1::text::interval >= interval '0' AND $1::text::interval < interval '100000 years'`
		if err := s.looker.exec(ctx, "SAVEPOINT reading"); err != nil {
			return s.looker.explain(err)
		}
		var good bool
		if err := s.looker.QueryRow(ctx, query, m.Lookback).Scan(&good); err != nil || !good {
			m.refuse("", `lookback is %q, want an interval of at least 0, such as "2 hours"`, m.Lookback)
		}
		if err := s.looker.exec(ctx, "ROLLBACK TO reading"); err != nil {
			return s.looker.explain(err)
		}
	}
	return nil
}

// judgeKinds refuses what cannot be bounded, for what it is.
func (s *Snapshot) judgeKinds(_ context.Context, marks []*mark) error {
	for _, m := range marks {
		m.judge(s.Server.Standby)
	}
	return nil
}

func (m *mark) judge(standby bool) {
	foreign := slices.ContainsFunc(m.members, func(r *relation) bool { return r.Kind == "f" })
	materialised := slices.ContainsFunc(m.members, func(r *relation) bool { return r.Kind == "m" })
	switch {
	case m.Refused != nil:
	case materialised:
		m.refuse("read the tables it is made from", "a materialised view gets old rows when it is refreshed")
	case m.Lookback != "":
	case foreign:
		m.doubt("give a lookback that is longer than they last", "transactions of the foreign server cannot be seen")
	case standby:
		m.doubt("read from the primary, or give a lookback that covers the longest of them", "a standby does not show the transactions that are open on its primary")
	case kindOf(m.Bound.Column) == kindInteger && m.Kind == "v":
		m.doubt("read the tables, or give a lookback", "who writes to the tables behind a view cannot be told")
	}
}
