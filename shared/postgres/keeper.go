package postgres

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/stagelift/stagelift/shared/table"
)

// holding is a table whose lock the snapshot's session holds.
type holding struct {
	table *Table
	// let is true once nobody needs the lock any more.
	let bool
}

// savepoint stands before the lock at a place of the stack.
func savepoint(place int) string { return fmt.Sprintf("held_%d", place) }

// hold has the snapshot's session take the locks over, those of the tables that
// are read first on top. Only the tables that there is room for are held.
func (s *Snapshot) hold(ctx context.Context) (*blocked, error) {
	room, n := s.room, 0
	for ; n < len(s.Tables); n++ {
		if room -= len(s.Tables[n].standing); room < 0 {
			break
		}
	}
	s.Unheld = len(s.Tables) - n
	order := slices.Clone(s.Tables[:n])
	slices.Reverse(order)
	groups := make([][]string, n)
	for place, t := range order {
		groups[place] = append([]string{"SAVEPOINT " + savepoint(place)}, t.lock...)
	}
	done, err := s.keeper.lock(ctx, groups)
	if err != nil {
		return blockedBy(err, order[done].Name, order[done].lock)
	}
	for _, t := range order {
		s.held = append(s.held, &holding{table: t})
	}
	return nil, nil
}

// LetGo says that nobody needs the locks of tables here any more: a stream has
// entered them, or they are not going to be read. A lock is let go as soon as those
// above it are; now, if somebody waits for its table: then those above it are let
// go for a moment as well, and those that are not to be had again at once stay so.
// It is false while the session reads: then nothing is let go.
func (s *Snapshot) LetGo(ctx context.Context, now bool, tables ...*Table) (done bool, err error) {
	if !s.keeping.TryLock() {
		return false, nil
	}
	defer s.keeping.Unlock()
	least := len(s.held)
	for _, t := range tables {
		if place := s.place(t); place >= 0 {
			if s.held[place].let = true; now {
				least = min(least, place)
			}
		}
	}
	for least > 0 && s.held[least-1].let {
		least--
	}
	return true, s.cut(ctx, least)
}

func (s *Snapshot) place(t *Table) int {
	return slices.IndexFunc(s.held, func(h *holding) bool { return h.table == t })
}

// cut takes the stack back to a place, and then those on again that are still
// needed.
func (s *Snapshot) cut(ctx context.Context, place int) error {
	if place == len(s.held) {
		return nil
	}
	again := slices.DeleteFunc(slices.Clone(s.held[place:]), func(h *holding) bool { return h.let })
	s.held = s.held[:place]
	if err := s.keeper.exec(ctx, "ROLLBACK TO "+savepoint(place), "RELEASE "+savepoint(place)); err != nil {
		s.held = nil
		return s.keeper.explain(err)
	}
	for _, h := range again {
		name := savepoint(len(s.held))
		err := s.keeper.exec(ctx, append([]string{"SAVEPOINT " + name}, h.table.lock...)...)
		if err == nil {
			s.held = append(s.held, h)
			continue
		}
		if err := s.keeper.exec(ctx, "ROLLBACK TO "+name, "RELEASE "+name); err != nil {
			s.held = nil
			return s.keeper.explain(err)
		}
	}
	return nil
}

// Alive tells whether the session that keeps the snapshot and the locks is still
// there. Without it no stream can be opened any more; those that are open go on,
// and look for themselves at each table that they enter.
func (s *Snapshot) Alive(ctx context.Context) error {
	if !s.keeping.TryLock() {
		return nil // it reads, and will say so itself
	}
	defer s.keeping.Unlock()
	if err := s.keeper.exec(ctx, "SELECT"); err != nil {
		s.held = nil
		return fmt.Errorf("keeping the snapshot: %w", s.keeper.explain(err))
	}
	return nil
}

// Waiter is a statement that waits to have a table for itself.
type Waiter struct {
	Table *Table
	PID   int32
	// Kind is what kind of statement it is, as far as we are shown it.
	Kind string
}

// Waiting lists who waits for tables of the snapshot.
func (s *Snapshot) Waiting(ctx context.Context) ([]Waiter, error) {
	const query = `
SELECT l.relation, l.pid, coalesce(a.query, '') FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid
 WHERE NOT l.granted AND l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock'
   AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())`
	s.looking.Lock()
	defer s.looking.Unlock()
	c, err := s.look(ctx)
	if err != nil {
		return nil, err
	}
	var list []Waiter
	var oid uint32
	var pid int32
	var statement string
	err = c.each(ctx, "who waits for tables", query, nil, []any{&oid, &pid, &statement}, func() {
		for _, t := range s.Tables {
			if slices.ContainsFunc(t.standing, func(m standing) bool { return m.OID == oid }) {
				list = append(list, Waiter{t, pid, statementKind(statement)})
			}
		}
	})
	return list, err
}

// look returns the session that sees what is now, another one where it has
// ended: it holds nothing.
func (s *Snapshot) look(ctx context.Context) (_ *connection, err error) {
	if s.looker.IsClosed() {
		_ = s.looker.close(ctx)
		if s.looker, err = s.source.connect(ctx, s.options.ShowValues); err != nil {
			return s.looker, err
		}
	}
	return s.looker, nil
}

// Holders says who holds a table exclusively.
func (s *Snapshot) Holders(ctx context.Context, name table.Name) string {
	s.looking.Lock()
	defer s.looking.Unlock()
	c, err := s.look(ctx)
	if err != nil {
		return "another session"
	}
	return c.holders(ctx, name)
}

// holders says who holds a table exclusively.
func (c *connection) holders(ctx context.Context, name table.Name) string {
	const query = `
SELECT l.pid, coalesce(a.query, '') FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid
 WHERE l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock' AND l.relation = to_regclass($1)::oid
   AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) ORDER BY l.granted DESC, 1 LIMIT 1`
	var pid *int32
	var statement string
	switch err := c.QueryRow(ctx, query, name.SQL()).Scan(&pid, &statement); {
	case err != nil && err != pgx.ErrNoRows: //nolint:errorlint // Scan returns it as it is
		return "another session"
	case pid == nil:
		return "another session or a prepared transaction"
	}
	return fmt.Sprintf("%s (pid %d)", statementKind(statement), *pid)
}

var (
	comments   = regexp.MustCompile(`(?s)^(\s+|--[^\n]*\n|/\*.*?\*/)+`)
	statements = regexp.MustCompile(`(?i)^(ALTER|CREATE|DROP|REFRESH|REINDEX)\s+(TABLE|INDEX|MATERIALIZED\s+VIEW|VIEW|FOREIGN\s+TABLE|SCHEMA|TYPE|TRIGGER|POLICY|RULE|SEQUENCE)\b|^(TRUNCATE|VACUUM|CLUSTER|LOCK|REFRESH|REINDEX|ALTER|DROP)\b`)
)

// statementKind returns the words that a statement of DDL begins with, and no
// more of it.
func statementKind(statement string) string {
	kind := statements.FindString(comments.ReplaceAllString(statement, ""))
	if kind == "" {
		return "a statement that needs it for itself"
	}
	return strings.ToUpper(strings.Join(strings.Fields(kind), " "))
}
