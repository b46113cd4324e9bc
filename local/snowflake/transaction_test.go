package snowflake

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSeveralStatements(t *testing.T) {
	t.Parallel()
	b := setup(t)
	got := b.must("CREATE TABLE t (i NUMBER)", "INSERT INTO t VALUES (1)", "SELECT i FROM t")
	if len(got.Handles) != 3 || got.rows()[0] != "Multiple statements executed successfully." {
		t.Fatalf("answer is %+v", got)
	}
	if last := b.get(got.Handles[2], ""); last.rows()[0] != "1" {
		t.Errorf("the last statement has %q", last.rows())
	}
	b.mustFail("100132", "failed on statement \"INSERT INTO t VALUES ('x')\" (at line 2, position 0).\nNumeric value 'x' is not recognized in SYSTEM$MULTISTMT at",
		"INSERT INTO t VALUES (2)", "INSERT INTO t VALUES ('x')", "INSERT INTO t VALUES (3)")
	if diff := cmp.Diff([]string{"1", "2"}, b.must("SELECT i FROM t ORDER BY i").rows()); diff != "" {
		t.Errorf("what came before the failure stays, what came after is not run: %s", diff)
	}
	in := body("SELECT 1", "SELECT 2")
	in["parameters"] = map[string]string{"MULTI_STATEMENT_COUNT": "3"}
	if got := b.post("", in); got.Message != "Actual statement count 2 did not match the desired statement count 3." {
		t.Errorf("a wrong count: %s", got.Message)
	}
	in["parameters"] = map[string]string{"MULTI_STATEMENT_COUNT": "0"}
	if got := b.post("", in); got.status != http.StatusOK {
		t.Errorf("any count: %s", got.Message)
	}
	delete(in, "parameters")
	if got := b.post("", in); got.Message != "Actual statement count 2 did not match the desired statement count 1." {
		t.Errorf("no count: %s", got.Message)
	}
}

func TestTransactions(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.must("CREATE TABLE t (s VARCHAR)")
	b.must("BEGIN TRANSACTION", "INSERT INTO t VALUES ('committed')", "COMMIT", "COMMIT")
	b.must("BEGIN", "INSERT INTO t VALUES ('rolled back')", "ROLLBACK")
	b.must("BEGIN", "INSERT INTO t VALUES ('left open')")
	b.mustFail("100132", "Division by zero", "BEGIN", "INSERT INTO t VALUES ('failed')", "SELECT 1 / 0", "COMMIT")
	b.mustFail("100132", "Division by zero", "BEGIN", "INSERT INTO t VALUES ('committed by DDL')", "CREATE TABLE u (i NUMBER)", "SELECT 1 / 0")
	b.mustFail("100132", "Division by zero", "BEGIN", "INSERT INTO t VALUES ('committed by a temporary table')",
		"CREATE TEMPORARY TABLE tmp (i NUMBER)", "SELECT 1 / 0")
	b.must("BEGIN", "TRUNCATE TABLE t", "ROLLBACK")
	want := []string{"committed", "committed by DDL", "committed by a temporary table"}
	if diff := cmp.Diff(want, b.must("SELECT s FROM t ORDER BY s").rows()); diff != "" {
		t.Error(diff)
	}
	for _, alone := range []string{"BEGIN", "COMMIT", "ROLLBACK", "ALTER SESSION SET LOCK_TIMEOUT = 1", "CREATE TEMPORARY TABLE x (i NUMBER)"} {
		b.mustFail("391911", "only within a request that specifies multiple statements", alone)
	}
}

func TestTemporaryTables(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.must("CREATE SCHEMA s", `CREATE TABLE s."t" (i NUMBER)`)
	got := b.must(`CREATE TEMPORARY TABLE s.x (i NUMBER, s VARCHAR(3))`, `INSERT INTO s.x VALUES (1, 'a'), (2, 'b')`,
		`INSERT INTO s."t" (i) SELECT x.i FROM s.x`, `UPDATE s.x SET i = x.i + 1 WHERE s = 'a'`, `DELETE FROM s.x WHERE i = 2`,
		`SELECT COUNT(*) FROM s.x`)
	if last := b.get(got.Handles[5], ""); last.rows()[0] != "0" {
		t.Errorf("the table has %q", last.rows())
	}
	b.mustFail("002003", "", "SELECT 1 FROM s.x")
	b.must("CREATE OR REPLACE TEMPORARY TABLE s.x (i NUMBER)", "CREATE OR REPLACE TEMPORARY TABLE s.x (j NUMBER)", "SELECT j FROM s.x",
		"DROP TABLE s.x", "CREATE TABLE s.x (k NUMBER)", "SELECT k FROM s.x", "DROP TABLE s.x")
	if got := b.must(`SELECT COUNT(*) FROM s."t"`).rows()[0]; got != "2" {
		t.Errorf("%s rows came", got)
	}
}

func TestUpdateHoldsTheTable(t *testing.T) {
	t.Parallel()
	inside, goOn := make(chan struct{}), make(chan struct{})
	b := setup(t, func(o *Options) {
		o.BeforeStatement = func(ctx context.Context, _ string, _ int, sql string) error {
			if sql == "SELECT 'hold'" {
				close(inside)
				select {
				case <-goOn:
				case <-ctx.Done():
				}
			}
			return nil
		}
	})
	b.must("CREATE TABLE t (i NUMBER)")
	holder := b.post("?async=true", body("BEGIN", "UPDATE t SET i = 1", "SELECT 'hold'", "COMMIT"))
	<-inside
	b.must("INSERT INTO t VALUES (1)") // does not wait
	for _, statement := range []string{"UPDATE t SET i = 2", "DELETE FROM t", "MERGE INTO t USING t AS s ON t.i = s.i WHEN MATCHED THEN DELETE"} {
		b.mustFail("100132", "has locked table", "ALTER SESSION SET LOCK_TIMEOUT = 1", statement)
	}
	waiter := b.post("?async=true", body("UPDATE t SET i = 3"))
	close(goOn)
	b.wait(holder.Handle)
	if got := b.wait(waiter.Handle); got.Stats == nil || got.Stats.Updated != 1 {
		t.Errorf("who waited changed %+v", got.Stats)
	}
}

func TestLostSessionLeavesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *Options) {
		o.BeforeStatement = func(_ context.Context, _ string, index int, sql string) error {
			if index == 2 && strings.HasPrefix(sql, "INSERT") {
				return errors.New("power failure")
			}
			return nil
		}
	})
	b.must("CREATE TABLE t (i NUMBER)")
	b.mustFail("100132", "power failure", "BEGIN", "UPDATE t SET i = 1", "INSERT INTO t VALUES (2)", "COMMIT")
	b.must("INSERT INTO t VALUES (1)", "UPDATE t SET i = 3") // the lock went with the session
	if diff := cmp.Diff([]string{"3"}, b.look(`SELECT "I"::text FROM "PUBLIC"."T"`)); diff != "" {
		t.Error(diff)
	}
}

func TestMerge(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.must("CREATE TABLE t (id NUMBER, v VARCHAR)", "CREATE TABLE s (id NUMBER, v VARCHAR, gone BOOLEAN, at NUMBER)")
	b.must("INSERT INTO t VALUES (1, 'old'), (2, 'old'), (3, 'stays')",
		"INSERT INTO s VALUES (1, 'new', FALSE, 1), (2, NULL, TRUE, 1), (4, 'new', FALSE, 2), (4, 'older', FALSE, 1)")
	const merge = "MERGE INTO t USING (SELECT * FROM s QUALIFY ROW_NUMBER() OVER (PARTITION BY id ORDER BY at DESC NULLS LAST) = 1) AS s " +
		"ON t.id = s.id WHEN MATCHED AND s.gone THEN DELETE WHEN MATCHED THEN UPDATE SET t.v = s.v " +
		"WHEN NOT MATCHED THEN INSERT (id, v) VALUES (s.id, s.v)"
	if version := b.look("SELECT current_setting('server_version_num')")[0]; version < "150000" {
		b.mustFail("002040", "from version 15 on", merge)
		return
	}
	got := b.must(merge)
	if got.rows()[0] != "1|1|1" || got.Meta.Columns[0].Name != "number of rows inserted" {
		t.Errorf("MERGE answers %q", got.rows())
	}
	if diff := cmp.Diff([]string{"1|new", "3|stays", "4|new"}, b.must("SELECT * FROM t ORDER BY id").rows()); diff != "" {
		t.Error(diff)
	}
	b.mustFail("100090", "Duplicate row", "MERGE INTO t USING s ON t.id = s.id WHEN MATCHED THEN UPDATE SET v = s.v")
	b.must("INSERT INTO s VALUES (9, 'twice', FALSE, 1), (9, 'twice', FALSE, 1)", "DELETE FROM s WHERE id = 4")
	b.must("MERGE INTO t USING s ON t.id = s.id WHEN NOT MATCHED THEN INSERT VALUES (s.id, s.v)")
	if got := b.must("SELECT COUNT(*) FROM t WHERE id = 9").rows()[0]; got != "2" {
		t.Errorf("%s rows: what matches nothing is inserted as often as it is there", got)
	}
}

func TestDefinitions(t *testing.T) {
	t.Parallel()
	b := setup(t)
	long := strings.Repeat("é", 200)
	b.must(`CREATE SCHEMA IF NOT EXISTS "public"`, `CREATE SCHEMA IF NOT EXISTS "public"`,
		`CREATE TABLE IF NOT EXISTS "public"."`+long+`" ("`+long+`a" VARCHAR(134217728) NOT NULL COMMENT 'it''s text', "`+long+`b" NUMBER(38,37), `+
			`c BINARY(5), d TIME(6), e TIMESTAMP_TZ(6), f ARRAY) CLUSTER BY (c)`,
		`CREATE TABLE IF NOT EXISTS "public"."`+long+`" (other NUMBER)`,
		`ALTER TABLE "public"."`+long+`" ADD COLUMN IF NOT EXISTS g VARCHAR(40) COMMENT 'new'`,
		`ALTER TABLE "public"."`+long+`" ADD COLUMN IF NOT EXISTS g NUMBER`,
		`ALTER TABLE "public"."`+long+`" ALTER COLUMN g SET DATA TYPE VARCHAR(80)`,
		`COMMENT ON COLUMN "public"."`+long+`".c IS 'bytes'`)
	got := b.must("SELECT column_name, data_type, character_maximum_length, numeric_precision, numeric_scale, is_nullable, comment " +
		"FROM information_schema.columns WHERE table_schema = 'public' AND table_name = '" + long + "' ORDER BY ordinal_position")
	want := []string{
		long + "a|TEXT|134217728|NULL|NULL|NO|it's text", long + "b|NUMBER|NULL|38|37|YES|NULL", "C|BINARY|NULL|NULL|NULL|YES|bytes",
		"D|TIME|NULL|NULL|NULL|YES|NULL", "E|TIMESTAMP_TZ|NULL|NULL|NULL|YES|NULL", "F|ARRAY|NULL|NULL|NULL|YES|NULL", "G|TEXT|80|NULL|NULL|YES|new",
	}
	if diff := cmp.Diff(want, got.rows()); diff != "" {
		t.Error(diff)
	}
	for statement, code := range map[string]string{
		`ALTER TABLE "public"."` + long + `" ALTER COLUMN g SET DATA TYPE VARCHAR(10)`: "002108",
		`ALTER TABLE "public"."` + long + `" ALTER COLUMN g SET DATA TYPE NUMBER`:      "002108",
		`ALTER TABLE "public"."` + long + `" ADD COLUMN g NUMBER`:                      "001430",
		`CREATE TABLE nowhere.t (i NUMBER)`:                                            "002003",
		`CREATE SCHEMA "public"`:                                                       "002002",
		`DROP TABLE nothing`:                                                           "002003",
	} {
		b.mustFail(code, "", statement)
	}
	b.must(`DROP TABLE IF EXISTS nothing`, `CREATE OR REPLACE TABLE r (i NUMBER)`, `CREATE TABLE r2 LIKE r`)
}
