package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/stagelift/stagelift/shared/fault"
	"github.com/stagelift/stagelift/shared/table"
)

// Options say which tables are wanted, and at which moment.
type Options struct {
	Selection Selection
	// Import is a snapshot that another session of the same database exported
	// and still holds. It is taken over: once Snapshot has returned, that
	// session may end. Empty takes a new snapshot.
	Import string
	// Cursors are those of the tables that are read incrementally. How far is
	// found out before the snapshot is taken, so they exclude Import.
	Cursors map[table.Name]Cursor
	// Wait is how long to wait for transactions that were writing to a table
	// with an integer cursor; 0 is 30 seconds.
	Wait time.Duration
	// Patience is how long to wait, all in all, for tables that others hold
	// exclusively; 0 is a minute.
	Patience time.Duration
	// ShowValues lets errors quote PostgreSQL's own words, and name rows by their
	// keys.
	ShowValues bool
}

const (
	defaultPatience = time.Minute
	// lookAgain is how often the beginning is tried where names keep changing.
	lookAgain = 20
)

// Server is what is known of the database's server.
type Server struct {
	// SystemID is the cluster's own number, which copies of it share; empty where
	// the server does not tell.
	SystemID string `json:"system_id,omitempty"`
	// Major is the version of PostgreSQL.
	Major int `json:"major"`
	// Standby is true of a replica.
	Standby bool `json:"standby,omitempty"`
}

// Snapshot is one moment of the database, and the tables that were chosen at it.
// It is valid until Close. Its methods may be called from several goroutines.
type Snapshot struct {
	// ID is the name under which the server exports the snapshot.
	ID string
	// LSN is the WAL position just before; empty where the server hides it, and
	// of an imported snapshot.
	LSN string
	// Visible tells which transactions the snapshot sees, as
	// pg_current_snapshot() prints it. Snapshots of one database that agree in
	// it see the same rows. It is empty on a standby, which does not print the
	// transactions that are under way.
	Visible string
	// At is the server's clock when the snapshot was taken or imported.
	At time.Time
	// Server is the server.
	Server Server
	// Tables are in the order in which they are best read: that in which their
	// locks can be let go.
	Tables []*Table
	// Refused are the tables and patterns of the selection that are not read.
	Refused []Refusal
	// Bounds are how far the tables of Options.Cursors may be read.
	Bounds map[table.Name]Bound
	// Unheld is the number of tables that the server has no room to lock before
	// they are read.
	Unheld int

	source  *Source
	options Options
	room    int // relations to lock at most

	// looker sees what is now, statement by statement.
	looking sync.Mutex
	looker  *connection
	// keeper keeps the snapshot, and the locks of held, the next to be read last,
	// each under a savepoint of its own.
	keeping sync.Mutex
	keeper  *connection
	held    []*holding
}

// Snapshot takes one, or takes one over, and finds the tables. Its error means
// that nothing can be read; a table that cannot is in Refused. The caller must
// Close it.
func (s *Source) Snapshot(ctx context.Context, o Options) (*Snapshot, error) {
	if o.Import != "" && len(o.Cursors) > 0 {
		return nil, errors.New("taking a snapshot: cursors have to be bounded before the snapshot is taken, " +
			"so an imported one cannot be read incrementally")
	}
	o.Patience = cmp.Or(o.Patience, defaultPatience)
	snapshot := &Snapshot{source: s, options: o}
	if err := snapshot.open(ctx); err != nil {
		return nil, errors.Join(err, snapshot.Close(ctx))
	}
	return snapshot, nil
}

func (s *Snapshot) open(ctx context.Context) (err error) {
	var connecting sync.WaitGroup
	var lost error
	connecting.Go(func() { s.keeper, lost = s.source.connect(ctx, s.options.ShowValues) })
	s.looker, err = s.source.connect(ctx, s.options.ShowValues)
	connecting.Wait()
	if err != nil {
		return err // of both, if both failed
	}
	if lost != nil {
		return lost
	}
	if s.room, err = s.looker.room(ctx); err != nil {
		return fmt.Errorf("taking a snapshot: %w", err)
	}
	s.Server = Server{Major: s.looker.major, Standby: s.looker.standby, SystemID: s.looker.systemID(ctx)}
	if err := s.begin(ctx); err != nil {
		return fmt.Errorf("taking a snapshot: %w", err)
	}
	return nil
}

// systemID is asked outside of a transaction: not every server answers.
func (c *connection) systemID(ctx context.Context) string {
	var id pgtype.Text
	if err := c.QueryRow(ctx, `SELECT system_identifier::text FROM pg_control_system()`).Scan(&id); err != nil {
		return ""
	}
	return id.String
}

// blocked is a table that could not be locked: another session holds it, or why
// says that it never can be.
type blocked struct {
	name table.Name
	lock []string
	why  error
}

// blockedBy tells which of groups of statements could not be carried out, if that
// is one table's trouble and not the session's.
func blockedBy(err error, name table.Name, lock []string) (*blocked, error) {
	switch {
	case busy(err):
		return &blocked{name: name, lock: lock}, nil
	case sqlstate(err) == "" || gone(err) || full(err):
		return nil, err
	}
	return &blocked{name: name, lock: lock, why: err}, nil
}

// begin locks, looks and takes the snapshot, again and again as long as names
// change or a lock is not to be had meanwhile. A table that cannot be had in time
// is refused.
func (s *Snapshot) begin(ctx context.Context) error {
	until := time.Now().Add(s.options.Patience)
	locked := map[table.Name]*fault.Error{}
	for tries := 0; ; tries++ {
		stuck, err := s.attempt(ctx, locked, tries == lookAgain)
		if err == nil && stuck == nil {
			for name, why := range locked {
				s.Refused = append(s.Refused, Refusal{Name: name.String(), Err: why})
			}
			return nil
		}
		if err := s.tryAgain(ctx, err, until, tries); err != nil {
			return s.looker.explain(err)
		}
		if err := errors.Join(s.looker.exec(ctx, "ROLLBACK"), s.keeper.exec(ctx, "ROLLBACK")); err != nil {
			return err
		}
		if stuck == nil {
			continue
		}
		why, err := s.waitFor(ctx, stuck, time.Until(until))
		if err != nil {
			return s.looker.explain(err)
		}
		if why != nil {
			locked[stuck.name] = why
		}
	}
}

// tryAgain returns nil where what failed is worth another try.
func (s *Snapshot) tryAgain(ctx context.Context, err error, until time.Time, tries int) error {
	switch {
	case busy(err) && time.Now().Before(until): // a function of the catalogue waits for a table
		return sleep(ctx, asking)
	case full(err) && s.room > 0:
		s.room /= 2
		return nil
	case (gone(err) || errors.Is(err, errMoved)) && tries < lookAgain:
		return nil
	}
	return err
}

// waitFor returns why a table cannot be read; nil once it can be locked.
func (s *Snapshot) waitFor(ctx context.Context, stuck *blocked, patience time.Duration) (*fault.Error, error) {
	if stuck.why != nil {
		why := s.looker.explain(stuck.why)
		return fault.New(fault.CodeOf(why, fault.Source), fault.MendOf(why), "table %s: %w", stuck.name, errors.Unwrap(why)), nil
	}
	free, err := s.looker.await(ctx, stuck.lock, patience)
	if free || err != nil {
		return nil, err
	}
	return fault.New(fault.Locked, "run again when it is done", "table %s: %s held it exclusively for longer than %v",
		stuck.name, s.looker.holders(ctx, stuck.name), s.options.Patience), nil
}

// attempt locks, takes the snapshot, looks, and has the snapshot's session take
// the locks over. It returns a table whose lock was not to be had. The last attempt
// leaves names that move to those who look later.
func (s *Snapshot) attempt(ctx context.Context, except map[table.Name]*fault.Error, last bool) (stuck *blocked, err error) {
	s.Refused, s.Bounds, s.held = nil, map[table.Name]Bound{}, nil
	var locked []family
	if s.options.Import == "" {
		if locked, stuck, err = s.lockFirst(ctx, except, last); stuck != nil || err != nil {
			return stuck, err
		}
		s.readPosition(ctx)
	}
	if err := s.adopt(ctx, s.keeper, s.options.Import); err != nil {
		return nil, err
	}
	const export = `SELECT pg_export_snapshot(), CASE WHEN pg_is_in_recovery() THEN '' ELSE pg_current_snapshot()::text END, clock_timestamp()`
	if err := s.keeper.QueryRow(ctx, export).Scan(&s.ID, &s.Visible, &s.At); err != nil {
		return nil, s.keeper.explain(err)
	}
	list, err := s.choose(ctx, s.keeper, except)
	if err != nil {
		return nil, err
	}
	if moved := moved(locked, list); s.options.Import == "" && len(moved) > 0 {
		if !last {
			return nil, errMoved
		}
		maps.DeleteFunc(s.Bounds, func(name table.Name, _ Bound) bool { return moved[name] })
	}
	tables, refused, err := s.keeper.describe(ctx, list, s.options.Selection)
	if err != nil {
		return nil, err
	}
	s.Tables, s.Refused = tables, append(s.Refused, refused...)
	s.dropUnbounded()
	slices.SortStableFunc(s.Tables, func(a, b *Table) int { return cmp.Compare(b.Blocks(), a.Blocks()) })
	if stuck, err := s.hold(ctx); stuck != nil || err != nil {
		return stuck, err
	}
	if err := s.measure(ctx); err != nil {
		return nil, err
	}
	return nil, s.looker.exec(ctx, "ROLLBACK")
}

// dropUnbounded takes out tables whose cursor was refused.
func (s *Snapshot) dropUnbounded() {
	s.Tables = slices.DeleteFunc(s.Tables, func(t *Table) bool {
		_, bounded := s.Bounds[t.Name]
		_, asked := s.options.Cursors[t.Name]
		if why := s.Bounds[t.Name].Refused; asked && bounded && why != nil {
			s.Refused = append(s.Refused, Refusal{Name: t.Name.String(), Err: why})
			return true
		}
		return false
	})
}

// readPosition comes first and outside the transaction, because Aurora's
// readers refuse the question and would spoil the transaction.
func (s *Snapshot) readPosition(ctx context.Context) {
	const position = `SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END::text`
	var lsn pgtype.Text
	if err := s.keeper.QueryRow(ctx, position).Scan(&lsn); err == nil {
		s.LSN = lsn.String
	}
}

// adopt begins a transaction at an exported snapshot, or at one of its own when
// id is empty.
func (s *Snapshot) adopt(ctx context.Context, c *connection, id string) error {
	begin := []string{`BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY`}
	if id != "" {
		begin = append(begin, `SET TRANSACTION SNAPSHOT `+quoteString(id))
	}
	begin = append(begin, limit(c.patience))
	err := c.exec(ctx, begin...)
	if err == nil || id == "" {
		return c.explain(err)
	}
	switch sqlstate(err) {
	case "22023", "42704", "55000":
		return fault.New(fault.SnapshotGone, "keep the session that exported it open, or begin again with a new snapshot; where a replica ended it to keep up, turn hot_standby_feedback on",
			"importing snapshot %s: it is gone, because the session that exported it has ended or was ended: %w", id, err)
	case "0A000":
		return fault.New(fault.Request, "", "importing snapshot %s: it is another database's: %w", id, err)
	}
	return fmt.Errorf("importing snapshot %s: %w", id, c.explain(err))
}

// Close lets the snapshot go. Streams that were opened from it keep theirs.
func (s *Snapshot) Close(ctx context.Context) error {
	s.looking.Lock()
	defer s.looking.Unlock()
	s.keeping.Lock()
	defer s.keeping.Unlock()
	var problems []error
	for _, c := range []*connection{s.looker, s.keeper} {
		if c != nil {
			problems = append(problems, c.close(ctx))
		}
	}
	return errors.Join(problems...)
}

// aside runs do in the snapshot's session and takes back all that it did to the
// session, its locks included.
func (s *Snapshot) aside(ctx context.Context, do func(*connection) error) error {
	s.keeping.Lock()
	defer s.keeping.Unlock()
	if err := s.keeper.exec(ctx, "SAVEPOINT aside"); err != nil {
		return s.keeper.explain(err)
	}
	err := do(s.keeper)
	return errors.Join(err, s.keeper.exec(ctx, "ROLLBACK TO aside", "RELEASE aside"))
}

// Place finds the ctid of row number n, from 1, of those that a query reads of a
// span; empty where that cannot be told soon.
func (s *Snapshot) Place(ctx context.Context, q Query, span Span, n int64) string {
	statement := q.Place(span, n)
	if statement == "" {
		return ""
	}
	var ctid string
	if err := s.aside(ctx, func(c *connection) error {
		if err := c.exec(ctx, "SET LOCAL statement_timeout = '10s'", limit(asking)); err != nil {
			return err
		}
		return c.QueryRow(ctx, statement).Scan(&ctid)
	}); err != nil {
		return ""
	}
	return ctid
}
