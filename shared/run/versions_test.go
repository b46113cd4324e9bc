package run

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stagelift/stagelift/local/pgserver/pgtest"
	"github.com/stagelift/stagelift/local/rds/rdstest"
	"github.com/stagelift/stagelift/shared/fault"
	"github.com/stagelift/stagelift/shared/table"
)

// lacks runs a statement that versions before since do not know, and reports
// whether this is one of them; see pgtest.Lacks.
func (b *bundle) lacks(since int, statement string) bool {
	b.Helper()
	s := b.session()
	defer s.close()
	return pgtest.Lacks(b.T, s.conn.PgConn(), since, statement)
}

// A virtual column has the expression of the table that a query names, whatever a
// partition computes by itself.
func TestVirtualColumnsAreThoseOfTheTable(t *testing.T) {
	t.Parallel()
	b := setup(t, "")
	const tables = `CREATE TABLE vp (k int, a int, g int GENERATED ALWAYS AS (a * 2) VIRTUAL, at timestamptz NOT NULL DEFAULT '2026-01-01') PARTITION BY RANGE (k);
		CREATE TABLE vp1 PARTITION OF vp FOR VALUES FROM (0) TO (10);
		CREATE TABLE vp2 (k int, a int, g int GENERATED ALWAYS AS (a * 100) VIRTUAL, at timestamptz NOT NULL);
		ALTER TABLE vp ATTACH PARTITION vp2 FOR VALUES FROM (10) TO (20);
		CREATE TABLE va (g int GENERATED ALWAYS AS (b || '!') VIRTUAL, b text)`
	if b.lacks(18, strings.Replace(strings.Replace(tables, "(b || '!')", "(length(b))", 1), "DEFAULT '2026-01-01'", "", 1)) {
		vp, _, _ := strings.Cut(tables, "CREATE TABLE va")
		b.exec(strings.NewReplacer("VIRTUAL", "STORED", "a * 100", "a * 2").Replace(vp))
	}
	b.exec("INSERT INTO vp (k, a, at) VALUES (1, 1, '2026-01-01'), (11, 1, '2026-01-01'), (12, 2, '2026-01-01')")
	for _, format := range []string{"csv", "parquet", "jsonl"} {
		o := b.run(Request{Tables: []string{"public.vp"}, Format: format, Streams: 2}).outcome(b, "public.vp")
		if o.Rows != 3 {
			t.Errorf("%s: %+v", format, o)
		}
		if format == "csv" {
			b.wantRows(o, "SELECT * FROM vp")
		}
	}
	filtered := Request{Tables: []string{"public.vp"}, Overrides: map[string]Override{"public.vp": {Where: "vp.g = 2 AND g < 100", Load: LoadRequest{Mode: "replace"}}}}
	b.wantRows(b.run(filtered).outcome(b, "public.vp"), "SELECT * FROM vp WHERE g = 2")
}

// What claims to be without NULL, and is not, is nullable.
func TestNotNullThatNobodyCheckedIsNullable(t *testing.T) {
	t.Parallel()
	b := setup(t, `CREATE TABLE nv (id int PRIMARY KEY, x int); INSERT INTO nv VALUES (1, NULL), (2, 5);
		CREATE TABLE np (id int, x int) PARTITION BY RANGE (id); CREATE TABLE np1 PARTITION OF np FOR VALUES FROM (0) TO (10); INSERT INTO np VALUES (1, NULL);
		CREATE EXTENSION file_fdw; CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
		CREATE FOREIGN TABLE far (id int NOT NULL, x int NOT NULL) SERVER files OPTIONS (program 'echo 11,; echo 12,4', format 'csv');
		DO $$ BEGIN EXECUTE format('GRANT pg_execute_server_program TO %I', 'extractor'); END $$`)
	b.lacks(18, "ALTER TABLE nv ADD CONSTRAINT nv_x NOT NULL x NOT VALID")
	b.lacks(18, "ALTER TABLE np ADD CONSTRAINT np_x NOT NULL x NOT VALID")
	answer := b.run(Request{Tables: []string{"public.nv", "public.np", "public.far"}, Format: "parquet"})
	for name, rows := range map[string]int64{"public.nv": 2, "public.np": 1, "public.far": 2} {
		o := answer.outcome(b, name)
		receipt := b.receipt(o.Receipt)
		if column := receipt.Columns[1]; o.Rows != rows || !column.Nullable {
			t.Errorf("%s: %+v, and column %+v", name, o, column)
		}
	}
}

// What runs when somebody logs in runs as it does for everybody.
func TestLoginTriggersRunAsForAnybody(t *testing.T) {
	t.Parallel()
	b := setupOn(t, rdstest.Start(t), `CREATE TABLE t AS SELECT 1 AS n; CREATE TABLE logins (at timestamptz DEFAULT now(), who text);
		CREATE FUNCTION on_login() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN INSERT INTO logins (who) VALUES (session_user); END $$`)
	without := b.lacks(17, "CREATE EVENT TRIGGER audit ON login EXECUTE FUNCTION on_login()")
	b.wantRows(b.run(Request{Tables: []string{"public.t"}}).outcome(b, "public.t"), "SELECT * FROM t")
	if logged := b.copyOut("SELECT count(*) > 1 FROM logins WHERE who = 'extractor'", ""); (logged == "t\n") == without {
		t.Errorf("our sessions were logged: %s", logged)
	}
}

// What the server cannot compute is told by where the row lies.
func TestRowThatCannotBeComputedIsNamed(t *testing.T) {
	t.Parallel()
	b := setup(t, `CREATE TABLE parted (id int, a int) PARTITION BY LIST (id); CREATE TABLE parted_1 PARTITION OF parted DEFAULT;
		INSERT INTO parted SELECT i, 20 - i FROM generate_series(1, 30) AS i; CREATE VIEW v AS SELECT id, 100 / a AS g FROM parted`)
	answer, err := b.job.Run(t.Context(), Request{Tables: []string{"public.v"}})
	wantError(t, err, "22012")
	b.wantFailed(answer.outcome(b, "public.v"), fault.Value, "PostgreSQL error 22012", "in row 20 of ", "show_values")
	const virtual = `CREATE TABLE vdiv (id int PRIMARY KEY, a int, g int GENERATED ALWAYS AS (100 / a) VIRTUAL)`
	if !b.lacks(18, virtual) {
		b.exec("INSERT INTO vdiv (id, a) SELECT i, 20 - i FROM generate_series(1, 30) AS i")
		answer, err = b.job.Run(t.Context(), Request{Tables: []string{"public.vdiv"}})
		wantError(t, err, "22012")
		b.wantFailed(answer.outcome(b, "public.vdiv"), fault.Value, "in the row of public.vdiv with ctid (0,20)")
	}
}

// Settings of our user or of the database do not change what is read.
func TestSettingsOfOthersAreNotOurs(t *testing.T) {
	t.Parallel()
	b := setupOn(t, rdstest.Start(t), `CREATE TABLE t ("it's" text, "a\b" text); INSERT INTO t VALUES (E'x\\y''z', 'a'); ALTER TABLE t ADD PRIMARY KEY ("it's")`)
	b.exec(`ALTER ROLE extractor SET backslash_quote = off; ALTER ROLE extractor SET standard_conforming_strings = off;
		ALTER ROLE extractor SET escape_string_warning = on; ALTER ROLE extractor SET quote_all_identifiers = on; ALTER ROLE extractor SET default_transaction_deferrable = on;
		ALTER ROLE extractor SET enable_seqscan = off; ALTER ROLE extractor SET row_security = on; ALTER ROLE extractor SET client_min_messages = debug5`)
	for _, request := range []Request{
		{Tables: []string{"public.t"}},
		{Tables: []string{"public.t"}, Overrides: map[string]Override{"public.t": {Where: `"a\b" = 'a' AND "it's" = 'x\y''z'`}}},
	} {
		b.wantRows(b.run(request).outcome(b, "public.t"), "SELECT * FROM t")
	}
}

// A server has room for so many locks; beyond half of it nothing is locked before
// it is read.
func TestMoreTablesThanLocksAreRead(t *testing.T) {
	t.Parallel()
	o := rdstest.Options()
	o.Settings = map[string]string{"max_locks_per_transaction": "10", "max_connections": "20", "max_prepared_transactions": "0"}
	b := setupOn(t, rdstest.StartWith(t, o), "")
	const many = 300
	for i := range many {
		b.exec(fmt.Sprintf("CREATE TABLE t%03d AS SELECT %d AS n", i, i))
	}
	answer := b.run(Request{Tables: []string{"public.*"}, Streams: 2})
	if published := len(answer.with(Published)); published != many {
		t.Errorf("%d tables are published, want %d", published, many)
	}
	wantLogged := fmt.Sprintf(`"tables":%d`, many-10*20/2)
	if logged := b.logs.String(); !strings.Contains(logged, "more tables than the server has room to lock") || !strings.Contains(logged, wantLogged) {
		t.Errorf("it is not logged that %s were not locked", wantLogged)
	}
	for _, i := range []int{0, 150, 299} {
		name := table.Name{Schema: "public", Table: fmt.Sprintf("t%03d", i)}
		b.wantRows(answer.outcome(b, name.String()), "SELECT * FROM "+name.SQL())
	}
}
