package redshift

import (
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

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

func swept(l *warehouse.Load, soft bool) {
	window(l)
	l.Sweep = &warehouse.Sweep{Soft: soft, Manifest: "s3://bucket/stage/shop/public.orders/20261121T003000Z-7f3a91c2/sweep/manifest.json", Rows: 77}
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
	"append-backslash": func(l *warehouse.Load) { l.Source.Table = `a\b` },
	"added":            func(l *warehouse.Load) { merge(l); l.AddRun, l.AddLoadedAt = true, true },
	"sweep-hard":       func(l *warehouse.Load) { swept(l, false) },
	"sweep-soft":       func(l *warehouse.Load) { swept(l, true) },
	"sweep-alone":      func(l *warehouse.Load) { swept(l, true); empty(l) },
	"sweep-nothing":    func(l *warehouse.Load) { swept(l, false); l.Sweep = &warehouse.Sweep{} },
	"sweep-parquet":    func(l *warehouse.Load) { swept(l, false); parquet(l) },
	"swap":             func(l *warehouse.Load) { l.Mode, l.Swap = warehouse.Replace, true },
	"swap-empty":       func(l *warehouse.Load) { l.Mode, l.Swap = warehouse.Replace, true; empty(l) },
	"recreate":         func(l *warehouse.Load) { l.Mode, l.Recreate = warehouse.Replace, true },
	"grants":           func(l *warehouse.Load) { l.Grants = []string{"ROLE Reporting", "user ann", `GROUP "the analysts"`} },
	"bad-rows":         func(l *warehouse.Load) { l.BadRows = new(int64(3)) },
	"options-csv": func(l *warehouse.Load) {
		l.Copy = map[string]string{
			"ACCEPTINVCHARS": "^", "BLANKSASNULL": "TRUE", "DATEFORMAT": "DD.MM.YYYY", "EMPTYASNULL": "TRUE", "ENCODING": "UTF16LE",
			"FILLRECORD": "TRUE", "IGNOREBLANKLINES": "FALSE", "TIMEFORMAT": "epochsecs", "TRIMBLANKS": "TRUE", "TRUNCATECOLUMNS": "TRUE",
		}
	},
	"options-parquet": func(l *warehouse.Load) {
		parquet(l)
		l.Copy = map[string]string{"ACCEPTINVCHARS": "?", "FILLRECORD": "TRUE"}
	},
	"append-tab": func(l *warehouse.Load) {
		l.Format.Delimiter, l.Format.Null, l.Format.Compression = "\t", "none's", "zstd"
	},
	"append-uncounted":  func(l *warehouse.Load) { l.Rows = -1 },
	"uncounted-jsonl":   func(l *warehouse.Load) { jsonl(l); l.Rows = -1 },
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
		case "oid": // which is the name of a system column
			column.Name = "an oid"
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
			setup, err := createStatements(config(), l, found{})
			if err != nil {
				t.Fatal(err)
			}
			wished, err := wishes(l, notes{Created: true, Schema: true}, nil)
			if err != nil {
				t.Fatal(err)
			}
			judged := []string{ledgerStatement(config(), l)}
			if swaps(l) {
				judged = append(judged, keptStatements(config(), l)...)
			}
			entry := warehouse.Enter(l, warehouse.Verdict{})
			entry.Sequence = 8
			transaction, err := loadStatements(config(), l, entry, replaced(l))
			if err != nil {
				t.Fatal(err)
			}
			compareGolden(t, name, map[string][]string{
				"look": {lookStatement(config(), l)}, "create": setup, "wish": slices.Concat(wished...),
				"ledger": judged, "load": texts(transaction),
			})
			if len(transaction) > maxStatements {
				t.Errorf("%d statements, and a batch takes %d", len(transaction), maxStatements)
			}
		})
	}
}

// replaced is the table that a load swaps away.
func replaced(l warehouse.Load) kept {
	if !swaps(l) {
		return kept{}
	}
	return kept{
		swap: true, recreate: l.Recreate,
		columns: map[string]existing{
			"id":         {kind{name: "SMALLINT"}, 1, "PostgreSQL: smallint"},
			"total":      {kind{name: "VARCHAR", a: 20}, 2, "the sum, O'Neil says"},
			`the "note"`: {kind{name: "VARCHAR", a: 160}, 3, ""},
			"attributes": {kind{name: "SUPER"}, 4, ""},
			"photo":      {kind{name: "VARBYTE"}, 5, ""},
			"theirs":     {kind{name: "CHAR", a: 3}, 7, ""},
		},
		grants: [][]string{
			{"public", "orders", "TABLE", "SELECT", "101", "ann", "user", "false", "TABLE"},
			{"public", "orders", "TABLE", "SELECT", "102", "bob", "user", "true", "TABLE"},
			{"public", "orders", "TABLE", "SELECT", "103", "reporting", "role", "false", "TABLE"},
			{"public", "orders", "TABLE", "SELECT", "0", "public", "public", "false", "TABLE"},
			{"public", "orders", "TABLE", "DELETE", "104", "the analysts", "group", "false", "TABLE"},
			{"public", "orders", "TABLE", "INSERT", "104", "ann", "user", "false", "SCHEMA"},
		},
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
	narrow, id := existing{kind: kind{name: "VARCHAR", a: 12}}, existing{kind: kind{name: "BIGINT"}}
	has := func(name string, column existing) found {
		return found{target: map[string]existing{name: column}, ledger: book, history: book}
	}
	for name, c := range map[string]struct {
		columns []table.Column
		found   found
	}{
		"alter-add":   {load().Columns, has("id", id)},
		"alter-types": {everyType(t, "csv"), has("id", id)},
		"alter-widen": {load().Columns[2:3], has(`the "note"`, narrow)},
		"alter-rebuild": {load().Columns[:2], found{ledger: book, history: book, target: map[string]existing{
			"id": {kind: kind{name: "SMALLINT"}}, "total": {kind: kind{name: "DECIMAL", a: 10, b: 1}},
		}}},
		"alter-ledger":  {load().Columns[:1], found{target: map[string]existing{"id": id}, ledger: map[string]kind{"load_id": {}}, history: book}},
		"alter-history": {load().Columns[:1], found{target: map[string]existing{"id": id}, ledger: book}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := load()
			l.Columns = c.columns
			need, err := reconcile(config(), l, c.found)
			if err != nil {
				t.Fatal(err)
			}
			sections := map[string][]string{"alter": need.alter, "widen": need.widen}
			for _, r := range need.rebuild {
				sections["alter"] = append(sections["alter"], r.statements...)
			}
			if need.rebuild != nil {
				sections["look"] = []string{viewsStatement(config(), l)}
			}
			compareGolden(t, name, sections)
		})
	}
	ended := description{begun: time.Date(2026, 11, 21, 0, 31, 0, 0, time.UTC), over: time.Date(2026, 11, 21, 0, 32, 0, 0, time.UTC)}
	compareGolden(t, "errors", map[string][]string{"errors": {errorStatement(4711, 20), recentStatement(ended)}})
}

// sections are the parts of a golden file, in their order.
var sections = []string{"look", "create", "alter", "widen", "wish", "ledger", "load", "errors"}

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
			if _, err := grammar.Parse(sql); err != nil {
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
	_, err := loadStatements(config(), l, warehouse.Enter(l, warehouse.Verdict{}), kept{})
	if want := `column "opens" of type time without time zone: Redshift's COPY reads no TIME from Parquet; stage the table as csv or jsonl`; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got error %v, want %q", err, want)
	}
}
