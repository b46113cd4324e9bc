package stack_test

import (
	"strings"
	"testing"

	"github.com/stagelift/stagelift/local/stack"
)

const oddValues = `CREATE TABLE t_%s (id bigint PRIMARY KEY, n numeric(12,2), s text, j jsonb, b bytea, z timetz, at timestamptz);
	INSERT INTO t_%s VALUES
	(1, -1.23, 'a "quoted", line' || chr(10) || 'and a tab' || chr(9), '{"a": [1, "x", null]}', '\x00ff', '10:11:12+02', '2026-11-21 00:00:00.123456+00'),
	(2, NULL, NULL, NULL, NULL, NULL, NULL),
	(3, 9999999999.99, '', '[]', '\x01', '23:59:59.999999-11', '1969-12-31 23:59:59+00')`

// What extract writes, load reads, in every format and compression.
func TestEveryFormatArrives(t *testing.T) {
	t.Parallel()
	b := setup(t, stack.Options{}, "")
	for name, options := range map[string]string{
		"csv":         ``,
		"csv_gzip":    `,"compression":"gzip"`,
		"csv_zstd":    `,"compression":"zstd"`,
		"jsonl":       `,"format":"jsonl"`,
		"jsonl_zstd":  `,"format":"jsonl","compression":"zstd"`,
		"parquet":     `,"format":"parquet"`,
		"parquet_raw": `,"format":"parquet","compression":"none"`,
	} {
		t.Run(name, func(t *testing.T) {
			b := b.on(t)
			b.exec(strings.ReplaceAll(oddValues, "%s", name))
			b.extract(`{"tables":["public.t_` + name + `"]` + options + `}`)
			b.await()
			b.wantOnce("t_" + name)
		})
	}
}
