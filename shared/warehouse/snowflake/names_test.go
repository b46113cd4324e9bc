package snowflake

import (
	"errors"
	"testing"

	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// grantPublic lets loads into the schema that every database has.
const grantPublic = "GRANT USAGE, CREATE TABLE ON SCHEMA PUBLIC TO ROLE STAGELIFT"

// In capitals a table is found without quotes, whatever the files call it.
func TestNamesInCapitalsNeedNoQuotes(t *testing.T) {
	t.Parallel()
	for format, rows := range map[string][2]string{
		"csv":   {"1,a,f", "1,b,f"},
		"jsonl": {`{"id":1,"Note":"a","gone":false}`, `{"id":1,"Note":"b","gone":false}`},
	} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.administer(grantPublic)
			for number, row := range rows {
				l := b.stage(number)
				l.Columns = append(l.Columns[:1], table.Column{Name: "Note", Type: "text"}, table.Column{Name: "gone", Type: "boolean"})
				l.Mode, l.Keys, l.Newest, l.Deleted = warehouse.Merge, []string{"id"}, "Note", "gone"
				l.Names, l.Format.Name, l.Layout.ClusterBy = warehouse.Upper, format, []string{"Note"}
				b.put(&l, "stage/a/"+row[:5]+"."+format, row)
				b.load(l, warehouse.Loaded)
				b.load(l, warehouse.AlreadyLoaded)
			}
			b.want(`SELECT "ID" || "NOTE" FROM "PUBLIC"."T"`, "1b")
			b.want(`SELECT count(*) FROM "STAGELIFT"."""PUBLIC"".""T""" WHERE "LOAD_ID" <> ''`, "2")
			b.administer(`SELECT id, note FROM public.t`)
		})
	}
}

func TestNamesInSmallLetters(t *testing.T) {
	t.Parallel()
	b := setup(t)
	l := b.stage(1, "1,a")
	l.Target, l.Columns[1].Name, l.Names = table.Name{Schema: "Mart", Table: "ORDERS"}, "NOTE", warehouse.Lower
	b.load(l, warehouse.Loaded)
	b.want(`SELECT id || note FROM mart.orders`, "1a")
}

func TestNamesThatFallTogetherAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.administer(grantPublic)
	l := b.stage(1, "1,a")
	l.Columns[1].Name, l.Names = "ID", warehouse.Upper
	_, _ = b.fail(l, `columns "id" and "ID" are both "ID"`)
	l.Names = "camel"
	_, _ = b.fail(l, `names "camel": want as_is, upper or lower`)
	one, other := b.stage(2, "1,a"), b.stage(3, "2,b")
	one.Names, other.Names = warehouse.Upper, warehouse.Upper
	other.Source.Table, other.Target.Table = "T", "T"
	b.load(one, warehouse.Loaded)
	_, err := b.fail(other, "public.t", "give one of the two another target")
	if !errors.Is(err, warehouse.ErrOtherSource) {
		t.Errorf("error is %v", err)
	}
}

func TestRowsSayWhichLoadBroughtThem(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first, second := b.merge(1, "1,a,1,f", "2,b,1,f"), b.merge(2, "2,B,2,f", "3,c,2,f")
	second.Run = run(11)
	for _, l := range []*warehouse.Load{&first, &second} {
		l.AddRun, l.AddLoadedAt = true, true
		b.load(*l, warehouse.Loaded)
	}
	b.want(`SELECT id || ' ' || _stagelift_run || ' ' || (now() - _stagelift_loaded_at < interval '1 hour') FROM public.t ORDER BY id`,
		"1 "+string(run(10))+" true", "2 "+string(run(11))+" true", "3 "+string(run(11))+" true")
	third := b.stage(3, "4,d") // the columns come later, and an append has them too
	third.Target.Table, third.Source.Table = "u", "u"
	b.load(third, warehouse.Loaded)
	third = b.stage(4, "5,e")
	third.Target.Table, third.Source.Table, third.AddRun, third.Names = "u", "u", true, warehouse.AsIs
	b.load(third, warehouse.Loaded)
	b.want(`SELECT id || ' ' || coalesce(_stagelift_run, 'NULL') FROM public.u ORDER BY id`, "4 NULL", "5 "+string(run(10)))
	third.Columns[1].Name = warehouse.RunColumn
	_, _ = b.fail(third, `adds column "_stagelift_run", but the source has one of that name`)
}

func TestMergesCountWhatTheyChange(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.load(b.merge(1, "1,a,1,f", "2,b,1,f", "3,c,1,f"), warehouse.Loaded)
	l := b.merge(2, "1,A,2,f", "2,B,2,t", "3,C,2,f", "4,D,2,f")
	l.Deleted = "gone"
	if outcome := b.load(l, warehouse.Loaded); outcome.Updated != 2 || outcome.Deleted != 1 {
		t.Errorf("%d updated, %d deleted", outcome.Updated, outcome.Deleted)
	}
}
