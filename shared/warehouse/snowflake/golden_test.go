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
	"github.com/stagelift/stagelift/shared/table/tabletest"
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

// entryOf is what the ledger says of a load after another one.
func entryOf(l warehouse.Load) warehouse.Entry {
	entry := warehouse.Enter(l, warehouse.Verdict{})
	entry.Sequence = 2
	return entry
}

func superseded(l warehouse.Load) warehouse.Entry {
	entry := warehouse.Enter(l, warehouse.Verdict{State: warehouse.Skipped, Enter: true})
	entry.Sequence = 2
	return entry
}

// bend changes a load, under a name that says how.
type bend func(*warehouse.Load)

var modes = map[string]bend{
	"append":  func(*warehouse.Load) {},
	"replace": func(l *warehouse.Load) { l.Mode = warehouse.Replace },
	"merge":   func(l *warehouse.Load) { l.Mode, l.Keys = warehouse.Merge, []string{"id"} },
	"merge-newest": func(l *warehouse.Load) {
		l.Mode, l.Keys, l.Newest = warehouse.Merge, []string{"id"}, "changed"
	},
	"merge-deleted": func(l *warehouse.Load) {
		l.Mode, l.Keys, l.Deleted = warehouse.Merge, []string{"id"}, "gone"
	},
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
	"upper-jsonl": func(l *warehouse.Load) {
		formats["jsonl"](l)
		l.Mode, l.Keys, l.Newest, l.Names = warehouse.Merge, []string{"id"}, "changed", warehouse.Upper
	},
	"added": func(l *warehouse.Load) {
		l.AddRun, l.AddLoadedAt, l.Grants = true, true, []string{"ROLE reporting", "USER ann"}
	},
	"forgiving-csv":     func(l *warehouse.Load) { forgiving(l, "csv") },
	"forgiving-jsonl":   func(l *warehouse.Load) { forgiving(l, "jsonl") },
	"forgiving-parquet": func(l *warehouse.Load) { forgiving(l, "parquet") },
	"copy-options": func(l *warehouse.Load) {
		l.Copy = map[string]string{"TRUNCATECOLUMNS": "TRUE", "DATE_FORMAT": `DD."'".MM.YYYY`, "BINARY_FORMAT": "UTF8", "SKIP_BLANK_LINES": "TRUE"}
	},
	"sweep-hard": func(l *warehouse.Load) {
		l.Mode, l.Keys, l.Sweep = warehouse.Merge, []string{"total", "id"}, swept()
	},
	"sweep-soft": func(l *warehouse.Load) {
		l.Mode, l.Keys, l.Sweep = warehouse.Merge, []string{"id"}, swept()
		l.Sweep.Soft = true
	},
	"long-name": func(l *warehouse.Load) {
		l.Target.Schema, l.Target.Table = strings.Repeat("ä", 255), strings.Repeat("B", 255)
	},
}

func forgiving(l *warehouse.Load, format string) {
	as(format, "none")(l)
	l.Columns = append(l.Columns, table.Column{Name: "doc", Type: "jsonb"})
	l.BadRows = new(int64(3))
}

func swept() *warehouse.Sweep {
	return &warehouse.Sweep{Parts: []warehouse.Part{{Key: folder + "sweep/part-00000.csv", Rows: 7, Bytes: 14}}, Rows: 7}
}

// goldenLoads are all loads whose statements are kept, by the file's name.
func goldenLoads(t *testing.T) map[string]bend {
	t.Helper()
	cases := maps.Clone(oddities)
	for mode, inMode := range modes {
		for format, inFormat := range formats {
			cases[mode+"-"+format] = func(l *warehouse.Load) { inMode(l); inFormat(l) }
		}
	}
	for _, format := range []string{"csv", "jsonl", "parquet"} {
		cases["types-"+format] = func(l *warehouse.Load) { formats[format](l); l.Columns = everyType(t, format) }
		if format == "parquet" { // which says inside how it is compressed
			continue
		}
		for compression := range compressions {
			cases["as-"+format+"-"+compression] = as(format, compression)
		}
	}
	return cases
}

// everyType has a column of each type of the type table, but for JSON those
// with numbers of more digits than Snowflake reads from it.
func everyType(t *testing.T, format string) []table.Column {
	t.Helper()
	var columns []table.Column
	for _, column := range tabletest.Columns(t, "../../../docs/types.md") {
		if format != "jsonl" || column.Type != "numeric" && column.Type != "numeric(39,0)" {
			columns = append(columns, column)
		}
	}
	return columns
}

func TestStatementsAreGolden(t *testing.T) {
	t.Parallel()
	for name, bend := range goldenLoads(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := load()
			bend(&l)
			golden(t, name+".sql", script(t, l))
		})
	}
}

// A target that is there already is altered.
func TestAlterationsAreGolden(t *testing.T) {
	t.Parallel()
	id := existingColumn{"NUMBER", -1, 19, 0, -1, ""}
	narrow := existingColumn{"TEXT", 12, -1, -1, -1, ""}
	for name, test := range map[string]struct {
		columns []table.Column
		target  map[string]existingColumn
	}{
		"alter-add":   {load().Columns, map[string]existingColumn{"id": id}},
		"alter-types": {everyType(t, "csv"), map[string]existingColumn{"id": id}},
		"alter-widen": {load().Columns[2:3], map[string]existingColumn{`the "note"`: narrow}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := load()
			l.Columns = test.columns
			p, err := setUpFor(config(), taskOf(t, l), existing{target: test.target, ledger: true, history: true})
			if err != nil {
				t.Fatal(err)
			}
			golden(t, name+".sql", strings.Join(p.statements, ";\n")+";\n")
		})
	}
}

// A window whose rows were replaced by newer ones takes its place in the ledger
// alone.
func TestSupersededWindowIsGolden(t *testing.T) {
	t.Parallel()
	l := load()
	modes["merge-newest-deleted"](&l)
	transaction, err := plan(config(), taskOf(t, withoutRows(l)), superseded(l))
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "superseded.sql", transaction.text()+";\n")
}

// A table that takes the target's place, one of whose columns has another type.
func TestSwapIsGolden(t *testing.T) {
	t.Parallel()
	l := load()
	l.Mode, l.Swap = warehouse.Replace, true
	task := taskOf(t, l)
	anew, err := task.targetColumn(1)
	if err != nil {
		t.Fatal(err)
	}
	task.swap = &swap{
		mark: markOf(l, 3), comment: "what's sold", anew: []targetColumn{anew},
		comments: map[string]string{"id": "bigint", "total": "text", "theirs": ""},
	}
	p, err := plan(config(), task, warehouse.Enter(l, warehouse.Verdict{}))
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "swap.sql", tablesStatement(task.Target)+";\n"+p.text()+";\n")
}

func TestEveryGoldenFileIsTested(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	cases := goldenLoads(t)
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".sql")
		if cases[name] == nil && name != "superseded" && name != "swap" && !strings.HasPrefix(name, "alter-") {
			t.Errorf("%s belongs to no test", file)
		}
	}
}

func taskOf(t *testing.T, l warehouse.Load) task {
	t.Helper()
	task, err := newTask(l)
	if err != nil {
		t.Fatal(err)
	}
	return task
}

// script is everything that a load into a new table says.
func script(t *testing.T, l warehouse.Load) string {
	t.Helper()
	task := taskOf(t, l)
	p, err := setUpFor(config(), task, existing{})
	if err != nil {
		t.Fatal(err)
	}
	transaction, err := plan(config(), task, entryOf(l))
	if err != nil {
		t.Fatal(err)
	}
	lines := slices.Concat([]string{lookStatement(config(), task.Load), ledgerStatement(config(), task.Load)}, p.statements,
		[]string{lockRow(config(), task.Load)}, transaction.statements, p.wishes)
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
