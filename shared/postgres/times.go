package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/stagelift/stagelift/shared/table"
)

// startMargin is for a backend that has its start time but has not shown it yet.
// The two are microseconds apart, unless the machine gives the processor to
// others in between.
const startMargin = 5 * time.Second

// boundTimes bounds columns that the database stamps in the inserting or
// updating transaction with now(), clock_timestamp(), current_date and the like.
//
// The bound is the earliest of the server's clock and the start of every other
// open transaction, less the margin. Why no row is lost: take a row that the
// snapshot, taken later, does not see. Its transaction was not committed then.
// Either it was open when the transactions were listed, and its stamp is not
// below its start, so not below the bound; or it began later, and its stamp is
// not below the clock, which was read before the list. A transaction disappears
// from the list only after its rows can be seen.
//
// Not covered: values that a client made, or that are cut to more than the margin
// as date_trunc('minute', now()) is; rows that logical replication brings with
// the stamps of another server; a clock that is set back; rows that change
// without a new stamp, and rows that are deleted.
func (s *Snapshot) boundTimes(ctx context.Context, marks []*mark, standby bool) error {
	if len(marks) == 0 {
		return nil
	}
	moment, err := s.safeMoment(ctx, marks, standby)
	if err != nil {
		return fmt.Errorf("bounding cursors: %w", err)
	}
	for _, m := range marks {
		if m.To, err = s.localBound(ctx, m, moment); err != nil {
			return fmt.Errorf("bounding cursor %s: %w", m.name(), err)
		}
	}
	return nil
}

func (s *Snapshot) safeMoment(ctx context.Context, marks []*mark, standby bool) (time.Time, error) {
	if standby {
		return s.replayed(ctx)
	}
	if err := s.mayWatch(ctx); err != nil {
		return time.Time{}, err
	}
	moment, err := s.oldestTransaction(ctx)
	if err != nil {
		return time.Time{}, err
	}
	// After the others: one that is prepared in between was among them.
	prepared, err := s.oldestPrepared(ctx, marks)
	if err != nil {
		return time.Time{}, err
	}
	if !prepared.IsZero() && prepared.Before(moment) {
		moment = prepared
	}
	return moment.Add(-s.source.margin), nil
}

// replayed is the commit time of the last transaction that the standby has
// replayed. What commits later on the primary but was stamped before is the
// lookback's.
func (s *Snapshot) replayed(ctx context.Context) (time.Time, error) {
	var at *time.Time
	if err := s.conn.QueryRow(ctx, `SELECT pg_last_xact_replay_timestamp()`).Scan(&at); err != nil {
		return time.Time{}, fmt.Errorf("asking the standby how far it is; read from the primary instead: %w", err)
	}
	if at == nil {
		return time.Time{}, errors.New("the standby has not replayed a transaction since it started, so how far it is cannot be told; " +
			"run again after a write on the primary, or read from the primary")
	}
	return *at, nil
}

// mayWatch refuses when transactions of other users are hidden from us.
func (s *Snapshot) mayWatch(ctx context.Context) error {
	var may bool
	if err := s.conn.QueryRow(ctx, `SELECT pg_has_role('pg_read_all_stats', 'USAGE')`).Scan(&may); err != nil {
		return fmt.Errorf("looking at our privileges: %w", err)
	}
	if !may {
		return fmt.Errorf("other users' open transactions are hidden from us, and their rows would be lost; run: GRANT pg_read_all_stats TO %s",
			table.Quote(s.source.config.User))
	}
	return nil
}

// oldestTransaction is the earliest of the server's clock and the start of the
// other transactions of this database.
//
// The clock is the statement's own time, from before the list is made. Left out
// is who writes no rows: other databases' backends, autovacuum, and walsenders
// that are sending WAL, which decode in transactions that last as long as a
// subscriber is stuck. A walsender that is not sending can run any statement; when
// its transaction began is never shown, so its connection's start counts.
// Left out too are sessions of our user under our name, which only read: a run
// that lasts an hour would hold back every other one.
func (s *Snapshot) oldestTransaction(ctx context.Context) (time.Time, error) {
	const query = `
SELECT least(statement_timestamp(), min(CASE WHEN NOT a.sender THEN a.xact_start WHEN a.state <> 'idle' THEN a.backend_start END)),
       coalesce(array_agg(a.pid) FILTER (WHERE a.state = 'disabled' OR NOT a.sender AND a.state LIKE 'idle in%' AND a.xact_start IS NULL), '{}')
  FROM (SELECT *, coalesce(backend_type = 'walsender', false) AS sender FROM pg_stat_activity) a
  LEFT JOIN pg_stat_replication r ON r.pid = a.pid
 WHERE a.datname = current_database() AND a.pid <> pg_backend_pid()
   AND coalesce(a.backend_type, '') NOT IN ('autovacuum worker', 'autovacuum launcher', 'logical replication launcher')
   AND r.state IS DISTINCT FROM 'streaming' AND r.state IS DISTINCT FROM 'catchup'
   AND (a.usename, a.application_name) IS DISTINCT FROM (current_user, current_setting('application_name'))`
	var moment time.Time
	var dark []int32
	if err := s.conn.QueryRow(ctx, query).Scan(&moment, &dark); err != nil {
		return time.Time{}, fmt.Errorf("listing open transactions: %w", err)
	}
	if len(dark) > 0 {
		return time.Time{}, fmt.Errorf("track_activities is off in the sessions with pid %v, so their open transactions are hidden; turn it on", dark)
	}
	return moment, nil
}

// oldestPrepared is when the first of the prepared transactions of this
// database was prepared; zero without any. When it began is not recorded, so
// without a lookback its rows could be lost.
func (s *Snapshot) oldestPrepared(ctx context.Context, marks []*mark) (time.Time, error) {
	rows, err := s.conn.Query(ctx, `SELECT gid, prepared FROM pg_prepared_xacts WHERE database = current_database() ORDER BY prepared, gid`)
	if err != nil {
		return time.Time{}, fmt.Errorf("listing prepared transactions: %w", err)
	}
	var gids []string
	var oldest, at time.Time
	var gid string
	_, err = pgx.ForEachRow(rows, []any{&gid, &at}, func() error {
		if oldest.IsZero() {
			oldest = at
		}
		gids = append(gids, gid)
		return nil
	})
	if err != nil {
		return time.Time{}, fmt.Errorf("listing prepared transactions: %w", err)
	}
	var problems []error
	for _, m := range marks {
		if len(gids) > 0 && m.Lookback == "" {
			problems = append(problems, fmt.Errorf("cursor %s: when the prepared transactions %q began is not known; "+
				"end them, or give a lookback that covers the time before they were prepared", m.name(), gids))
		}
	}
	return oldest, errors.Join(problems...)
}

// localBound turns a moment into a value of the column. A cast to the column's
// type rounds or cuts as storing a stamp does, so what is stamped at or after
// the moment is not below it.
//
// The clock of a time zone goes back at the end of summer. The bound of a column
// without a time zone is therefore the lowest local time that the next day
// will show; clocks change at full quarters of an hour.
func (s *Snapshot) localBound(ctx context.Context, m *mark, moment time.Time) (string, error) {
	zone := m.TimeZone
	if zone == "" {
		zone = "UTC"
	}
	query := `SELECT ($1::timestamptz)::` + m.Bound.Column.Type + `::text`
	args := []any{moment}
	if t, err := table.ParseType(m.Bound.Column.Type); err == nil && t.Name != "timestamp with time zone" {
		query = `
SELECT least($1::timestamptz AT TIME ZONE $2, min(g AT TIME ZONE $2))::` + m.Bound.Column.Type + `::text
  FROM generate_series(to_timestamp(ceil(extract(epoch FROM $1::timestamptz) / 900) * 900), $1::timestamptz + interval '26 hours', '15 minutes') AS g`
		args = append(args, zone)
	}
	var to string
	if err := s.conn.QueryRow(ctx, query, args...).Scan(&to); err != nil {
		return "", err
	}
	return to, nil
}
