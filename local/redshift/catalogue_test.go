package redshift

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"
)

// The catalogue tells of schemas, of what columns are called in comments, and
// which views depend on a table ("DROP TABLE", Viewing the dependencies).
func TestCatalogue(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.must("CREATE SCHEMA s", `CREATE TABLE s.t (i INT, "the ""n""" INT)`, `COMMENT ON COLUMN s.t."the ""n""" IS 'more'`,
		"CREATE VIEW s.bound AS SELECT i FROM s.t", "CREATE VIEW s.late AS SELECT i FROM s.t WITH NO SCHEMA BINDING")
	got := func(sql string) []string {
		var list []string
		for _, r := range b.records(aws.ToString(b.must(sql, "SELECT 1").SubStatements[0].Id)) {
			list = append(list, strings.Trim(fmt.Sprintln(r...), "\n"))
		}
		return list
	}
	for sql, want := range map[string][]string{
		"SELECT n.nspname, c.column_name, c.remarks FROM pg_namespace AS n LEFT JOIN svv_columns AS c ON c.table_schema = n.nspname AND c.table_name = 't' " +
			"WHERE n.nspname IN ('s', 'none') ORDER BY c.ordinal_position": {"s i <nil>", `s the "n" more`},
		"SELECT v.relname, a.attname FROM pg_depend AS d JOIN pg_rewrite AS r ON d.objid = r.oid JOIN pg_class AS v ON r.ev_class = v.oid " +
			"JOIN pg_class AS t ON d.refobjid = t.oid JOIN pg_attribute AS a ON d.refobjid = a.attrelid AND d.refobjsubid = a.attnum " +
			"JOIN pg_namespace AS n ON n.oid = t.relnamespace WHERE n.nspname = 's' AND t.relname = 't' AND a.attnum > 0": {"bound i"},
	} {
		if diff := cmp.Diff(want, got(sql)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", sql, diff)
		}
	}
}
