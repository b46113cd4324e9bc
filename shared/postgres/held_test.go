package postgres_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/stagelift/stagelift/shared/postgres"
)

func TestImportedSnapshotOutlivesItsExporter(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(`CREATE TABLE t AS SELECT 1 AS n, 1 AS m`)
	first := b.snapshot("public.t")
	b.exec(`UPDATE t SET m = 2`)
	all := postgres.Selection{Include: patterns(t, "public.t")}
	second, err := b.try(postgres.Options{Import: first.ID, Selection: all})
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	third, err := b.try(postgres.Options{Import: second.ID, Selection: all})
	if err != nil {
		t.Fatal(err)
	}
	if err := second.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.exec(`VACUUM t`)
	found := b.tables(third)
	if diff := cmp.Diff([]string{"1,1\n"}, b.read(third, found[0], spans(found[0], 1))); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	if third.ID == "" || third.ID == first.ID || third.LSN != "" || time.Since(third.At) > time.Minute {
		t.Errorf("got %q at %q, %s; want an id of its own", third.ID, third.LSN, third.At)
	}
	if err := third.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, gone := range []string{first.ID, third.ID, "nonsense", "a'b\\", "../../PG_VERSION"} {
		_, err := b.try(postgres.Options{Import: gone})
		wantError(t, err, "importing snapshot "+gone, "it is gone", "begin again with a new snapshot")
	}
}

func TestSnapshotOfAnotherDatabaseIsRefused(t *testing.T) {
	t.Parallel()
	b, other := setup(t), setup(t)
	_, err := b.try(postgres.Options{Import: other.snapshot().ID})
	wantError(t, err, "it is another database's")
}

// Limits that the server puts on statements and idle sessions do not end a run,
// whoever set them.
func TestServerTimeoutsDoNotEndARun(t *testing.T) {
	t.Parallel()
	b := setup(t)
	limits := []string{"statement_timeout", "idle_in_transaction_session_timeout"}
	for limit, since := range map[string]int{"idle_session_timeout": 14, "transaction_timeout": 17} {
		if !b.lacks(since, "SHOW "+limit) {
			limits = append(limits, limit)
		}
	}
	for _, limit := range limits {
		for _, whose := range []string{"ROLE " + pgx.Identifier{b.instance.User()}.Sanitize() + " IN DATABASE %s", "DATABASE %s"} {
			b.exec(fmt.Sprintf("ALTER "+whose+" SET %s = '1500ms'", pgx.Identifier{b.instance.Database()}.Sanitize(), limit))
		}
	}
	b.exec(`CREATE TABLE t AS SELECT g AS n, g AS m FROM generate_series(1, 3) AS g; CREATE VIEW slow AS SELECT n, pg_sleep(0.7)::text FROM t`)
	snapshot := b.snapshot("public.slow", "public.t")
	stream, err := snapshot.Stream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stream.Close(context.WithoutCancel(t.Context())) }()
	slow := b.tables(snapshot, "public.slow")[0]
	if err := stream.Enter(t.Context(), time.Second, slow); err != nil {
		t.Fatal(err)
	}
	q := postgres.Query{Fields: b.fields(slow.Columns)}
	statement, err := q.Copy(spans(slow, 0)[0])
	if err != nil {
		t.Fatal(err)
	}
	// The coordinator is idle while the stream reads, and the stream after it.
	for range 2 {
		if rows, err := stream.Copy(t.Context(), &rows{}, statement); err != nil || rows != 3 {
			t.Errorf("%d rows, %v", rows, err)
		}
		if err := snapshot.Alive(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// A partition that joins what a view is made of is read through the view, whatever
// the snapshot is.
func TestPartitionThatJoinsBehindAViewIsNoticed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(`CREATE TABLE parted (n int) PARTITION BY LIST (n); CREATE TABLE one PARTITION OF parted FOR VALUES IN (1);
		INSERT INTO parted VALUES (1); CREATE TABLE two AS SELECT 2 AS n; CREATE VIEW shown AS SELECT n FROM parted`)
	snapshot := b.snapshot("public.shown")
	stream, err := snapshot.Stream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stream.Close(context.WithoutCancel(t.Context())) }()
	shown := b.tables(snapshot, "public.shown")[0]
	if err := stream.Enter(t.Context(), time.Second, shown); err != nil {
		t.Fatal(err)
	}
	statement, err := postgres.Query{Fields: b.fields(shown.Columns)}.Copy(spans(shown, 0)[0])
	if err != nil {
		t.Fatal(err)
	}
	b.exec(`ALTER TABLE parted ATTACH PARTITION two FOR VALUES IN (2)`)
	var got rows
	_, err = stream.Copy(t.Context(), &got, statement)
	wantError(t, err, "public.shown", "public.two became a part of it")
}
