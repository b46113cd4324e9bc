package postgres

import (
	"context"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/stagelift/stagelift/local/pgserver"
	"github.com/stagelift/stagelift/local/process"
	"github.com/stagelift/stagelift/shared/encode/copybinary"
	"github.com/stagelift/stagelift/shared/table"
)

// writing inserts rows in transactions of all lengths, some of which are rolled
// back, until ctx ends.
func writing(ctx context.Context, t *testing.T, url string, seed uint64) {
	t.Helper()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Error(err)
		return
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	random := rand.New(rand.NewPCG(seed, 1))
	for ctx.Err() == nil {
		pause := strconv.FormatFloat(random.ExpFloat64()/50, 'f', 4, 64)
		end := []string{"COMMIT", "COMMIT", "COMMIT", "ROLLBACK"}[random.IntN(4)]
		sql := "BEGIN; SELECT pg_sleep(" + pause + "); INSERT INTO rows DEFAULT VALUES; SELECT pg_sleep(" + pause + "); INSERT INTO rows DEFAULT VALUES; " + end
		if _, err := conn.PgConn().Exec(context.WithoutCancel(ctx), sql).ReadAll(); err != nil {
			t.Error(err)
			return
		}
	}
}

// runs reads window after window, and tells how often it read which row.
type runs struct {
	*testing.T
	source *Source
	column string
	from   string
	seen   map[string]int
}

func (r *runs) run(last bool) {
	r.Helper()
	name := table.Name{Schema: "public", Table: "rows"}
	snapshot, err := r.source.Snapshot(r.Context(), Options{
		Selection: Selection{Include: patterns(r.T, name.String())}, Cursors: map[table.Name]Cursor{name: {Column: r.column}},
	})
	if err != nil {
		r.Fatal(err)
	}
	defer func() { _ = snapshot.Close(context.WithoutCancel(r.Context())) }()
	bound := snapshot.Bounds[name]
	if bound.Refused != nil {
		r.Fatal(bound.Refused)
	}
	w := &Window{Column: bound.Column, From: r.from, To: bound.To}
	if last && r.column == "at" {
		w.To = "infinity"
	}
	r.from = bound.To
	id := table.Field{Column: table.Column{Name: "id", Type: "bigint"}}
	statement, err := Query{Fields: []table.Field{id}}.Copy(Span{Relation: &snapshot.Tables[0].Relations[0], Window: w})
	if err != nil {
		r.Fatal(err)
	}
	stream, err := snapshot.Stream(r.Context())
	if err != nil {
		r.Fatal(err)
	}
	defer func() { _ = stream.Close(context.WithoutCancel(r.Context())) }()
	if err := stream.Enter(r.Context(), time.Second, snapshot.Tables[0]); err != nil {
		r.Fatal(err)
	}
	if _, err := stream.Copy(r.Context(), r, statement); err != nil {
		r.Fatal(err)
	}
}

// Write counts the id of a row.
func (r *runs) Write(message []byte) (int, error) {
	row, err := copybinary.Row(message)
	if row == nil || err != nil {
		return len(message), err
	}
	fields := make([][]byte, 1)
	if err := copybinary.Split(row, fields); err != nil {
		return 0, err
	}
	id, err := copybinary.AppendInt64(nil, fields[0])
	r.seen[string(id)]++
	return len(message), err
}

// While transactions of all lengths begin, commit and are rolled back, runs in a
// row read every row exactly once.
func TestRunsInARowReadEveryRowOnce(t *testing.T) {
	t.Parallel()
	g, err := process.NewGroup()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Close() })
	server, err := pgserver.Start(t.Context(), g, pgserver.Options{HBA: []string{"host all all 127.0.0.1/32 trust"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Exec(t.Context(), "postgres", `CREATE TABLE rows (id bigserial, at timestamptz NOT NULL DEFAULT now())`); err != nil {
		t.Fatal(err)
	}
	source := direct(t, server)
	source.margin = 100 * time.Millisecond
	ctx, stop := context.WithTimeout(t.Context(), 3*time.Second)
	defer stop()
	var writers sync.WaitGroup
	for seed := range uint64(6) {
		writers.Go(func() { writing(ctx, t, server.AdminURL("postgres"), seed) })
	}
	all := []*runs{
		{T: t, source: source, column: "id", seen: map[string]int{}},
		{T: t, source: source, column: "at", seen: map[string]int{}},
	}
	many := 0
	for ; ctx.Err() == nil; many++ {
		all[many%2].run(false)
	}
	writers.Wait()
	conn, err := pgx.Connect(t.Context(), server.AdminURL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	rows, err := conn.Query(t.Context(), `SELECT id::text FROM rows`)
	if err != nil {
		t.Fatal(err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range all {
		before := len(r.seen)
		r.run(true)
		t.Logf("%s: %d runs read %d of %d rows, the last run the rest", r.column, many/2, before, len(ids))
		for _, id := range ids {
			if r.seen[id] != 1 {
				t.Errorf("%s: row %s was read %d times", r.column, id, r.seen[id])
			}
			delete(r.seen, id)
		}
		if len(r.seen) > 0 || before == 0 {
			t.Errorf("%s: rows that are not there were read: %v", r.column, slices.Sorted(maps.Keys(r.seen)))
		}
	}
}
