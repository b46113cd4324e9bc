package postgres

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// boundIntegers bounds columns that take their value from a sequence in the
// inserting or updating statement.
//
// The bound is one more than the largest value M that can be seen, once every
// transaction has ended that held a writing lock on the table when M had been
// read. Why no row is lost: a row with a value up to M took it from the sequence
// before M was read, since M was given out by then and the sequence only grows.
// Its statement held the lock by then, which lasts to the end of its
// transaction. So this has ended, or is among those that are waited for, before
// the snapshot is taken. A lock is let go only after the rows can be seen.
//
// Not covered: values that are drawn from the sequence in an earlier statement,
// as mappers with high/low allocation do, or that an application makes; a sequence
// that is set back; rows that change without a new value, and rows that are
// deleted.
func (s *Snapshot) boundIntegers(ctx context.Context, marks []*mark, standby bool, wait time.Duration) error {
	if len(marks) == 0 {
		return nil
	}
	for _, m := range marks {
		if err := s.boundInteger(ctx, m); err != nil {
			return fmt.Errorf("bounding cursor %s: %w", m.name(), err)
		}
	}
	if standby {
		return nil
	}
	if wait == 0 {
		wait = defaultWait
	}
	if err := s.awaitWriters(ctx, marks, wait); err != nil {
		return fmt.Errorf("bounding cursors: %w", err)
	}
	return nil
}

// boundInteger reads M. Without rows the bound is the smallest number there is,
// below which nothing is read.
func (s *Snapshot) boundInteger(ctx context.Context, m *mark) error {
	source := Span{Relation: m.Table, Descend: m.kind == "p" || descends(m.kind)}
	var largest *int64
	err := s.conn.QueryRow(ctx, "SELECT max("+quoteAll([]string{m.Cursor.Column})+")::bigint FROM "+source.from()).Scan(&largest)
	switch {
	case err != nil:
		return readHint(err)
	case largest == nil:
		m.To = strconv.FormatInt(math.MinInt64, 10)
	case *largest == math.MaxInt64:
		return errors.New("its largest value is the largest bigint, beyond which there is nothing")
	default:
		m.To = strconv.FormatInt(*largest+1, 10)
	}
	return nil
}

// writer is a transaction that holds a writing lock.
type writer struct {
	// ID is the virtual transaction, which no other transaction of the server's
	// life shares; of a prepared one it is -1 and its real id.
	ID string
	// Who is how an operator finds it: its pid, or its gid.
	Who string
}

func (w writer) prepared() bool { return strings.HasPrefix(w.ID, "-1/") }

// writers lists who may have written rows to the relations. Every statement that
// does takes ROW EXCLUSIVE, whatever stronger lock it has; leaving the others out
// keeps VACUUM and CREATE INDEX from being waited for.
func (s *Snapshot) writers(ctx context.Context, relations []uint32) ([]writer, error) {
	const query = `
SELECT DISTINCT l.virtualtransaction, coalesce('pid ' || l.pid::text, 'prepared transaction ' || quote_literal(p.gid), 'a prepared transaction')
  FROM pg_locks l
  LEFT JOIN pg_prepared_xacts p ON l.pid IS NULL AND l.virtualtransaction = '-1/' || p.transaction::text
 WHERE l.locktype = 'relation' AND l.granted AND l.mode = 'RowExclusiveLock' AND l.pid IS DISTINCT FROM pg_backend_pid()
   AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND l.relation = ANY($1)
 ORDER BY 2`
	rows, err := s.conn.Query(ctx, query, relations)
	if err != nil {
		return nil, fmt.Errorf("listing who writes: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[writer])
	if err != nil {
		return nil, fmt.Errorf("listing who writes: %w", err)
	}
	return list, nil
}

const (
	firstPoll = 10 * time.Millisecond
	lastPoll  = 500 * time.Millisecond
)

// awaitWriters returns when all have ended that are writing now. Those that
// come later are not waited for, but for prepared ones: what is being waited for
// may have been prepared, and goes by another id then.
func (s *Snapshot) awaitWriters(ctx context.Context, marks []*mark, wait time.Duration) error {
	var relations []uint32
	for _, m := range marks {
		relations = append(relations, m.family...)
	}
	open, err := s.writers(ctx, relations)
	expired := time.Now().Add(wait)
	for pause := firstPoll; err == nil && len(open) > 0; pause = min(2*pause, lastPoll) {
		if time.Now().After(expired) {
			return fmt.Errorf("%s still write to tables with integer cursors after %v; end them, or run again when they are done", describe(open), wait)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w", describe(open), context.Cause(ctx))
		case <-time.After(pause):
		}
		var now []writer
		if now, err = s.writers(ctx, relations); err == nil {
			open = slices.DeleteFunc(now, func(w writer) bool { return !w.prepared() && !slices.ContainsFunc(open, w.same) })
		}
	}
	return err
}

func (w writer) same(o writer) bool { return w.ID == o.ID }

func describe(list []writer) string {
	names := make([]string, len(list))
	for i, w := range list {
		names[i] = w.Who
	}
	return strings.Join(names, ", ")
}
