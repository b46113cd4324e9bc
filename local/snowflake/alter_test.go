package snowflake

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A table that is renamed keeps its rows, its comment, its columns' types and
// what it remembers of files.
func TestRename(t *testing.T) {
	t.Parallel()
	b := setup(t)
	long := strings.Repeat("é", 200)
	b.put("in/a.csv", "1\n")
	const load = `COPY INTO s.t FROM @PUBLIC.STAGED/in/ FILE_FORMAT = (TYPE = CSV)`
	b.must("CREATE SCHEMA s", "CREATE SCHEMA r", "CREATE TABLE s.t (i NUMBER) COMMENT = 'kept'", "CREATE TABLE s.taken (i NUMBER)", load)
	b.must(`ALTER TABLE s.t RENAME TO r."` + long + `"`)
	b.mustFail(notThere, "", "SELECT i FROM s.t")
	got := b.must(`SELECT table_schema, table_name, comment FROM information_schema.tables WHERE comment IS NOT NULL`)
	if diff := cmp.Diff([]string{"R|" + long + "|kept"}, got.rows()); diff != "" {
		t.Error(diff)
	}
	b.must(`ALTER TABLE r."` + long + `" RENAME TO s.t`)
	if got := b.must(load).rows()[0]; got != "Copy executed with 0 files processed." {
		t.Errorf("after the table was renamed: %s", got)
	}
	if got := b.must("SELECT COUNT(*) FROM s.t").rows()[0]; got != "1" {
		t.Errorf("%s rows", got)
	}
	b.mustFail("002002", "Object 'TAKEN' already exists", "ALTER TABLE s.t RENAME TO s.taken")
	b.mustFail(notThere, "Schema 'NONE'", "ALTER TABLE s.t RENAME TO none.t")
	b.mustFail(notThere, "Table 'S.NONE'", "ALTER TABLE s.none RENAME TO s.u")
	b.must("ALTER TABLE IF EXISTS s.none RENAME TO s.u", "ALTER TABLE s.t RENAME TO u") // u is in the session's schema
	b.must("SELECT i FROM public.u")
}

func TestSwap(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.put("in/a.csv", "1\n")
	const load = `COPY INTO new FROM @PUBLIC.STAGED/in/ FILE_FORMAT = (TYPE = CSV)`
	b.must("CREATE SCHEMA s", "CREATE TABLE s.live (old NUMBER) COMMENT = 'old'", "CREATE TABLE new (i NUMBER) COMMENT = 'new'", load)
	b.must("ALTER TABLE s.live SWAP WITH new")
	if diff := cmp.Diff([]string{"1"}, b.must("SELECT i FROM s.live").rows()); diff != "" {
		t.Error(diff)
	}
	b.must("SELECT old FROM new")
	got := b.must("SELECT table_schema, table_name, comment FROM information_schema.tables ORDER BY comment")
	if diff := cmp.Diff([]string{"S|LIVE|new", "PUBLIC|NEW|old"}, got.rows()); diff != "" {
		t.Error(diff)
	}
	if got := b.must(load).rows()[0]; !strings.Contains(got, "LOADED") {
		t.Errorf("the other table does not remember the file: %s", got)
	}
	b.mustFail(notThere, "Table 'NONE'", "ALTER TABLE new SWAP WITH none")
	b.mustFail("002040", "with itself", "ALTER TABLE new SWAP WITH new")
}

func TestDropColumn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.must(`CREATE TABLE t (a NUMBER, "b" VARCHAR(3) NOT NULL, c NUMBER, k NUMBER) CLUSTER BY (ABS(k))`, "INSERT INTO t VALUES (1, 'x', 2, 3)")
	b.must(`ALTER TABLE t DROP COLUMN "b", c`, "ALTER TABLE t DROP COLUMN IF EXISTS c, none", "COMMENT ON TABLE t IS 'keeps its key'")
	if diff := cmp.Diff([]string{"1|3"}, b.must("SELECT * FROM t").rows()); diff != "" {
		t.Error(diff)
	}
	b.mustFail("000904", "invalid identifier 'C'", "ALTER TABLE t DROP COLUMN c")
	b.mustFail("002215", "column 'K' is part of the table's clustering key", "ALTER TABLE t DROP COLUMN k")
	b.must("CREATE TABLE single (a NUMBER)")
	b.mustFail("002027", "the only column 'A'", "ALTER TABLE single DROP COLUMN a")
}

func TestRenameColumn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	long := strings.Repeat("é", 200)
	b.must("CREATE TABLE t (a VARCHAR(3) COMMENT 'kept', b NUMBER, k DATE) CLUSTER BY (k)",
		`ALTER TABLE t RENAME COLUMN a TO "`+long+`"`, `ALTER TABLE t RENAME COLUMN b TO c`)
	b.mustFail("100078", "", `INSERT INTO t ("`+long+`") VALUES ('four')`)
	b.must(`ALTER TABLE t ALTER COLUMN "`+long+`" TYPE VARCHAR(4)`, `INSERT INTO t ("`+long+`", c) VALUES ('four', 1)`)
	got := b.must("SELECT column_name, character_maximum_length, comment FROM information_schema.columns ORDER BY ordinal_position")
	if diff := cmp.Diff([]string{long + "|4|kept", "C|NULL|NULL", "K|NULL|NULL"}, got.rows()); diff != "" {
		t.Error(diff)
	}
	b.mustFail("000904", "invalid identifier 'A'", "ALTER TABLE t RENAME COLUMN a TO d")
	b.mustFail("001430", "column 'K' already exists", "ALTER TABLE t RENAME COLUMN c TO k")
	b.mustFail("002215", "column 'K'", "ALTER TABLE t RENAME COLUMN k TO d")
}

// Types grow in place, and not otherwise.
func TestWiden(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.must("CREATE TABLE t (n NUMBER(5,2), s VARCHAR(3), b BINARY(3), d DATE)", "INSERT INTO t (n, s) VALUES (999.99, 'abc')")
	b.must("ALTER TABLE t ALTER COLUMN n SET DATA TYPE NUMBER(10,2), COLUMN s TYPE VARCHAR(134217728)", "ALTER TABLE t MODIFY n TYPE NUMBER(10,2)")
	b.must("INSERT INTO t (n, s) VALUES (12345678.99, 'abcd')")
	for change, code := range map[string]string{
		"n SET DATA TYPE NUMBER(9,2)": "002108", "n SET DATA TYPE NUMBER(12,3)": "002108", "n SET DATA TYPE VARCHAR(30)": "002108",
		"s SET DATA TYPE VARCHAR(3)": "002108", "b SET DATA TYPE BINARY(5)": "002108", "none SET DATA TYPE NUMBER": "000904",
	} {
		b.mustFail(code, "", "ALTER TABLE t ALTER COLUMN "+change)
	}
	if diff := cmp.Diff([]string{"NUMBER|10|2"}, b.must("SELECT data_type, numeric_precision, numeric_scale FROM information_schema.columns "+
		"WHERE column_name = 'N'").rows()); diff != "" {
		t.Error(diff)
	}
}

func TestDropTable(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.must("CREATE TABLE t (i NUMBER)", "CREATE TABLE u (i NUMBER)")
	for sql, want := range map[string]string{
		"DROP TABLE t CASCADE":       "T successfully dropped.",
		"DROP TABLE u RESTRICT":      "U successfully dropped.",
		"DROP TABLE IF EXISTS none":  "Drop statement executed successfully (NONE already dropped).",
		"DROP SCHEMA IF EXISTS none": "Drop statement executed successfully (NONE already dropped).",
	} {
		if got := b.must(sql).rows()[0]; got != want {
			t.Errorf("%s: %s", sql, got)
		}
	}
	b.mustFail(notThere, "Table 'T' does not exist", "DROP TABLE t")
}
