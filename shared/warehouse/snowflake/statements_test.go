package snowflake

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/warehouse"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func config() Config {
	return Config{
		Account: "myorg-my_account", Database: "ANALYTICS", Warehouse: "LOADING", Role: "STAGELIFT", LedgerSchema: "STAGELIFT",
		Stage: table.Name{Schema: "STAGELIFT", Table: "STAGING"}, StageURL: "s3://bucket/stage/", LockWait: time.Minute,
	}
}

const folder = "stage/shop/public.orders/20261121T003000Z-7f3a91c2/"

func load() warehouse.Load {
	return warehouse.Load{
		ID: strings.Repeat("0f", 32), Run: "20261121T003000Z-7f3a91c2",
		Source: table.Name{Schema: "public", Table: "orders"}, Target: table.Name{Schema: "public", Table: "orders"},
		Mode: warehouse.Append,
		Columns: []table.Column{
			{Name: "id", Type: "bigint"},
			{Name: "total", Type: "numeric(12,2)", Nullable: true},
			{Name: `the "note"`, Type: "character varying(40)", Nullable: true},
			{Name: "changed", Type: "timestamp with time zone", Nullable: true},
			{Name: "gone", Type: "boolean", Nullable: true},
			{Name: "photo", Type: "bytea", Nullable: true},
		},
		Format:   stage.Format{Name: "csv", Compression: "none", Null: `\N`, Delimiter: ","},
		Bucket:   "bucket",
		Manifest: "s3://bucket/" + folder + "manifest.json",
		Parts:    []warehouse.Part{{Key: folder + "part-00000.csv", Rows: 1000, Bytes: 9000}, {Key: folder + "part-00001.csv", Rows: 42, Bytes: 400}},
		Rows:     1042,
	}
}

// bend changes a load, under a name that says how.
type bend func(*warehouse.Load)

var modes = map[string]bend{
	"append":  func(*warehouse.Load) {},
	"replace": func(l *warehouse.Load) { l.Mode = warehouse.Replace },
	"merge":   func(l *warehouse.Load) { l.Mode, l.Keys = warehouse.Merge, []string{"id"} },
	"merge-newest-deleted": func(l *warehouse.Load) {
		l.Mode, l.Keys, l.Newest, l.Deleted = warehouse.Merge, []string{"id", "total"}, "changed", "gone"
		l.Window = &stage.Window{
			Column: "changed", Type: "timestamp with time zone",
			From: "2026-11-20 00:00:00+00", To: "2026-11-21 00:00:00+00", Lookback: "1 hour",
		}
	},
}

func as(name, compression string) bend {
	return func(l *warehouse.Load) {
		l.Format = stage.Format{Name: name, Compression: compression, Null: `\N`, Delimiter: ","}
		for i := range l.Parts {
			l.Parts[i].Key = strings.TrimSuffix(l.Parts[i].Key, "csv") + l.Format.Extension()
		}
	}
}

var formats = map[string]bend{
	"csv": as("csv", "none"),
	"csv-gzip-header": func(l *warehouse.Load) {
		as("csv", "gzip")(l)
		l.Format.Header, l.Format.Delimiter, l.Format.Null = true, "|", ""
	},
	"csv-variant": func(l *warehouse.Load) {
		as("csv", "zstd")(l)
		l.Columns = append(l.Columns, table.Column{Name: "attributes", Type: "jsonb"}, table.Column{Name: "tags", Type: "text[]"})
	},
	"jsonl": func(l *warehouse.Load) {
		as("jsonl", "gzip")(l)
		l.Columns = append(l.Columns, table.Column{Name: "attributes", Type: "jsonb"})
	},
	"parquet": func(l *warehouse.Load) {
		as("parquet", "snappy")(l)
		l.Columns = append(l.Columns, table.Column{Name: "attributes", Type: "jsonb"}, table.Column{Name: "any", Type: "numeric"})
	},
}

var oddities = map[string]bend{
	"empty-append":  func(l *warehouse.Load) { l.Rows, l.Parts, l.Manifest = 0, nil, "" },
	"empty-replace": func(l *warehouse.Load) { l.Mode, l.Rows, l.Parts, l.Manifest = warehouse.Replace, 0, nil, "" },
	"uncounted":     func(l *warehouse.Load) { l.Rows, l.Parts[0].Rows, l.Parts[1].Rows = -1, -1, -1 },
	"first-window": func(l *warehouse.Load) {
		l.Mode, l.Keys, l.Window = warehouse.Merge, []string{"id"}, &stage.Window{Column: "id", Type: "bigint", To: "1000"}
	},
	"only-keys":   func(l *warehouse.Load) { l.Mode, l.Keys, l.Columns = warehouse.Merge, []string{"id"}, l.Columns[:1] },
	"clustered":   func(l *warehouse.Load) { l.Layout.ClusterBy = []string{"changed", `the "note"`} },
	"narrowed":    func(l *warehouse.Load) { l.Columns[1].Source = "numeric" },
	"quoted-name": func(l *warehouse.Load) { l.Source.Table, l.Target.Table = `O'Neil's \ "Items"`, `O'Neil's \ "Items"` },
	"odd-folder": func(l *warehouse.Load) {
		for i := range l.Parts {
			l.Parts[i].Key = fmt.Sprintf("stage/shop/public.O%%27Neil%%27s/r/o'part-%d.csv", i)
		}
	},
	"two-folders": func(l *warehouse.Load) { l.Parts[0].Key, l.Parts[1].Key = "stage/a/b/1.csv", "stage/a/c/1.csv" },
	"long-name": func(l *warehouse.Load) {
		l.Target.Schema, l.Target.Table = strings.Repeat("ä", 255), strings.Repeat("B", 255)
	},
}

func TestStatementsAreGolden(t *testing.T) {
	t.Parallel()
	cases := maps.Clone(oddities)
	for mode, inMode := range modes {
		for format, inFormat := range formats {
			cases[mode+"-"+format] = func(l *warehouse.Load) { inMode(l); inFormat(l) }
		}
	}
	for name, bend := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := load()
			bend(&l)
			golden(t, name+".sql", script(t, l))
		})
	}
}

// script is everything that a load into a new table says.
func script(t *testing.T, l warehouse.Load) string {
	t.Helper()
	setup, err := setupStatements(config(), l, existing{})
	if err != nil {
		t.Fatal(err)
	}
	transaction, err := plan(config(), l)
	if err != nil {
		t.Fatal(err)
	}
	lines := slices.Concat([]string{lookStatement(config(), l), entryStatement(config(), l)}, setup,
		[]string{lockRow(config(), l)}, transaction.statements)
	return strings.Join(lines, ";\n") + ";\n"
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

func TestNoCopyListsMoreFilesThanSnowflakeTakes(t *testing.T) {
	t.Parallel()
	for _, parts := range []int{1, 1000, 1001, 2500} {
		l := load()
		l.Parts = nil
		for i := range parts {
			l.Parts = append(l.Parts, warehouse.Part{Key: fmt.Sprintf("%spart-%05d.csv", folder, i)})
		}
		transaction, err := plan(config(), l)
		if err != nil {
			t.Fatal(err)
		}
		listed := 0
		for _, number := range transaction.copies {
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
		"window's type": {func(l *warehouse.Load) {
			modes["merge"](l)
			l.Window = &stage.Window{Column: "c", Type: "text", To: "z"}
		}, []string{`"c"`, "text"}},
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
			_, err := plan(config(), l)
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
