package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stagelift/stagelift/shared/fault"
	"github.com/stagelift/stagelift/shared/table"
)

// startMargin is for a backend that has its start time but has not shown it yet.
// The two are microseconds apart, unless the machine gives the processor to
// others in between.
const startMargin = 5 * time.Second

// boundTimes bounds columns that the database stamps in the inserting or
// updating transaction with now(), statement_timestamp(), clock_timestamp(),
// current_date and the like.
//
// The bound is the earliest of the server's clock, the start of every other open
// transaction and the start of every statement that is being run, less the margin.
// Why no row is lost: take a row that the snapshot, taken later, does not see. Its
// transaction was not committed then. Either it was open when the transactions were
// listed, or it began later. A stamp is not below the start of its transaction, or,
// where a procedure or a block of code commits and goes on in another, not below
// the start of the statement that called it; and of several transactions that are
// sent as one message none is stamped below the message's arrival. All of these are
// listed, and a transaction that began later, in a later statement, is stamped at
// or after the clock, which was read before the list. A transaction disappears from
// the list only after its rows can be seen.
//
// Not covered: values that a client made, or that are cut to more than the margin
// as date_trunc('minute', now()) is; rows that logical replication brings with
// the stamps of another server; a clock that is set back; rows that change
// without a new stamp, and rows that are deleted.
func (s *Snapshot) boundTimes(ctx context.Context, marks []*mark) error {
	if len(marks) == 0 {
		return nil
	}
	moment, err := s.safeMoment(ctx, marks)
	if err != nil {
		return err
	}
	for _, m := range open(marks, kindTime) {
		if m.To, err = s.localBound(ctx, m, moment); err != nil {
			return fmt.Errorf("cursor %s: %w", m.name(), err)
		}
	}
	return nil
}

// safeMoment is what no row will be stamped below that cannot be seen yet. What
// keeps it from being told refuses every mark.
func (s *Snapshot) safeMoment(ctx context.Context, marks []*mark) (time.Time, error) {
	refuse := func(why *fault.Error) {
		for _, m := range marks {
			m.Refused = why
		}
	}
	if s.Server.Standby {
		at, why, err := s.replayed(ctx)
		if why != nil {
			refuse(why)
		}
		return at, err
	}
	if why, err := s.mayWatch(ctx); why != nil || err != nil {
		refuse(why)
		return time.Time{}, err
	}
	moment, why, err := s.oldestTransaction(ctx)
	if why != nil || err != nil {
		refuse(why)
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
func (s *Snapshot) replayed(ctx context.Context) (time.Time, *fault.Error, error) {
	var at *time.Time
	if err := s.looker.QueryRow(ctx, `SELECT pg_last_xact_replay_timestamp()`).Scan(&at); err != nil {
		return time.Time{}, nil, fmt.Errorf("asking the standby how far it is; read from the primary instead: %w", s.looker.explain(err))
	}
	if at == nil {
		return time.Time{}, fault.New(fault.Cursor, "run again after a write on the primary, or read from the primary",
			"the standby has not replayed a transaction since it started, so how far it is cannot be told"), nil
	}
	return *at, nil, nil
}

// mayWatch refuses when transactions of other users are hidden from us.
func (s *Snapshot) mayWatch(ctx context.Context) (*fault.Error, error) {
	var may bool
	if err := s.looker.QueryRow(ctx, `SELECT pg_has_role('pg_read_all_stats', 'USAGE')`).Scan(&may); err != nil {
		return nil, fmt.Errorf("looking at our privileges: %w", s.looker.explain(err))
	}
	if may {
		return nil, nil
	}
	return fault.New(fault.NoPrivilege, "run: GRANT pg_read_all_stats TO "+table.Quote(s.source.config.User),
		"other users' open transactions are hidden from us, and their rows would be lost"), nil
}

// oldestTransaction is the earliest of the server's clock and the start of the
// other transactions, and of the statements, of this database.
//
// The clock is the statement's own time, from before the list is made. Left out
// is who writes no rows: other databases' backends, autovacuum, and walsenders
// that are sending WAL, which decode in transactions that last as long as a
// subscriber is stuck. A walsender that is not sending can run any statement; when
// its transaction began is never shown, so its connection's start counts.
// Left out too are sessions of our user under our name, which only read: a run
// that lasts an hour would hold back every other one.
//
// A session that shows no start of a transaction although it is in one has
// track_activities off, or had when the transaction began. One that is between two
// transactions of a message shows none either, and is in none: it has no virtual
// transaction.
func (s *Snapshot) oldestTransaction(ctx context.Context) (time.Time, *fault.Error, error) {
	const query = `
SELECT least(statement_timestamp(),
             min(CASE WHEN NOT a.sender THEN least(a.xact_start, CASE WHEN a.state = 'active' THEN a.query_start END) WHEN a.state <> 'idle' THEN a.backend_start END)),
       coalesce(array_agg(a.pid) FILTER (WHERE a.state = 'disabled' OR NOT a.sender AND a.xact_start IS NULL AND (a.state LIKE 'idle in%' OR
         a.state = 'active' AND EXISTS (SELECT FROM pg_locks l WHERE l.pid = a.pid AND l.locktype = 'virtualxid' AND l.granted AND l.mode = 'ExclusiveLock'))), '{}')
  FROM (SELECT *, coalesce(backend_type = 'walsender', false) AS sender FROM pg_stat_activity) a
  LEFT JOIN pg_stat_replication r ON r.pid = a.pid
 WHERE a.datname = current_database() AND a.pid <> pg_backend_pid()
   AND coalesce(a.backend_type, '') NOT IN ('autovacuum worker', 'autovacuum launcher', 'logical replication launcher')
   AND r.state IS DISTINCT FROM 'streaming' AND r.state IS DISTINCT FROM 'catchup'
   AND (a.usename, a.application_name) IS DISTINCT FROM (current_user, current_setting('application_name'))`
	var moment time.Time
	var dark, before []int32
	// A session that has just begun its transaction shows it a moment later.
	for look := 0; ; look++ {
		if err := s.looker.exec(ctx, "SELECT pg_stat_clear_snapshot()"); err != nil {
			return time.Time{}, nil, s.looker.explain(err)
		}
		if err := s.looker.QueryRow(ctx, query).Scan(&moment, &dark); err != nil {
			return time.Time{}, nil, fmt.Errorf("listing open transactions: %w", s.looker.explain(err))
		}
		if look > 0 {
			dark = slices.DeleteFunc(dark, func(pid int32) bool { return !slices.Contains(before, pid) })
		}
		if len(dark) == 0 {
			return moment, nil, nil
		}
		if look == 3 {
			return time.Time{}, fault.New(fault.Cursor, "turn it on, or end them",
				"track_activities is off in the sessions with pid %v, or was when their transactions began, so how long these are open is hidden", dark), nil
		}
		before = dark
		if err := sleep(ctx, firstPoll<<look); err != nil {
			return time.Time{}, nil, err
		}
	}
}

// oldestPrepared is when the first of the prepared transactions of this
// database was prepared; zero without any. When it began is not recorded, so
// without a lookback its rows could be lost.
func (s *Snapshot) oldestPrepared(ctx context.Context, marks []*mark) (oldest time.Time, err error) {
	const query = `SELECT gid, prepared FROM pg_prepared_xacts WHERE database = current_database() ORDER BY prepared, gid`
	var gids []string
	var at time.Time
	var gid string
	err = s.looker.each(ctx, "prepared transactions", query, nil, []any{&gid, &at}, func() {
		if oldest.IsZero() {
			oldest = at
		}
		gids = append(gids, gid)
	})
	for _, m := range marks {
		if len(gids) > 0 && m.Lookback == "" {
			m.refuse("end them, or give a lookback that covers the time before they were prepared",
				"when the prepared transactions %q began is not known", gids)
		}
	}
	return oldest, err
}

// lookAtZones finds out in which zone columns without a time zone are written. A
// name is taken for what PostgreSQL knows by it alone: what else looks like a zone
// is read with the sign turned round. Where the request names none, the sessions
// that write must have UTC, as far as the catalogue tells.
func (s *Snapshot) lookAtZones(ctx context.Context, marks []*mark) error {
	marks = slices.DeleteFunc(open(marks, kindTime), func(m *mark) bool { return strings.HasSuffix(m.Bound.Column.Type, " with time zone") })
	if len(marks) == 0 {
		return nil
	}
	const settings = `
SELECT DISTINCT split_part(setting, '=', 2) FROM pg_db_role_setting, unnest(setconfig) AS setting
 WHERE setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database())) AND lower(split_part(setting, '=', 1)) = 'timezone'`
	zones := []string{s.looker.timeZone}
	var zone string
	if err := s.looker.each(ctx, "time zones of users", settings, nil, []any{&zone}, func() { zones = append(zones, zone) }); err != nil {
		return err
	}
	for _, m := range marks {
		if m.TimeZone == "" {
			for _, zone := range zones {
				if !isUTC(zone) {
					m.refuse(`say "time_zone" for the zone that its values are in, such as "Europe/Berlin" or "UTC"`,
						"it has no time zone, and sessions of this database have %q unless they set another", zone)
				}
			}
			continue
		}
		var known bool
		if err := s.looker.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_timezone_names WHERE lower(name) = lower($1))`, m.TimeZone).Scan(&known); err != nil {
			return fmt.Errorf("looking up time zones: %w", s.looker.explain(err))
		}
		if !known {
			m.refuse("", `time_zone is %q, want a name of pg_timezone_names, such as "Europe/Berlin"`, m.TimeZone)
		}
	}
	return nil
}

// isUTC tells whether a zone has the clock of UTC all year.
func isUTC(zone string) bool {
	switch strings.TrimPrefix(strings.ToLower(zone), "etc/") {
	case "utc", "uct", "zulu", "universal", "gmt", "gmt0", "gmt+0", "gmt-0", "greenwich", "0":
		return true
	}
	return false
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
	if err := s.looker.QueryRow(ctx, query, args...).Scan(&to); err != nil {
		return "", s.looker.explain(err)
	}
	return to, nil
}
