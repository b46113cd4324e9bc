package snowflake

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestStatements(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.must("CREATE TABLE t (id NUMBER(10,0) NOT NULL, name VARCHAR(5) COMMENT 'text')")
	if got := b.must("INSERT INTO t VALUES (1, 'a'), (2, NULL)"); got.Stats.Inserted != 2 {
		t.Errorf("statistics are %+v", got.Stats)
	}
	got := b.must("SELECT id, name, COUNT(*) OVER () AS n FROM t ORDER BY id")
	if diff := cmp.Diff([]string{"1|a|2", "2|NULL|2"}, got.rows()); diff != "" {
		t.Error(diff)
	}
}
