package compare

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/local/pgserver/pgtest"
	"github.com/stagelift/stagelift/shared/table"
)

const shop = `CREATE TABLE "Orders" (id int, "Note" text, tags text[], total money);
	INSERT INTO "Orders" VALUES (1, 'a', '{a,NULL,"b,c"}', 1.5), (2, NULL, NULL, NULL), (3, '', '{}', -1), (3, '', '{}', -1)`

// copied are the columns as a warehouse has them.
const copied = `(id numeric, "Note" text, tags jsonb, total numeric(22,3))`

func TestEveryDifferenceIsFound(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		rows string
		want Result
	}{
		"in another order":   {`(3, '', '[]', -1), (1, 'a', '["a", null, "b,c"]', 1.5), (3, '', '[]', -1), (2, NULL, NULL, NULL)`, Result{4, 4, true}},
		"a row is missing":   {`(1, 'a', '["a", null, "b,c"]', 1.5), (2, NULL, NULL, NULL), (3, '', '[]', -1)`, Result{4, 3, false}},
		"another row twice":  {`(1, 'a', '["a", null, "b,c"]', 1.5), (2, NULL, NULL, NULL), (2, NULL, NULL, NULL), (3, '', '[]', -1)`, Result{4, 4, false}},
		"empty for NULL":     {`(1, 'a', '["a", null, "b,c"]', 1.5), (2, '', NULL, NULL), (3, '', '[]', -1), (3, '', '[]', -1)`, Result{4, 4, false}},
		"an element changed": {`(1, 'a', '["a", "", "b,c"]', 1.5), (2, NULL, NULL, NULL), (3, '', '[]', -1), (3, '', '[]', -1)`, Result{4, 4, false}},
		"values swapped":     {`(1, '', '["a", null, "b,c"]', 1.5), (2, NULL, NULL, NULL), (3, 'a', '[]', -1), (3, '', '[]', -1)`, Result{4, 4, false}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn, err := Connect(t.Context(), pgtest.Database(t))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
			sql := shop + `; CREATE SCHEMA warehouse; CREATE TABLE warehouse."Orders" ` + copied + `; INSERT INTO warehouse."Orders" VALUES ` + test.rows
			if _, err := conn.PgConn().Exec(t.Context(), sql).ReadAll(); err != nil {
				t.Fatal(err)
			}
			source, err := Read(t.Context(), conn, table.Name{Schema: "public", Table: "Orders"})
			if err != nil {
				t.Fatal(err)
			}
			source.name.Schema = "warehouse"
			got, err := source.Snowflake(t.Context(), conn)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("result (-want +got):\n%s", diff)
			}
		})
	}
}
