package snowflake

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func (b *bundle) administer(sqls ...string) {
	b.t.Helper()
	if err := b.server.Administer(b.t.Context(), sqls...); err != nil {
		b.t.Fatal(err)
	}
}

// step is a statement that is refused for want of what is granted next, or that
// succeeds where no code is given.
type step struct{ do, code, refused, grant string }

// walk takes the steps with the role that requests run as.
func (b *bundle) walk(steps []step) {
	b.t.Helper()
	for _, s := range steps {
		got := b.run(s.do)
		if want := s.code; got.Code != want && (want != "" || got.Code != "090001") || !strings.Contains(got.Message, s.refused) {
			b.t.Errorf("%s: code %s, %q; want %q, %q", s.do, got.Code, got.Message, want, s.refused)
		}
		if s.grant != "" {
			transfer := ""
			if strings.HasPrefix(s.grant, "OWNERSHIP") {
				transfer = " REVOKE CURRENT GRANTS"
			}
			b.administer("GRANT " + s.grant + " TO ROLE " + testRole + transfer)
		}
	}
}

const (
	noPrivilege = "003001"
	notThere    = "002003"
)

// A loader needs each of the grants that it is told to ask for, and nothing else.
func TestEachGrantIsNeeded(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *Options) { o.Grants = []string{} })
	b.administer("CREATE SCHEMA there", "CREATE SCHEMA theirs", "CREATE TABLE theirs.t (i NUMBER, s VARCHAR(10))",
		"INSERT INTO theirs.t VALUES (1, 'a')")
	b.put("in/a.csv", "2,b\n")
	const load = `COPY INTO theirs.t FROM @PUBLIC.STAGED/in/ FILE_FORMAT = (TYPE = CSV)`
	b.walk([]step{
		{"SELECT 1", "002043", "", "USAGE ON WAREHOUSE loading"},
		{"SELECT 1", notThere, "Database 'RAW' does not exist or not authorized", "USAGE ON DATABASE raw"},
		{"SELECT 1", notThere, "Schema 'PUBLIC' does not exist or not authorized", "USAGE ON SCHEMA public"},
		{"SELECT 1", "", "", ""},
		{"CREATE SCHEMA IF NOT EXISTS other", noPrivilege, "Insufficient privileges to operate on database 'RAW'", ""},
		{"CREATE SCHEMA IF NOT EXISTS there", noPrivilege, "Insufficient privileges to operate on database 'RAW'", "CREATE SCHEMA ON DATABASE raw"},
		{"CREATE SCHEMA IF NOT EXISTS other", "", "", ""},
		{"CREATE SCHEMA IF NOT EXISTS there", "003041", "Schema 'THERE' already exists, but current role has no privileges on it", ""},
		{"CREATE TABLE there.l (i NUMBER)", notThere, "Schema 'THERE' does not exist or not authorized", "USAGE ON SCHEMA there"},
		{"CREATE SCHEMA IF NOT EXISTS there", "", "", ""},
		{"CREATE TABLE there.l (i NUMBER)", noPrivilege, "Insufficient privileges to operate on schema 'THERE'", "CREATE TABLE ON SCHEMA there"},
		{"CREATE TABLE there.l (i NUMBER)", "", "", ""},
		{"SELECT i FROM theirs.t", notThere, "Object 'THEIRS.T' does not exist or not authorized", "USAGE ON SCHEMA theirs"},
		{"SELECT i FROM theirs.t", notThere, "Object 'THEIRS.T' does not exist or not authorized", "REFERENCES ON theirs.t"},
		{"SELECT i FROM theirs.t", noPrivilege, "Insufficient privileges to operate on table 'T'", "SELECT ON theirs.t"},
		{"SELECT i FROM theirs.t", "", "", ""},
		{load, noPrivilege, "table 'T'", ""},
		{"INSERT INTO theirs.t VALUES (2, 'b')", noPrivilege, "table 'T'", "INSERT ON theirs.t"},
		{"INSERT INTO theirs.t VALUES (2, 'b')", "", "", ""},
		{load, notThere, "Stage 'PUBLIC.STAGED' does not exist or not authorized", "USAGE ON STAGE public.staged"},
		{load, "", "", ""},
		{"UPDATE theirs.t SET i = 3", noPrivilege, "table 'T'", ""},
		{"MERGE INTO theirs.t USING there.l ON t.i = l.i WHEN MATCHED THEN UPDATE SET i = 1", noPrivilege, "table 'T'", "UPDATE ON theirs.t"},
		{"UPDATE theirs.t SET i = 3", "", "", ""},
		{"MERGE INTO theirs.t USING there.l ON t.i = l.i WHEN MATCHED THEN UPDATE SET i = 1", "", "", ""},
		{"MERGE INTO theirs.t USING there.l ON t.i = l.i WHEN MATCHED THEN DELETE", noPrivilege, "table 'T'", ""},
		{"DELETE FROM theirs.t WHERE i = 9", noPrivilege, "table 'T'", "DELETE ON theirs.t"},
		{"DELETE FROM theirs.t WHERE i = 9", "", "", ""},
		{"TRUNCATE TABLE theirs.t", noPrivilege, "table 'T'", "TRUNCATE ON theirs.t"},
		{"TRUNCATE TABLE theirs.t", "", "", ""},
		{"ALTER TABLE theirs.t ADD COLUMN n NUMBER(5,0)", noPrivilege, "table 'T'", ""},
		{"ALTER TABLE theirs.t ALTER COLUMN s SET DATA TYPE VARCHAR(20)", noPrivilege, "table 'T'", ""},
		{"COMMENT ON COLUMN theirs.t.s IS 'a text'", noPrivilege, "table 'T'", ""},
		{"COMMENT ON TABLE theirs.t IS 'a table'", noPrivilege, "table 'T'", ""},
		{"ALTER TABLE theirs.t RENAME COLUMN s TO r", noPrivilege, "table 'T'", ""},
		{"ALTER TABLE theirs.t DROP COLUMN s", noPrivilege, "table 'T'", ""},
		{"ALTER TABLE theirs.t RENAME TO there.u", noPrivilege, "table 'T'", ""},
		{"ALTER TABLE there.l SWAP WITH theirs.t", noPrivilege, "table 'T'", ""},
		{"DROP TABLE theirs.t", noPrivilege, "table 'T'", ""},
		{"CREATE OR REPLACE TABLE theirs.t (i NUMBER)", noPrivilege, "schema 'THEIRS'", ""},
		{"GRANT SELECT ON theirs.t TO ROLE PUBLIC", noPrivilege, "table 'T'", "OWNERSHIP ON TABLE theirs.t"},
	})
}

// OWNERSHIP lets a role do all to a table, but create nothing in its schema.
func TestOwnership(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.administer("CREATE SCHEMA theirs", "CREATE TABLE theirs.t (i NUMBER, s VARCHAR(10))", "CREATE TABLE theirs.v (i NUMBER)",
		"GRANT USAGE ON SCHEMA theirs TO ROLE loader", "GRANT SELECT ON theirs.t TO ROLE PUBLIC")
	own := func(how string) error {
		return b.server.Administer(t.Context(), "GRANT OWNERSHIP ON theirs.t TO ROLE loader"+how)
	}
	if err := own(""); err == nil || !strings.Contains(err.Error(), "Dependent grant of privilege 'SELECT' on securable 'T' to role 'PUBLIC' exists") {
		t.Errorf("a transfer that says nothing of other grants: %v", err)
	}
	if err := own(" COPY CURRENT GRANTS"); err != nil {
		t.Error(err)
	}
	if got := b.look("SELECT role || ' ' || privilege FROM snowflake_system.rights WHERE name = 'T' ORDER BY 1"); cmp.Diff([]string{"LOADER OWNERSHIP", "PUBLIC SELECT"}, got) != "" {
		t.Errorf("after a copy: %q", got)
	}
	if err := own(" REVOKE CURRENT GRANTS"); err != nil {
		t.Error(err)
	}
	if got := b.look("SELECT role || ' ' || privilege FROM snowflake_system.rights WHERE name = 'T' ORDER BY 1"); cmp.Diff([]string{"LOADER OWNERSHIP"}, got) != "" {
		t.Errorf("after a revocation: %q", got)
	}
	b.walk([]step{
		{"INSERT INTO theirs.t VALUES (1, 'a')", "", "", ""},
		{"ALTER TABLE theirs.t ADD COLUMN n NUMBER(5,0)", "", "", ""},
		{"COMMENT ON COLUMN theirs.t.n IS 'new'", "", "", ""},
		{"ALTER TABLE theirs.t RENAME COLUMN n TO m", "", "", ""},
		{"ALTER TABLE theirs.t RENAME TO theirs.u", noPrivilege, "schema 'THEIRS'", "CREATE TABLE ON SCHEMA theirs"},
		{"ALTER TABLE theirs.t RENAME TO theirs.u", "", "", ""},
		{"CREATE TABLE IF NOT EXISTS theirs.v (i NUMBER)", "003041", "Object 'V' already exists, but current role has no privileges on it", "SELECT ON theirs.v"},
		{"CREATE TABLE IF NOT EXISTS theirs.v (i NUMBER)", "", "", ""},
		{"CREATE OR REPLACE TABLE theirs.v (i NUMBER)", noPrivilege, "table 'V'", ""},
		{"DROP TABLE IF EXISTS theirs.v", noPrivilege, "table 'V'", ""},
		{"DROP TABLE theirs.u", "", "", ""},
		{"DROP SCHEMA theirs", noPrivilege, "schema 'THEIRS'", "OWNERSHIP ON SCHEMA theirs"},
	})
}

// A session's own tables need USAGE of the schema alone, unless a table of
// somebody else has the name.
func TestTemporaryTablesNeedNoGrant(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.administer("CREATE SCHEMA theirs", "CREATE TABLE theirs.t (i NUMBER)", "GRANT USAGE ON SCHEMA theirs TO ROLE loader")
	b.must("CREATE TEMPORARY TABLE theirs.mine (i NUMBER)", "INSERT INTO theirs.mine VALUES (1)", "ALTER TABLE theirs.mine ADD COLUMN j NUMBER",
		"COMMENT ON TABLE theirs.mine IS 'mine'", "UPDATE theirs.mine SET j = 2", "SELECT i FROM theirs.mine", "DROP TABLE theirs.mine")
	b.mustFail("100132", "Insufficient privileges to operate on table 'T'", "CREATE TEMPORARY TABLE theirs.t (i NUMBER)", "SELECT 1")
	b.mustFail("100132", "renaming a temporary table", "CREATE TEMPORARY TABLE x (i NUMBER)", "ALTER TABLE x RENAME TO y")
	b.mustFail("100132", "swapping a temporary table", "CREATE TABLE z (i NUMBER)", "CREATE TEMPORARY TABLE x (i NUMBER)", "ALTER TABLE z SWAP WITH x")
}

// INFORMATION_SCHEMA shows what the role has a privilege on.
func TestCatalogueShowsWhatTheRoleSees(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.administer("CREATE SCHEMA theirs", "CREATE TABLE theirs.hidden (i NUMBER)", "CREATE TABLE theirs.shown (i NUMBER)",
		"GRANT SELECT ON theirs.shown TO ROLE loader")
	b.must("CREATE SCHEMA mine", "CREATE TABLE mine.t (i NUMBER)")
	show := func() []string {
		return append(b.must("SELECT table_name FROM information_schema.tables ORDER BY 1").rows(),
			b.must("SELECT schema_name FROM information_schema.schemata ORDER BY 1").rows()...)
	}
	if diff := cmp.Diff([]string{"T", "INFORMATION_SCHEMA", "MINE", "PUBLIC"}, show()); diff != "" {
		t.Error(diff)
	}
	b.administer("GRANT USAGE ON SCHEMA theirs TO ROLE loader")
	if diff := cmp.Diff([]string{"SHOWN", "T", "INFORMATION_SCHEMA", "MINE", "PUBLIC", "THEIRS"}, show()); diff != "" {
		t.Error(diff)
	}
	if got := b.must("SELECT table_name FROM information_schema.columns WHERE table_schema = 'THEIRS'").rows(); len(got) != 1 {
		t.Errorf("columns of %q", got)
	}
}

// Whoever loads gives others what it owns: to roles that there are, and beyond
// its own tables with the option or MANAGE GRANTS.
func TestGrants(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.administer("CREATE ROLE analyst", "CREATE ROLE IF NOT EXISTS analyst", "CREATE SCHEMA theirs", "CREATE TABLE theirs.t (i NUMBER)",
		"GRANT USAGE ON SCHEMA theirs TO ROLE loader", "GRANT SELECT ON theirs.t TO ROLE loader WITH GRANT OPTION", "GRANT INSERT ON theirs.t TO ROLE loader")
	b.must("CREATE SCHEMA mine", "CREATE TABLE mine.a (i NUMBER)", "CREATE TABLE mine.b (i NUMBER)")
	b.walk([]step{
		{"GRANT USAGE ON SCHEMA mine TO ROLE analyst", "", "", ""},
		{"GRANT SELECT, INSERT ON TABLE mine.a TO ROLE analyst WITH GRANT OPTION", "", "", ""},
		{"GRANT SELECT ON ALL TABLES IN SCHEMA raw.mine TO ROLE analyst", "", "", ""},
		{"GRANT ALL ON mine.b TO ROLE nobody", notThere, "Role 'NOBODY' does not exist or not authorized", ""},
		{"GRANT SELECT ON mine.c TO ROLE analyst", notThere, "Table 'MINE.C'", ""},
		{"GRANT USAGE ON SCHEMA ours TO ROLE analyst", notThere, "Schema 'OURS'", ""},
		{"GRANT USAGE ON DATABASE other TO ROLE analyst", notThere, "Database 'OTHER'", ""},
		{"GRANT USAGE ON WAREHOUSE other TO ROLE analyst", notThere, "Warehouse 'OTHER'", ""},
		{"GRANT USAGE ON STAGE public.other TO ROLE analyst", notThere, "Stage 'PUBLIC.OTHER'", ""},
		{"GRANT SELECT ON theirs.t TO ROLE analyst", "", "", ""},
		{"GRANT INSERT ON theirs.t TO ROLE analyst", noPrivilege, "table 'T'", ""},
		{"GRANT USAGE ON WAREHOUSE loading TO ROLE analyst", noPrivilege, "warehouse 'LOADING'", ""},
		{"GRANT SELECT ON FUTURE TABLES IN SCHEMA mine TO ROLE analyst", noPrivilege, "account", ""},
		{"CREATE ROLE another", noPrivilege, "account", "MANAGE GRANTS ON ACCOUNT"},
		{"GRANT SELECT ON FUTURE TABLES IN SCHEMA mine TO ROLE analyst", "", "", ""},
		{"GRANT INSERT ON theirs.t TO ROLE analyst", "", "", "CREATE ROLE ON ACCOUNT"},
		{"CREATE ROLE another", "", "", ""},
		{"CREATE ROLE another", "002002", "already exists", ""},
		{"GRANT USAGE ON FUTURE SCHEMAS IN DATABASE raw TO ROLE analyst", "", "", ""},
		{"CREATE SCHEMA later", "", "", ""},
		{"CREATE TABLE mine.c (i NUMBER)", "", "", ""},
	})
	const all = "SELECT schema || '.' || name || ' ' || privilege || CASE WHEN grantable THEN '!' ELSE '' END FROM snowflake_system.rights WHERE role = 'ANALYST' ORDER BY 1"
	want := []string{
		".LATER USAGE", ".MINE USAGE", "MINE.A INSERT!", "MINE.A SELECT!", "MINE.B SELECT", "MINE.C SELECT", "THEIRS.T INSERT", "THEIRS.T SELECT",
	}
	if diff := cmp.Diff(want, b.look(all)); diff != "" {
		t.Error(diff)
	}
}

// Privileges go with the table, whatever it is called.
func TestGrantsFollowTheTable(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.administer("CREATE ROLE analyst")
	b.must("CREATE TABLE a (i NUMBER)", "CREATE TABLE b (i NUMBER)", "GRANT SELECT ON a TO ROLE analyst", "ALTER TABLE a SWAP WITH b",
		"ALTER TABLE b RENAME TO c")
	if got := b.look("SELECT name FROM snowflake_system.rights WHERE role = 'ANALYST'"); cmp.Diff([]string{"C"}, got) != "" {
		t.Errorf("the grant is on %q", got)
	}
	b.must("DROP TABLE c", "CREATE TABLE c (i NUMBER)")
	if got := b.look("SELECT name FROM snowflake_system.rights WHERE role = 'ANALYST'"); len(got) != 0 {
		t.Errorf("the grant is on %q after the table was dropped", got)
	}
}

// What was true of an object once is not taken to be so when it has changed
// hands, or its name.
func TestRightsThatAreGone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.administer("CREATE ROLE other")
	b.must("CREATE TABLE given (i NUMBER)", "CREATE TABLE renamed (i NUMBER)", "CREATE TABLE dropped (i NUMBER)",
		"SELECT 1 FROM given, renamed, dropped")
	b.must("GRANT OWNERSHIP ON given TO ROLE other", "ALTER TABLE renamed RENAME TO new", "DROP TABLE dropped")
	b.administer("CREATE TABLE renamed (i NUMBER)", "CREATE TABLE dropped (i NUMBER)")
	for _, name := range []string{"given", "renamed", "dropped"} {
		b.mustFail(notThere, "", "SELECT 1 FROM "+name)
	}
	b.must("SELECT 1 FROM new")
}

func TestAllPrivileges(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *Options) { o.AllPrivileges = true })
	b.administer("CREATE SCHEMA theirs", "CREATE TABLE theirs.t (i NUMBER)")
	b.must("INSERT INTO theirs.t VALUES (1)", "ALTER TABLE theirs.t RENAME TO u", "SELECT i FROM u", "DROP SCHEMA theirs")
	b.mustFail(notThere, "Schema 'NONE'", "CREATE TABLE none.t (i NUMBER)")
}

func TestGrantsOfTheStartHaveToBeUnderstood(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o := b.server.options
	o.Grants = []string{"GRANT SELECT ON nothing TO ROLE loader"}
	if s, err := Start(t.Context(), o); err == nil || !strings.Contains(err.Error(), "Table 'NOTHING' does not exist") {
		t.Errorf("started as %v, %v", s, err)
	}
}
