package storm

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"
)

// writer is a session of the application.
type writer struct {
	// Acts are the names of what it does, in turn by chance; Tables those that
	// it writes to.
	Acts   []string
	Tables []string
	// Pause is how long its transactions stay open, Pace what it rests between
	// them.
	Pause, Pace time.Duration
	Stream      uint64
}

// hand is a writer at work.
type hand struct {
	writer
	dice
	lane   *lane
	schema string
	tables []table
	conn   *pgx.Conn
	// note is told what became of each act.
	note func(act string, err error)
}

// act is one thing that a writer does. An error of the database is no error of
// the storm: tables change under the writers.
type act func(context.Context, *hand) error

var acts = map[string]act{
	"write": func(ctx context.Context, h *hand) error { return h.say(ctx, h.statement()) },
	"copy":  copyIn,
	"late": func(ctx context.Context, h *hand) error {
		return h.transaction(ctx, h.statement(), "", h.statement())
	},
	"late write": func(ctx context.Context, h *hand) error { return h.transaction(ctx, "SELECT 1", "", h.statement()) },
	"savepoint": func(ctx context.Context, h *hand) error {
		return h.transaction(ctx, h.statement(), "SAVEPOINT a", h.statement(), "ROLLBACK TO a", h.statement())
	},
	"prepared": prepared,
	"message": func(ctx context.Context, h *hand) error {
		return h.say(ctx, "BEGIN;"+h.statement()+";COMMIT;BEGIN;"+h.statement()+";COMMIT;"+h.statement())
	},
	"late reader": lateReader,
	"for ever": func(ctx context.Context, h *hand) error {
		return h.say(ctx, fmt.Sprintf("INSERT INTO %s (at) VALUES ('infinity')", h.table().qualified(h.schema)))
	},
	"do":       inBlock("DO $batch$ BEGIN FOR i IN 1..%d LOOP %s; COMMIT; PERFORM pg_sleep(%f); END LOOP; END $batch$"),
	"call":     callBatch,
	"transfer": transfer,
}

// work writes until ctx ends.
func (h *hand) work(ctx context.Context) error {
	for ctx.Err() == nil {
		if h.conn == nil || h.conn.IsClosed() {
			conn, err := h.lane.connect(ctx)
			if err != nil {
				return ignoreEnd(ctx, err)
			}
			h.conn = conn
		}
		act := pick(h.dice, h.Acts)
		if err := acts[act](ctx, h); ctx.Err() == nil {
			h.note(act, err)
		}
		if h.conn.PgConn().TxStatus() != 'I' && !h.conn.IsClosed() {
			_ = h.say(ctx, "ROLLBACK")
		}
		sleep(ctx, h.Pace)
	}
	if h.conn != nil {
		_ = h.conn.Close(context.WithoutCancel(ctx)) // whatever was open is rolled back
	}
	return nil
}

// ignoreEnd is nil for what happens because the round is over.
func ignoreEnd(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

func (h *hand) table() table { return pick(h.dice, h.tables) }

func (h *hand) statement() string { return h.table().any(h.dice, h.schema) }

// say sends one simple-query message.
func (h *hand) say(ctx context.Context, sql string) error {
	_, err := h.conn.PgConn().Exec(ctx, sql).ReadAll()
	return err
}

// transaction runs statements in one transaction, which stays open for a while
// where there is an empty one, else before its end; one in six is rolled back.
func (h *hand) transaction(ctx context.Context, statements ...string) error {
	for _, statement := range append([]string{"BEGIN"}, statements...) {
		if statement == "" {
			sleep(ctx, h.Pause)
			continue
		}
		if err := h.say(ctx, statement); err != nil {
			return err
		}
	}
	if h.one(6) {
		return h.say(ctx, "ROLLBACK")
	}
	return h.say(ctx, "COMMIT")
}

func copyIn(ctx context.Context, h *hand) error {
	t := h.table()
	rows := make([][]any, 1+h.IntN(20))
	for i := range rows {
		rows[i] = []any{h.IntN(40), "copied", strings.Repeat(fmt.Sprintf("%032x", h.Uint64()), t.times())}
	}
	_, err := h.conn.CopyFrom(ctx, pgx.Identifier{h.schema, t.Name}, []string{"k", "note", "pad"}, pgx.CopyFromRows(rows))
	return err
}

// prepared leaves a transaction to the server, and comes back for it.
func prepared(ctx context.Context, h *hand) error {
	gid := fmt.Sprintf("'%s %d %d'", h.schema, h.Stream, h.Uint32())
	for _, statement := range []string{"BEGIN", h.statement(), "PREPARE TRANSACTION " + gid} {
		if err := h.say(ctx, statement); err != nil {
			return err
		}
	}
	sleep(ctx, h.Pause)
	end := "COMMIT PREPARED "
	if h.one(4) {
		end = "ROLLBACK PREPARED "
	}
	return h.say(context.WithoutCancel(ctx), end+gid)
}

// inBlock runs statements in one block that commits inside.
func inBlock(form string) act {
	return func(ctx context.Context, h *hand) error {
		times, pause := h.batch()
		return h.say(ctx, fmt.Sprintf(form, times, h.statement(), pause))
	}
}

func callBatch(ctx context.Context, h *hand) error {
	times, pause := h.batch()
	return h.say(ctx, fmt.Sprintf("CALL truth.batch($batch$%s$batch$, %d, %f)", h.statement(), times, pause))
}

// batch spreads transactions over the writer's pause.
func (h *hand) batch() (times int, seconds float64) {
	times = 3 + h.IntN(12)
	return times, h.Pause.Seconds() / float64(times)
}

// transfer moves an amount from one account table to another.
func transfer(ctx context.Context, h *hand) error {
	amount := 1 + h.IntN(50)
	from, to := h.table(), h.table()
	if err := h.say(ctx, "BEGIN"); err != nil {
		return err
	}
	for i, statement := range []string{from.shift(h.dice, h.schema, -amount), to.shift(h.dice, h.schema, amount)} {
		tag, err := h.conn.Exec(ctx, statement)
		if err != nil {
			return err
		}
		if tag.RowsAffected() != 1 {
			return errors.Join(errors.New("no such account"), h.say(ctx, "ROLLBACK"))
		}
		if i == 0 && h.one(3) {
			sleep(ctx, h.Pause)
		}
	}
	return h.say(ctx, "COMMIT")
}

// stuckAfter is how many empty transactions answer with more than a socket holds.
const stuckAfter = 300_000

// lateReader sends many transactions in one message, and reads what the server
// answers only after a while: until then the server is stuck between two of
// them, and the last one has yet to begin.
func lateReader(ctx context.Context, h *hand) error {
	conn, err := h.lane.connect(ctx)
	if err != nil {
		return err
	}
	raw, err := conn.PgConn().Hijack()
	if err != nil {
		return err
	}
	defer func() { _ = raw.Conn.Close() }()
	message := strings.Repeat("BEGIN;COMMIT;", stuckAfter) + "BEGIN;" + h.statement() + ";COMMIT"
	raw.Frontend.SendQuery(&pgproto3.Query{String: message})
	if err := raw.Frontend.Flush(); err != nil {
		return err
	}
	sleep(ctx, h.Pause)
	_ = raw.Conn.SetDeadline(time.Now().Add(10 * time.Second))
	for {
		answer, err := raw.Frontend.Receive()
		if err != nil {
			return err
		}
		if _, over := answer.(*pgproto3.ReadyForQuery); over {
			return nil
		}
	}
}
