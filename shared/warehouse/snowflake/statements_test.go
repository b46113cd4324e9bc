package snowflake

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stagelift/stagelift/shared/warehouse"
)

func TestNoCopyListsMoreFilesThanSnowflakeTakes(t *testing.T) {
	t.Parallel()
	for _, parts := range []int{1, 1000, 1001, 2500} {
		l := load()
		l.Parts = nil
		for i := range parts {
			l.Parts = append(l.Parts, warehouse.Part{Key: fmt.Sprintf("%spart-%05d.csv", folder, i)})
		}
		transaction, err := plan(config(), taskOf(t, l), entryOf(l))
		if err != nil {
			t.Fatal(err)
		}
		listed := 0
		for _, number := range transaction.tell.Copies {
			files := strings.Count(transaction.statements[number], "'part-")
			if files > filesPerCopy {
				t.Errorf("%d parts: a COPY lists %d files", parts, files)
			}
			listed += files
		}
		if listed != parts {
			t.Errorf("%d parts: %d files are listed", parts, listed)
		}
	}
}

func TestWhatCannotBeLoadedIsRefused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		bend bend
		want []string
	}{
		"mode":            {func(l *warehouse.Load) { l.Mode = "upsert" }, []string{`mode "upsert"`}},
		"no keys":         {func(l *warehouse.Load) { l.Mode = warehouse.Merge }, []string{"a merge needs keys"}},
		"unknown key":     {func(l *warehouse.Load) { l.Mode, l.Keys = warehouse.Merge, []string{"x"} }, []string{`no column "x"`}},
		"deleted":         {func(l *warehouse.Load) { modes["merge"](l); l.Deleted = "id" }, []string{`"id"`, "bigint", "not boolean"}},
		"format":          {func(l *warehouse.Load) { l.Format.Name = "orc" }, []string{`format "orc"`}},
		"compression":     {func(l *warehouse.Load) { l.Format.Compression = "lzop" }, []string{`compression "lzop"`}},
		"delimiter":       {func(l *warehouse.Load) { l.Format.Delimiter = "||" }, []string{`delimiter "||"`}},
		"type":            {func(l *warehouse.Load) { l.Columns[0].Type = "" }, []string{`column "id"`}},
		"long names":      {func(l *warehouse.Load) { l.Target.Table, l.Columns[0].Name = strings.Repeat("ä", 256), "" }, []string{"255", "a name is missing"}},
		"column twice":    {func(l *warehouse.Load) { l.Columns[1].Name = "id" }, []string{`column "id"`, "twice"}},
		"other bucket":    {func(l *warehouse.Load) { l.Bucket = "elsewhere" }, []string{"elsewhere", "s3://bucket/stage/"}},
		"outside":         {func(l *warehouse.Load) { l.Parts[1].Key = "other/part.csv" }, []string{`"other/part.csv"`, "outside"}},
		"rows, no parts":  {func(l *warehouse.Load) { l.Parts = nil }, []string{"1042 rows", "no parts"}},
		"no columns":      {func(l *warehouse.Load) { l.Columns = nil }, []string{"no columns"}},
		"numbers in JSON": {func(l *warehouse.Load) { formats["jsonl"](l); l.Columns[1].Type = "numeric" }, []string{`"total"`, "numeric", "38 digits"}},
		"too much text": {func(l *warehouse.Load) {
			for i := range 60000 {
				l.Parts = append(l.Parts, warehouse.Part{Key: fmt.Sprintf("%spart-1%010d.csv", folder, i)})
			}
		}, []string{"larger parts"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := load()
			test.bend(&l)
			task, err := newTask(l)
			if err == nil {
				_, err = plan(config(), task, entryOf(l))
			}
			wantError(t, err, test.want...)
		})
	}
}

// wantError checks that there is an error with all of the texts in it.
func wantError(t *testing.T, err error, texts ...string) {
	t.Helper()
	if err == nil {
		t.Error("no error")
		return
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("error is %q, want %q in it", err, text)
		}
	}
}
