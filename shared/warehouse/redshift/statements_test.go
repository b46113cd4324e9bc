package redshift

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/local/redshift/grammar"
	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/table"
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

// everyType has a column of each type of the type table that differs in what
// becomes of it.
func everyType() []table.Column {
	var columns []table.Column
	for _, kind := range []string{
		"boolean", "smallint", "integer", "bigint", "oid", "real", "double precision", "numeric(12,2)", "text",
		"character varying(40)", "character(3)", "bytea", "date", "time without time zone", "time with time zone",
		"timestamp without time zone", "timestamp with time zone", "interval", "uuid", "json", "jsonb", "inet", "text[]", "bit(5)",
	} {
		columns = append(columns, table.Column{Name: strings.ReplaceAll(kind, " ", "_"), Type: kind, Nullable: true})
	}
	return columns
}

func jsonl(l *warehouse.Load)   { l.Format = stage.Format{Name: "jsonl", Compression: "zstd"} }
func parquet(l *warehouse.Load) { l.Format = stage.Format{Name: "parquet", Compression: "snappy"} }
func replace(l *warehouse.Load) { l.Mode = warehouse.Replace }
func merge(l *warehouse.Load)   { l.Mode, l.Keys = warehouse.Merge, []string{"id"} }

var golden = map[string]func(*warehouse.Load){
	"append":        func(*warehouse.Load) {},
	"append-gzip":   func(l *warehouse.Load) { l.Format.Compression = "gzip"; l.Format.Header = true },
	"append-empty":  func(l *warehouse.Load) { l.Rows, l.Manifest = 0, "" },
	"append-quoted": func(l *warehouse.Load) { l.Source.Table, l.Target.Table = `O'Neil's "Items"`, `O'Neil's "Items"` },
	"append-long-name": func(l *warehouse.Load) {
		l.Target.Schema, l.Target.Table = strings.Repeat("ä", 31), strings.Repeat("B", 63)+strings.Repeat("c", 40)
	},
	"append-backslash": func(l *warehouse.Load) { l.Source.Table, l.Target.Table = `a\b`, `a\b` },
	"append-tab": func(l *warehouse.Load) {
		l.Format.Delimiter, l.Format.Null, l.Format.Compression = "\t", "none's", "zstd"
	},
	"append-uncounted":  func(l *warehouse.Load) { l.Rows = -1 },
	"append-jsonl":      jsonl,
	"append-jsonl-case": func(l *warehouse.Load) { jsonl(l); l.Columns[0].Name = "Id" },
	"append-parquet":    parquet,
	"replace":           replace,
	"replace-empty":     func(l *warehouse.Load) { replace(l); l.Rows, l.Manifest = 0, "" },
	"replace-jsonl":     func(l *warehouse.Load) { replace(l); jsonl(l) },
	"replace-parquet":   func(l *warehouse.Load) { replace(l); parquet(l) },
	"merge":             merge,
	"merge-jsonl":       func(l *warehouse.Load) { merge(l); jsonl(l) },
	"merge-window": func(l *warehouse.Load) {
		merge(l)
		parquet(l)
		l.Keys, l.Newest, l.Deleted = []string{"id", "total"}, "changed", "gone"
		l.Columns = append(l.Columns, table.Column{Name: "changed", Type: "timestamp with time zone"}, table.Column{Name: "gone", Type: "boolean"})
		l.Window = &stage.Window{Column: "changed", Type: "timestamp with time zone", From: "2026-11-20 00:00:00+00", To: "2026-11-21 00:00:00+00"}
	},
	"types-csv":     func(l *warehouse.Load) { l.Columns = everyType() },
	"types-jsonl":   func(l *warehouse.Load) { jsonl(l); l.Columns = everyType() },
	"types-parquet": func(l *warehouse.Load) { parquet(l); l.Columns = everyType() },
	"layout": func(l *warehouse.Load) {
		l.Layout = warehouse.TargetLayout{DistKey: "id", SortKeys: []string{"total", "id"}, ClusterBy: []string{"id"}}
		l.Columns[1].Source = "numeric"
	},
}

func TestStatementsAreGolden(t *testing.T) {
	t.Parallel()
	for name, bend := range golden {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := load()
			bend(&l)
			setup, err := createStatements(config(), l)
			if err != nil {
				t.Fatal(err)
			}
			transaction, err := loadStatements(config(), l, 7)
			if err != nil {
				t.Fatal(err)
			}
			got := strings.Join([]string{
				"-- look\n" + lookStatement(config(), l),
				"-- create\n" + strings.Join(setup, ";\n"),
				"-- ledger\n" + ledgerStatement(config(), l),
				"-- load\n" + strings.Join(texts(transaction), ";\n"),
			}, ";\n\n") + ";\n"
			compareGolden(t, filepath.Join("testdata", name+".sql"), got)
			for _, sql := range append(append(setup, texts(transaction)...), lookStatement(config(), l), ledgerStatement(config(), l)) {
				if _, err := grammar.Parse(sql); err != nil {
					t.Errorf("%s: %v", sql, err)
				}
			}
			if len(transaction) > maxStatements {
				t.Errorf("%d statements, and a batch takes %d", len(transaction), maxStatements)
			}
		})
	}
}

func compareGolden(t *testing.T, file, got string) {
	t.Helper()
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
		t.Errorf("%s (-want +got), rewrite with -update:\n%s", file, diff)
	}
}

func TestEveryGoldenFileIsTested(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if golden[strings.TrimSuffix(filepath.Base(file), ".sql")] == nil {
			t.Errorf("%s belongs to no test", file)
		}
	}
}

// What cannot be loaded exactly is refused before anything is asked.
func TestLoadsThatAreRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		bend func(*warehouse.Load)
		want string
	}{
		"compression":            {func(l *warehouse.Load) { l.Format.Compression = "lzop" }, `compression "lzop"`},
		"format":                 {func(l *warehouse.Load) { l.Format.Name = "avro" }, `format "avro"`},
		"two delimiters":         {func(l *warehouse.Load) { l.Format.Delimiter = "||" }, `delimiter "||"`},
		"null with a backslash":  {func(l *warehouse.Load) { l.Format.Null = `\x` }, `\N can be loaded`},
		"names that fold to one": {func(l *warehouse.Load) { l.Columns[1].Name = "ID" }, `columns "id" and "ID" are one name`},
		"a name too long":        {func(l *warehouse.Load) { l.Columns[0].Name = strings.Repeat("x", 128) }, "128 bytes"},
		"a table too long":       {func(l *warehouse.Load) { l.Target.Table = strings.Repeat("x", 128) }, "128 bytes"},
		"no keys":                {func(l *warehouse.Load) { l.Mode = warehouse.Merge }, "needs keys"},
		"keys of no column":      {func(l *warehouse.Load) { merge(l); l.Keys = []string{"nr"} }, `"nr" is named for the load`},
		"a layout of no column":  {func(l *warehouse.Load) { l.Layout.SortKeys = []string{"nr"} }, `"nr" is named for the load`},
		"mode":                   {func(l *warehouse.Load) { l.Mode = "upsert" }, `mode "upsert"`},
		"digits lost in JSON":    {func(l *warehouse.Load) { jsonl(l); l.Columns[1].Type = "numeric(18,2)" }, "which keep 15 digits"},
		"numbers without end":    {func(l *warehouse.Load) { jsonl(l); l.Columns[1].Type = "numeric" }, "which keep 15 digits"},
		"too many columns": {func(l *warehouse.Load) {
			for range 1600 {
				l.Columns = append(l.Columns, table.Column{Name: strings.Repeat("n", 40) + string(rune('一'+len(l.Columns))), Type: "timestamp with time zone"})
			}
		}, "the Data API takes 100000"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := load()
			c.bend(&l)
			w, err := New(aws.Config{}, config())
			if err != nil {
				t.Fatal(err)
			}
			_, err = w.Begin(t.Context(), l) // nothing is listening
			wantError(t, err, "loading public.", c.want, "nothing was changed")
		})
	}
}

func TestConfigurationIsChecked(t *testing.T) {
	t.Parallel()
	_, err := New(aws.Config{}, Config{Workgroup: "w", ClusterID: "c"})
	wantError(t, err, "one of a workgroup and a cluster", "database, COPY role, ledger schema and region")
}

func TestKindsThatHoldOthers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		have, want string
		holds      bool
	}{
		"the same":                  {"BOOLEAN", "BOOLEAN", true},
		"longer text":               {"VARCHAR(40)", "VARCHAR(39)", true},
		"shorter text":              {"VARCHAR(39)", "VARCHAR(40)", false},
		"a wider integer":           {"BIGINT", "SMALLINT", true},
		"a narrower integer":        {"SMALLINT", "INTEGER", false},
		"more digits":               {"DECIMAL(14,2)", "DECIMAL(12,2)", true},
		"digits moved":              {"DECIMAL(14,4)", "DECIMAL(14,2)", false},
		"fewer behind the point":    {"DECIMAL(14,1)", "DECIMAL(12,2)", false},
		"an integer in a decimal":   {"DECIMAL(12,2)", "INTEGER", true},
		"an integer too wide":       {"DECIMAL(11,2)", "INTEGER", false},
		"a decimal in an integer":   {"BIGINT", "DECIMAL(5,0)", false},
		"a double for a real":       {"DOUBLE PRECISION", "REAL", true},
		"a real for a double":       {"REAL", "DOUBLE PRECISION", false},
		"a date for a time":         {"DATE", "TIMESTAMP", false},
		"text for SUPER":            {"VARCHAR(65535)", "SUPER", false},
		"a timestamp without zones": {"TIMESTAMP", "TIMESTAMPTZ", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			have, err := parseKind(c.have)
			if err != nil {
				t.Fatal(err)
			}
			want, err := parseKind(c.want)
			if err != nil {
				t.Fatal(err)
			}
			if have.holds(want) != c.holds {
				t.Errorf("%s holds %s: %t", c.have, c.want, !c.holds)
			}
		})
	}
}

// FuzzHandle: what is read as a handle is written the same.
func FuzzHandle(f *testing.F) {
	f.Add("load.1.d9b6c0c9-0747-4bf4-b142-e8883122f766")
	f.Add("errors.12.a-b.c-d")
	f.Fuzz(func(t *testing.T, handle string) {
		at, err := parseStep(handle)
		if err != nil {
			return
		}
		again, err := parseStep(at.String())
		if err != nil || again != at {
			t.Errorf("%q became %q, and %+v, %v", handle, at, again, err)
		}
	})
}

// FuzzQuote: no text gets out of its quotes.
func FuzzQuote(f *testing.F) {
	f.Add(`O'Neil\'; DROP TABLE t; --`)
	f.Fuzz(func(t *testing.T, s string) {
		literal := quote(s)
		inner := strings.ReplaceAll(literal[1:len(literal)-1], "''", "")
		if strings.ContainsAny(inner, `'\`) {
			t.Errorf("%q became %s", s, literal)
		}
	})
}
