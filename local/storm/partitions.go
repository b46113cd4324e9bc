package storm

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// attach takes the table that waits beside a partitioned one into it.
func attach(t table, _ change, schema string) [][]string {
	name := t.qualified(schema)
	return [][]string{{fmt.Sprintf("ALTER TABLE %s ATTACH PARTITION %[1]s_w %s", name, t.bound(100))}}
}

// attachNew makes a partition, fills it and attaches it.
func attachNew(t table, _ change, schema string) [][]string {
	name := t.qualified(schema)
	return [][]string{append(t.besides(schema, name+"_a", 120),
		fmt.Sprintf("ALTER TABLE %s ATTACH PARTITION %[1]s_a %s", name, t.bound(120)))}
}

// bound is that of a partition for ten values of k.
func (t table) bound(first int) string {
	if t.Shape == ranges || t.Shape == sequenced {
		return fmt.Sprintf("FOR VALUES FROM (%d) TO (%d)", first, first+10)
	}
	var values []string
	for k := range 10 {
		values = append(values, fmt.Sprint(first+k))
	}
	return "FOR VALUES IN (" + strings.Join(values, ",") + ")"
}

func detach(t table, _ change, schema string) [][]string {
	name := t.qualified(schema)
	return [][]string{{fmt.Sprintf("ALTER TABLE %s DETACH PARTITION %[1]s_2", name)}}
}

// detachConcurrently takes a partition away in two transactions; cancelled, in
// the first alone: then it is there, belongs to the table, and is not read.
func detachConcurrently(ctx context.Context, l *lane, conn *pgx.Conn, c change, name string) error {
	if _, err := conn.Exec(ctx, "SELECT set_config('truth.leaving', ($1::regclass)::oid::text, false)", name+"_2"); err != nil {
		return err
	}
	statement := fmt.Sprintf("ALTER TABLE %s DETACH PARTITION %[1]s_2 CONCURRENTLY", name)
	if c.Kind == "detach concurrently" {
		_, err := conn.Exec(ctx, statement)
		return err
	}
	blocker, err := l.connect(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = blocker.Close(context.WithoutCancel(ctx)) }()
	if _, err := blocker.PgConn().Exec(ctx, "BEGIN; LOCK TABLE "+name+" IN ACCESS SHARE MODE").ReadAll(); err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() {
		_, err := conn.Exec(ctx, statement)
		done <- err
	}()
	sleep(ctx, max(c.Hold, 50*time.Millisecond))
	if _, err := blocker.Exec(ctx, "SELECT pg_cancel_backend($1)", int32(conn.PgConn().PID())); err != nil {
		return err
	}
	var refused *pgconn.PgError
	if err := <-done; !errors.As(err, &refused) || refused.Code != "57014" { // cancelled, as it should be
		return errors.Join(errors.New("it was not cancelled"), err)
	}
	return nil
}
