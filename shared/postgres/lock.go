package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// asking is how long a lock is waited for while others are held. It is far
	// below deadlock_timeout (1 s), after which the server would end a
	// transaction that waits for us while we wait for it.
	asking = 100 * time.Millisecond
	// waiting is how long one is waited for while none is held but those of the
	// same table.
	waiting = 500 * time.Millisecond
	// lockedAtOnce and askedAtOnce bound the length of a statement and of a
	// message.
	lockedAtOnce = 500
	askedAtOnce  = 100 << 10
)

// lockStatements returns what locks all that a table is made of in ACCESS SHARE,
// the weakest mode there is: reads and writes go on.
//
// A statement that is parsed takes the locks of the relations that it names, and
// of those that views are made of, and holds them to the end of the transaction,
// although it is never run. LOCK TABLE does not take materialised views and foreign
// tables, and wants SELECT on the whole table where we may have been given some
// columns of it. What a view is made of in schemas that we may not use is locked as
// far as the view names it, and its partitions are looked at alone.
func lockStatements(f family) []string {
	var names []string
	for i, r := range f.members {
		if !r.Usage || r.Filtered || !protected {
			continue
		}
		name := r.Name.SQL()
		if r.Kind != "v" && r.Kind != "f" {
			name = "ONLY " + name
		}
		names = append(names, fmt.Sprintf("%s AS t%d", name, i))
	}
	var statements []string
	for some := range slices.Chunk(names, lockedAtOnce) {
		statements = append(statements, "PREPARE stagelift_lock AS SELECT FROM "+strings.Join(some, ", "), "DEALLOCATE stagelift_lock")
	}
	return statements
}

// limit is how long the statements that follow wait for a lock.
func limit(patience time.Duration) string {
	return fmt.Sprintf("SET LOCAL lock_timeout = %d", max(1, patience.Milliseconds()))
}

// lock runs groups of statements, each of which takes the locks of one table, and
// returns how many of them were done when one failed. The transaction must be
// taken back then.
func (c *connection) lock(ctx context.Context, groups [][]string) (done int, err error) {
	for done < len(groups) {
		var message []string
		size, end := 0, done
		for ; end < len(groups) && (end == done || size < askedAtOnce); end++ {
			message = append(message, groups[end]...)
			size += len(strings.Join(groups[end], "; "))
		}
		results, err := c.PgConn().Exec(ctx, strings.Join(message, "; ")).ReadAll()
		if err != nil {
			ran := len(slices.DeleteFunc(results, func(r *pgconn.Result) bool { return r.Err != nil }))
			for ; done < end && ran >= len(groups[done]); done++ {
				ran -= len(groups[done])
			}
			return done, err
		}
		done = end
	}
	return done, nil
}

// gone tells whether a name that was found a moment ago stands for nothing any
// more.
func gone(err error) bool {
	server, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (server.Code == "42P01" || server.Code == "3F000" || server.Code == "42809")
}

// full tells whether the server has no room for more locks.
func full(err error) bool {
	server, ok := errors.AsType[*pgconn.PgError](err)
	return ok && server.Code == "53200"
}

// await returns once the locks of a table could be had, and lets them go again;
// false when they could not within the time. They are asked for again and again
// rather than waited for: a table of many partitions is locked one after the
// other, and who waited for one while it holds another could be what a
// transaction of the application is ended over.
func (c *connection) await(ctx context.Context, statements []string, patience time.Duration) (bool, error) {
	for until := time.Now().Add(patience); ; {
		err := c.exec(ctx, append([]string{"BEGIN", limit(min(waiting, max(0, time.Until(until))))}, statements...)...)
		if rolled := c.exec(ctx, "ROLLBACK"); rolled != nil {
			return false, rolled
		}
		switch {
		case err == nil || gone(err):
			return true, nil
		case !busy(err):
			return false, err
		case !time.Now().Before(until):
			return false, nil
		}
		if err := sleep(ctx, asking/2); err != nil {
			return false, err
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}

// room is how many relations we may hold locks of: half of what the server has
// place for, so that the application always finds some.
func (c *connection) room(ctx context.Context) (n int, err error) {
	const query = `
SELECT current_setting('max_locks_per_transaction')::int * (current_setting('max_connections')::int + current_setting('max_prepared_transactions')::int) / 2`
	err = c.QueryRow(ctx, query).Scan(&n)
	return n, c.explain(err)
}
