package redshift

import (
	"flag"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/local/redshift/grammar"
	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/table/tabletest"
	"github.com/stagelift/stagelift/shared/warehouse"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func config() Config {
	return Config{
		Workgroup: "analytics", Database: "dev", CopyRole: "arn:aws:iam::123456789012:role/copy",
		LedgerSchema: "stagelift", Region: "eu-central-1",
	}
}

func load() warehouse.Load {
	return warehouse.Load{
		ID: strings.Repeat("0f", 32), Run: "20261121T003000Z-7f3a91c2", Mode: warehouse.Append,
		Source: table.Name{Schema: "public", Table: "orders"}, Target: table.Name{Schema: "public", Table: "orders"},
		Columns: []table.Column{
			{Name: "id", Type: "bigint"},
			{Name: "total", Type: "numeric(12,2)", Nullable: true},
			{Name: `the "note"`, Type: "character varying(40)", Nullable: true},
			{Name: "attributes", Type: "jsonb", Nullable: true},
			{Name: "photo", Type: "bytea", Nullable: true},
		},
		Format:   stage.Format{Name: "csv", Compression: "none", Null: `\N`, Delimiter: ","},
		Manifest: "s3://bucket/stage/shop/public.orders/20261121T003000Z-7f3a91c2/manifest.json",
		Rows:     1042,
	}
}

// bend changes a load, under a name that says how.
type bend func(*warehouse.Load)

func jsonl(l *warehouse.Load)   { l.Format = stage.Format{Name: "jsonl", Compression: "zstd"} }
func parquet(l *warehouse.Load) { l.Format = stage.Format{Name: "parquet", Compression: "snappy"} }
func merge(l *warehouse.Load)   { l.Mode, l.Keys = warehouse.Merge, []string{"id"} }
func empty(l *warehouse.Load)   { l.Rows, l.Manifest = 0, "" }

func newest(l *warehouse.Load) {
	merge(l)
	l.Keys, l.Newest = []string{"id", "total"}, "changed"
	l.Columns = append(l.Columns, table.Column{Name: "changed", Type: "timestamp with time zone"})
}

func deleted(l *warehouse.Load) {
	merge(l)
	l.Deleted = "gone"
	l.Columns = append(l.Columns, table.Column{Name: "gone", Type: "boolean"})
}

func window(l *warehouse.Load) {
	newest(l)
	l.Deleted = "gone"
	l.Columns = append(l.Columns, table.Column{Name: "gone", Type: "boolean"})
	l.Window = &stage.Window{Column: "changed", Type: "timestamp with time zone", From: "2026-11-20 00:00:00+00", To: "2026-11-21 00:00:00+00"}
}

var (
	modes = map[string]bend{
		"append":        func(*warehouse.Load) {},
		"replace":       func(l *warehouse.Load) { l.Mode = warehouse.Replace },
		"merge":         merge,
		"merge-newest":  newest,
		"merge-deleted": deleted,
		"merge-window":  window,
	}
	formats = map[string]bend{"csv": func(*warehouse.Load) {}, "jsonl": jsonl, "parquet": parquet}
)

var oddities = map[string]bend{
	"csv-header":    func(l *warehouse.Load) { l.Format.Header = true },
	"append-empty":  empty,
	"replace-empty": func(l *warehouse.Load) { l.Mode = warehouse.Replace; empty(l) },
	"merge-empty":   func(l *warehouse.Load) { window(l); empty(l) },
	"append-quoted": func(l *warehouse.Load) { l.Source.Table, l.Target.Table = `O'Neil's "Items"`, `O'Neil's "Items"` },
	"append-long-name": func(l *warehouse.Load) {
		l.Target.Schema, l.Target.Table = strings.Repeat("ä", 31), strings.Repeat("B", 63)+strings.Repeat("c", 40)
	},
	"append-backslash": func(l *warehouse.Load) { l.Source.Table, l.Target.Table = `a\b`, `a\b` },
	"append-tab": func(l *warehouse.Load) {
		l.Format.Delimiter, l.Format.Null, l.Format.Compression = "\t", "none's", "zstd"
	},
	"append-uncounted":  func(l *warehouse.Load) { l.Rows = -1 },
	"append-jsonl-case": func(l *warehouse.Load) { jsonl(l); l.Columns[0].Name = "Id" },
	"narrowed":          func(l *warehouse.Load) { l.Columns[1].Source = "numeric" },
	"dist-key":          func(l *warehouse.Load) { l.Layout.DistKey = "id" },
	"sort-keys":         func(l *warehouse.Load) { l.Layout.SortKeys = []string{"total", `the "note"`} },
	"layout": func(l *warehouse.Load) {
		l.Layout = warehouse.TargetLayout{DistKey: "id", SortKeys: []string{"total", "id"}, ClusterBy: []string{"id"}}
	},
}

// goldenLoads are all loads whose statements are kept, by the file's name.
func goldenLoads(t *testing.T) map[string]bend {
	t.Helper()
	cases := maps.Clone(oddities)
	for format, inFormat := range formats {
		for mode, inMode := range modes {
			cases[mode+"-"+format] = func(l *warehouse.Load) { inMode(l); inFormat(l) }
		}
		cases["types-"+format] = func(l *warehouse.Load) { inFormat(l); l.Columns = everyType(t, l.Format.Name) }
		if format == "parquet" { // which says inside how it is compressed
			continue
		}
		for compression := range compressions {
			cases[format+"-"+compression] = func(l *warehouse.Load) { inFormat(l); l.Format.Compression = compression }
		}
	}
	return cases
}

// everyType has a column of each type of the type table, but for JSON those
// with numbers of more digits than Redshift reads from it, and for Parquet TIME.
func everyType(t *testing.T, format string) []table.Column {
	t.Helper()
	var columns []table.Column
	for _, column := range tabletest.Columns(t, "../../../docs/types.md") {
		switch column.Type {
		case "numeric", "numeric(39,0)", "money":
			if format == "jsonl" {
				continue
			}
		case "time without time zone":
			if format == "parquet" {
				continue
			}
		}
		columns = append(columns, column)
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
			setup, err := createStatements(config(), l)
			if err != nil {
				t.Fatal(err)
			}
			entry := warehouse.Enter(l, warehouse.Verdict{})
			entry.Sequence = 8
			transaction, err := loadStatements(config(), l, entry)
			if err != nil {
				t.Fatal(err)
			}
			compareGolden(t, name, map[string][]string{
				"look": {lookStatement(config(), l)}, "create": setup,
				"ledger": {ledgerStatement(config(), l)}, "load": texts(transaction),
			})
			if len(transaction) > maxStatements {
				t.Errorf("%d statements, and a batch takes %d", len(transaction), maxStatements)
			}
		})
	}
}

// A target that is there already is altered, and so is a ledger of an earlier
// version.
func TestAlterationsAreGolden(t *testing.T) {
	t.Parallel()
	book := map[string]kind{}
	for _, column := range ledgerColumns {
		book[column.name] = kind{}
	}
	narrow, id := kind{name: "VARCHAR", a: 12}, kind{name: "BIGINT"}
	for name, c := range map[string]struct {
		columns []table.Column
		found   found
	}{
		"alter-add":     {load().Columns, found{map[string]kind{"id": id}, book, book}},
		"alter-types":   {everyType(t, "csv"), found{map[string]kind{"id": id}, book, book}},
		"alter-widen":   {load().Columns[2:3], found{map[string]kind{`the "note"`: narrow}, book, book}},
		"alter-ledger":  {load().Columns[:1], found{map[string]kind{"id": id}, map[string]kind{"load_id": {}}, book}},
		"alter-history": {load().Columns[:1], found{map[string]kind{"id": id}, book, nil}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := load()
			l.Columns = c.columns
			need, err := reconcile(config(), l, c.found)
			if err != nil {
				t.Fatal(err)
			}
			compareGolden(t, name, map[string][]string{"alter": need.alter, "widen": need.widen})
		})
	}
	compareGolden(t, "errors", map[string][]string{"errors": {errorStatement(4711)}})
}

// sections are the parts of a golden file, in their order.
var sections = []string{"look", "create", "alter", "widen", "ledger", "load", "errors"}

// rules take a column oid, which Redshift refuses.
var rules = grammar.Rules{AnyName: true}

// compareGolden also reads each statement as the stand-in does, which knows the
// documentation's grammar.
func compareGolden(t *testing.T, name string, statements map[string][]string) {
	t.Helper()
	var got []string
	for _, section := range sections {
		list := statements[section]
		if len(list) == 0 {
			continue
		}
		got = append(got, "-- "+section+"\n"+strings.Join(list, ";\n")+";\n")
		for _, sql := range list {
			if _, err := rules.Parse(sql); err != nil {
				t.Errorf("%s: %v", sql, err)
			}
		}
	}
	file, text := filepath.Join("testdata", name+".sql"), strings.Join(got, "\n")
	if *update {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), text); diff != "" {
		t.Errorf("%s (-want +got), rewrite with -update:\n%s", file, diff)
	}
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
		if cases[name] == nil && name != "errors" && !strings.HasPrefix(name, "alter-") {
			t.Errorf("%s belongs to no test", file)
		}
	}
}

// Spectrum, by which COPY reads Parquet, has no TIME.
func TestTimeInParquetIsRefused(t *testing.T) {
	t.Parallel()
	l := load()
	l.Format = stage.Format{Name: "parquet", Compression: "snappy"}
	l.Columns = []table.Column{{Name: "opens", Type: "time without time zone"}}
	_, err := loadStatements(config(), l, warehouse.Entry{})
	if want := `column "opens" of type time without time zone: Redshift's COPY reads no TIME from Parquet; stage the table as csv or jsonl`; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got error %v, want %q", err, want)
	}
}
