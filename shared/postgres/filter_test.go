package postgres_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/stagelift/stagelift/local/rds/rdstest"
	"github.com/stagelift/stagelift/shared/postgres"
)

const filtered = `
CREATE TABLE orders (id int, status text, at date) PARTITION BY RANGE (id);
CREATE TABLE orders_1 PARTITION OF orders DEFAULT;
INSERT INTO orders SELECT g, 'open', '2026-01-01' FROM generate_series(1, 5) AS g;
CREATE TABLE hidden (n int); CREATE VIEW recent AS SELECT * FROM orders`

func TestFilterKeepsTheRowsThatItIsTrueFor(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(filtered)
	snapshot := b.snapshot("public.orders", "public.recent")
	for _, found := range b.tables(snapshot) {
		for _, where := range []string{
			"id = 2 OR id = 4", "id IN (2, 4) -- some", "{table}.id IN (2, 4)", "id in (2, 4) /* /* some */ */", "(id % 2 = 0)", `"id" IN (SELECT 2 UNION SELECT 4)`,
			"status = 'open' AND NOT id <> ALL (ARRAY[2, 4])", "CASE WHEN id % 2 = 0 THEN true END", "id IN (2, 4) AND status <> $$)$$",
		} {
			where = strings.ReplaceAll(where, "{table}", found.Name.Table) // also where its rows are in partitions
			if err := snapshot.CheckFilter(t.Context(), found, where); err != nil {
				t.Errorf("%s: %v", where, err)
				continue
			}
			q := postgres.Query{Fields: b.fields(found.Columns[:2]), Where: where}
			got, err := b.query(snapshot, q, spans(found, 1))
			if err != nil {
				t.Errorf("%s: %v", where, err)
			}
			if diff := cmp.Diff([]string{"2,open\n", "4,open\n"}, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", where, diff)
			}
		}
	}
}

func TestFilterThatIsNoExpressionIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(filtered + `; REVOKE ALL ON hidden FROM ` + pgx.Identifier{b.instance.User()}.Sanitize())
	snapshot := b.snapshot("public.orders")
	orders := b.tables(snapshot)[0]
	for where, want := range map[string]string{
		"true) OR (true":                          "syntax error",
		"true] || ARRAY[true":                     "syntax error",
		"true) TO STDOUT; DROP TABLE orders; --":  "syntax error",
		"true); DELETE FROM orders; SELECT (true": "cannot insert multiple commands",
		"id = 1; SELECT 1":                        "syntax error",
		"SELECT true":                             "syntax error",
		"true, true":                              "must be type boolean",
		"id":                                      "must be type boolean, not type integer",
		"id = $1":                                 "parameter",
		"id = 1 /*":                               "unterminated /* comment",
		"status = 'open":                          "unterminated quoted string",
		"status = $x$open":                        "unterminated dollar-quoted string",
		`status = "open`:                          "unterminated quoted identifier",
		"(id = 1":                                 "syntax error",
		"count(*) > 1":                            "aggregate functions are not allowed",
		"row_number() OVER () = 1":                "window functions are not allowed",
		"colour = 'red'":                          `column "colour" does not exist`,
		"id = 1 ORDER BY id":                      "syntax error",
		"id = 1 UNION SELECT 1":                   "syntax error",
		"id = nextval('x')":                       "does not exist",
		"EXISTS (SELECT FROM public.hidden)":      "permission denied for table hidden",
		"id IN (SELECT id FROM public.orders FOR UPDATE)": "permission denied",
		" ":      "it is empty",
		"\x00":   "NUL",
		"'\xff'": "not valid UTF-8",
	} {
		err := snapshot.CheckFilter(t.Context(), orders, where)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "public.orders") {
			t.Errorf("%s: got %v, want an error with %q", where, err, want)
		}
	}
	if err := snapshot.CheckFilter(t.Context(), orders, "id = 1"); err != nil {
		t.Errorf("a good filter after bad ones: %v", err)
	}
	if got := b.read(snapshot, orders, spans(orders, 1)); len(got) != 5 {
		t.Errorf("read %q at the snapshot after bad filters, want 5 rows", got)
	}
}

// Whatever filter passes the check, it is one operand: with "AND false" beside
// it no row comes, and the statement that it stands in stays a COPY.
func FuzzFilter(f *testing.F) {
	for _, seed := range []string{
		"true", "true) OR (true", "true] || ARRAY[true", "id = 1 --", "id = 1 /*", "')", `"id" = 1`, "$$)$$ = ''", "true) TO STDOUT --", "(true)) OR ((true)",
		"E'\\'' = ''", "U&'\\0029' = ''", "[", "]", "{", "true;", "true::boolean", "ARRAY[true][1]", "id IN (1)", "id = ANY(ARRAY[1])",
	} {
		f.Add(seed)
	}
	instance := rdstest.Shared(f)
	admin, err := pgx.Connect(f.Context(), instance.AdminURL())
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = admin.Close(context.WithoutCancel(f.Context())) })
	if _, err := admin.Exec(f.Context(), "CREATE TABLE rows AS SELECT 1 AS id"); err != nil {
		f.Fatal(err)
	}
	source, err := postgres.Open(config(f, instance))
	if err != nil {
		f.Fatal(err)
	}
	snapshot, err := source.Snapshot(f.Context(), postgres.Options{Selection: postgres.Selection{Include: patterns(f, "public.rows")}})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = snapshot.Close(context.WithoutCancel(f.Context())) })
	f.Fuzz(func(t *testing.T, where string) {
		if snapshot.CheckFilter(t.Context(), snapshot.Tables[0], where) != nil {
			return
		}
		results, err := admin.PgConn().Exec(t.Context(), "SELECT FROM ONLY public.rows WHERE false AND ("+where+"\n) AND false").ReadAll()
		if err != nil {
			return // it failed on the row, as 1/0 does
		}
		if len(results) != 1 || len(results[0].Rows) != 0 {
			t.Errorf("%q passes the check and changes what stands beside it: %d results", where, len(results))
		}
	})
}
