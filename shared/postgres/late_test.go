package postgres_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/stagelift/stagelift/local/rds/rdstest"
	"github.com/stagelift/stagelift/shared/postgres"
)

var at = cursor{"stamped", postgres.Cursor{Column: "at"}}

// wantBound compares the bound of at with a moment less the margin.
func (b *bundle) wantBound(what string, moment time.Time) {
	b.Helper()
	_, bound := b.bounded(at)
	if diff := cmp.Diff(moment.Add(-5*time.Second).UTC(), parseBound(b.T, bound.To).UTC()); diff != "" {
		b.Errorf("%s: bound (-want +got):\n%s", what, diff)
	}
}

func (b *bundle) until(condition string) {
	b.Helper()
	for expired := time.Now().Add(20 * time.Second); time.Now().Before(expired); time.Sleep(5 * time.Millisecond) {
		var is bool
		if err := b.admin.QueryRow(b.Context(), condition).Scan(&is); err != nil {
			b.Fatal(err)
		}
		if is {
			return
		}
	}
	b.Fatalf("this never came to be: %s", condition)
}

// A procedure that commits goes on in another transaction, whose rows are stamped
// by statement_timestamp() with the time of the call.
func TestCallThatCommitsHoldsTheBound(t *testing.T) {
	t.Parallel()
	b := incremental(t, nil)
	b.exec(`CREATE PROCEDURE batch() LANGUAGE plpgsql AS $$ BEGIN
		FOR i IN 10..12 LOOP INSERT INTO stamped VALUES (i, statement_timestamp()); COMMIT; END LOOP;
		WHILE NOT EXISTS (SELECT FROM stamped WHERE id = 100) LOOP COMMIT; PERFORM pg_sleep(0.01); END LOOP;
		INSERT INTO stamped VALUES (13, statement_timestamp()); END $$`)
	caller := b.session("")
	done := make(chan error, 1)
	go func() {
		_, err := caller.Exec(t.Context(), "CALL batch()")
		done <- err
	}()
	b.until(`SELECT count(*) = 3 FROM stamped WHERE id BETWEEN 10 AND 12`)
	b.wantBound("while it is called", b.moment(`SELECT max(at) FROM stamped WHERE id = 12`))
	b.exec(`INSERT INTO stamped (id) VALUES (100)`)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if stamp := b.moment(`SELECT at FROM stamped WHERE id = 13`); !stamp.Equal(b.moment(`SELECT at FROM stamped WHERE id = 12`)) {
		t.Errorf("what is committed last is stamped %s, which shows nothing", stamp)
	}
	_, bound := b.bounded(at)
	if to := parseBound(t, bound.To); to.After(b.moment(`SELECT clock_timestamp()`).Add(-4 * time.Second)) {
		t.Errorf("the bound is %s afterwards, within the margin", to)
	}
}

// Of several transactions in one message each is stamped with the time of the
// message; between two of them a session is in none.
func TestTransactionsOfOneMessageHoldTheBound(t *testing.T) {
	t.Parallel()
	b := incremental(t, nil)
	sender := b.session("")
	frontend := sender.PgConn().Frontend()
	// The answers are not read, until the server cannot send any more.
	frontend.SendQuery(&pgproto3.Query{String: strings.Repeat("BEGIN;COMMIT;", 400_000) + "BEGIN;INSERT INTO stamped (id) VALUES (7);COMMIT;"})
	if err := frontend.Flush(); err != nil {
		t.Fatal(err)
	}
	of := fmt.Sprintf(" FROM pg_stat_activity WHERE pid = %d", sender.PgConn().PID())
	b.until(`SELECT coalesce(wait_event = 'ClientWrite', false)` + of)
	b.wantBound("between two", b.moment(`SELECT query_start`+of))
	for {
		message, err := frontend.Receive()
		if err != nil {
			t.Fatal(err)
		}
		if _, ready := message.(*pgproto3.ReadyForQuery); ready {
			break
		}
	}
	_ = sender.Close(context.WithoutCancel(t.Context()))
}

// A session that shows itself in the middle of a transaction does not show when
// that began.
func TestSessionThatShowsItselfLateIsRefused(t *testing.T) {
	t.Parallel()
	b := incremental(t, nil)
	shy := b.session("")
	for _, sql := range []string{"SET track_activities = off", "BEGIN; INSERT INTO stamped (id) VALUES (8)", "SET track_activities = on"} {
		b.run(shy, sql)
	}
	want := fmt.Sprintf("track_activities is off in the sessions with pid [%d], or was when their transactions began", shy.PgConn().PID())
	b.run(shy, `SELECT 1`)
	_, _, err := b.bound(at, 0)
	wantError(t, err, want)
	done := make(chan error, 1)
	go func() {
		_, err := shy.Exec(t.Context(), `SELECT pg_sleep(1000)`)
		done <- err
	}()
	b.until(fmt.Sprintf(`SELECT coalesce(wait_event = 'PgSleep', false) FROM pg_stat_activity WHERE pid = %d`, shy.PgConn().PID()))
	_, _, err = b.bound(at, 0)
	wantError(t, err, want)
	b.exec(fmt.Sprintf(`SELECT pg_terminate_backend(%d)`, shy.PgConn().PID()))
	if err := <-done; err == nil {
		t.Error("a session that was ended slept on")
	}
	b.bounded(at)
}

// Who writes has a clock of a zone, which the catalogue tells in part.
func TestZoneOfAColumnWithoutOneMustBeKnown(t *testing.T) {
	t.Parallel()
	b := incremental(t, nil)
	b.exec(`CREATE TABLE local (id int, at timestamp NOT NULL DEFAULT now()); CREATE ROLE writer`)
	local := cursor{"local", postgres.Cursor{Column: "at"}}
	for name, c := range map[string]struct{ set, reset string }{
		"of the database": {`ALTER DATABASE shop SET TimeZone = 'America/Bogota'`, `ALTER DATABASE shop RESET TimeZone`},
		"of a user":       {`ALTER ROLE writer SET timezone TO 'America/Bogota'`, `ALTER ROLE writer RESET timezone`},
		"of a user here":  {`ALTER ROLE writer IN DATABASE shop SET timezone TO 'America/Bogota'`, `ALTER ROLE writer IN DATABASE shop RESET timezone`},
	} {
		b.exec(c.set)
		_, _, err := b.bound(local, 0)
		if err == nil || !strings.Contains(err.Error(), "America/Bogota") || !strings.Contains(err.Error(), `say "time_zone"`) {
			t.Errorf("%s: got %v, want a question for the zone", name, err)
		}
		said := local
		said.TimeZone = "america/bogota"
		b.bounded(said)
		b.exec(c.reset)
	}
	b.exec(`CREATE DATABASE other`)
	b.exec(`ALTER DATABASE other SET TimeZone = 'America/Bogota'`)
	b.bounded(local)
}

// Numbers that a prepared transaction has are waited for, and it is named.
func TestPreparedTransactionThatWritesIsNamed(t *testing.T) {
	t.Parallel()
	o := rdstest.Options()
	o.Settings = map[string]string{"max_prepared_transactions": "5"}
	b := setupOn(t, rdstest.StartWith(t, o))
	b.exec(`CREATE TABLE counted (n bigint GENERATED ALWAYS AS IDENTITY, t text)`)
	b.exec(`BEGIN; INSERT INTO counted (t) VALUES ('late'); PREPARE TRANSACTION 'the late one'`)
	_, _, err := b.bound(cursor{"counted", postgres.Cursor{Column: "n"}}, time.Millisecond)
	wantError(t, err, "the late one")
	b.exec(`COMMIT PREPARED 'the late one'`)
	b.bounded(cursor{"counted", postgres.Cursor{Column: "n"}})
}

// While a lock is waited for, the name can be given to another table: that is the one
// whose writers are to be waited for.
func TestWritersOfATableThatTookTheNameCount(t *testing.T) {
	t.Parallel()
	b := incremental(t, nil)
	mover, writer := b.session(""), b.session("")
	b.run(mover, `BEGIN; CREATE TABLE counted_new (LIKE counted INCLUDING ALL); INSERT INTO counted_new (t) SELECT t FROM counted;
		GRANT SELECT ON counted_new, counted_new_n_seq TO PUBLIC; ALTER TABLE counted RENAME TO counted_old; ALTER TABLE counted_new RENAME TO counted`)
	waiting := func(n int) {
		b.until(fmt.Sprintf(`SELECT count(*) = %d FROM pg_locks WHERE NOT granted AND relation = 'counted'::regclass`, n))
	}
	written, bounded := make(chan error, 1), make(chan error, 1)
	go func() {
		_, err := writer.PgConn().Exec(t.Context(), `BEGIN; INSERT INTO counted (t) VALUES ('queued')`).ReadAll()
		written <- err
	}()
	waiting(1)
	go func() {
		_, _, err := b.bound(cursor{"counted", postgres.Cursor{Column: "n"}}, time.Millisecond)
		bounded <- err
	}()
	waiting(2)
	b.run(mover, `COMMIT`)
	wantError(t, <-bounded, fmt.Sprintf("still transactions that write to the table: pid %d", writer.PgConn().PID()))
	if err := <-written; err != nil {
		t.Error(err)
	}
}
