package redshift

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// wantRefused runs statements by themselves that have to fail so.
func (b *bundle) wantRefused(want, sql string) {
	b.t.Helper()
	if got := b.alone(sql); !strings.Contains(got, want) || got == "" {
		b.t.Errorf("%s: %q, want %q in it", sql, got, want)
	}
}

func (b *bundle) mustAlone(sql string) {
	b.t.Helper()
	if got := b.alone(sql); got != "" {
		b.t.Fatalf("%s: %s", sql, got)
	}
}

// What "ALTER TABLE" says that ALTER COLUMN TYPE cannot do.
func TestColumnThatCannotBeLengthened(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.must("CREATE TABLE t (plain VARCHAR(3), packed VARCHAR(3) ENCODE LZO, dict VARCHAR(3) ENCODE bytedict, runs VARCHAR(3) ENCODE RUNLENGTH, " +
		"words VARCHAR(3) ENCODE TEXT255, more VARCHAR(3) ENCODE text32k, def VARCHAR(3) DEFAULT 'x', k VARCHAR(3), seen VARCHAR(3), PRIMARY KEY (k))")
	b.must("CREATE VIEW v AS SELECT seen FROM t", "CREATE VIEW late AS SELECT plain, packed FROM public.t WITH NO SCHEMA BINDING")
	for column, why := range map[string]string{
		"dict": "its compression encoding is BYTEDICT", "runs": "its compression encoding is RUNLENGTH",
		"words": "its compression encoding is TEXT255", "more": "its compression encoding is TEXT32K",
		"def": "it has a default value", "k": "it is part of a key", "seen": "cannot alter type of a column used by a view or rule",
	} {
		b.wantRefused(why, "ALTER TABLE t ALTER COLUMN "+column+" TYPE VARCHAR(5)")
	}
	b.mustAlone("ALTER TABLE t ALTER COLUMN plain TYPE VARCHAR(5)")
	b.mustAlone("ALTER TABLE t ALTER COLUMN packed TYPE VARCHAR(5)")
	b.must("INSERT INTO t (plain, packed, k) VALUES ('fünf', '12345', 'k')")
	b.wantRefused("Value too long for character type", "ALTER TABLE t ALTER COLUMN plain TYPE VARCHAR(4)")
	b.must("DROP VIEW v")
	b.mustAlone("ALTER TABLE t ALTER COLUMN seen TYPE VARCHAR(5)")
}

// Encodings are of the column, whatever it is called, and of added ones too;
// LIKE does not take them over.
func TestEncodingStaysWithTheColumn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.must("CREATE TABLE t (a VARCHAR(3) ENCODE BYTEDICT, b INT)", "CREATE TABLE like_t (LIKE t)")
	b.must("ALTER TABLE t RENAME COLUMN a TO c", "ALTER TABLE t RENAME TO u", "ALTER TABLE u ADD COLUMN n VARCHAR(3) ENCODE TEXT255")
	b.wantRefused("BYTEDICT", "ALTER TABLE u ALTER COLUMN c TYPE VARCHAR(5)")
	b.wantRefused("TEXT255", "ALTER TABLE u ALTER COLUMN n TYPE VARCHAR(5)")
	b.mustAlone("ALTER TABLE like_t ALTER COLUMN a TYPE VARCHAR(5)")
}

// A column that was renamed keeps its length, which can still be changed.
func TestRenamedColumnKeepsItsLength(t *testing.T) {
	t.Parallel()
	b := setup(t)
	long := strings.Repeat("a", 100)
	b.must(`CREATE TABLE t ("`+long+`" VARCHAR(3), b INT)`, `ALTER TABLE t RENAME COLUMN "`+long+`" TO short`, "ALTER TABLE t RENAME COLUMN b TO c")
	b.mustFail([]string{"too long"}, "INSERT INTO t (short) VALUES ('éé')")
	b.mustAlone("ALTER TABLE t ALTER COLUMN short TYPE VARCHAR(4)")
	b.must("INSERT INTO t (short) VALUES ('éé')")
}

func TestDropColumn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.must("CREATE TABLE t (d INT, s INT, one INT, two INT, seen INT, plain INT, PRIMARY KEY (one, two)) DISTKEY (d) SORTKEY (s)",
		"CREATE VIEW v AS SELECT seen FROM t", "CREATE TABLE like_t (LIKE t)")
	for column, why := range map[string]string{
		"d": "it is of the distribution key or a sort key", "s": "it is of the distribution key or a sort key",
		"one": "it takes part in a multipart key", "seen": "cannot drop column seen of table t because other objects depend on it",
		"none": `column "none" of relation "t" does not exist`,
	} {
		b.mustFail([]string{why}, "ALTER TABLE t DROP COLUMN "+column)
	}
	b.mustFail([]string{"sort key"}, "ALTER TABLE like_t DROP COLUMN s")
	b.must("ALTER TABLE t DROP plain RESTRICT", "ALTER TABLE t DROP COLUMN one CASCADE", "ALTER TABLE t DROP COLUMN seen CASCADE")
	b.mustFail([]string{`relation "v" does not exist`}, "SELECT * FROM v")
	b.must("CREATE TABLE single (a INT)")
	b.mustFail([]string{"a table must have at least one column"}, "ALTER TABLE single DROP COLUMN a")
}

// Tables are dropped unless something depends on them, and renamed under what
// does. A late-binding view depends on nothing.
func TestDependentViews(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.must("CREATE TABLE t (i INT)", "CREATE TABLE other (i INT)", "INSERT INTO t VALUES (1)",
		"CREATE VIEW bound AS SELECT i FROM t", "CREATE VIEW late AS SELECT i FROM public.t WITH NO SCHEMA BINDING")
	b.mustFail([]string{"cannot drop table t because other objects depend on it"}, "DROP TABLE t")
	b.mustFail([]string{"because other objects depend on them"}, "DROP TABLE other, t RESTRICT")
	const dependents = `SELECT dependent_ns.nspname AS dependent_schema, dependent_view.relname AS dependent_view, pg_attribute.attname AS column_name
		FROM pg_depend
		JOIN pg_rewrite ON pg_depend.objid = pg_rewrite.oid
		JOIN pg_class AS dependent_view ON pg_rewrite.ev_class = dependent_view.oid
		JOIN pg_class AS source_table ON pg_depend.refobjid = source_table.oid
		JOIN pg_attribute ON pg_depend.refobjid = pg_attribute.attrelid AND pg_depend.refobjsubid = pg_attribute.attnum
		JOIN pg_namespace dependent_ns ON dependent_ns.oid = dependent_view.relnamespace
		JOIN pg_namespace source_ns ON source_ns.oid = source_table.relnamespace
		WHERE source_ns.nspname = 'public' AND source_table.relname = 't' AND pg_attribute.attnum > 0 ORDER BY 1, 2 LIMIT 10`
	id := b.submit(dependents)
	b.wait(id)
	if diff := cmp.Diff([][]any{{"public", "bound", "i"}}, b.records(id+":1")); diff != "" {
		t.Error(diff)
	}

	b.must("ALTER TABLE t RENAME TO u")
	count := func(view string) int64 { return b.must("SELECT i FROM " + view).SubStatements[0].ResultRows }
	if got := count("bound"); got != 1 {
		t.Errorf("the bound view has %d rows after its table was renamed", got)
	}
	b.mustFail([]string{`relation "public.t" does not exist`}, "SELECT i FROM late")
	b.must("CREATE TABLE t (i INT)", "INSERT INTO t VALUES (1), (2)")
	if got := count("late"); got != 2 {
		t.Errorf("the late-binding view has %d rows, those of the new table are 2", got)
	}
	b.must("DROP TABLE t")
	b.must("DROP TABLE u CASCADE")
	b.mustFail([]string{`relation "bound" does not exist`}, "SELECT i FROM bound")
}

func TestLateBindingViews(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.must("CREATE SCHEMA s", "CREATE VIEW s.v AS SELECT a FROM s.missing WITH NO SCHEMA BINDING")
	b.mustFail([]string{`relation "v" already exists`}, "CREATE VIEW s.v AS SELECT b FROM s.t WITH NO SCHEMA BINDING")
	b.must("CREATE OR REPLACE VIEW s.v AS SELECT b AS x FROM s.t WHERE b > 1 WITH NO SCHEMA BINDING",
		"CREATE TABLE s.t (b INT)", "INSERT INTO s.t VALUES (1), (2)", "CREATE TABLE into_t (i INT)",
		"INSERT INTO into_t SELECT v.x FROM s.v", "CREATE VIEW s.w AS SELECT x FROM s.v WITH NO SCHEMA BINDING")
	if got := b.must("SELECT u.x FROM s.w AS u").SubStatements[0].ResultRows; got != 1 {
		t.Errorf("a view of a view has %d rows", got)
	}
	b.mustFail([]string{"power"}, "DROP VIEW s.w", "SELECT power FROM s.v")
	b.must("SELECT x FROM s.w") // the batch was rolled back
	b.must("DROP VIEW s.w")
	b.mustFail([]string{`relation "s.w" does not exist`}, "SELECT x FROM s.w")
	b.must("DROP VIEW IF EXISTS s.w")
}
