package redshift

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"

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
		ID: strings.Repeat("0f", 32), Run: "20261121T003000Z-7f3a91c2",
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

func TestStatementsAreGolden(t *testing.T) {
	t.Parallel()
	for name, bend := range map[string]func(*warehouse.Load){
		"append":        func(*warehouse.Load) {},
		"append-gzip":   func(l *warehouse.Load) { l.Format.Compression = "gzip"; l.Format.Header = true },
		"append-empty":  func(l *warehouse.Load) { l.Rows, l.Manifest = 0, "" },
		"append-quoted": func(l *warehouse.Load) { l.Source.Table, l.Target.Table = `O'Neil's "Items"`, `O'Neil's "Items"` },
		"append-long-name": func(l *warehouse.Load) {
			l.Target.Schema, l.Target.Table = strings.Repeat("ä", 31), strings.Repeat("B", 63)+strings.Repeat("c", 40)
		},
		"append-backslash": func(l *warehouse.Load) { l.Source.Table, l.Target.Table = `a\b`, `a\b` },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := load()
			bend(&l)
			setup, err := setupStatements(config(), l)
			if err != nil {
				t.Fatal(err)
			}
			transaction, err := loadStatements(config(), l)
			if err != nil {
				t.Fatal(err)
			}
			lines := append([]string{ledgerExists(config(), l), ledgerEntry(config(), l), otherSource(config(), l)}, setup...)
			lines = append(append(lines, "BEGIN"), texts(transaction)...)
			golden(t, name+".sql", strings.Join(append(lines, "COMMIT"), ";\n")+";\n")
		})
	}
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

func TestLedgerNamesFitAndDiffer(t *testing.T) {
	t.Parallel()
	long := load()
	long.Target.Table = strings.Repeat("a", 126)
	other := load()
	other.Target.Table = strings.Repeat("a", 125) + "b"
	a, b := ledger(config(), long), ledger(config(), other)
	if a == b || len(a.Table) > identifierBytes || len(b.Table) > identifierBytes {
		t.Errorf("ledgers %s and %s", a, b)
	}
}

func TestUnknownFormatsAreRefused(t *testing.T) {
	t.Parallel()
	for name, bend := range map[string]func(*warehouse.Load){
		"format":      func(l *warehouse.Load) { l.Format.Name = "orc" },
		"compression": func(l *warehouse.Load) { l.Format.Compression = "lzop" },
		"null":        func(l *warehouse.Load) { l.Format.Null = "" },
		"type":        func(l *warehouse.Load) { l.Columns[0].Type = "" },
	} {
		l := load()
		bend(&l)
		if _, err := loadStatements(config(), l); err == nil {
			t.Errorf("another %s was taken", name)
		}
	}
}

func TestConfigNeedsOneEndpoint(t *testing.T) {
	t.Parallel()
	for _, bend := range []func(*Config){
		func(c *Config) { c.Workgroup = "" },
		func(c *Config) { c.ClusterID = "cluster" },
		func(c *Config) { c.CopyRole = "" },
		func(c *Config) { c.Database = "" },
	} {
		c := config()
		bend(&c)
		if _, err := New(aws.Config{}, c); err == nil {
			t.Errorf("%+v was taken", c)
		}
	}
}
