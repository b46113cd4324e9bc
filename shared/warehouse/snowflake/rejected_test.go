package snowflake

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/shared/object"
	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/warehouse"
)

func forgive(l warehouse.Load, n int64) warehouse.Load {
	l.BadRows = &n
	return l
}

func TestBadRowsAreLeftOutAndTold(t *testing.T) {
	t.Parallel()
	for format, rows := range map[string][]string{
		"csv":   {"1,a", "hunter2,b", "3,toolong", "4,d", "5,e,f"},
		"jsonl": {`{"id":1,"s":"a"}`, `{"id":"hunter2","s":"b"}`, `{"id":3,"s":"toolong"}`, `{"id":4,"s":"d"}`},
	} {
		for _, counted := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s %t", format, counted), func(t *testing.T) {
				t.Parallel()
				b := setup(t)
				l := b.stage(1)
				l.Format.Name = format
				b.put(&l, "stage/a/1."+format, rows...)
				if !counted {
					l.Rows, l.Parts[0].Rows = -1, -1
				}
				bad := int64(len(rows) - 2)
				outcome, err := b.fail(forgive(l, bad-1), fmt.Sprintf("COPY refused %d rows, and %d may be; nothing was changed", bad, bad-1))
				if int64(len(outcome.Errors)) != bad || strings.Contains(fmt.Sprint(outcome, err), "hunter2") {
					t.Errorf("%+v, %v", outcome, err)
				}
				outcome, err = carry(t.Context(), b.warehouse, forgive(l, bad))
				if err != nil || outcome.State != warehouse.Loaded || outcome.Rows != 2 || strings.Contains(fmt.Sprint(outcome), "hunter2") {
					t.Fatalf("%+v, %v", outcome, err)
				}
				b.want(rowsOfT, "1=a", "4=d")
				b.want(`SELECT "ROW_COUNT"::text FROM "STAGELIFT"."public.t" WHERE "LOAD_ID" <> ''`, "2")
				file := "s3://" + b.bucket + "/" + l.Parts[0].Key
				want := []warehouse.RowError{
					{File: file, Line: 2, Column: "id", Code: "100038", Message: "Numeric value '…' is not recognized"},
					{File: file, Line: 3, Column: "s", Code: "100078", Message: "User character length limit (3) exceeded by a string of 7 characters"},
				}
				if diff := cmp.Diff(want, outcome.Errors[:2]); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			})
		}
	}
}

// Whether bad rows are forgiven or not, good ones are the same.
func TestForgivingLoadsBringTheSameValues(t *testing.T) {
	t.Parallel()
	b := setup(t)
	conn, columns := source(t)
	for number, format := range []string{"csv", "jsonl", "parquet"} {
		l := b.stage(number)
		l.Columns, l.Format.Name, l.Mode = columns, format, warehouse.Replace
		l.Target.Table, l.Source.Table = "strict_"+format, "strict_"+format
		part := extract(t, conn, l)
		l.Rows = count(t, conn)
		l.Parts = []warehouse.Part{{Key: "stage/a/1." + format, Rows: l.Rows, Bytes: int64(len(part))}}
		if _, err := b.store.Put(t.Context(), object.Location{Bucket: b.bucket, Key: l.Parts[0].Key}, part, object.PutOptions{}); err != nil {
			t.Fatal(err)
		}
		b.load(l, warehouse.Loaded)
		l.ID, l.Target.Table, l.Source.Table = l.ID[1:]+"f", "kind_"+format, "kind_"+format
		b.load(forgive(l, 0), warehouse.Loaded)
		b.want(`SELECT count(*) FROM public.strict_`+format+` a FULL JOIN public.kind_`+format+` b ON a.id = b.id WHERE a::text IS DISTINCT FROM b::text`, "0")
	}
}

// What is longer than the target's text is cut to it, also where nobody said how
// long it may be.
func TestTextsAreCutToTheTarget(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.load(b.stage(1, "1,abc"), warehouse.Loaded)
	b.administer(`ALTER TABLE "public"."t" ALTER COLUMN "s" COMMENT 'theirs'`)
	l := b.stage(2, "2,abcdef", "3,größe", `4,\N`)
	l.Columns[1].Type = "text"
	_, _ = b.fail(l, "nothing was changed")
	l.Copy = map[string]string{"TRUNCATECOLUMNS": "TRUE"}
	b.load(l, warehouse.Loaded)
	b.want(rowsOfT, "1=abc", "2=abc", "3=grö", "4=NULL")
}

func TestOptionsOfCopyAreThoseOfTheFormat(t *testing.T) {
	t.Parallel()
	b := setup(t)
	l := b.stage(1, "  1 ,abcdef,21.11.2026", "", "2,\xff,22.11.2026")
	l.Columns = append(l.Columns, table.Column{Name: "day", Type: "date"})
	l.Rows, l.Parts[0].Rows = -1, -1
	l.Copy = map[string]string{
		"TRUNCATECOLUMNS": "TRUE", "TRIM_SPACE": "TRUE", "SKIP_BLANK_LINES": "TRUE", "DATE_FORMAT": "DD.MM.YYYY", "REPLACE_INVALID_CHARACTERS": "TRUE",
	}
	if outcome, err := carry(t.Context(), b.warehouse, l); err != nil || outcome.Rows != 2 {
		t.Fatalf("%+v, %v", outcome, err)
	}
	b.want(`SELECT id || '=' || s || '=' || day FROM public.t ORDER BY id`, "1=abc=2026-11-21", "2=\uFFFD=2026-11-22")
	for format, test := range map[string]struct{ name, value, want string }{
		"csv":     {"MAXERROR", "3", `COPY option "MAXERROR": of csv Snowflake's loads take BINARY_FORMAT, DATE_FORMAT`},
		"jsonl":   {"DATE_FORMAT", "AUTO", `COPY option "DATE_FORMAT": of jsonl`},
		"parquet": {"TRUNCATECOLUMNS", "yes", `COPY option TRUNCATECOLUMNS is "yes": want TRUE or FALSE`},
	} {
		l := b.stage(2)
		l.Format.Name, l.Copy = format, map[string]string{test.name: test.value}
		_, _ = b.fail(l, test.want)
	}
	_, _ = b.fail(forgive(b.stage(3), -1), "-1 bad rows are forgiven")
}
