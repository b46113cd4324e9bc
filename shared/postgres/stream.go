package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/stagelift/stagelift/shared/fault"
	"github.com/stagelift/stagelift/shared/table"
)

// ErrBusy is returned by Enter for a table that a statement waits for, or has,
// which needs it for itself.
var ErrBusy = errors.New("the table is waited for")

// Stream is a connection that reads at a snapshot. It does one thing at a time.
type Stream struct {
	*connection
	snapshot *Snapshot
	borrowed bool
	inside   []*Table
}

// Stream opens a connection that sees this snapshot. The caller must Close it.
func (s *Snapshot) Stream(ctx context.Context) (*Stream, error) {
	c, err := s.source.connect(ctx, s.options.ShowValues)
	if err != nil {
		return nil, err
	}
	c.patience = s.options.Patience
	if err := s.adopt(ctx, c, s.ID); err != nil {
		return nil, errors.Join(err, c.close(ctx))
	}
	return &Stream{connection: c, snapshot: s}, nil
}

// Borrow returns a stream inside a table that reads over the session which holds
// it; false when it holds it no more. Nobody else can borrow, or let go, before
// the stream has left.
func (s *Snapshot) Borrow(ctx context.Context, t *Table) (*Stream, bool) {
	s.keeping.Lock()
	if s.place(t) < 0 || s.keeper.exec(ctx, "SAVEPOINT entered", "SAVEPOINT span") != nil {
		s.keeping.Unlock()
		return nil, false
	}
	return &Stream{connection: s.keeper, snapshot: s, borrowed: true, inside: []*Table{t}}, true
}

// Enter locks tables, so that nothing can happen to them before Leave, and looks
// whether something has. Locks that are not to be had within the patience are
// ErrBusy. After an error the stream is in none of them.
func (s *Stream) Enter(ctx context.Context, patience time.Duration, tables ...*Table) error {
	message := []string{"SAVEPOINT entered", limit(min(patience, waiting))}
	for _, t := range tables {
		message = append(message, t.lock...)
	}
	message = append(message, limit(s.patience), "SAVEPOINT span")
	for until := time.Now().Add(patience); ; {
		err := s.exec(ctx, message...)
		if err == nil {
			break
		}
		if rolled := s.exec(ctx, "ROLLBACK TO entered", "RELEASE entered"); rolled != nil {
			return s.explain(rolled)
		}
		switch {
		case gone(err):
			return s.missing(ctx, tables)
		case !busy(err):
			return s.explain(err)
		case !time.Now().Before(until):
			return ErrBusy
		}
		if err := sleep(ctx, asking/2); err != nil {
			return err
		}
	}
	s.inside = tables
	if err := s.snapshot.Look(ctx, tables...); err != nil {
		return errors.Join(err, s.leave(ctx))
	}
	return nil
}

// missing says which of the tables has another name now, or none.
func (s *Stream) missing(ctx context.Context, tables []*Table) error {
	if err := s.snapshot.Look(ctx, tables...); err != nil {
		return err
	}
	return fault.New(fault.Changed, "run again", "a table of this run changed its name and changed it back: one of %s", names(tables))
}

func names(tables []*Table) string {
	list := make([]string, len(tables))
	for i, t := range tables {
		list[i] = t.Name.String()
	}
	return strings.Join(list, ", ")
}

// Leave lets the tables go that the stream is inside of.
func (s *Stream) Leave(ctx context.Context) {
	_ = s.leave(ctx) // where the session is dead, its locks are gone as well
}

func (s *Stream) leave(ctx context.Context) error {
	s.inside = nil
	err := s.explain(s.exec(ctx, "ROLLBACK TO entered", "RELEASE entered"))
	if s.borrowed {
		s.borrowed = false
		s.snapshot.keeping.Unlock()
	}
	return err
}

// Renew opens another connection in place of one that is dead, and enters the
// tables again that the stream was inside of.
func (s *Stream) Renew(ctx context.Context) error {
	if s.borrowed {
		return fault.New(fault.SnapshotGone, "run again", "the session that held the snapshot was ended")
	}
	tables := s.inside
	_ = s.close(ctx) // it is dead
	again, err := s.snapshot.Stream(ctx)
	if err != nil {
		return err
	}
	s.connection, s.inside = again.connection, nil
	err = s.Enter(ctx, s.snapshot.options.Patience, tables...)
	if errors.Is(err, ErrBusy) {
		return fault.New(fault.Locked, "run again", "the session that read %s was ended, and %s had it then", names(tables), s.snapshot.Holders(ctx, tables[0].Name))
	}
	return err
}

// Look compares tables with what they are now. The error is of the first that is
// not what it was.
func (s *Snapshot) Look(ctx context.Context, tables ...*Table) error {
	if !protected {
		return nil
	}
	s.looking.Lock()
	defer s.looking.Unlock()
	c, err := s.look(ctx)
	if err != nil {
		return err
	}
	var oids []uint32
	for _, t := range tables {
		oids = append(oids, oidsOf(t.standing, func(m standing) uint32 { return m.OID })...)
		if t.kind != "v" {
			continue
		}
		all, err := c.catalogue(ctx)
		if err != nil {
			return err
		}
		if err := t.checkBehind(all); err != nil {
			return err
		}
	}
	now, err := c.standings(ctx, oids)
	if err != nil {
		return err
	}
	for _, t := range tables {
		if err := t.check(now); err != nil {
			return err
		}
	}
	return nil
}

// Copy runs a COPY … TO STDOUT, handing w one row with each Write, and returns
// the number of rows that the server says it sent. What the statement before did
// to the session's settings is taken back first. After an error of w the stream
// can only be closed, unless it is borrowed, and w may have seen any number of
// rows; when an error is a Conflict, the same statement can be run again.
//
// A partition that joins a table needs no lock that ours is in the way of, and
// whoever reads through a view reads it too, whatever the snapshot is. So a view is
// looked at after each statement, while all that it read is still locked.
func (s *Stream) Copy(ctx context.Context, w io.Writer, statement string) (int64, error) {
	into := &sink{Writer: w, drain: s.borrowed}
	tag, err := s.PgConn().CopyTo(ctx, into, "ROLLBACK TO span; "+statement)
	switch {
	case into.err != nil:
		return 0, into.err
	case err != nil:
		return 0, s.explain(err)
	}
	for _, t := range s.inside {
		if t.kind != "v" {
			continue
		}
		if err := s.snapshot.Look(ctx, t); err != nil {
			return 0, err
		}
	}
	return tag.RowsAffected(), nil
}

// sink keeps the error of a writer apart from those of the connection. A borrowed
// connection outlives it: what comes after is thrown away, for the driver can end
// a COPY only with its connection.
type sink struct {
	io.Writer
	drain bool
	err   error
}

// Write takes one message of COPY.
func (s *sink) Write(p []byte) (int, error) {
	if s.err == nil {
		_, s.err = s.Writer.Write(p)
	}
	if s.drain {
		return len(p), nil
	}
	return len(p), s.err
}

// Usable tells whether the stream can be used after an error.
func (s *Stream) Usable() bool { return !s.IsClosed() && s.PgConn().TxStatus() != 'I' }

// CheckCursor refuses a cursor column that holds NULL or an infinity in rows that
// the filter keeps: such rows are in no window and would never be read. It is
// quick where an index begins with the column; where none does, Query.Cursor
// looks while it reads. The stream must be inside the table.
func (s *Stream) CheckCursor(ctx context.Context, t *Table, cursor table.Column, where string) error {
	name := table.Quote(cursor.Name)
	conditions := []string{}
	if cursor.Nullable {
		conditions = append(conditions, name+" IS NULL")
	}
	if kindOf(cursor) == kindTime {
		conditions = append(conditions, name+" = 'infinity'", name+" = '-infinity'")
	}
	if where != "" {
		where = " AND (" + where + "\n)"
	}
	for i := range t.Relations {
		for _, condition := range conditions {
			var holds bool
			query := "SELECT EXISTS (SELECT FROM " + t.Relations[i].source() + " WHERE " + condition + where + ")"
			if err := s.ask(ctx, query, &holds); err != nil {
				return fmt.Errorf("checking cursor %s of %s: %w", name, t.Name, err)
			}
			if holds {
				say, mend := cursorNull(cursor, t.Name)
				return fault.New(fault.CursorNull, mend, "%s", say)
			}
		}
	}
	return nil
}

func cursorNull(cursor table.Column, name table.Name) (say, mend string) {
	column := table.Quote(cursor.Name)
	return fmt.Sprintf("cursor %s of %s is NULL or infinite in some rows, which would never be read", column, name),
		fmt.Sprintf("fill them in, and run ALTER TABLE %s ALTER COLUMN %s SET NOT NULL", name.SQL(), column)
}

// Holding returns those of a table's relations that hold rows of a window. The
// stream must be inside the table.
func (s *Stream) Holding(ctx context.Context, t *Table, w Window) ([]*Relation, error) {
	conditions, err := w.conditions()
	if err != nil {
		return nil, err
	}
	list := make([]string, len(t.Relations))
	for i := range t.Relations {
		list[i] = "EXISTS (SELECT FROM " + t.Relations[i].source() + " WHERE " + strings.Join(conditions, " AND ") + ")"
	}
	var holds []bool
	if err := s.ask(ctx, "SELECT ARRAY["+strings.Join(list, ", ")+"]", &holds); err != nil {
		return nil, fmt.Errorf("looking for new rows of %s: %w", t.Name, err)
	}
	var holding []*Relation
	for i := range t.Relations {
		if holds[i] {
			holding = append(holding, &t.Relations[i])
		}
	}
	return holding, nil
}

// Boundary returns the cursor's value that so many rows of a window lie below, at
// most in each of the relations; the value after the first where all of those have
// that one; empty when the window holds no more. The stream must be inside the
// table.
func (s *Stream) Boundary(ctx context.Context, t *Table, relations []*Relation, w Window, rows int64) (string, error) {
	conditions, err := w.conditions()
	if err != nil {
		return "", err
	}
	name := table.Quote(w.Column.Name)
	least := func(value, rest string) string {
		list := make([]string, len(relations))
		for i, r := range relations {
			list[i] = "(SELECT " + value + " FROM " + r.source() + " WHERE " + strings.Join(conditions, " AND ") + rest + ")"
		}
		return "least(" + strings.Join(list, ", ") + ")"
	}
	nth := least(name, " ORDER BY 1 OFFSET "+strconv.FormatInt(rows, 10)+" LIMIT 1")
	var at pgtype.Text
	var same pgtype.Bool
	err = s.ask(ctx, "SELECT "+nth+"::text, "+nth+" = "+least("min("+name+")", ""), &at, &same)
	if err == nil && same.Bool {
		err = s.ask(ctx, "SELECT "+least("min("+name+")", " AND "+name+" > "+escapeString(at.String)+"::"+w.as())+"::text", &at)
	}
	if err != nil {
		return "", fmt.Errorf("cutting the window of %s: %w", t.Name, err)
	}
	return at.String, nil
}

// ask runs a query that returns one row, and takes back what it did to the session.
func (s *Stream) ask(ctx context.Context, query string, into ...any) error {
	if err := s.exec(ctx, "ROLLBACK TO span"); err != nil {
		return s.explain(err)
	}
	return s.explain(s.QueryRow(ctx, query, pgx.QueryExecModeExec).Scan(into...))
}

// Close ends the connection; a borrowed one goes back.
func (s *Stream) Close(ctx context.Context) error {
	if s.borrowed {
		return s.leave(ctx)
	}
	return s.close(ctx)
}

func sqlstate(err error) string {
	if server, ok := errors.AsType[*pgconn.PgError](err); ok {
		return server.Code
	}
	return ""
}
