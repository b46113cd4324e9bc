package redshift

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"
)

const testUser = `"IAMR:load"`

func (b *bundle) administer(sqls ...string) {
	b.t.Helper()
	if err := b.server.Administer(b.t.Context(), sqls...); err != nil {
		b.t.Fatal(err)
	}
}

// What the user may do needs each grant that is documented for it ("Rights,
// step by step"), and no other.
func TestEachGrantIsNeeded(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *Options) { o.Grants = []string{} })
	b.administer("CREATE SCHEMA there", "CREATE SCHEMA theirs", "CREATE TABLE theirs.t (i INT, s VARCHAR(10))", "INSERT INTO theirs.t VALUES (1, 'a')")
	url := b.put("in/a", []byte("2,b\n"))
	copied := "COPY theirs.t FROM '" + url + "' IAM_ROLE '" + testRole + "' CSV"
	// What is refused is refused for want of the grant behind it, which then is
	// given.
	for _, c := range []struct {
		do, refused, grant string
	}{
		{"CREATE SCHEMA IF NOT EXISTS there", "permission denied for database dev", ""},
		{"CREATE SCHEMA IF NOT EXISTS other", "permission denied for database dev", "CREATE ON DATABASE dev"},
		{"CREATE SCHEMA IF NOT EXISTS other", "", ""},
		{"CREATE SCHEMA IF NOT EXISTS there", "", ""},
		{"CREATE TABLE there.l (i INT)", "permission denied for schema there", "USAGE, CREATE ON SCHEMA there"},
		{"CREATE TABLE there.l (i INT)", "", ""},
		{"SELECT i FROM theirs.t", "permission denied for schema theirs", "USAGE ON SCHEMA theirs"},
		{"SELECT i FROM theirs.t", "permission denied for relation t", "SELECT ON theirs.t"},
		{"SELECT i FROM theirs.t", "", ""},
		{"INSERT INTO theirs.t VALUES (2, 'b')", "permission denied for relation t", ""},
		{copied, "permission denied for relation t", "INSERT ON theirs.t"},
		{"INSERT INTO theirs.t VALUES (2, 'b')", "", ""},
		{copied, "", ""},
		{copied + " STATUPDATE OFF", "must be owner of relation t", ""},
		{"LOCK theirs.t", "permission denied for relation t", ""},
		{"UPDATE theirs.t SET i = 3", "permission denied for relation t", "UPDATE ON theirs.t"},
		{"UPDATE theirs.t SET i = 3", "", ""},
		{"LOCK theirs.t", "", ""},
		{"DELETE FROM theirs.t WHERE i = 9", "permission denied for relation t", "DELETE ON theirs.t"},
		{"DELETE FROM theirs.t WHERE i = 9", "", ""},
		{"ALTER TABLE theirs.t ADD COLUMN n INT", "must be owner of relation t", "ALTER ON TABLE theirs.t"},
		{"ALTER TABLE theirs.t ADD COLUMN n INT", "", ""},
		{"COMMENT ON COLUMN theirs.t.n IS 'new'", "must be owner of relation t", ""},
		{"ALTER TABLE theirs.t RENAME COLUMN n TO m", "must be owner of relation t", ""},
		{"ALTER TABLE theirs.t DROP COLUMN n", "must be owner of relation t", ""},
		{"ALTER TABLE theirs.t RENAME TO u", "must be owner of relation t", ""},
		{"GRANT ALTER ON theirs.t TO PUBLIC", "permission denied for relation t", ""},
		{"DROP TABLE theirs.t", "must be owner of relation t", "DROP ON theirs.t"},
		{"DROP TABLE theirs.t", "", ""},
	} {
		if c.refused == "" {
			b.must(c.do)
			continue
		}
		b.mustFail([]string{c.refused}, c.do)
		if c.grant != "" {
			b.administer("GRANT " + c.grant + " TO " + testUser)
		}
	}
}

// The user owns what it creates, and so does all to it without a grant. The
// schema public is everybody's.
func TestOwnerMayAll(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.must("CREATE SCHEMA s", "CREATE TABLE s.t (i INT, s VARCHAR(5))", "CREATE TABLE public.p (i INT)")
	b.must("LOCK s.t", "INSERT INTO s.t VALUES (1, 'a')", "UPDATE s.t SET i = 2", "ALTER TABLE s.t ADD COLUMN n INT",
		"COMMENT ON COLUMN s.t.n IS 'new'", "ALTER TABLE s.t RENAME COLUMN n TO m", "ALTER TABLE s.t DROP COLUMN m", "ALTER TABLE s.t RENAME TO u",
		"DELETE FROM s.u", "DROP TABLE s.u")
}

// Without a superuser's rights the user sees of the catalogue what is its own.
func TestCatalogueShowsWhatTheUserMayUse(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.must("CREATE TABLE mine (i INT)")
	b.administer("CREATE TABLE theirs (i INT)", "CREATE TABLE shared (i INT)", "GRANT SELECT ON shared TO "+testUser)
	id := b.submit("SELECT table_name FROM svv_columns WHERE table_schema = 'public' ORDER BY table_name")
	b.wait(id)
	if diff := cmp.Diff([]string{"mine", "shared"}, b.texts(id+":1")); diff != "" {
		t.Error(diff)
	}
}

func TestSuperuser(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *Options) { o.Superuser = true })
	b.administer("CREATE SCHEMA theirs", "CREATE TABLE theirs.t (i INT)")
	b.must("CREATE SCHEMA s", "ALTER TABLE theirs.t ADD COLUMN n INT", "COMMENT ON COLUMN theirs.t.n IS 'new'", "DROP TABLE theirs.t")
}

// A user grants what is its own to roles, users and groups that there are.
func TestGrants(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.administer("CREATE ROLE analyst", "CREATE GROUP readers", `CREATE USER "Ann" PASSWORD DISABLE`, `GRANT ROLE analyst TO "Ann"`)
	b.must("CREATE SCHEMA s", "CREATE TABLE s.t (i INT)")
	b.must("GRANT USAGE ON SCHEMA s TO ROLE analyst, GROUP readers", `GRANT SELECT ON s.t TO ROLE analyst, GROUP readers, "Ann" WITH GRANT OPTION`,
		"GRANT ALL ON ALL TABLES IN SCHEMA s TO ROLE analyst", "GRANT SELECT ON s.t TO PUBLIC")
	const may = "SELECT string_agg(grantee || ' ' || privilege_type, ', ' ORDER BY grantee, privilege_type) FROM information_schema.role_table_grants " +
		"WHERE table_name = 't' AND privilege_type IN ('SELECT', 'INSERT') AND grantee NOT LIKE 'user IAMR%'"
	want := strings.ReplaceAll("PUBLIC SELECT, group readers of DB SELECT, role analyst of DB INSERT, role analyst of DB SELECT, user Ann of DB SELECT", "DB", b.server.name)
	if diff := cmp.Diff([]string{want}, b.look(may)); diff != "" {
		t.Error(diff)
	}
	// ALL has the privileges that PostgreSQL lacks, too.
	own := b.look("SELECT string_agg(privilege, ' ' ORDER BY privilege) FROM redshift_system.privileges WHERE role LIKE 'role analyst%'")
	if diff := cmp.Diff([]string{"ALTER DROP"}, own); diff != "" {
		t.Error(diff)
	}
	// SHOW GRANTS tells of all but the owner.
	shown := map[string]bool{}
	for _, r := range b.records(aws.ToString(b.must("SHOW GRANTS ON TABLE s.t", "SHOW GRANTS ON TABLE public.none").SubStatements[0].Id)) {
		if len(r) != 9 || r[0] != "s" || r[1] != "t" || r[2] != "TABLE" || r[8] != "TABLE" {
			t.Errorf("SHOW GRANTS told %v", r)
		}
		shown[fmt.Sprint(r[3], " ", r[6], " ", r[5], " ", r[7])] = true
	}
	for _, want := range []string{"SELECT user Ann true", "SELECT public public false", "ALTER role analyst false", "DELETE role analyst false"} {
		if !shown[want] {
			t.Errorf("SHOW GRANTS lacks %s: %v", want, shown)
		}
	}
	if shown["SELECT user IAMR:load false"] {
		t.Errorf("SHOW GRANTS told of the owner: %v", shown)
	}
	for grant, refused := range map[string]string{
		"GRANT SELECT ON s.t TO ROLE nobody":       `role "nobody" does not exist`,
		"GRANT SELECT ON s.t TO nobody":            `user "nobody" does not exist`,
		"GRANT SELECT ON s.t TO analyst":           `user "analyst" does not exist`,
		"GRANT SELECT ON s.none TO PUBLIC":         `relation "s.none" does not exist`,
		"GRANT CREATE ON DATABASE other TO PUBLIC": `database "other" does not exist`,
		"GRANT DROP ON SCHEMA s TO PUBLIC":         "GRANT DROP ON SCHEMA is not imitated",
		"CREATE ROLE another":                      "permission denied to create role",
	} {
		b.mustFail([]string{refused}, grant)
	}
}

// Where the given grants are not to be had, nothing starts.
func TestGrantsOfTheStartHaveToBeUnderstood(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o := b.server.options
	o.Grants = []string{"GRANT EVERYTHING"}
	if s, err := Start(t.Context(), o); err == nil || !strings.Contains(err.Error(), "administering by GRANT EVERYTHING") {
		t.Errorf("started %v, %v", s, err)
	}
}

// texts are the first values of a statement's rows.
func (b *bundle) texts(id string) []string {
	b.t.Helper()
	var list []string
	for _, record := range b.records(id) {
		list = append(list, fmt.Sprint(record[0]))
	}
	return list
}
