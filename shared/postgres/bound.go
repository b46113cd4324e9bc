package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stagelift/stagelift/shared/table"
)

// defaultWait is how long transactions that write to a table are waited for.
const defaultWait = 30 * time.Second

// bound finds out how far each cursor may be read, in a way that no row is lost
// that commits later. It runs before the snapshot is taken.
func (s *Snapshot) bound(ctx context.Context, o SnapshotOptions) (map[table.Name]Bound, error) {
	if len(o.Cursors) == 0 {
		return map[table.Name]Bound{}, nil
	}
	var standby bool
	if err := s.conn.QueryRow(ctx, `SELECT pg_is_in_recovery()`).Scan(&standby); err != nil {
		return nil, fmt.Errorf("bounding cursors: %w", err)
	}
	marks, err := s.marks(ctx, o.Cursors, standby)
	if err != nil {
		return nil, err
	}
	if err := s.boundIntegers(ctx, ofKind(marks, kindInteger), standby, o.Wait); err != nil {
		return nil, err
	}
	if err := s.boundTimes(ctx, ofKind(marks, kindTime), standby); err != nil {
		return nil, err
	}
	bounds := make(map[table.Name]Bound, len(marks))
	for _, m := range marks {
		bounds[m.Table] = m.Bound
	}
	return bounds, nil
}

// mark is a cursor on its way to its bound.
type mark struct {
	Cursor
	Bound
	oid    uint32
	kind   string // of the relation
	family []uint32
	// foreign is true when rows of it are on another server.
	foreign bool
	// backward is a sequence behind the column that does not only grow, cached
	// one of which sessions take values ahead; empty without such.
	backward, cached string
}

func (m *mark) name() string { return table.Quote(m.Cursor.Column) + " of " + m.Table.String() }

func ofKind(marks []*mark, kind cursorKind) []*mark {
	var some []*mark
	for _, m := range marks {
		if kindOf(m.Bound.Column) == kind {
			some = append(some, m)
		}
	}
	return some
}

// marks finds the cursors in the catalogue and refuses those that cannot be
// bounded, all at once.
func (s *Snapshot) marks(ctx context.Context, cursors []Cursor, standby bool) ([]*mark, error) {
	marks := make([]*mark, 0, len(cursors))
	seen := make(map[table.Name]bool, len(cursors))
	var problems []error
	for _, cursor := range cursors {
		if seen[cursor.Table] {
			problems = append(problems, fmt.Errorf("table %s has two cursors", cursor.Table))
			continue
		}
		seen[cursor.Table] = true
		m, err := s.mark(ctx, cursor)
		if err == nil {
			err = errors.Join(m.refuse(standby), s.checkLookback(ctx, m))
		}
		marks, problems = append(marks, m), append(problems, err)
	}
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("bounding cursors: %w", err)
	}
	return marks, nil
}

// refuse tells what cannot be bounded, for what it is.
func (m *mark) refuse(standby bool) error {
	integer := kindOf(m.Bound.Column) == kindInteger
	blind := m.Lookback == ""
	switch {
	case kindOf(m.Bound.Column) == kindUnknown:
		return errCursorType(m.Table, m.Bound.Column)
	case m.kind == "m":
		return fmt.Errorf("cursor %s: a materialised view gets old rows when it is refreshed; read the tables it is made from", m.name())
	case m.backward != "":
		return fmt.Errorf("cursor %s: sequence %s does not only grow (INCREMENT or CYCLE), so new rows can be below old ones", m.name(), m.backward)
	case m.foreign && blind:
		return fmt.Errorf("cursor %s: transactions of the foreign server cannot be seen; give a lookback that is longer than they last", m.name())
	case standby && blind:
		return fmt.Errorf("cursor %s: a standby does not show the transactions that are open on its primary; "+
			"read from the primary, or give a lookback that covers the longest of them", m.name())
	case integer && m.kind == "v" && blind:
		return fmt.Errorf("cursor %s: who writes to the tables behind a view cannot be told; read the tables, or give a lookback", m.name())
	case integer && m.cached != "" && blind:
		return fmt.Errorf("cursor %s: each session takes values of sequence %s ahead (CACHE), so new rows can be below old ones; "+
			"run ALTER SEQUENCE %[2]s CACHE 1, or give a lookback of the values that all sessions hold", m.name(), m.cached)
	}
	return nil
}

// checkLookback has the server read a lookback, so that a later run does not
// fail over it.
func (s *Snapshot) checkLookback(ctx context.Context, m *mark) error {
	if m.Lookback == "" {
		return nil
	}
	if kindOf(m.Bound.Column) == kindInteger {
		if n, err := parseInteger("lookback", m.Lookback); err != nil || n.Sign() < 0 {
			return fmt.Errorf("cursor %s: lookback is %q, want a number of at least 0", m.name(), m.Lookback)
		}
		return nil
	}
	var backwards bool
	if err := s.conn.QueryRow(ctx, `SELECT $1::text::interval < interval '0'`, m.Lookback).Scan(&backwards); err != nil || backwards {
		return errors.Join(fmt.Errorf(`cursor %s: lookback is %q, want an interval of at least 0, such as "2 hours"`, m.name(), m.Lookback), err)
	}
	return nil
}

// CheckCursor refuses a cursor column that holds NULL at the snapshot: such rows
// are in no window and would never be read.
func (s *Snapshot) CheckCursor(ctx context.Context, t Table, column string) error {
	name := table.Quote(column)
	for _, leaf := range t.Spans(0) {
		var holds bool
		err := s.conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM "+leaf.from()+" WHERE "+name+" IS NULL)").Scan(&holds)
		if err != nil {
			return fmt.Errorf("checking cursor %s of %s: %w", name, t.Name, readHint(err))
		}
		if holds {
			return fmt.Errorf("checking cursor %s of %s: it is NULL in some rows, which would never be read; "+
				"fill them and run ALTER TABLE %s ALTER COLUMN %[1]s SET NOT NULL", name, t.Name, t.Name.SQL())
		}
	}
	return nil
}
