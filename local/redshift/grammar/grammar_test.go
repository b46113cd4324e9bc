package grammar_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/local/redshift/grammar"
)

func TestAccepts(t *testing.T) {
	t.Parallel()
	const now = "(now() AT TIME ZONE 'UTC')"
	for name, c := range map[string]struct{ redshift, want string }{
		"schema": {`CREATE SCHEMA IF NOT EXISTS "Sales"`, `CREATE SCHEMA IF NOT EXISTS "sales"`},
		"table, lengths in bytes": {
			`CREATE TABLE IF NOT EXISTS "s"."t" ("A" VARCHAR(20) NOT NULL, b BIGINT DEFAULT 0, "c" TIMESTAMP DEFAULT SYSDATE)`,
			`CREATE TABLE IF NOT EXISTS "s"."t" ("a" character varying(20) NOT NULL CONSTRAINT "length of a" CHECK (octet_length("a") <= 20), ` +
				`"b" bigint DEFAULT 0, "c" timestamp DEFAULT ` + now + `)`,
		},
		"every type": {
			"CREATE TABLE t (a SMALLINT, b INTEGER, c BIGINT, d DECIMAL(38,37), e NUMERIC, f REAL, g DOUBLE PRECISION, " +
				"h BOOLEAN, i CHAR(4096), j VARCHAR(65535), k DATE, l TIME, m TIMETZ, n TIMESTAMP, o TIMESTAMPTZ, p SUPER, q VARBYTE(16777216))",
			`CREATE TABLE "t" ("a" smallint, "b" integer, "c" bigint, "d" numeric(38,37), "e" numeric(18,0), "f" real, ` +
				`"g" double precision, "h" boolean, "i" character(4096) CONSTRAINT "length of i" CHECK (octet_length("i") <= 4096), ` +
				`"j" character varying(65535) CONSTRAINT "length of j" CHECK (octet_length("j") <= 65535), "k" date, "l" time, "m" timetz, ` +
				`"n" timestamp, "o" timestamptz, "p" jsonb, "q" bytea CONSTRAINT "length of q" CHECK (octet_length("q") <= 16777216))`,
		},
		"long type names": {
			"CREATE TABLE t (a TIMESTAMP WITH TIME ZONE, b TIME WITHOUT TIME ZONE, c CHARACTER VARYING(3), d VARCHAR(MAX))",
			`CREATE TABLE "t" ("a" timestamptz, "b" time, "c" character varying(3) CONSTRAINT "length of c" CHECK (octet_length("c") <= 3), ` +
				`"d" character varying(65535) CONSTRAINT "length of d" CHECK (octet_length("d") <= 65535))`,
		},
		"a primary key is a hint": {
			"CREATE TABLE t (a INT, b INT, PRIMARY KEY (a))", `CREATE TABLE "t" ("a" integer NOT NULL, "b" integer)`,
		},
		"temp":              {`CREATE TEMP TABLE "x" ("a" INT)`, `CREATE TEMPORARY TABLE "x" ("a" integer)`},
		"temp like":         {`CREATE TEMP TABLE x (LIKE s.t)`, `CREATE TEMPORARY TABLE "x" (LIKE "s"."t" INCLUDING CONSTRAINTS)`},
		"table layout":      {`CREATE TABLE x (a INT) DISTSTYLE KEY DISTKEY (a) SORTKEY (a)`, `CREATE TABLE "x" ("a" integer)`},
		"add column":        {`ALTER TABLE s.t ADD COLUMN "n" INT`, `ALTER TABLE "s"."t" ADD COLUMN "n" integer`},
		"lock":              {`LOCK TABLE "s"."t";`, `LOCK TABLE "s"."t" IN ACCESS EXCLUSIVE MODE`},
		"lock without noun": {`LOCK s.t`, `LOCK TABLE "s"."t" IN ACCESS EXCLUSIVE MODE`},
		"delete all":        {`DELETE FROM s.t`, `DELETE FROM "s"."t"`},
		"delete using": {
			`DELETE FROM s.t USING x WHERE s.t.k = x.k AND x.v IS NOT NULL`,
			`DELETE FROM "s"."t" USING "x" WHERE (("s"."t"."k" = "x"."k") AND ("x"."v" IS NOT NULL))`,
		},
		"insert select": {
			`INSERT INTO s.t (a, b) SELECT a, 'it''s' FROM x`,
			`INSERT INTO "s"."t" ("a", "b") SELECT "a", 'it''s' FROM "x"`,
		},
		"insert values": {
			`INSERT INTO t (a,b,c) VALUES (1, SYSDATE, DEFAULT), (-2, GETDATE(), NULL)`,
			`INSERT INTO "t" ("a", "b", "c") VALUES (1, ` + now + `, DEFAULT), ((- 2), ` +
				`date_trunc('second', statement_timestamp() AT TIME ZONE 'UTC'), NULL)`,
		},
		"guard by division": {
			`SELECT 1 / CASE WHEN EXISTS (SELECT 1 FROM l WHERE id = 'x') THEN 0 ELSE 1 END`,
			`SELECT (1 / CASE WHEN EXISTS (SELECT 1 FROM "l" WHERE ("id" = 'x')) THEN 0 ELSE 1 END)`,
		},
		"guard by count": {
			`SELECT CAST(CASE WHEN (SELECT COUNT(*) FROM x) = 3 THEN '1' ELSE 'rows differ' END AS INTEGER)`,
			`SELECT CAST(CASE WHEN ((SELECT count(*) FROM "x") = 3) THEN '1' ELSE 'rows differ' END AS integer)`,
		},
		"precedence": {
			`SELECT a + b * c - d FROM t WHERE NOT a = 1 OR b = 2 AND c <> 3`,
			`SELECT (("a" + ("b" * "c")) - "d") FROM "t" WHERE ((NOT ("a" = 1)) OR (("b" = 2) AND ("c" <> 3)))`,
		},
		"order and limit": {`SELECT * FROM t AS u ORDER BY u.a DESC, 2 LIMIT 5`, `SELECT * FROM "t" AS "u" ORDER BY "u"."a" DESC, 2 LIMIT 5`},
		"drop":            {`DROP TABLE IF EXISTS s.t`, `DROP TABLE IF EXISTS "s"."t"`},
		"truncate":        {`TRUNCATE s.t`, `TRUNCATE TABLE "s"."t"`},
		"the loader's guard": {
			`SELECT 1 / CASE WHEN COUNT(*) = 0 THEN 1 ELSE 0 END FROM "s"."l" WHERE load_id = 'x'`,
			`SELECT (1 / CASE WHEN (count(*) = 0) THEN 1 ELSE 0 END) FROM "s"."l" WHERE ("load_id" = 'x')`,
		},
		"several sources": {`SELECT COUNT(*) FROM a, s.b AS c WHERE a.k = c.k`, `SELECT count(*) FROM "a", "s"."b" AS "c" WHERE ("a"."k" = "c"."k")`},
		"a query as a source": {
			`SELECT 1 FROM (SELECT k FROM a GROUP BY k HAVING COUNT(*) > 1) AS twice`,
			`SELECT 1 FROM (SELECT "k" FROM "a" GROUP BY "k" HAVING (count(*) > 1)) AS "twice"`,
		},
		"a rank": {
			`SELECT k, ROW_NUMBER() OVER (PARTITION BY k ORDER BY v DESC NULLS LAST) AS r FROM a`,
			`SELECT "k", row_number() OVER (PARTITION BY "k" ORDER BY "v" DESC NULLS LAST) AS "r" FROM "a"`,
		},
		"functions": {
			`SELECT JSON_PARSE(a), TO_VARBYTE(b, 'base64') FROM t`, `SELECT CAST("a" AS jsonb), decode("b", 'base64') FROM "t"`,
		},
		"comment": {`COMMENT ON COLUMN s.t."C" IS 'PostgreSQL: it''s'`, `COMMENT ON COLUMN "s"."t"."c" IS 'PostgreSQL: it''s'`},
		"a longer column": {
			`ALTER TABLE s.t ALTER COLUMN a TYPE VARCHAR(20)`,
			`ALTER TABLE "s"."t" DROP CONSTRAINT "length of a", ALTER COLUMN "a" TYPE character varying(20), ` +
				`ADD CONSTRAINT "length of a" CHECK (octet_length("a") <= 20)`,
		},
		"update": {
			`UPDATE s.l SET n = n + 1, m = DEFAULT WHERE id = ''`, `UPDATE "s"."l" SET "n" = ("n" + 1), "m" = DEFAULT WHERE ("id" = '')`,
		},
		"update from": {`UPDATE t x SET a = y.a FROM y WHERE x.k = y.k`, `UPDATE "t" AS "x" SET "a" = "y"."a" FROM "y" WHERE ("x"."k" = "y"."k")`},
		"joins": {
			`SELECT 1 FROM a JOIN b AS c ON a.x = c.x LEFT OUTER JOIN d ON d.x = a.x`,
			`SELECT 1 FROM "a" JOIN "b" AS "c" ON ("a"."x" = "c"."x") LEFT JOIN "d" ON ("d"."x" = "a"."x")`,
		},
		"rename":          {`ALTER TABLE s.t RENAME TO u`, `ALTER TABLE "s"."t" RENAME TO "u"`},
		"rename column":   {`ALTER TABLE s.t RENAME COLUMN a TO "B"`, `ALTER TABLE "s"."t" RENAME COLUMN "a" TO "b"`},
		"drop column":     {`ALTER TABLE s.t DROP COLUMN a CASCADE`, `ALTER TABLE "s"."t" DROP COLUMN "a" CASCADE`},
		"drop several":    {`DROP TABLE a, s.b RESTRICT`, `DROP TABLE "a", "s"."b" RESTRICT`},
		"encodings":       {`CREATE TABLE t (a INT ENCODE az64 SORTKEY, b INT DISTKEY) ENCODE AUTO`, `CREATE TABLE "t" ("a" integer, "b" integer)`},
		"view":            {`CREATE OR REPLACE VIEW s.v (x) AS SELECT a FROM t`, `CREATE OR REPLACE VIEW "s"."v" ("x") AS SELECT "a" FROM "t"`},
		"the setting":     {`SELECT CURRENT_SETTING('enable_case_sensitive_identifier')`, `SELECT 'off'`},
		"quotes in names": {`DROP TABLE "a""b"`, `DROP TABLE "a""b"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := grammar.Parse(c.redshift)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got.SQL); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// With enable_case_sensitive_identifier, quoted names keep their case, others do
// not.
func TestCaseSensitive(t *testing.T) {
	t.Parallel()
	got, err := grammar.Rules{CaseSensitive: true}.Parse(`SELECT "Id", Id, current_setting('enable_case_sensitive_identifier') FROM "Public".T`)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(`SELECT "Id", "id", 'on' FROM "Public"."t"`, got.SQL); diff != "" {
		t.Error(diff)
	}
}

func TestAnyName(t *testing.T) {
	t.Parallel()
	for _, sql := range []string{`ALTER TABLE t ADD COLUMN "oid" INT`, "CREATE TABLE t (\"a\tb\" INT)"} {
		if _, err := (grammar.Rules{AnyName: true}).Parse(sql); err != nil {
			t.Error(err)
		}
	}
}

func TestGrant(t *testing.T) {
	t.Parallel()
	for sql, want := range map[string]grammar.Grant{
		`GRANT SELECT, INSERT ON s.t, "U" TO "IAMR:Load", ROLE r, GROUP g, PUBLIC`: {
			Privileges: []string{"SELECT", "INSERT"}, On: "TABLE", Tables: []grammar.Table{{Schema: "s", Name: "t"}, {Name: "u"}},
			To: []grammar.Account{{Kind: grammar.User, Name: "IAMR:Load"}, {Kind: grammar.Role, Name: "r"}, {Kind: grammar.Group, Name: "g"}, {Kind: grammar.Public}},
		},
		`GRANT ALL PRIVILEGES ON ALL TABLES IN SCHEMA s TO u WITH GRANT OPTION`: {
			Privileges: []string{"ALL"}, On: "ALL TABLES IN SCHEMA", Names: []string{"s"}, To: []grammar.Account{{Kind: grammar.User, Name: "u"}}, Option: true,
		},
		`GRANT CREATE, TEMP ON DATABASE dev TO u`: {
			Privileges: []string{"CREATE", "TEMP"}, On: "DATABASE", Names: []string{"dev"}, To: []grammar.Account{{Kind: grammar.User, Name: "u"}},
		},
		`GRANT USAGE ON SCHEMA a, b TO ROLE r`: {
			Privileges: []string{"USAGE"}, On: "SCHEMA", Names: []string{"a", "b"}, To: []grammar.Account{{Kind: grammar.Role, Name: "r"}},
		},
		`GRANT ROLE r TO u`: {On: "ROLE", Names: []string{"r"}, To: []grammar.Account{{Kind: grammar.User, Name: "u"}}},
	} {
		got, err := grammar.Parse(sql)
		if err != nil {
			t.Errorf("%s: %v", sql, err)
			continue
		}
		if diff := cmp.Diff(&want, got.Grant); diff != "" {
			t.Errorf("%s: %s", sql, diff)
		}
	}
}

func TestLongNames(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 63)
	one, err := grammar.Parse(`DROP TABLE "` + long + `a"`)
	if err != nil {
		t.Fatal(err)
	}
	other, err := grammar.Parse(`DROP TABLE "` + long + `b"`)
	if err != nil {
		t.Fatal(err)
	}
	if one.SQL == other.SQL {
		t.Errorf("two names became one: %s", one.SQL)
	}
	held := grammar.Held(long + "a")
	if len(held) > 63 || one.SQL != `DROP TABLE "`+held+`"` {
		t.Errorf("name is held as %q in %s", held, one.SQL)
	}
	if diff := cmp.Diff(map[string]string{held: long + "a"}, one.LongNames); diff != "" {
		t.Error(diff)
	}
}

func TestRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ sql, want string }{
		"array":                  {`CREATE TABLE t ("tags" text[])`, `Column "tags" has unsupported type "text[]". Position: 28`},
		"jsonb":                  {`CREATE TABLE t (j jsonb)`, `Column "j" has unsupported type "jsonb". Position: 19`},
		"bytea":                  {`CREATE TABLE t (j bytea)`, `unsupported type "bytea"`},
		"uuid":                   {`CREATE TABLE t (j uuid)`, `unsupported type "uuid"`},
		"unknown type":           {`CREATE TABLE t (j citext)`, `type "citext" does not exist`},
		"varchar too long":       {`CREATE TABLE t (a VARCHAR(65536))`, `length for type VARCHAR cannot exceed 65535`},
		"char too long":          {`CREATE TABLE t (a CHAR(4097))`, `length for type CHAR cannot exceed 4096`},
		"decimal too precise":    {`CREATE TABLE t (a DECIMAL(39,0))`, `DECIMAL precision 39`},
		"decimal scale":          {`CREATE TABLE t (a DECIMAL(38,38))`, `DECIMAL scale 38`},
		"reserved word":          {`CREATE TABLE t (user INT)`, `syntax error at or near "user" Position: 17`},
		"long identifier":        {`DROP TABLE "` + strings.Repeat("x", 128) + `"`, `identifier of 128 bytes: the maximum is 127`},
		"temp in a schema":       {`CREATE TEMP TABLE s.t (a INT)`, `cannot create temporary relation in non-temporary schema`},
		"key of no column":       {`CREATE TABLE t (a INT, PRIMARY KEY (b))`, `column "b" named in key does not exist`},
		"unique":                 {`CREATE TABLE t (a INT, UNIQUE (a))`, `syntax error at or near "unique"`},
		"identity":               {`CREATE TABLE t (a INT GENERATED BY DEFAULT AS IDENTITY(0,1))`, `syntax error at or near "generated"`},
		"on conflict":            {`INSERT INTO t VALUES (1) ON CONFLICT DO NOTHING`, `syntax error at or near "on"`},
		"returning":              {`DELETE FROM t RETURNING *`, `syntax error at or near "returning"`},
		"begin":                  {`BEGIN`, `BEGIN is refused: the Data API runs a batch as one transaction`},
		"commit":                 {`commit`, `COMMIT is refused`},
		"two statements":         {`SELECT 1; SELECT 2`, `cannot insert multiple commands into a prepared statement Position: 11`},
		"update of a path":       {`UPDATE t SET t.a = 1`, `syntax error at or near "." Position: 15`},
		"a system column":        {`CREATE TABLE t (id INT, "CTID" INT)`, `column name "ctid" conflicts with a system column name Position: 25`},
		"a system column, added": {`ALTER TABLE t ADD COLUMN oid_ INT, b INT`, `syntax error at or near ","`},
		"oid is added":           {`ALTER TABLE t ADD COLUMN "oid" INT`, `column name "oid" conflicts`},
		"oid by renaming":        {`ALTER TABLE t RENAME COLUMN a TO "Xmin"`, `column name "xmin" conflicts`},
		"a control character":    {"CREATE TABLE \"a\tb\" (i INT)", `must consist of printable characters: "a\tb"`},
		"no such encoding":       {`CREATE TABLE t (a INT ENCODE GZIP)`, `syntax error at or near "gzip"`},
		"a key is added":         {`ALTER TABLE t ADD COLUMN a INT PRIMARY KEY DEFAULT 1`, `cannot add a column that is a PRIMARY KEY`},
		"too many columns":       {`CREATE TABLE t (` + strings.Repeat("a INT, ", 1600) + `b INT)`, `at most 1600 columns`},
		"unbound to no schema":   {`CREATE VIEW v AS SELECT a FROM t WITH NO SCHEMA BINDING`, `should be qualified when creating VIEW`},
		"a privilege of others":  {`GRANT USAGE ON TABLE t TO ROLE r`, `invalid privilege type USAGE for table`},
		"an option for a role":   {`GRANT SELECT ON t TO ROLE r WITH GRANT OPTION`, `syntax error at or near "with"`},
		"TO USER":                {`GRANT SELECT ON t TO USER u`, `syntax error at or near "user"`},
		"another setting":        {`SELECT current_setting('query_group')`, `is not imitated`},
		"comment":                {`SELECT 1 -- one`, `comments are not understood`},
		"dollar quotes":          {`SELECT $$a$$`, `syntax error at or near "$" Position: 8`},
		"backslash in a literal": {`SELECT 'a\'`, `a backslash in a literal is an escape to Redshift`},
		"open string":            {`SELECT 'a`, `unterminated quoted string`},
		"unknown function":       {`SELECT pg_sleep(1)`, `function pg_sleep is not understood`},
		"right join":             {`SELECT * FROM a RIGHT JOIN b ON a.x = b.x`, `syntax error at or near "right"`},
		"nothing":                {``, `syntax error at end of input`},
		"empty name":             {`DROP TABLE ""`, `zero-length delimited identifier`},
		"deep":                   {`SELECT ` + strings.Repeat("(", 1000) + "1" + strings.Repeat(")", 1000), `nested too deeply`},
		"a rank of nothing":      {`SELECT ROW_NUMBER() OVER (PARTITION BY a) FROM t`, `syntax error at or near ")"`},
		"a wider integer":        {`ALTER TABLE t ALTER COLUMN a TYPE BIGINT`, `changes the size of a VARCHAR only`},
		"not null without value": {`ALTER TABLE t ADD COLUMN a INT NOT NULL`, `must have a non-null default`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := grammar.Parse(c.sql)
			if err == nil {
				t.Fatalf("understood as %q", got.SQL)
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("error is %q, want %q in it", err, c.want)
			}
		})
	}
}

// FuzzParse: whatever comes, it answers, and what it understood can hold no
// second statement: nothing of ours puts a semicolon outside quotes.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`CREATE TABLE t ("a;b" VARCHAR(3) DEFAULT 'x;')`, `SELECT 1; DROP TABLE t`, `INSERT INTO t VALUES ('''', "a""b")`,
		`COPY t FROM 's3://b/k' IAM_ROLE 'r' CSV NULL '\\N'`, `SELECT CASE a WHEN 1 THEN 2 END::INT`, `SELECT 'é' || "é"`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		s, err := grammar.Parse(sql)
		if err != nil {
			return
		}
		if s.SQL == "" && s.Copy == nil && s.Grant == nil && s.View == nil && s.Account == nil {
			t.Errorf("%q was understood as nothing", sql)
		}
		if strings.Contains(unquoted(s.SQL), ";") {
			t.Errorf("%q became %q", sql, s.SQL)
		}
	})
}

// unquoted leaves out what stands between quotes of either kind.
func unquoted(sql string) string {
	var b strings.Builder
	var open rune
	for _, r := range sql {
		switch {
		case open == 0 && (r == '"' || r == '\''):
			open = r
		case open == r:
			open = 0
		case open == 0:
			b.WriteRune(r)
		}
	}
	return b.String()
}
