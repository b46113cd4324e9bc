package postgres_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/stagelift/stagelift/shared/postgres"
	"github.com/stagelift/stagelift/shared/table"
)

func names(columns []table.Column) []string {
	list := make([]string, len(columns))
	for i, column := range columns {
		list[i] = column.Name
	}
	return list
}

func TestColumnsAreChosen(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(`CREATE TABLE t (id int PRIMARY KEY, "Say ""hi""" text, c int, d int GENERATED ALWAYS AS (id * 2) STORED); CREATE TABLE other (n int); INSERT INTO t VALUES (1, 'x', 3)`)
	for name, c := range map[string]struct {
		columns postgres.Columns
		want    []string
		wrong   string
	}{
		"all":                  {want: []string{"id", `Say "hi"`, "c", "d"}},
		"only, in their order": {columns: postgres.Columns{Only: []string{"d", `Say "hi"`}}, want: []string{`Say "hi"`, "d"}},
		"except":               {columns: postgres.Columns{Except: []string{"c", "id"}}, want: []string{`Say "hi"`, "d"}},
		"unknown":              {columns: postgres.Columns{Only: []string{"C"}}, wrong: `table public.t: it has no column "C"; its columns are "id", "Say ""hi""", "c", "d"`},
		"unknown exceptions":   {columns: postgres.Columns{Except: []string{"x", "y"}}, wrong: `it has no column "x", "y"`},
		"none left":            {columns: postgres.Columns{Only: []string{"c"}, Except: []string{"c"}}, wrong: "no column of it is left to read"},
	} {
		t.Run(name, func(t *testing.T) {
			selection := postgres.Selection{Include: patterns(t, "public.*"), Columns: map[table.Name]postgres.Columns{public("t"): c.columns}}
			b := *b
			b.T = t
			if c.wrong != "" {
				wantError(t, b.refusal(selection), c.wrong)
				return
			}
			snapshot, err := b.try(postgres.Options{Selection: selection})
			if err != nil {
				t.Fatal(err)
			}
			found := b.tables(snapshot)
			if diff := cmp.Diff(c.want, names(found[1].Columns)); diff != "" {
				t.Errorf("columns (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff([]string{"id"}, found[1].PrimaryKey); diff != "" {
				t.Errorf("primary key (-want +got):\n%s", diff)
			}
		})
	}
}

// SELECT on the chosen columns is enough, but for ranges of ctid.
func TestColumnPrivilegesSuffice(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user := pgx.Identifier{b.instance.User()}.Sanitize()
	b.exec(`CREATE TABLE t (id int, secret text, open text) PARTITION BY LIST (id); CREATE TABLE t1 PARTITION OF t DEFAULT;
		CREATE TABLE whole (a int, b int); INSERT INTO t SELECT g, 's', 'o' FROM generate_series(1, 5000) AS g;
		REVOKE ALL ON t, t1, whole FROM ` + user + `; GRANT SELECT (id, open) ON t1 TO ` + user + `; GRANT SELECT (a) ON whole TO ` + user)
	choose := func(columns ...string) postgres.Selection {
		return postgres.Selection{Include: patterns(t, "public.t"), Columns: map[table.Name]postgres.Columns{public("t"): {Only: columns}}}
	}
	snapshot, err := b.try(postgres.Options{Selection: choose("open", "id")})
	if err != nil {
		t.Fatal(err)
	}
	found := b.tables(snapshot)
	cut := spans(found[0], 1)
	if len(cut) != 1 || cut[0].Relation.ByBlock {
		t.Errorf("without a grant on ctid: spans %v, want one", cut)
	}
	if rows := b.read(snapshot, found[0], cut); len(rows) != 5000 {
		t.Errorf("%d rows, want 5000", len(rows))
	}
	wantError(t, b.refusal(choose("open", "secret")), `table public.t: no privilege to read it; run: GRANT SELECT ("secret") ON "public"."t1" TO `+user)
	wantError(t, b.refusal(postgres.Selection{Include: patterns(t, "public.t", "public.whole")}), `GRANT SELECT ON "public"."t1" TO `+user, `GRANT SELECT ON "public"."whole" TO `+user)
	b.exec(`SET lock_timeout = '100ms'`)
	if _, err := b.admin.Exec(t.Context(), `TRUNCATE t1`); err == nil {
		t.Error("the partition could be truncated under the snapshot")
	}
	b.exec(`GRANT SELECT (ctid) ON t1 TO ` + user)
	again, err := b.try(postgres.Options{Selection: choose("id")})
	if err != nil {
		t.Fatal(err)
	}
	found = b.tables(again)
	if cut := spans(found[0], 10); b.byRanges() != (len(cut) >= 2) {
		t.Errorf("with a grant on ctid: spans %v, want several, before version 14 one", cut)
	}
}

func TestKindsOfTypes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(`
		CREATE TYPE mood AS ENUM ('good'); CREATE TYPE pair AS (a int, b text);
		CREATE DOMAIN percent AS numeric(5,2); CREATE DOMAIN share AS percent; CREATE DOMAIN shares AS share[]; CREATE DOMAIN moods AS mood[]; CREATE DOMAIN lots AS shares;
		CREATE TABLE kinds (e mood, p pair, r int4range, ea mood[], pa pair[], ra int4range[],
		  d share, da share[], ad shares, md moods, ads lots, vc varchar(3)[], n numeric(4,1)[][], iv int2vector, nm name);`)
	want := []table.Column{
		{Name: "e", Type: "public.mood", Kind: "enum"},
		{Name: "p", Type: "public.pair", Kind: "composite"},
		{Name: "r", Type: "int4range", Kind: "range"},
		{Name: "ea", Type: "public.mood[]", Kind: "enum"},
		{Name: "pa", Type: "public.pair[]", Kind: "composite"},
		{Name: "ra", Type: "int4range[]", Kind: "range"},
		{Name: "d", Type: "numeric(5,2)"},
		{Name: "da", Type: "numeric(5,2)[]"},
		{Name: "ad", Type: "numeric(5,2)[]"},
		{Name: "md", Type: "public.mood[]", Kind: "enum"},
		{Name: "ads", Type: "numeric(5,2)[]"},
		{Name: "vc", Type: "character varying(3)[]"},
		{Name: "n", Type: "numeric(4,1)[]"},
		{Name: "iv", Type: "int2vector"},
		{Name: "nm", Type: "name"},
	}
	if !b.lacks(14, "ALTER TABLE kinds ADD m int4multirange, ADD ma int4multirange[]") {
		want = append(want, table.Column{Name: "m", Type: "int4multirange", Kind: "multirange"}, table.Column{Name: "ma", Type: "int4multirange[]", Kind: "multirange"})
	}
	for i := range want {
		want[i].Nullable = true
	}
	if diff := cmp.Diff(want, b.tables(b.snapshot("public.kinds"))[0].Columns); diff != "" {
		t.Errorf("columns (-want +got):\n%s", diff)
	}
}

func TestOddTablesAreRead(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var wide []string
	for i := range 1600 {
		wide = append(wide, fmt.Sprintf("c%d boolean", i))
	}
	odd := strings.Repeat("ä", 31) // 62 of 63 bytes
	b.exec(`CREATE TABLE wide (` + strings.Join(wide, ", ") + `); INSERT INTO wide (c0, c1599) VALUES (true, false);
		CREATE TABLE toasted (n int, a text, b text, c bytea);
		INSERT INTO toasted SELECT g, repeat(md5(g::text), 50000), repeat('é', 700000), decode(repeat(md5(g::text), 20000), 'hex') FROM generate_series(1, 5) AS g;
		CREATE TABLE nothing (); INSERT INTO nothing DEFAULT VALUES; CREATE TABLE nothing_2 ();
		CREATE SCHEMA "S.""; --"; CREATE TABLE "S.""; --"."` + odd + `" ("a,b""c'\$1 %s" int, "ctid " int, "select" int, "` + odd + `" int);
		INSERT INTO "S.""; --"."` + odd + `" VALUES (1, 2, 3, 4);
		CREATE TABLE ids (a int GENERATED ALWAYS AS IDENTITY, b int GENERATED BY DEFAULT AS IDENTITY, c int GENERATED ALWAYS AS (7) STORED); INSERT INTO ids DEFAULT VALUES`)
	snapshot := b.snapshot("public.nothing", "public.*", (table.Name{Schema: `S."; --`, Table: odd}).String())
	t.Run("1,600 columns", func(t *testing.T) {
		found := b.tables(snapshot, "public.wide")[0]
		want := "t," + strings.Repeat(`\N,`, 1598) + "f\n"
		if diff := cmp.Diff([]string{want}, b.read(snapshot, found, spans(found, 1))); diff != "" || len(found.Columns) != 1600 {
			t.Errorf("row (-want +got):\n%.500s", diff)
		}
	})
	t.Run("rows of megabytes", func(t *testing.T) {
		found := b.tables(snapshot, "public.toasted")[0]
		rows := b.read(snapshot, found, spans(found, 1))
		if size := len(strings.Join(rows, "")); len(rows) != 5 || size < 5*(1600000+1400000+640000) {
			t.Errorf("%d rows of %d bytes", len(rows), size)
		}
	})
	t.Run("names of any characters", func(t *testing.T) {
		name := table.Name{Schema: `S."; --`, Table: odd}
		found := b.tables(snapshot, name.String())[0]
		if diff := cmp.Diff([]string{`a,b"c'\$1 %s`, "ctid ", "select", odd}, names(found.Columns)); diff != "" {
			t.Errorf("columns (-want +got):\n%s", diff)
		}
		found.Columns[0].Source, found.Columns[0].Type = "numeric", "numeric(3,0)"
		q := postgres.Query{Fields: b.fields(found.Columns), Where: `"select" = 3`, Key: names(found.Columns)}
		if err := snapshot.CheckFilter(t.Context(), found, q.Where); err != nil {
			t.Error(err)
		}
		rows, err := b.query(snapshot, q, spans(found, 1))
		if diff := cmp.Diff([]string{"1,2,3,4\n"}, rows); diff != "" || err != nil {
			t.Errorf("rows, %v (-want +got):\n%s", err, diff)
		}
	})
	t.Run("generated and identity columns", func(t *testing.T) {
		found := b.tables(snapshot, "public.ids")[0]
		if diff := cmp.Diff([]string{"1,1,7\n"}, b.read(snapshot, found, spans(found, 1))); diff != "" {
			t.Errorf("row (-want +got):\n%s", diff)
		}
	})
	t.Run("no columns", func(t *testing.T) {
		found := b.tables(snapshot, "public.nothing", "public.nothing_2")
		got := map[string]bool{}
		for _, f := range found {
			got[f.Name.Table] = f.Named
			if len(f.Columns) > 0 {
				t.Errorf("%s has columns %v", f.Name, f.Columns)
			}
		}
		if diff := cmp.Diff(map[string]bool{"nothing": true, "nothing_2": false}, got); diff != "" {
			t.Errorf("named (-want +got):\n%s", diff)
		}
	})
}

// Foreign partitions are read with the others, as one span each.
func TestForeignPartitionsAreRead(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user := pgx.Identifier{b.instance.User()}.Sanitize()
	b.exec(`CREATE EXTENSION file_fdw; CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
		CREATE TABLE mixed (n int, t text) PARTITION BY RANGE (n);
		CREATE TABLE mixed_1 PARTITION OF mixed FOR VALUES FROM (0) TO (10); INSERT INTO mixed_1 VALUES (1, 'here');
		CREATE FOREIGN TABLE mixed_2 PARTITION OF mixed FOR VALUES FROM (10) TO (20) SERVER files OPTIONS (program 'echo 11,there', format 'csv');
		GRANT pg_execute_server_program TO ` + user)
	snapshot := b.snapshot("public.mixed", "public.mixed_2")
	found := b.tables(snapshot)
	cut := spans(found[0], 1)
	if len(cut) != 2 || cut[0].Relation.ByBlock != b.byRanges() || cut[1].Relation.ByBlock {
		t.Errorf("spans are %+v, want a heap's and a foreign one", cut)
	}
	rows := b.read(snapshot, found[0], cut)
	slices.Sort(rows)
	if diff := cmp.Diff([]string{"1,here\n", "11,there\n"}, rows); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"11,there\n"}, b.read(snapshot, found[1], spans(found[1], 1))); diff != "" {
		t.Errorf("foreign table (-want +got):\n%s", diff)
	}
	_, _, err := b.bound(cursor{"mixed", postgres.Cursor{Column: "n"}}, 0)
	wantError(t, err, "transactions of the foreign server cannot be seen")
}

func TestMaterialisedViewIsNotRefreshedUnderTheSnapshot(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(`CREATE TABLE t AS SELECT 1 AS n; CREATE MATERIALIZED VIEW m AS SELECT n FROM t; CREATE VIEW v AS SELECT n FROM t; SET lock_timeout = '100ms'`)
	before := b.snapshot()
	b.exec(`REFRESH MATERIALIZED VIEW m`)
	late, err := b.try(postgres.Options{Import: before.ID, Selection: postgres.Selection{Include: patterns(t, "public.m")}})
	if err != nil {
		t.Fatal(err)
	}
	wantError(t, late.Look(t.Context(), late.Tables...), "table public.m is not published: it was truncated or rewritten")
	if err := late.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.snapshot("public.m", "public.v")
	for _, ddl := range []string{`REFRESH MATERIALIZED VIEW m`, `TRUNCATE t`} {
		if _, err := b.admin.Exec(t.Context(), ddl); err == nil {
			t.Errorf("%s was possible under a snapshot that reads it", ddl)
		}
	}
}

func TestColumnsThatRepeatAreFound(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user := pgx.Identifier{b.instance.User()}.Sanitize()
	b.exec(`CREATE TABLE plain (id int, status text, half int, hidden text, empty text);
		INSERT INTO plain SELECT g, 'status ' || g % 5, g / 2, 'x' FROM generate_series(1, 20000) AS g;
		CREATE TABLE child () INHERITS (plain); INSERT INTO child SELECT g, g::text FROM generate_series(1, 20000) AS g;
		CREATE TABLE parts (id int, status text) PARTITION BY RANGE (id);
		CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10000); CREATE TABLE parts_2 PARTITION OF parts DEFAULT;
		INSERT INTO parts SELECT g, 's' || g % 3 FROM generate_series(1, 20000) AS g;
		CREATE TABLE fresh AS SELECT 1 AS n FROM generate_series(1, 1000);
		ANALYZE plain, parts_1, parts_2; REVOKE ALL ON plain FROM ` + user + `; GRANT SELECT (id, status, half) ON plain TO ` + user)
	snapshot, err := b.try(postgres.Options{Selection: postgres.Selection{
		Include: patterns(t, "public.plain", "public.parts", "public.fresh"),
		Columns: map[table.Name]postgres.Columns{public("plain"): {Only: []string{"id", "status", "half"}}},
		Only:    func(table.Name) bool { return true },
	}})
	if err != nil {
		t.Fatal(err)
	}
	found := b.tables(snapshot)
	got := map[string][]string{}
	for _, f := range found {
		got[f.Name.Table] = f.Repeats
	}
	want := map[string][]string{"plain": {"status"}, "parts": {"status"}, "fresh": nil}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("before the whole is analysed (-want +got):\n%s", diff)
	}
	b.exec(`ANALYZE parts`)
	if diff := cmp.Diff([]string{"status"}, b.tables(b.snapshot("public.parts"))[0].Repeats); diff != "" {
		t.Errorf("after the whole is analysed (-want +got):\n%s", diff)
	}
}

func TestViewOverFilteredTableIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(`CREATE TABLE filtered (n int); ALTER TABLE filtered ENABLE ROW LEVEL SECURITY; ALTER TABLE filtered FORCE ROW LEVEL SECURITY;
		CREATE TABLE parts (n int) PARTITION BY LIST (n); CREATE TABLE parts_1 PARTITION OF parts DEFAULT; ALTER TABLE parts ENABLE ROW LEVEL SECURITY`)
	if !b.lacks(15, "CREATE VIEW v WITH (security_invoker) AS SELECT n FROM filtered") {
		wantError(t, b.refusal(postgres.Selection{Include: patterns(t, "public.v")}), `row-level security policy for table "filtered"`)
	}
	wantError(t, b.refusal(postgres.Selection{Include: patterns(t, "public.parts")}), "table public.parts: row-level security would hide rows")
}
