package run

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stagelift/stagelift/shared/fault"
)

// threeTables take their time, a bit at a time. The first is read for some two
// seconds.
func threeTables() string {
	var sql strings.Builder
	for i, name := range []string{"a", "b", "c"} {
		fmt.Fprintf(&sql, `CREATE TABLE %[1]s (id int PRIMARY KEY, t text, n int); INSERT INTO %[1]s SELECT i, 'x' || i, i FROM generate_series(1, %[2]d) AS i; CREATE INDEX %[1]s_n ON %[1]s (n);`, name, 1000-300*i)
	}
	return sql.String()
}

// statements are kinds of DDL that need a table for themselves; %s is the table.
var ddl = map[string]string{
	"add a column":     "ALTER TABLE %[1]s ADD COLUMN more int",
	"drop a column":    "ALTER TABLE %[1]s DROP COLUMN n",
	"rename a column":  "ALTER TABLE %[1]s RENAME COLUMN t TO u",
	"change a type":    "ALTER TABLE %[1]s ALTER COLUMN n TYPE bigint",
	"rename the table": "ALTER TABLE %[1]s RENAME TO %[1]s_old",
	"truncate":         "TRUNCATE %[1]s",
	"drop":             "DROP TABLE %[1]s",
	"rewrite":          "VACUUM FULL %[1]s",
	"cluster":          "CLUSTER %[1]s USING %[1]s_pkey",
	"reindex":          "REINDEX TABLE %[1]s",
	"move":             "CREATE SCHEMA IF NOT EXISTS aside; ALTER TABLE %[1]s SET SCHEMA aside",
	"drop an index":    "DROP INDEX %[1]s_n",
	"lock":             "BEGIN; LOCK TABLE %[1]s IN ACCESS EXCLUSIVE MODE; COMMIT",
}

// Whatever is done to a table, and whenever: who does it, and those who queue
// behind, wait for the reading of that table at most; it is published as it was, or
// named; and so are the others.
func TestStatementsWaitForTheirTableAlone(t *testing.T) {
	t.Parallel()
	for kind, statement := range ddl {
		for moment, table := range map[string]string{"already read": "a", "being read": "b", "not read yet": "c"} {
			t.Run(kind+" what is "+moment, func(t *testing.T) {
				t.Parallel()
				b := setup(t, threeTables())
				want := map[string]string{}
				for _, name := range []string{"a", "b", "c"} {
					want[name] = b.copyOut("SELECT * FROM "+name, "")
				}
				done := b.begin(slow(Request{Tables: []string{"public.*"}, Streams: 1, DDLWait: "30s"}, "public.a", "public.b", "public.c"))
				b.untilReading(`ONLY "public"."b"`)
				migration, application := b.session(), b.session()
				defer migration.close()
				defer application.close()
				waited := make(chan time.Duration, 2)
				begun := time.Now()
				go func() {
					for sql := range strings.SplitSeq(fmt.Sprintf(statement, table), "; ") {
						migration.exec(sql)
					}
					waited <- time.Since(begun)
				}()
				time.Sleep(50 * time.Millisecond)
				go func() {
					application.query("SELECT count(*) FROM pg_catalog.pg_class WHERE relname = '" + table + "'; SELECT 1")
					_, _ = application.conn.Exec(context.WithoutCancel(t.Context()), "SELECT count(*) FROM "+table)
					waited <- time.Since(begun)
				}()
				first, second := <-waited, <-waited
				got := <-done
				took := time.Since(begun)
				for _, name := range []string{"a", "b", "c"} {
					o := got.answer.outcome(b, "public."+name)
					if name == table && o.Outcome == Failed && moment == "not read yet" {
						b.wantFailed(o, fault.Changed)
						continue
					}
					if o.Outcome != Published {
						t.Errorf("%s: %+v", name, o)
						continue
					}
					b.wantText(o, want[name])
				}
				if moment == "already read" && max(first, second) > 1500*time.Millisecond {
					t.Errorf("a table that was read was waited for for %v and %v, of a run of %v", first, second, took)
				}
				t.Logf("waited %v and %v of %v", first, second, took)
			})
		}
	}
}

// wantText compares what is staged with text that was taken before.
func (b *bundle) wantText(o Outcome, text string) {
	b.Helper()
	got := strings.Join(b.content(b.receipt(o.Receipt)), "")
	if want := strings.Join(sorted(strings.SplitAfter(text, "\n")), ""); got != want {
		b.Errorf("%s is not what it was: %d bytes, want %d", o.Table, len(got), len(want))
	}
}

// A statement that has waited long enough for a table that is not read yet goes
// first; the table is named with what it was, and the others are read.
func TestRunGivesWay(t *testing.T) {
	t.Parallel()
	b := setup(t, threeTables()+"CREATE VIEW d AS SELECT *, pg_sleep(0.003) IS NULL AS z FROM a;")
	// The view cannot be cut: nobody comes to c while it is read.
	request := Request{Tables: []string{"public.d", "public.b", "public.c"}, Streams: 1, DDLWait: "700ms"}
	b.exec("ANALYZE; UPDATE pg_class SET relpages = 100000 WHERE relname = 'd'")
	done := b.begin(request)
	b.untilReading(`"public"."d"`)
	migration := b.session()
	defer migration.close()
	begun := time.Now()
	migration.exec("/* secret */ ALTER TABLE c ADD COLUMN more int")
	waited := time.Since(begun)
	got := <-done
	o := got.answer.outcome(b, "public.c")
	b.wantFailed(o, fault.GaveWay, "ALTER TABLE (pid ", "waited for table public.c for longer than 700ms")
	if waited > 2500*time.Millisecond || strings.Contains(o.Reason, "secret") {
		t.Errorf("it waited %v; %s", waited, o.Reason)
	}
	wantError(t, got.err, "public.c failed", "(gave_way)")
	b.wantRows(got.answer.outcome(b, "public.b"), "SELECT * FROM b")
}
