package stack_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/stagelift/stagelift/local/stack"
)

// lines are the rows of a query, each as text.
func (b *bundle) lines(on *pgx.Conn, query string) []string {
	b.Helper()
	results, err := on.PgConn().Exec(b.Context(), query).ReadAll()
	if err != nil {
		b.Fatal(err)
	}
	list := []string{}
	for _, row := range results[0].Rows {
		list = append(list, string(row[0]))
	}
	slices.Sort(list)
	return list
}

// What was deleted in the source disappears, or is marked, in both warehouses, and
// is back when it comes back; rows that come late and columns that are not read
// change nothing else.
func TestDeletedRowsDisappear(t *testing.T) {
	t.Parallel()
	for _, deletes := range []string{"hard", "soft"} {
		t.Run(deletes, func(t *testing.T) {
			t.Parallel()
			b := setup(t, stack.Options{Snowflake: true, Duplicate: true}, `
				CREATE TABLE moves (id bigint PRIMARY KEY, v text, note text, at timestamptz NOT NULL DEFAULT now());
				CREATE INDEX ON moves (at); GRANT pg_read_all_stats TO stagelift;
				INSERT INTO moves (id, v, note) SELECT i, 'v' || i, 'n' || i FROM generate_series(1, 1000) AS i`)
			snowflake := connect(t, b.SnowflakeURL)
			extract := func(override string) {
				t.Helper()
				answer := b.extract(fmt.Sprintf(`{"tables":["public.moves"],"mode":"incremental","part_bytes":4000,"load":{"deletes":%q},
					"overrides":{"public.moves":{"cursor":{"column":"at","lookback":"1 hour"}%s}}}`, deletes, override))
				if o := answer.Tables[0]; o.Outcome != "published" || o.Keys == nil {
					t.Fatalf("answer %+v", o)
				}
				b.await()
			}
			want := func(marked ...string) {
				t.Helper()
				source := b.lines(b.source, `SELECT id || ' ' || v || ' ' || note FROM moves WHERE at < now() - interval '5 seconds'`)
				for name, on := range map[string]*pgx.Conn{"Redshift": b.target, "Snowflake": snowflake} {
					where := ""
					if deletes == "soft" {
						where = " WHERE _deleted_at IS NULL"
						if diff := cmp.Diff(marked, b.lines(on, `SELECT id FROM public.moves WHERE _deleted_at IS NOT NULL`), cmp.Transformer("none", func(s []string) string { return strings.Join(s, " ") })); diff != "" {
							t.Errorf("marked in %s (-want +got):\n%s", name, diff)
						}
					}
					if diff := cmp.Diff(source, b.lines(on, `SELECT id || ' ' || v || ' ' || note FROM public.moves`+where)); diff != "" {
						t.Errorf("%s (-want +got):\n%.600s", name, diff)
					}
				}
			}
			b.exec(`UPDATE moves SET at = now() - interval '10 minutes'`)
			extract("")
			want()
			b.exec(`DELETE FROM moves WHERE id IN (7, 8)`)
			extract("")
			want("7", "8")
			// 7 is back, and a row that was stamped before comes late.
			b.exec(`INSERT INTO moves VALUES (7, 'again', 'n', now() - interval '9 minutes'), (2000, 'late', 'n', now() - interval '20 minutes')`)
			extract("")
			want("8")
			b.exec(`DELETE FROM moves`)
			answer := b.extract(fmt.Sprintf(`{"tables":["public.moves"],"mode":"incremental","load":{"deletes":%q},"overrides":{"public.moves":{"cursor":{"column":"at","lookback":"1 hour"}}}}`, deletes))
			if o := answer.Tables[0]; o.Keys != nil || o.Unswept == "" {
				t.Errorf("an empty table is %+v", o)
			}
			b.await()
			if n := len(b.lines(b.target, `SELECT id FROM public.moves`)); n < 1000 {
				t.Errorf("an empty table left %d rows", n)
			}
		})
	}
}

// Columns that a request leaves out stay as they are.
func TestFewerColumnsLeaveTheOthers(t *testing.T) {
	t.Parallel()
	b := setup(t, stack.Options{Snowflake: true}, `CREATE TABLE t (id bigint PRIMARY KEY, v text, note text); INSERT INTO t VALUES (1, 'a', 'kept'), (2, 'b', 'kept too')`)
	b.extract(`{"tables":["public.t"]}`)
	b.await()
	b.exec(`UPDATE t SET v = 'A' WHERE id = 1; DELETE FROM t WHERE id = 2; INSERT INTO t VALUES (3, 'c', 'unread')`)
	b.extract(`{"tables":["public.t"],"load":{"mode":"merge","deletes":"hard"},"overrides":{"public.t":{"exclude_columns":["note"]}}}`)
	b.await()
	for name, on := range map[string]*pgx.Conn{"Redshift": b.target, "Snowflake": connect(t, b.SnowflakeURL)} {
		if diff := cmp.Diff([]string{"1 A kept", "3 c -"}, b.lines(on, `SELECT id || ' ' || v || ' ' || coalesce(note, '-') FROM public.t`)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
