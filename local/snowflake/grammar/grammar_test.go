package grammar_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/local/snowflake/grammar"
)

func TestSaysTheSameInPostgreSQL(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ snowflake, want string }{
		"names are folded up, or kept": {
			`SELECT a, "b", T."C" FROM s.t AS T`,
			`SELECT "A" AS "A", "b" AS "b", "T"."C" AS "C" FROM "S"."T" AS "T"`,
		},
		"division is exact":    {`SELECT 1 / 2`, `SELECT (1 * 1.0 / 2) AS "1 / 2"`},
		"a backslash escapes":  {`SELECT 'it\'s \\N' AS x`, `SELECT  E'it''s \\N' AS "X"`},
		"doubled quotes":       {`SELECT 'it''s' x`, `SELECT 'it''s' AS "X"`},
		"a cast":               {`SELECT CAST(a AS NUMBER(38,0)) n, b::VARCHAR(134217728) v FROM t`, `SELECT CAST("A" AS numeric(38,0)) AS "N", CAST("B" AS text) AS "V" FROM "T"`},
		"a window":             {`SELECT ROW_NUMBER() OVER (PARTITION BY k ORDER BY c DESC NULLS LAST) r FROM t`, `SELECT row_number() OVER (PARTITION BY "K" ORDER BY "C" DESC NULLS LAST) AS "R" FROM "T"`},
		"insert from a select": {`INSERT INTO "T" ("a") SELECT "a" FROM s."x"`, `INSERT INTO "T" ("a") SELECT "a" AS "a" FROM "S"."x"`},
		"the target's alias": {
			`UPDATE t SET t.a = 1, b = DEFAULTS FROM s WHERE t.k = s.k`,
			`UPDATE "T" SET "A" = 1, "B" = "DEFAULTS" FROM "S" WHERE ("T"."K" = "S"."K")`,
		},
		"delete using":    {`DELETE FROM t USING s WHERE t.k = s.k`, `DELETE FROM "T" USING "S" WHERE ("T"."K" = "S"."K")`},
		"truncate is DML": {`TRUNCATE TABLE t`, `DELETE FROM "T"`},
		"merge": {
			`MERGE INTO t USING s ON t.k = s.k WHEN MATCHED AND s.d THEN DELETE WHEN MATCHED THEN UPDATE SET v = s.v WHEN NOT MATCHED AND NOT s.d THEN INSERT (k) VALUES (s.k)`,
			`MERGE INTO "T" USING "S" ON ("T"."K" = "S"."K") WHEN MATCHED AND "S"."D" THEN DELETE WHEN MATCHED THEN UPDATE SET "V" = "S"."V" ` +
				`WHEN NOT MATCHED AND (NOT "S"."D") THEN INSERT ("K") VALUES ("S"."K")`,
		},
		"qualify a whole row": {
			`SELECT * FROM t QUALIFY a = 1`,
			`SELECT ("~q"."~row").* FROM (SELECT "T" AS "~row", ("A" = 1) AS "~qualifies" FROM "T") AS "~q" WHERE "~q"."~qualifies"`,
		},
		"precedence": {`SELECT a FROM t WHERE NOT a = 1 OR b IN (1, 2) AND c IS NOT NULL`, `SELECT "A" AS "A" FROM "T" WHERE ((NOT ("A" = 1)) OR (("B" IN (1, 2)) AND ("C" IS NOT NULL)))`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := grammar.Rules{}.Parse(c.snowflake, nil)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got.SQL); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRefuses(t *testing.T) {
	t.Parallel()
	for statement, want := range map[string]string{
		`SELEC 1`:                                            "line 1 at position 0 unexpected 'SELEC'.",
		"SELECT 1\nFROM t WHERE":                             "line 2 at position 12 unexpected '<EOF>'.",
		`SELECT 1; SELECT 2`:                                 "line 1 at position 10 unexpected 'SELECT'.",
		`SELECT '\N'`:                                        `the escape \N is not understood`,
		`SELECT a FROM t -- comment`:                         "comments are not understood",
		`SELECT $$x$$`:                                       "strings in $$",
		`SELECT order FROM t`:                                "unexpected 'ORDER'",
		`SELECT md5('x')`:                                    "unexpected 'MD5'",
		`SELECT a::VARCHAR(10) FROM t`:                       "leave the length out",
		`CREATE TABLE t (a TIMESTAMP)`:                       "say TIMESTAMP_NTZ or TIMESTAMP_TZ",
		`CREATE TABLE t (a TEXT[])`:                          "unexpected '['",
		`CREATE TABLE t (a JSONB)`:                           "unsupported data type 'JSONB'",
		`CREATE TABLE t (a NUMBER(39,0))`:                    "between 1 and 38",
		`CREATE TABLE t (a NUMBER(38,38))`:                   "between 0 and 37",
		`CREATE TABLE t (a NUMBER(5,6))`:                     "between 0 and 5",
		`CREATE TABLE t (a VARCHAR(134217729))`:              "between 1 and 134217728",
		`CREATE TABLE t (a BINARY(67108865))`:                "between 1 and 67108864",
		`CREATE TABLE t (a NUMBER, A NUMBER)`:                "duplicate column name 'A'",
		`CREATE OR REPLACE TABLE IF NOT EXISTS t (a NUMBER)`: "exclude each other",
		`SELECT "` + strings.Repeat("é", 256) + `"`:          "identifier of 256 characters",
		`MERGE INTO t USING s ON t.k = s.k WHEN MATCHED THEN DELETE WHEN MATCHED AND s.a THEN DELETE`: "must be the last of its kind",
		`LOCK TABLE t`: "unexpected 'LOCK'",
		`USE SCHEMA s`: "unexpected 'USE'",
		`SELECT ?`:     "bind variable 1 is not set",
		`COPY INTO t FROM 's3://b/k' FILE_FORMAT = (TYPE = CSV)`: "from a named stage only",
		`COPY INTO t FROM @~/x FILE_FORMAT = (TYPE = CSV)`:       "unexpected '~'",
		`COPY INTO t FROM @s`: "COPY without FILE_FORMAT",
		`COPY INTO t FROM @s FILE_FORMAT = (FORMAT_NAME = 'f')`:                                                  "with TYPE first",
		`COPY INTO t FROM @s FILE_FORMAT = (TYPE = CSV USE_LOGICAL_TYPE = TRUE)`:                                 "unexpected 'USE_LOGICAL_TYPE'",
		`COPY INTO t FROM @s FILE_FORMAT = (TYPE = CSV ESCAPE = '\\')`:                                           "ESCAPE = \\ is not imitated",
		`COPY INTO t FROM @s FILE_FORMAT = (TYPE = CSV FIELD_DELIMITER = '||')`:                                  "want one ASCII character",
		`COPY INTO t FROM @s FILE_FORMAT = (TYPE = CSV) FORCE = TRUE FORCE = TRUE`:                               "duplicate option 'FORCE'",
		`COPY INTO t FROM @s FILE_FORMAT = (TYPE = CSV) PATTERN = '.*'`:                                          "PATTERN is not imitated",
		`COPY INTO t FROM (SELECT STRIP_NULL_VALUE($1:a) FROM @s) FILE_FORMAT = (TYPE = JSON)`:                   "not understood in a COPY transformation",
		`COPY INTO t FROM (SELECT $1 FROM @s WHERE $1 IS NULL) FILE_FORMAT = (TYPE = JSON)`:                      "unexpected 'WHERE'",
		`COPY INTO t FROM (SELECT $1 FROM @s) FILE_FORMAT = (TYPE = JSON) MATCH_BY_COLUMN_NAME = CASE_SENSITIVE`: "not supported with copy transform",
		`COPY INTO t FROM @s FILE_FORMAT = (TYPE = CSV) MATCH_BY_COLUMN_NAME = CASE_SENSITIVE`:                   "needs PARSE_HEADER",
		`COPY INTO t FROM (SELECT PARSE_JSON($1, 'd') FROM @s) FILE_FORMAT = (TYPE = CSV)`:                       "PARSE_JSON takes 1 arguments here",
		`COPY INTO t FROM @s FILE_FORMAT = (TYPE = JSON TRIM_SPACE = TRUE)`:                                      "TRIM_SPACE is for MATCH_BY_COLUMN_NAME",
		`COPY INTO t FROM @s FILE_FORMAT = (TYPE = CSV) ON_ERROR = 'SKIP_FILE_101%'`:                             "is not imitated",
		`COPY INTO t FROM @s FILE_FORMAT = (TYPE = CSV) ON_ERROR = SKIP_FILE_10%`:                                "unexpected",
		`COPY INTO t FROM @s FILE_FORMAT = (TYPE = CSV) ON_ERROR = SKIP_FILE_0`:                                  "is not imitated",
		`COPY INTO t FROM @s FILE_FORMAT = (TYPE = CSV DATE_FORMAT = 'DY')`:                                      "DATE_FORMAT 'DY' is not imitated",
		`SELECT PARSE_JSON(a, 'x') FROM t`:                                                                       "'d' and 's' are its values",
		`SELECT a FROM TABLE(RESULT_SCAN('x'))`:                                                                  "unexpected 'RESULT_SCAN'",
		`GRANT SELECT ON SCHEMA s TO ROLE r`:                                                                     "no such privilege on SCHEMA",
		`GRANT OWNERSHIP ON ACCOUNT TO ROLE r`:                                                                   "no such privilege on ACCOUNT",
		`GRANT OWNERSHIP ON t TO USER u`:                                                                         "neither OWNERSHIP nor what comes",
		`ALTER TABLE t DROP PRIMARY KEY`:                                                                         "unexpected 'KEY'",
		`CREATE OR REPLACE ROLE r`:                                                                               "unexpected 'ROLE'",
	} {
		_, err := grammar.Rules{}.Parse(statement, nil)
		if failure := (*grammar.Error)(nil); !errors.As(err, &failure) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", statement, err, want)
		}
	}
}

func TestReadsCOPY(t *testing.T) {
	t.Parallel()
	got, err := grammar.Rules{}.Parse(`COPY INTO "s"."t" ("a", b) FROM (SELECT d.$1:"x y".z::NUMBER(5,2), IFF(NOT $2 IS NULL, 'x', NULL) FROM '@db."S".stage/a b/c' d) `+
		`FILES = ('1', '2''s') FILE_FORMAT = (TYPE = 'CSV' NULL_IF = (), FIELD_DELIMITER = '\t' FIELD_OPTIONALLY_ENCLOSED_BY = '0x22' ESCAPE_UNENCLOSED_FIELD = NONE) `+
		`ON_ERROR = SKIP_FILE_3, PURGE = TRUE`, nil)
	if err != nil {
		t.Fatal(err)
	}
	number := grammar.Type{Name: "NUMBER", Precision: 5, Scale: 2}
	want := &grammar.Copy{
		Table: grammar.Table{Schema: "s", Name: "t"}, Columns: []string{"a", "B"},
		Stage: grammar.Table{Database: "DB", Schema: "S", Name: "STAGE"}, Path: "a b/c", Files: []string{"1", "2's"},
		Transform: []grammar.Expression{
			{Operation: grammar.Cast, Type: number, Arguments: []grammar.Expression{{Number: 1, Path: []string{"x y", "z"}}}},
			{Operation: grammar.Iff, Arguments: []grammar.Expression{
				{Operation: grammar.Not, Arguments: []grammar.Expression{{Operation: grammar.IsNull, Arguments: []grammar.Expression{{Number: 2}}}}},
				{Operation: grammar.Literal, Text: "x"},
				{Operation: grammar.Null},
			}},
		},
		Format: grammar.Format{
			Type: "CSV", Compression: "AUTO", Delimiter: '\t', Enclosure: '"', NullIf: []string{}, EmptyAsNull: true,
			BinaryFormat: "HEX", BinaryAsText: true,
		},
		OnError: grammar.OnError{Action: "SKIP_FILE", Limit: 3}, Purge: true,
	}
	if diff := cmp.Diff(want, got.Copy); diff != "" {
		t.Error(diff)
	}
}

func TestSplit(t *testing.T) {
	t.Parallel()
	got, err := grammar.Split(" BEGIN ;\nSELECT ';' AS \";\" ; ; COMMIT;")
	if err != nil {
		t.Fatal(err)
	}
	want := []grammar.Text{{SQL: "BEGIN", Offset: 1}, {SQL: `SELECT ';' AS ";"`, Offset: 9}, {SQL: "COMMIT", Offset: 31}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTypesAreReadAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"NUMBER": "NUMBER(38,0)", "int": "NUMBER(38,0)", "decimal(5)": "NUMBER(5,0)", "VARCHAR": "VARCHAR(16777216)", "string": "VARCHAR(16777216)",
		"BINARY": "BINARY(8388608)", "TIME": "TIME(9)", "TIMESTAMP_TZ(6)": "TIMESTAMP_TZ(6)", "double": "FLOAT", "variant": "VARIANT",
	} {
		kind, err := grammar.ParseType(given)
		if err != nil || kind.String() != want {
			t.Errorf("%s is %s, want %s: %v", given, kind, want, err)
		}
		if again, err := grammar.ParseType(kind.String()); err != nil || again != kind {
			t.Errorf("%s is read as %s: %v", kind, again, err)
		}
	}
}

// FuzzParse: any text is a statement or an error with a place in it, and what
// Split gives is what Parse reads.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		`SELECT CAST(CASE WHEN COUNT(*) = 0 THEN '1' ELSE 'x' END AS NUMBER(38,0)) FROM "a"."b" WHERE c = 'd\\'`,
		`COPY INTO t FROM (SELECT $1:a['b'] FROM @s/p x) FILES = ('f') FILE_FORMAT = (TYPE = PARQUET) FORCE = TRUE`,
		`CREATE TABLE IF NOT EXISTS t (a VARCHAR(10) NOT NULL COMMENT 'x', PRIMARY KEY (a)) CLUSTER BY (a)`,
		`MERGE INTO t USING (SELECT * FROM s QUALIFY ROW_NUMBER() OVER (ORDER BY a) = 1) ON 1 = 1 WHEN NOT MATCHED THEN INSERT VALUES (1)`,
		`ALTER TABLE t ALTER (COLUMN a TYPE VARCHAR(5), b COMMENT 'c'); BEGIN; COMMIT`, `@"`, `$1:`, `((((`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		texts, err := grammar.Split(sql)
		if err != nil {
			return
		}
		for _, text := range texts {
			if sql[text.Offset:text.Offset+len(text.SQL)] != text.SQL {
				t.Errorf("%q is not at %d of %q", text.SQL, text.Offset, sql)
			}
			_, err := grammar.Rules{}.Parse(text.SQL, nil)
			if failure := (*grammar.Error)(nil); err != nil && (!errors.As(err, &failure) || failure.Offset > len(text.SQL)) {
				t.Errorf("%q: %v", text.SQL, err)
			}
		}
	})
}

func ExampleError() {
	_, err := grammar.Rules{}.Parse("SELECT a\nFORM t x", nil)
	fmt.Println(err)
	// Output:
	// SQL compilation error:
	// syntax error line 2 at position 5 unexpected 'T'.
}
