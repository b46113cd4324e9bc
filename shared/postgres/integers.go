package postgres

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/stagelift/stagelift/shared/fault"
	"github.com/stagelift/stagelift/shared/table"
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
// as mappers with high/low allocation do, or that an application makes below the
// last that the sequence gave out; rows that change without a new value, and rows
// that are deleted.
func (s *Snapshot) boundIntegers(ctx context.Context, marks []*mark) error {
	for _, m := range marks {
		if err := s.boundInteger(ctx, m); err != nil {
			return fmt.Errorf("cursor %s: %w", m.name(), err)
		}
	}
	if s.Server.Standby || len(marks) == 0 {
		return nil
	}
	return s.awaitWriters(ctx, open(marks, kindInteger), cmp.Or(s.options.Wait, defaultWait))
}

// boundInteger reads M, which is no more than the sequence gave out: what is
// larger was made up, and the sequence will come to values below it. Without rows
// the bound is the smallest number there is, below which nothing is read.
func (s *Snapshot) boundInteger(ctx context.Context, m *mark) error {
	name := m.Name.SQL()
	if len(m.apart) > 0 {
		name = "ONLY " + name
	}
	var largest *int64
	if err := s.looker.exec(ctx, "SAVEPOINT reading"); err != nil {
		return s.looker.explain(err)
	}
	err := s.looker.QueryRow(ctx, "SELECT max("+table.Quote(m.Cursor.Column)+")::bigint FROM "+name, pgx.QueryExecModeExec).Scan(&largest)
	if rolled := s.looker.exec(ctx, "ROLLBACK TO reading"); rolled != nil {
		return s.looker.explain(rolled)
	}
	switch {
	case err != nil:
		m.Refused = &fault.Error{Code: fault.Cursor, Err: fmt.Errorf("cursor %s: %w", m.name(), s.looker.explain(err))}
	case largest == nil:
		m.To = strconv.FormatInt(math.MinInt64, 10)
	case *largest == math.MaxInt64:
		m.refuse("", "its largest value is the largest bigint, beyond which there is nothing")
	case m.Last != nil:
		m.Beyond = *largest > *m.Last
		m.To = strconv.FormatInt(min(*largest, *m.Last)+1, 10)
	default:
		m.To = strconv.FormatInt(*largest+1, 10)
	}
	return nil
}

// lookAtSequences looks at what fills integer cursors. A cursor is proven by one
// sequence that only grows, that no session takes values of ahead, and that is all
// there is behind the column, as its identity or its default, in whichever relation
// rows are inserted. We must see how far it is.
func (s *Snapshot) lookAtSequences(ctx context.Context, marks []*mark) error {
	const query = `
SELECT m.root, m.relation, a.attidentity <> '' OR coalesce(pg_get_expr(f.adbin, f.adrelid) ~ '^nextval\(''[^()]*''::regclass\)(::(smallint|integer|bigint))?$', false),
       f.oid IS NOT NULL, s.oid, coalesce(n.nspname, ''), coalesce(c.relname, ''), coalesce(q.seqincrement < 0 OR q.seqcycle, false), coalesce(q.seqcache > 1, false),
       CASE WHEN has_sequence_privilege(s.oid, 'USAGE, SELECT') THEN pg_sequence_last_value(s.oid) END, coalesce(has_sequence_privilege(s.oid, 'USAGE, SELECT'), false)
  FROM unnest($1::oid[], $2::oid[], $3::text[]) AS m (root, relation, name)
  JOIN pg_attribute a ON a.attrelid = m.relation AND a.attname = m.name
  LEFT JOIN pg_attrdef f ON f.adrelid = a.attrelid AND f.adnum = a.attnum
  LEFT JOIN LATERAL (
    SELECT d.objid AS oid FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
       AND d.deptype = 'i' AND d.refobjid = a.attrelid AND d.refobjsubid = a.attnum
    UNION
    SELECT d.refobjid FROM pg_depend d WHERE d.classid = 'pg_attrdef'::regclass AND d.objid = f.oid AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> a.attrelid
  ) s ON true
  LEFT JOIN pg_sequence q ON q.seqrelid = s.oid LEFT JOIN pg_class c ON c.oid = s.oid LEFT JOIN pg_namespace n ON n.oid = c.relnamespace`
	var roots, relations []uint32
	var columns []string
	byID := map[uint32]*mark{}
	for _, m := range open(marks, kindInteger) {
		byID[m.OID] = m
		for _, watched := range m.watched {
			roots, relations, columns = append(roots, m.OID), append(relations, watched), append(columns, m.Cursor.Column)
		}
	}
	behind := map[uint32]uint32{} // the sequence, by root
	proven := map[uint32]bool{}
	found := behindColumn{user: s.source.config.User}
	into := []any{
		&found.root, &found.relation, &found.drawn, &found.filled, &found.sequence, &found.name.Schema, &found.name.Table,
		&found.backward, &found.cached, &found.last, &found.shown,
	}
	err := s.looker.each(ctx, "sequences", query, []any{roots, relations, columns}, into, func() {
		m := byID[found.root]
		found.judge(m, behind)
		if found.drawn && found.sequence != nil && found.relation == m.OID {
			proven[m.OID] = true
		}
	})
	for _, m := range byID {
		if !proven[m.OID] {
			m.doubt("give a lookback of the values that can still come", "no sequence is known to fill it, so new rows can be below old ones")
		}
		if m.unproven != nil {
			m.Last = nil
		}
	}
	return err
}

// behindColumn is what is behind a column of one relation of a family.
type behindColumn struct {
	user           string // ours
	root, relation uint32
	drawn          bool // the value is that of a sequence and nothing else
	filled         bool // it has a default
	sequence       *uint32
	name           table.Name
	backward       bool // does not only grow
	cached         bool // sessions take values ahead
	shown          bool // we may see how far it is
	last           *int64
}

func (b *behindColumn) judge(m *mark, behind map[uint32]uint32) {
	switch {
	case b.sequence == nil && !b.filled:
		return
	case !b.drawn || b.sequence == nil:
		m.doubt("give a lookback of the values that can still come", "its default is not a sequence's next value, so new rows can be below old ones")
		return
	case behind[b.root] != 0 && behind[b.root] != *b.sequence:
		m.doubt("give a lookback of the values that can still come", "several sequences fill it, so new rows can be below old ones")
	case b.backward:
		m.refuse("", "sequence %s does not only grow (INCREMENT or CYCLE), so new rows can be below old ones", b.name.SQL())
	case !b.shown:
		m.doubt("run: GRANT SELECT ON SEQUENCE "+b.name.SQL()+" TO "+table.Quote(b.user)+", or give a lookback of the values that can still come",
			"we may not see how far sequence %s is, so numbers that were made by hand cannot be told from its own", b.name.SQL())
	case b.cached:
		m.doubt("run ALTER SEQUENCE "+b.name.SQL()+" CACHE 1, or give a lookback of the values that all sessions hold",
			"each session takes values of sequence %s ahead (CACHE), so new rows can be below old ones", b.name.SQL())
	}
	behind[b.root] = *b.sequence
	if b.shown {
		m.Last = new(int64)
		if b.last != nil {
			*m.Last = *b.last
		}
	}
}

// writer is a transaction that holds a writing lock on a relation.
type writer struct {
	// ID is the virtual transaction, which no other transaction of the server's
	// life shares; of a prepared one that a restart brought back it is -1 and its
	// real id.
	ID       string
	Prepared bool
	// Who is how an operator finds it: its pid, or its gid.
	Who      string
	Relation uint32
}

// writers lists who may have written rows to the relations. Every statement that
// does takes ROW EXCLUSIVE, whatever stronger lock it has; leaving the others out
// keeps VACUUM and CREATE INDEX from being waited for. A prepared transaction is
// found by the lock on its own id.
func (c *connection) writers(ctx context.Context, relations []uint32) ([]writer, error) {
	const query = `
SELECT DISTINCT l.virtualtransaction, l.pid IS NULL,
       coalesce('pid ' || l.pid::text, 'prepared transaction ' || quote_literal(p.gid), 'a prepared transaction'), l.relation
  FROM pg_locks l
  LEFT JOIN pg_locks x ON l.pid IS NULL AND x.pid IS NULL AND x.locktype = 'transactionid' AND x.virtualtransaction = l.virtualtransaction
  LEFT JOIN pg_prepared_xacts p ON p.transaction = x.transactionid
 WHERE l.locktype = 'relation' AND l.granted AND l.mode = 'RowExclusiveLock' AND l.pid IS DISTINCT FROM pg_backend_pid()
   AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND l.relation = ANY($1)
 ORDER BY 3`
	rows, err := c.Query(ctx, query, relations)
	if err != nil {
		return nil, fmt.Errorf("listing who writes: %w", c.explain(err))
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[writer])
	if err != nil {
		return nil, fmt.Errorf("listing who writes: %w", c.explain(err))
	}
	return list, nil
}

const (
	firstPoll = 10 * time.Millisecond
	lastPoll  = 500 * time.Millisecond
)

// awaitWriters returns when all have ended that are writing now, or the time is
// over: then the tables that they write to are refused. Those that come later are
// not waited for, but for prepared ones: what is being waited for may have been
// prepared, and goes by another id then.
func (s *Snapshot) awaitWriters(ctx context.Context, marks []*mark, wait time.Duration) error {
	var relations []uint32
	for _, m := range marks {
		relations = append(relations, m.watched...)
	}
	open, err := s.looker.writers(ctx, relations)
	expired := time.Now().Add(wait)
	for pause := firstPoll; err == nil && len(open) > 0; pause = min(2*pause, lastPoll) {
		if time.Now().After(expired) {
			break
		}
		if err := sleep(ctx, pause); err != nil {
			return fmt.Errorf("waiting for %s: %w", who(open), err)
		}
		var now []writer
		if now, err = s.looker.writers(ctx, relations); err == nil {
			open = slices.DeleteFunc(now, func(w writer) bool { return !w.Prepared && !slices.ContainsFunc(open, w.same) })
		}
	}
	for _, m := range marks {
		theirs := slices.DeleteFunc(slices.Clone(open), func(w writer) bool { return !slices.Contains(m.watched, w.Relation) })
		if len(theirs) > 0 {
			m.Refused = fault.New(fault.Writers, "end them, or run again when they are done",
				"cursor %s: after %v there are still transactions that write to the table: %s", m.name(), wait, who(theirs))
		}
	}
	return err
}

func (w writer) same(o writer) bool { return w.ID == o.ID }

func who(list []writer) string {
	var names []string
	for _, w := range list {
		if !slices.Contains(names, w.Who) {
			names = append(names, w.Who)
		}
	}
	return strings.Join(names, ", ")
}
