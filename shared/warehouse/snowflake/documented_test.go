package snowflake

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	standin "github.com/stagelift/stagelift/local/snowflake"
	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// administer does what an account administrator does beforehand.
func (b *bundle) administer(statements ...string) {
	b.Helper()
	if err := b.server.Administer(b.Context(), statements...); err != nil {
		b.Fatal(err)
	}
}

// A plain VARCHAR of somebody else's is shorter than a text may be, and the load
// has no right to change it.
func TestUnboundedTextFitsAnyVarchar(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.administer(`CREATE SCHEMA "public"`, `CREATE TABLE "public"."t" ("id" NUMBER(19,0), "s" VARCHAR(20), "b" BINARY(10))`,
		`GRANT USAGE ON SCHEMA "public" TO ROLE STAGELIFT`, `GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE "public"."t" TO ROLE STAGELIFT`)
	l := b.stage(1, "1,abcd,ff")
	l.Columns[1].Type = "text"
	l.Columns = append(l.Columns, table.Column{Name: "b", Type: "bytea"})
	b.load(l, warehouse.Loaded)
	b.want(rowsOfT, "1=abcd")
	l = b.stage(2, "2,abcdefghijklmnopqrstuvwxyz,ff")
	l.Columns = append(l.Columns, table.Column{Name: "b", Type: "bytea"})
	l.Columns[1].Type = "text"
	_, _ = b.fail(l, "nothing was changed") // what is too long is refused, not cut
	b.want(rowsOfT, "1=abcd")
}

func TestNumbersAreWidened(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := b.stage(1, "1,7")
	first.Columns[1] = table.Column{Name: "s", Type: "integer"}
	b.load(first, warehouse.Loaded)
	l := b.stage(2, "2,9223372036854775807")
	l.Columns[1] = table.Column{Name: "s", Type: "bigint"}
	outcome := b.load(l, warehouse.Loaded)
	want := []warehouse.Change{{Kind: "widened", Column: "s", Was: "NUMBER(10,0)", Is: "NUMBER(19,0)"}}
	if diff := cmp.Diff(want, outcome.Changes); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	b.want(`SELECT s::text FROM public.t ORDER BY id`, "7", "9223372036854775807")
}

// What has a document in it is counted field by field all the same.
func TestFieldsBesideADocumentAreCounted(t *testing.T) {
	t.Parallel()
	for name, rows := range map[string][]string{"one more": {"1,{},x"}, "one less": {"1"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			l := b.stage(1, rows...)
			l.Columns[1] = table.Column{Name: "doc", Type: "jsonb"}
			_, _ = b.fail(l, "does not match that of the corresponding table", "nothing was changed")
		})
	}
}

func TestTheLastOfRepeatedNamesCounts(t *testing.T) {
	t.Parallel()
	for format, row := range map[string]string{
		"csv":   `1,"{""a"": 1, ""a"": 2}"`,
		"jsonl": `{"id": 1, "doc": {"a": 1, "a": 2}}`,
	} {
		for _, mode := range []warehouse.Mode{warehouse.Append, warehouse.Merge} {
			t.Run(format+" "+string(mode), func(t *testing.T) {
				t.Parallel()
				b := setup(t)
				l := b.stage(1)
				l.Columns[1] = table.Column{Name: "doc", Type: "json"}
				l.Format.Name, l.Mode = format, mode
				if mode == warehouse.Merge {
					l.Keys = []string{"id"}
				}
				b.put(&l, "stage/a/part-00000."+format, row)
				b.load(l, warehouse.Loaded)
				b.want(`SELECT doc::text FROM public.t`, `{"a": 2}`)
			})
		}
	}
}

// An account may be set up so that what a load says means something else.
func TestParametersOfTheAccountChangeNothing(t *testing.T) {
	t.Parallel()
	columns := []table.Column{
		{Name: "id", Type: "bigint"},
		{Name: "day", Type: "date"},
		{Name: "at", Type: "timestamp with time zone"},
		{Name: "clock", Type: "time without time zone"},
		{Name: "raw", Type: "bytea"},
	}
	rows := map[string]string{
		"csv":   `1,2026-11-21,2026-11-21 00:30:00+00,01:02:03,00ff`,
		"jsonl": `{"id":1,"day":"2026-11-21","at":"2026-11-21T00:30:00+00:00","clock":"01:02:03","raw":"AP8="}`,
	}
	for format, row := range rows {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			b := setup(t, func(s *standin.Strictness) {
				s.Parameters = map[string]string{
					"QUOTED_IDENTIFIERS_IGNORE_CASE": "TRUE", "AUTOCOMMIT": "FALSE", "DATE_INPUT_FORMAT": "DD.MM.YYYY",
					"TIME_INPUT_FORMAT": "HH24.MI", "TIMESTAMP_INPUT_FORMAT": "DD.MM.YYYY HH24:MI:SS", "BINARY_INPUT_FORMAT": "BASE64",
				}
			})
			for number, mode := range []warehouse.Mode{warehouse.Append, warehouse.Merge, warehouse.Replace} {
				l := b.stage(number)
				l.Columns, l.Format.Name, l.Mode = columns, format, mode
				if mode == warehouse.Merge {
					l.Keys = []string{"id"}
				}
				b.put(&l, "stage/a/"+string(mode)+"."+format, row)
				b.load(l, warehouse.Loaded)
				b.load(l, warehouse.AlreadyLoaded)
			}
			b.want(`SELECT concat_ws('|', id, day, "at" AT TIME ZONE 'UTC', clock, encode(raw, 'hex')) FROM public.t`,
				"1|2026-11-21|2026-11-21 00:30:00|01:02:03|00ff")
		})
	}
}

func TestRefusedColumnsSayWhatToRun(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.load(b.stage(1, "1,a"), warehouse.Loaded)
	l := b.stage(2, "2,2026-11-21")
	l.Columns[1] = table.Column{Name: "s", Type: "date"}
	_, err := b.fail(l, `column "s" of public.t is VARCHAR(3)`, "DATE", "nothing was changed", `ALTER TABLE "public"."t"`)
	if !errors.Is(err, warehouse.ErrColumn) {
		t.Errorf("error is %v", err)
	}
}
