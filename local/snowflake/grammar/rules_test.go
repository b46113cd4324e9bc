package grammar_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/local/snowflake/grammar"
)

func parse(t *testing.T, r grammar.Rules, sql string) grammar.Statement {
	t.Helper()
	s, err := r.Parse(sql, nil)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return s
}

// What a rule lets in, and nothing else does.
func TestRules(t *testing.T) {
	t.Parallel()
	const list = `COPY INTO t (a) FROM @s FILE_FORMAT = (TYPE = CSV)`
	if _, err := (grammar.Rules{}).Parse(list, nil); err == nil || !strings.Contains(err.Error(), "with a SELECT only") {
		t.Errorf("a list of columns without a SELECT: %v", err)
	}
	parse(t, grammar.Rules{ColumnList: true}, list)
	parse(t, grammar.Rules{}, `COPY INTO t (a) FROM (SELECT $1 FROM @s) FILE_FORMAT = (TYPE = CSV)`)

	const names = `SELECT "é a" FROM "s"."t" AS "x" WHERE x."é a" = 1`
	ignoring := parse(t, grammar.Rules{IgnoreCase: true}, names)
	if diff := cmp.Diff(`SELECT "é A" AS "é A" FROM "S"."T" AS "X" WHERE ("X"."é A" = 1)`, ignoring.SQL); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(`SELECT "é a" AS "é a" FROM "s"."t" AS "x" WHERE ("X"."é a" = 1)`, parse(t, grammar.Rules{}, names).SQL); diff != "" {
		t.Error(diff)
	}
	path := parse(t, grammar.Rules{IgnoreCase: true}, `COPY INTO "t" FROM (SELECT $1:"a ""b" FROM @"s") FILE_FORMAT = (TYPE = JSON)`)
	if got := path.Copy; got.Table.Name != "T" || got.Stage.Name != "S" || got.Transform[0].Path[0] != `a "b` {
		t.Errorf("COPY %+v: the elements of a document keep their case", got)
	}

	const date = `SELECT CAST(a AS DATE), TO_DATE(a) FROM t`
	parse(t, grammar.Rules{Formatted: map[string]bool{"TIME": true}}, date)
	if _, err := (grammar.Rules{Formatted: map[string]bool{"DATE": true}}).Parse(date, nil); err == nil || !strings.Contains(err.Error(), "not AUTO") {
		t.Errorf("a cast under an input format: %v", err)
	}
	for input, want := range map[string]string{"": "HEX", "BASE64": "BASE64"} {
		if got := parse(t, grammar.Rules{BinaryInput: input}, `SELECT 'aa'::BINARY b`).SQL; !strings.Contains(got, "to_binary('aa', '"+want+"')") {
			t.Errorf("BINARY_INPUT_FORMAT %q: %s", input, got)
		}
	}
}

func TestReadsALTER(t *testing.T) {
	t.Parallel()
	table, other := grammar.Table{Schema: "S", Name: "T"}, &grammar.Table{Schema: "R", Name: "u"}
	for sql, want := range map[string]struct {
		verb string
		grammar.Definition
	}{
		`ALTER TABLE IF EXISTS s.t RENAME TO r."u"`: {"ALTER TABLE RENAME", grammar.Definition{Table: table, IfExists: true, Other: other}},
		`ALTER TABLE s.t SWAP WITH r."u"`:           {"ALTER TABLE SWAP", grammar.Definition{Table: table, Other: other}},
		`ALTER TABLE s.t RENAME COLUMN a TO "b"`: {
			"ALTER TABLE RENAME COLUMN", grammar.Definition{Table: table, Columns: []grammar.Column{{Name: "A"}}, NewName: "b"},
		},
		`ALTER TABLE s.t DROP COLUMN IF EXISTS a, "b"`: {
			"ALTER TABLE DROP COLUMN", grammar.Definition{Table: table, IfColumns: true, Columns: []grammar.Column{{Name: "A"}, {Name: "b"}}},
		},
		`ALTER TABLE s.t DROP a`:                 {"ALTER TABLE DROP COLUMN", grammar.Definition{Table: table, Columns: []grammar.Column{{Name: "A"}}}},
		`DROP TABLE IF EXISTS s.t CASCADE`:       {"DROP TABLE", grammar.Definition{Table: table, IfExists: true}},
		`DROP TABLE s.t RESTRICT`:                {"DROP TABLE", grammar.Definition{Table: table}},
		`CREATE ROLE IF NOT EXISTS analyst`:      {"CREATE ROLE", grammar.Definition{Role: "ANALYST", IfNotExists: true}},
		`COMMENT IF EXISTS ON TABLE s.t IS 'is'`: {"COMMENT ON TABLE", grammar.Definition{Table: table, IfExists: true, Comment: new("is")}},
	} {
		got := parse(t, grammar.Rules{}, sql)
		if diff := cmp.Diff(&want.Definition, got.Define); got.Verb != want.verb || got.Kind != grammar.DDL || diff != "" {
			t.Errorf("%s is %s: %s", sql, got.Verb, diff)
		}
	}
	got := parse(t, grammar.Rules{}, `CREATE TABLE t (a DATE, "b" NUMBER, c NUMBER) CLUSTER BY (LENGTH(a), "b")`).Define
	if diff := cmp.Diff([]string{"A", "b"}, got.Cluster); diff != "" {
		t.Error(diff)
	}
}

func TestReadsGRANT(t *testing.T) {
	t.Parallel()
	named := func(name string) grammar.Table { return grammar.Table{Name: name} }
	for sql, want := range map[string]grammar.Grant{
		`GRANT USAGE, CREATE TABLE ON SCHEMA d."s" TO ROLE r`: {
			Privileges: []string{"USAGE", "CREATE TABLE"}, On: "SCHEMA", Object: grammar.Table{Database: "D", Name: "s"}, To: "R",
		},
		`GRANT SELECT ON s.t TO r WITH GRANT OPTION`: {
			Privileges: []string{"SELECT"}, On: "TABLE", Object: grammar.Table{Schema: "S", Name: "T"}, To: "R", Option: true,
		},
		`GRANT ALL PRIVILEGES ON TABLE t TO ROLE PUBLIC`: {Privileges: []string{"ALL"}, On: "TABLE", Object: named("T"), To: "PUBLIC"},
		`GRANT SELECT ON ALL TABLES IN SCHEMA s TO r`:    {Privileges: []string{"SELECT"}, On: "TABLE", In: "SCHEMA", Object: named("S"), To: "R"},
		`GRANT USAGE ON FUTURE SCHEMAS IN DATABASE d TO r`: {
			Privileges: []string{"USAGE"}, On: "SCHEMA", In: "DATABASE", Future: true, Object: named("D"), To: "R",
		},
		`GRANT OWNERSHIP ON TABLE t TO ROLE r COPY CURRENT GRANTS`: {
			Privileges: []string{"OWNERSHIP"}, On: "TABLE", Object: named("T"), To: "R", Current: "COPY",
		},
		`GRANT MANAGE GRANTS ON ACCOUNT TO ROLE r`: {Privileges: []string{"MANAGE GRANTS"}, On: "ACCOUNT", To: "R"},
		`GRANT USAGE ON STAGE s.g TO r`:            {Privileges: []string{"USAGE"}, On: "STAGE", Object: grammar.Table{Schema: "S", Name: "G"}, To: "R"},
		`GRANT USAGE ON INTEGRATION i TO ROLE r`:   {Privileges: []string{"USAGE"}, On: "INTEGRATION", Object: named("I"), To: "R"},
	} {
		got := parse(t, grammar.Rules{}, sql)
		if diff := cmp.Diff(&want, got.Grant); diff != "" {
			t.Errorf("%s: %s", sql, diff)
		}
	}
}

func TestReadsVALIDATE(t *testing.T) {
	t.Parallel()
	got := parse(t, grammar.Rules{}, `SELECT * FROM TABLE(VALIDATE(s."t", JOB_ID => '_last'));`)
	want := &grammar.Validate{Table: grammar.Table{Schema: "S", Name: "t"}, Job: "_last"}
	if diff := cmp.Diff(want, got.Validate); diff != "" || got.Kind != grammar.Query {
		t.Error(diff)
	}
	got = parse(t, grammar.Rules{}, `INSERT INTO t (a) SELECT v.error FROM TABLE(VALIDATE(s."t", JOB_ID => '_last')) AS v WHERE line > 1`)
	if diff := cmp.Diff(want, got.Validate); diff != "" || got.SQL != `INSERT INTO "T" ("A") SELECT "V"."ERROR" AS "ERROR" FROM pg_temp."~validate" AS "V" WHERE ("LINE" > 1)` {
		t.Error(diff, got.SQL)
	}
}

func TestNeeds(t *testing.T) {
	t.Parallel()
	for sql, want := range map[string]string{
		`INSERT INTO t SELECT a FROM s`: "INSERT", `UPDATE t SET a = 1`: "UPDATE", `DELETE FROM t`: "DELETE", `TRUNCATE TABLE t`: "TRUNCATE",
		`MERGE INTO t USING s ON t.k = s.k WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES (1)`: "DELETE INSERT",
		`MERGE INTO t USING s ON t.k = s.k WHEN MATCHED THEN UPDATE SET a = 1`:                               "UPDATE",
		`COPY INTO t FROM @s FILE_FORMAT = (TYPE = CSV)`:                                                     "INSERT",
	} {
		if got := strings.Join(parse(t, grammar.Rules{}, sql).Needs, " "); got != want {
			t.Errorf("%s needs %s, want %s", sql, got, want)
		}
	}
}

func TestLayouts(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"DD-MON-YYYY", "yyyymmdd", "MMMM DD, YYYY", `"on "DD.MM.YYYY`} {
		if l, err := grammar.ParseLayout("DATE", format); err != nil || l == nil {
			t.Errorf("%s is %v, %v", format, l, err)
		}
	}
	if l, err := grammar.ParseLayout("TIMESTAMP", "auto"); err != nil || l != nil {
		t.Errorf("AUTO is %v, %v", l, err)
	}
	for format, kind := range map[string]string{
		"YYYY-MM": "DATE", "YY-MM-DD": "DATE", "YYYY-MM-DD HH24": "DATE", "DY DD-MM-YYYY": "DATE", "HH12:MI": "TIME", "MI:SS": "TIME",
		"YYYY-MM-DD": "TIME", "HH24:MI:SS": "TIMESTAMP", "YYYY-MM-DD MI": "TIMESTAMP", "YYYY-MM-DD HH24:MI TZM": "TIMESTAMP",
		"YYYY-MM-DDTHH24": "TIMESTAMP", `YYYY-MM-DD"T`: "TIMESTAMP",
	} {
		if l, err := grammar.ParseLayout(kind, format); err == nil || !strings.Contains(err.Error(), "not imitated") {
			t.Errorf("%s as a %s is %v, %v", format, kind, l, err)
		}
	}
}
