package snowflake

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// account sets the account's parameters, by pairs of name and value.
func account(pairs ...string) func(*Options) {
	return func(o *Options) {
		o.Parameters = map[string]string{}
		for i := 0; i < len(pairs); i += 2 {
			o.Parameters[pairs[i]] = pairs[i+1]
		}
	}
}

// Quoted names are folded where the account says so, and kept where the session
// says otherwise.
func TestQuotedIdentifiersIgnoreCase(t *testing.T) {
	t.Parallel()
	b := setup(t, account("QUOTED_IDENTIFIERS_IGNORE_CASE", "TRUE"))
	b.must(`CREATE TABLE "t" ("i" NUMBER)`, `ALTER SESSION SET QUOTED_IDENTIFIERS_IGNORE_CASE = FALSE`, `CREATE TABLE "t" ("i" NUMBER)`,
		`INSERT INTO "t" ("i") VALUES (2)`)
	b.must(`INSERT INTO "t" ("i") VALUES (1)`)
	if diff := cmp.Diff([]string{"T", "t"}, b.must("SELECT table_name FROM information_schema.tables ORDER BY 1").rows()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"1"}, b.look(`SELECT "I"::text FROM "PUBLIC"."T"`)); diff != "" {
		t.Error(diff)
	}
	plain := setup(t)
	plain.must(`CREATE TABLE "t" ("i" NUMBER)`)
	plain.mustFail(notThere, "", `SELECT 1 FROM T`)
	plain.must(`ALTER SESSION SET QUOTED_IDENTIFIERS_IGNORE_CASE = TRUE`, `CREATE TABLE "t" ("i" NUMBER)`)
	plain.must(`SELECT i FROM T`)
}

// What is no text of its own format in a file, and what is cast, is read as the
// account says.
func TestInputFormats(t *testing.T) {
	t.Parallel()
	b := setup(t, account("DATE_INPUT_FORMAT", "DD.MM.YYYY", "TIME_INPUT_FORMAT", "HH12:MI AM",
		"TIMESTAMP_INPUT_FORMAT", `YYYYMMDD"T"HH24MISS`, "BINARY_INPUT_FORMAT", "base64"))
	b.put("german.csv", "01.02.2026,12:30 pm,20260102T030405\n")
	b.put("iso.csv", "2026-02-01,12:30:00,2026-01-02 03:04:05\n")
	b.put("a.json", `{"d": "01.02.2026", "b": "AP8="}`)
	b.must("CREATE TABLE t (d DATE, c TIME, n TIMESTAMP_NTZ)", "CREATE TABLE j (d DATE, b BINARY)")
	load := func(name, format string) string {
		return "COPY INTO t FROM @STAGED/" + name + " FILE_FORMAT = (TYPE = CSV " + format + ")"
	}
	const iso = "DATE_FORMAT = 'YYYY-MM-DD' TIME_FORMAT = 'HH24:MI:SS' TIMESTAMP_FORMAT = 'YYYY-MM-DD HH24:MI:SS'"
	b.must(load("german", ""))
	b.mustFail("100040", "Date '2026-02-01' is not recognized", load("iso", ""))
	b.mustFail("100040", "Date '01.02.2026' is not recognized", load("german", iso)+" FORCE = TRUE")
	b.must(load("iso", iso))
	b.must("ALTER SESSION SET DATE_INPUT_FORMAT = AUTO, TIME_INPUT_FORMAT = 'AUTO' TIMESTAMP_INPUT_FORMAT = 'AUTO'", load("iso", "DATE_FORMAT = AUTO")+" FORCE = TRUE")
	if diff := cmp.Diff([]string{"20485|45000.000000000|1767323045.000000000|3"},
		b.must("SELECT d, c, n, COUNT(*) FROM t GROUP BY d, c, n").rows()); diff != "" {
		t.Error(diff)
	}
	b.must("COPY INTO j FROM (SELECT $1:d::DATE, $1:b::BINARY FROM @STAGED/a.json) FILE_FORMAT = (TYPE = JSON)")
	b.must("INSERT INTO j (b) VALUES ('AP8='::BINARY), (TO_BINARY('00ff', 'HEX')), (TO_BINARY('a', 'UTF-8'))")
	if diff := cmp.Diff([]string{"00FF", "00FF", "00FF", "61"}, b.must("SELECT b FROM j ORDER BY b").rows()); diff != "" {
		t.Error(diff)
	}
}

func TestInputFormatsInSQL(t *testing.T) {
	t.Parallel()
	b := setup(t)
	got := b.must("SELECT '00ff'::BINARY AS a, TO_BINARY('AP8=', 'BASE64') AS b, TO_BINARY('a', 'UTF-8')::BINARY AS c, '2026-02-01'::DATE AS d")
	if diff := cmp.Diff([]string{"00FF|00FF|61|20485"}, got.rows()); diff != "" {
		t.Error(diff)
	}
	b.mustFail("100115", "not a legal encoded value", "SELECT 'xy'::BINARY AS a")
	b.mustFail("100132", "the session's input format for it is not AUTO", "ALTER SESSION SET DATE_INPUT_FORMAT = 'DD.MM.YYYY'",
		"SELECT '01.02.2026'::DATE AS d")
	b.mustFail("100132", "invalid value [UTF7] for parameter 'BINARY_INPUT_FORMAT'", "ALTER SESSION SET BINARY_INPUT_FORMAT = UTF7", "SELECT 1")
	b.mustFail("100132", "invalid value [1] for parameter 'AUTOCOMMIT'", "ALTER SESSION SET AUTOCOMMIT = 1", "SELECT 1")
	b.mustFail("100132", "DATE_FORMAT 'YY' is not imitated", "ALTER SESSION SET DATE_INPUT_FORMAT = 'YY'", "SELECT 1")
}

// Without AUTOCOMMIT a change is lost unless it is committed: by COMMIT, by DDL
// or by turning AUTOCOMMIT on again.
func TestAutocommit(t *testing.T) {
	t.Parallel()
	b := setup(t, account("AUTOCOMMIT", "FALSE"))
	b.put("a.csv", "'copied'\n")
	b.must("CREATE TABLE t (s VARCHAR)")
	b.must("INSERT INTO t VALUES ('lost')")
	b.must("INSERT INTO t VALUES ('lost too')", "SELECT 1")
	b.must("INSERT INTO t VALUES ('by COMMIT')", "COMMIT", "INSERT INTO t VALUES ('lost')")
	b.must("INSERT INTO t VALUES ('by DDL')", "CREATE TABLE u (i NUMBER)", "INSERT INTO u VALUES (1)")
	b.must("INSERT INTO t VALUES ('by AUTOCOMMIT')", "ALTER SESSION SET AUTOCOMMIT = TRUE", "INSERT INTO t VALUES ('by itself')")
	b.mustFail("002040", "without AUTOCOMMIT", "COPY INTO t FROM @STAGED/a.csv FILE_FORMAT = (TYPE = CSV) PURGE = TRUE")
	want := []string{"by AUTOCOMMIT", "by COMMIT", "by DDL", "by itself"}
	if diff := cmp.Diff(want, b.must("SELECT s FROM t ORDER BY LOWER(s)").rows()); diff != "" {
		t.Error(diff)
	}
	if got := b.must("SELECT COUNT(*) FROM u").rows()[0]; got != "0" {
		t.Errorf("u has %s rows", got)
	}
}

func TestParametersHaveToBeUnderstood(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, value := range map[string]string{"DATE_INPUT_FORMAT": "YY", "AUTOCOMMIT": "maybe", "WEEK_START": "1"} {
		o := b.server.options
		o.Parameters = map[string]string{name: value}
		if s, err := Start(t.Context(), o); err == nil {
			t.Errorf("%s = %s is %v", name, value, s)
		}
	}
}

// A suspended warehouse lets the first statement that needs it wait. DDL does
// not.
func TestResume(t *testing.T) {
	t.Parallel()
	const resume = 500 * time.Millisecond
	moved := make(chan time.Time, 1)
	moved <- time.Now()
	b := setup(t, func(o *Options) {
		o.Resume, o.Idle = resume, time.Hour
		o.Now = func() time.Time {
			now := <-moved
			moved <- now
			return now
		}
	})
	b.must("CREATE TABLE t (i NUMBER)")
	for range 2 {
		begun := time.Now()
		submitted := b.post("?async=true", body("SELECT 1"))
		if got := b.get(submitted.Handle, ""); got.status != http.StatusAccepted || got.Code != "333334" {
			t.Errorf("while the warehouse resumes: status %d, code %s", got.status, got.Code)
		}
		b.wait(submitted.Handle)
		if took := time.Since(begun); took < resume {
			t.Errorf("the statement took %v", took)
		}
		now := <-moved
		moved <- now.Add(2 * time.Hour)
	}
}
