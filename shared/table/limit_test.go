package table_test

import (
	"testing"

	"github.com/stagelift/stagelift/shared/table"
)

func TestLimitOf(t *testing.T) {
	t.Parallel()
	both := []string{table.Redshift, table.Snowflake}
	for _, c := range []struct {
		kind, format string
		targets      []string
		want         table.Limit
	}{
		{"text", "csv", nil, table.Limit{}},
		{"text", "csv", both, table.Limit{Bytes: 65535, Target: table.Redshift, Cut: true}},
		{"character varying(20000)", "parquet", both, table.Limit{Bytes: 65535, Target: table.Redshift, Cut: true}},
		{"text", "csv", []string{table.Snowflake}, table.Limit{Bytes: 134217728, Target: table.Snowflake, Cut: true}},
		{"tsvector", "csv", both, table.Limit{Bytes: 65535, Target: table.Redshift}},
		{"text[]", "parquet", both, table.Limit{Bytes: 65535, Target: table.Redshift}},
		{"jsonb", "csv", both, table.Limit{Bytes: 16777216, Target: table.Redshift}},
		{"jsonb", "jsonl", both, table.Limit{Bytes: 4194304, Target: table.Redshift}},
		{"bytea", "jsonl", both, table.Limit{Bytes: 49149, Target: table.Redshift}},
		{"bytea", "parquet", []string{table.Snowflake}, table.Limit{Bytes: 67108864, Target: table.Snowflake}},
		{"bigint", "csv", both, table.Limit{}},
	} {
		column := table.Column{Name: "c", Type: c.kind}
		image, err := table.ImageOf(column)
		if err != nil {
			t.Fatal(err)
		}
		if got := table.LimitOf(column, image, c.format, c.targets); got != c.want {
			t.Errorf("%s in %s for %v: %+v, want %+v", c.kind, c.format, c.targets, got, c.want)
		}
	}
}

func TestUnfit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind, format, target string
		unfit                bool
	}{
		{"numeric", "jsonl", table.Redshift, true},
		{"numeric(16,2)", "jsonl", table.Redshift, true},
		{"numeric(15,2)", "jsonl", table.Redshift, false},
		{"numeric", "csv", table.Redshift, false},
		{"numeric", "jsonl", table.Snowflake, false},
		{"bigint", "jsonl", table.Redshift, false},
		{"time without time zone", "parquet", table.Redshift, true},
		{"time with time zone", "parquet", table.Redshift, false},
		{"time without time zone", "csv", table.Redshift, false},
		{"time without time zone", "parquet", table.Snowflake, false},
	} {
		image, err := table.ImageOf(table.Column{Name: "c", Type: c.kind})
		if err != nil {
			t.Fatal(err)
		}
		if got := table.Unfit(image, c.format, []string{c.target}); (got != "") != c.unfit {
			t.Errorf("%s in %s for %s: %q", c.kind, c.format, c.target, got)
		}
	}
}
