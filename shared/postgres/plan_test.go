package postgres

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/shared/table"
)

func patterns(t testing.TB, list ...string) []table.Pattern {
	t.Helper()
	p, err := table.ParsePatterns(list)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestChoose(t *testing.T) {
	t.Parallel()
	list := []relation{
		{Name: table.Name{Schema: "public", Table: "orders"}, Kind: "r"},
		{Name: table.Name{Schema: "public", Table: "events"}, Kind: "p"},
		{Name: table.Name{Schema: "public", Table: "events_2026"}, Kind: "r", Leaf: true},
		{Name: table.Name{Schema: "public", Table: "totals"}, Kind: "v"},
		{Name: table.Name{Schema: "public", Table: "tmp_1"}, Kind: "r"},
		{Name: table.Name{Schema: "audit", Table: "log"}, Kind: "r"},
	}
	for name, c := range map[string]struct {
		include, exclude []string
		want             []string
		wrong            string
	}{
		"a schema":             {include: []string{"public.*"}, want: []string{"public.orders", "public.events", "public.tmp_1"}},
		"with an exclude":      {include: []string{"*.*"}, exclude: []string{"*.tmp_*"}, want: []string{"public.orders", "public.events", "audit.log"}},
		"a view by name":       {include: []string{"public.totals"}, want: []string{"public.totals"}},
		"a partition by name":  {include: []string{"public.events_2026"}, want: []string{"public.events_2026"}},
		"twice is once":        {include: []string{"audit.log", "audit.*"}, want: []string{"audit.log"}},
		"an unknown table":     {include: []string{"public.orders", "public.order"}, want: []string{"public.orders"}, wrong: "table public.order does not exist"},
		"another case":         {include: []string{"public.Orders"}, wrong: "did you mean public.orders?"},
		"a pattern of nothing": {include: []string{"sales.*", "audit.*"}, want: []string{"audit.log"}, wrong: "pattern sales.* matches no table"},
		"both are told":        {include: []string{"sales.*", "x.y"}, wrong: "table x.y does not exist"},
		"views do not count":   {include: []string{"public.total?"}, wrong: "wildcards select tables alone; name public.totals"},
		"all excluded":         {include: []string{"audit.*"}, exclude: []string{"audit.*"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all := catalogue{list: list}
			chosen, missing := all.choose(patterns(t, c.include...), patterns(t, c.exclude...))
			var told string
			for _, m := range missing {
				told += m.Err.Error() + "\n"
			}
			if !strings.Contains(told, c.wrong) || c.wrong == "" && told != "" {
				t.Errorf("told %q, want %q", told, c.wrong)
			}
			var got []string
			for _, r := range chosen {
				got = append(got, r.Name.String())
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("chosen (-want +got):\n%s", diff)
			}
		})
	}
}

func TestUnreadableTablesAreToldWithTheirGrant(t *testing.T) {
	t.Parallel()
	name := table.Name{Schema: "Sales", Table: "orders"}
	columns := []string{"id", `say "x"`, "open"}
	for want, c := range map[string]struct {
		relation
		columns []string
		some    bool
	}{
		`GRANT USAGE ON SCHEMA "Sales" TO "reader"`:    {relation: relation{Name: name, Select: true}},
		`GRANT SELECT ON "Sales"."orders" TO "reader"`: {relation: relation{Name: name, Usage: true}, columns: columns},
		`GRANT SELECT ("id", "say ""x""") ON "Sales"."orders" TO "reader"`: {
			relation: relation{Name: name, Usage: true, OID: 7}, columns: columns, some: true,
		},
		`ALTER ROLE "reader" BYPASSRLS`: {relation: relation{Name: name, Usage: true, Select: true, Filtered: true}, columns: columns},
	} {
		conn := &connection{source: &Source{config: Config{User: "reader"}}}
		f := family{relation: &c.relation, leaves: []*relation{&c.relation}}
		err := conn.refuse(f, c.columns, c.some, map[uint32][]string{7: {"open", "other"}})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), name.String()) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestCopyStatement(t *testing.T) {
	t.Parallel()
	id := table.Field{Column: table.Column{Name: "id", Type: "bigint"}}
	document := table.Field{Column: table.Column{Name: `a"b`, Type: "text[]"}, Image: table.Image{Sent: table.FormJSON}}
	items := table.Name{Schema: "public", Table: "Order Items"}
	const resolved = `to_regclass(E'"public"."Order Items"')::oid`
	swapped := func(value string) string {
		return ` = '7'::oid, false) OR (E'<stagelift:changed:public."Order Items" is another relation than the one that was looked at:mend:run again' || left(coalesce(` +
			value + `::text, ''), 0) || E':stagelift>')::boolean`
	}
	once := `coalesce(` + resolved + swapped(resolved)
	each := ` AND (tableoid` + strings.Replace(swapped("tableoid"), ", false)", "", 1) + `)`
	// first reads the tableoid of the first row of a span.
	first := func(begin, end string) string {
		return `ctid >= (SELECT CASE WHEN coalesce(coalesce((SELECT tableoid FROM read WHERE ctid >= ` + begin + end + ` LIMIT 1), ` + resolved + `)` +
			swapped(resolved) + ` THEN ` + begin + ` END)` + end
	}
	const with = `COPY (WITH read AS NOT MATERIALIZED (SELECT tableoid, ctid, * FROM ONLY "public"."Order Items") `
	const binary = `) TO STDOUT WITH (FORMAT binary)`
	heap := &Relation{OID: 7, Name: items, ByBlock: true, from: reading{guarded: true, hasCTID: true}}
	window := &Window{Column: id.Column, From: "-9223372036854775808", To: "5", Lookback: "3"}
	for name, c := range map[string]struct {
		query Query
		span  Span
		want  string
	}{
		"whole": {
			Query{Fields: []table.Field{id, document}},
			Span{Relation: heap},
			with + `SELECT "id", to_json("a""b")::text FROM read WHERE ` + first(`'(0,0)'::tid`, "") + binary,
		},
		"first": {
			Query{Fields: []table.Field{id}},
			Span{Relation: heap, To: 8},
			with + `SELECT "id" FROM read WHERE ` + first(`'(0,0)'::tid`, ` AND ctid < '(8,0)'::tid`) + binary,
		},
		"middle": {
			Query{Fields: []table.Field{id}},
			Span{Relation: heap, From: 8, To: 16},
			with + `SELECT "id" FROM read WHERE ` + first(`'(8,0)'::tid`, ` AND ctid < '(16,0)'::tid`) + binary,
		},
		"not by block": {
			Query{Fields: []table.Field{id}},
			Span{Relation: &Relation{OID: 7, Name: items, from: reading{guarded: true, hasCTID: true}}},
			`COPY (SELECT "id" FROM ONLY "public"."Order Items" WHERE (SELECT ` + once + `)` + each + binary,
		},
		"view": {
			Query{Fields: []table.Field{id}},
			Span{Relation: &Relation{OID: 7, Name: items, from: reading{descend: true}}},
			`COPY (SELECT "id" FROM "public"."Order Items" WHERE (SELECT ` + once + `)` + binary,
		},
		"partition": {
			Query{Fields: []table.Field{id}, Where: "ev.id > 1"},
			Span{Relation: &Relation{OID: 7, Name: items, from: reading{alias: "ev", hasCTID: true, virtual: map[string]string{"g": "(a * 2)"}, columns: []string{"a", "g"}}}},
			`COPY (SELECT "id" FROM (SELECT tableoid, ctid, "a", (a * 2) AS "g" FROM ONLY "public"."Order Items") AS "ev" WHERE (SELECT ` + once + ") AND (ev.id > 1\n)" + binary,
		},
		"filter and window": {
			Query{Fields: []table.Field{id}, Where: "id > 1 -- many"},
			Span{Relation: heap, To: 8, Window: window},
			`COPY (SELECT "id" FROM ONLY "public"."Order Items" WHERE ctid >= (SELECT CASE WHEN ` + once + ` THEN '(0,0)'::tid END) AND ctid < '(8,0)'::tid` + each +
				` AND "id" >= E'-9223372036854775808'::bigint AND "id" < E'5'::bigint AND (id > 1 -- many` + "\n)" + binary,
		},
	} {
		got, err := c.query.Copy(c.span)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestQueriesThatWouldLoseRowsAreRefused(t *testing.T) {
	t.Parallel()
	id := table.Field{Column: table.Column{Name: "id", Type: "bigint"}}
	one := Query{Fields: []table.Field{id}}
	for want, c := range map[string]struct {
		query  Query
		window *Window
	}{
		"no columns to read":                   {},
		`lookback of the cursor is "an hour"`:  {one, &Window{Column: id.Column, From: "1", To: "5", Lookback: "an hour"}},
		`upper bound of the cursor is ""`:      {one, &Window{Column: id.Column}},
		"cannot be a cursor":                   {one, &Window{Column: table.Column{Name: "t", Type: "text"}}},
		"text cannot be narrowed to character": {Query{Fields: []table.Field{{Column: table.Column{Name: "t", Type: "character(1)", Source: "text"}}}}, nil},
	} {
		if got, err := c.query.Copy(Span{Relation: &Relation{}, Window: c.window}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %q and error %v, want one with %q", got, err, want)
		}
	}
}

// The lower bound of an integer window is the exact difference, or the smallest
// bigint where that would be passed.
func FuzzIntegerWindow(f *testing.F) {
	f.Add("5", "3")
	f.Add("-9223372036854775808", "9223372036854775807")
	f.Add("1e3", "")
	f.Add("", "'")
	f.Fuzz(func(t *testing.T, from, lookback string) {
		w := Window{Column: table.Column{Name: "n", Type: "integer"}, From: from, To: "7", Lookback: lookback}
		conditions, err := w.conditions()
		first, fromErr := strconv.ParseInt(from, 10, 64)
		back, backErr := strconv.ParseInt(lookback, 10, 64)
		if err != nil || from == "" || lookback == "" {
			if err != nil && fromErr == nil && backErr == nil && !strings.Contains(from+lookback, "+") && back >= 0 {
				t.Fatalf("from %q, lookback %q: %v", from, lookback, err)
			}
			return
		}
		var got int64
		if _, err := fmt.Sscanf(conditions[0], `"n" >= E'%d'::bigint`, &got); err != nil {
			t.Fatalf("%q: %v", conditions[0], err)
		}
		want := first - back
		if back > 0 && want > first {
			want = math.MinInt64
		}
		if got != want || fromErr != nil || backErr != nil {
			t.Errorf("from %q, lookback %q: got %d, want %d", from, lookback, got, want)
		}
	})
}
