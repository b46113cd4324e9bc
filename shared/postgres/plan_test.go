package postgres

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/shared/table"
)

func patterns(t *testing.T, list ...string) []table.Pattern {
	t.Helper()
	p, err := table.ParsePatterns(list)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestChoose(t *testing.T) {
	t.Parallel()
	all := []relation{
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
		"an unknown table":     {include: []string{"public.orders", "public.order"}, wrong: "table public.order does not exist"},
		"a pattern of nothing": {include: []string{"sales.*", "public.*"}, wrong: "pattern sales.* matches no table"},
		"both are told":        {include: []string{"sales.*", "x.y"}, wrong: "table x.y does not exist"},
		"views do not count":   {include: []string{"public.total?"}, wrong: "matches no table"},
		"all excluded":         {include: []string{"audit.*"}, exclude: []string{"audit.*"}, wrong: "every selected table is excluded"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			chosen, err := choose(all, patterns(t, c.include...), patterns(t, c.exclude...))
			if c.wrong != "" {
				if err == nil || !strings.Contains(err.Error(), c.wrong) {
					t.Fatalf("got error %v, want one with %q", err, c.wrong)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
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
	for want, d := range map[string]demand{
		`GRANT USAGE ON SCHEMA "Sales" TO "reader"`:    {relation: relation{Name: name, Select: true}},
		`GRANT SELECT ON "Sales"."orders" TO "reader"`: {relation: relation{Name: name, Usage: true}, columns: columns},
		`GRANT SELECT ("id", "say ""x""") ON "Sales"."orders" TO "reader"`: {
			relation: relation{Name: name, Usage: true, OID: 7}, columns: columns, some: true,
		},
		`ALTER ROLE "reader" BYPASSRLS`: {relation: relation{Name: name, Usage: true, Select: true, Filtered: true}, columns: columns},
	} {
		err := refuse([]demand{d}, map[uint32][]string{7: {"open", "other"}}, "reader")
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), name.String()) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestCopyStatement(t *testing.T) {
	t.Parallel()
	relation := table.Name{Schema: "public", Table: "Order Items"}
	id := table.Field{Column: table.Column{Name: "id", Type: "bigint"}}
	document := table.Field{Column: table.Column{Name: `a"b`, Type: "text[]"}, Image: table.Image{Sent: table.FormJSON}}
	const binary = ` TO STDOUT WITH (FORMAT binary)`
	for name, c := range map[string]struct {
		query Query
		span  Span
		want  string
	}{
		"whole": {
			Query{Fields: []table.Field{id, document}},
			Span{Relation: relation},
			`COPY (SELECT "id", to_json("a""b")::text FROM ONLY "public"."Order Items")` + binary,
		},
		"first": {
			Query{Fields: []table.Field{id}},
			Span{Relation: relation, To: 8},
			`COPY (SELECT "id" FROM ONLY "public"."Order Items" WHERE ctid < '(8,0)'::tid)` + binary,
		},
		"middle": {
			Query{Fields: []table.Field{id}},
			Span{Relation: relation, From: 8, To: 16},
			`COPY (SELECT "id" FROM ONLY "public"."Order Items" WHERE ctid >= '(8,0)'::tid AND ctid < '(16,0)'::tid)` + binary,
		},
		"view": {
			Query{Fields: []table.Field{id}},
			Span{Relation: relation, Descend: true},
			`COPY (SELECT "id" FROM "public"."Order Items")` + binary,
		},
		"filter and window": {
			Query{
				Fields: []table.Field{id, document}, Where: "id > 1 -- many",
				Window: &Window{Column: id.Column, From: "-9223372036854775808", To: "5", Lookback: "3"},
			},
			Span{Relation: relation, To: 8},
			`COPY (SELECT "id", to_json("a""b")::text FROM ONLY "public"."Order Items" WHERE ctid < '(8,0)'::tid AND "id" >= E'-9223372036854775808'::bigint` +
				` AND "id" < E'5'::bigint AND (id > 1 -- many` + "\n))" + binary,
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
	for want, q := range map[string]Query{
		"no columns to read":                   {},
		`lookback of the cursor is "an hour"`:  {Fields: []table.Field{id}, Window: &Window{Column: id.Column, From: "1", To: "5", Lookback: "an hour"}},
		`upper bound of the cursor is ""`:      {Fields: []table.Field{id}, Window: &Window{Column: id.Column}},
		"cannot be a cursor":                   {Fields: []table.Field{id}, Window: &Window{Column: table.Column{Name: "t", Type: "text"}}},
		"text cannot be narrowed to character": {Fields: []table.Field{{Column: table.Column{Name: "t", Type: "character(1)", Source: "text"}}}},
	} {
		if got, err := q.Copy(Span{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %q and error %v, want one with %q", got, err, want)
		}
	}
}

func TestSpanSurvivesJSON(t *testing.T) {
	t.Parallel()
	want := Span{Relation: table.Name{Schema: "s", Table: "t"}, From: 1, To: 9, Blocks: 8, Heap: true, Descend: true}
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got Span
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("span (-want +got):\n%s", diff)
	}
}

// Spans cover every block of every leaf exactly once, and the last of each
// leaf has no upper bound.
func TestSpansCoverEveryBlockOnce(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		blocks, target := random.Int64N(500), random.Int64N(60)
		leaves := []leaf{
			{name: table.Name{Schema: "s", Table: "a"}, blocks: blocks, byBlock: true},
			{name: table.Name{Schema: "s", Table: "b"}, blocks: random.Int64N(50), byBlock: random.IntN(2) == 0},
		}
		spans := Table{leaves: leaves}.Spans(target)
		for _, l := range leaves {
			next, open := int64(0), false
			var sum int64
			for _, span := range spans {
				if span.Relation != l.name {
					continue
				}
				if open || span.From != next {
					t.Fatalf("%+v, target %d: span %+v, want one from %d", l, target, span, next)
				}
				open, next = span.To == 0, span.To
				sum += span.Blocks
			}
			if !open || sum != l.blocks {
				t.Fatalf("%+v, target %d: spans %+v hold %d blocks, ends open: %v", l, target, spans, sum, open)
			}
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
