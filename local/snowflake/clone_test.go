package snowflake

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A clone is the table in all but the privileges, which are those of the table in
// whose place it comes.
func TestClone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.administer("CREATE ROLE reader", "CREATE ROLE other")
	granted := func(table string) []string {
		return b.look("SELECT role || ' ' || privilege FROM snowflake_system.rights WHERE name = '" + table + "' AND privilege <> 'OWNERSHIP' ORDER BY 1")
	}
	b.must("CREATE TABLE old (i NUMBER(5,0) COMMENT 'first')", "CREATE TABLE new (i NUMBER(9,0) COMMENT 'second', s VARCHAR(3)) COMMENT = 'both'",
		"INSERT INTO old VALUES (1)", "INSERT INTO new VALUES (7, 'x')",
		"GRANT SELECT ON TABLE old TO ROLE reader", "GRANT SELECT ON TABLE new TO ROLE other")
	b.must("CREATE OR REPLACE TABLE old CLONE new COPY GRANTS", "INSERT INTO new VALUES (8, 'y')")
	if diff := cmp.Diff([]string{"7|x"}, b.must("SELECT * FROM old").rows()); diff != "" {
		t.Error(diff)
	}
	about := b.must("SELECT c.column_name, c.numeric_precision, c.comment, t.comment, t.is_transient FROM information_schema.columns c " +
		"JOIN information_schema.tables t ON t.table_name = c.table_name WHERE c.table_name = 'OLD' AND c.column_name = 'I'")
	if diff := cmp.Diff([]string{"I|9|second|both|NO"}, about.rows()); diff != "" {
		t.Error(diff)
	}
	if rights := granted("OLD"); !cmp.Equal(rights, []string{"READER SELECT"}) {
		t.Errorf("grants %q", rights)
	}
	b.must("CREATE TABLE third CLONE old COPY GRANTS", "CREATE TRANSIENT TABLE fleeting LIKE old")
	if rights := granted("THIRD"); !cmp.Equal(rights, []string{"READER SELECT"}) {
		t.Errorf("grants %q", rights)
	}
	b.mustFail("002120", "cannot be cloned to a permanent object", "CREATE OR REPLACE TABLE third CLONE fleeting COPY GRANTS")
	b.mustFail("001003", "unexpected", "CREATE TABLE fourth (i NUMBER) COPY GRANTS")
	b.must("CREATE OR REPLACE TRANSIENT TABLE third CLONE fleeting")
	if rights := granted("THIRD"); len(rights) > 0 {
		t.Errorf("grants %q", rights)
	}
}
