package table_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/table/tabletest"
)

// row is a line of the table in docs/types.md.
type row struct{ Type, CSV, JSON, Parquet, Policy, Redshift, Snowflake string }

// documented reads the table, by column.
func documented(t *testing.T) map[table.Column]row {
	t.Helper()
	rows := map[table.Column]row{}
	for _, r := range tabletest.Rows(t, "../../docs/types.md") {
		cells := r.Cells
		if _, twice := rows[r.Column]; twice {
			t.Errorf("docs/types.md has two rows for %s", cells[0])
		}
		rows[r.Column] = row{cells[0], cells[1], cells[2], cells[3], cells[4], cells[5], cells[6]}
	}
	return rows
}

func TestEveryRowOfTheDocumentIsTrue(t *testing.T) {
	t.Parallel()
	for column, want := range documented(t) {
		image := imageOf(t, column)
		policy := ""
		if image.Limited() {
			policy = "applies"
		}
		got := row{
			want.Type, printed(image), written(image.JSON), stored(image.Parquet), policy,
			"`" + image.Redshift + "`", "`" + image.Snowflake + "`",
		}
		if diff := cmp.Diff(got, want); diff != "" {
			t.Errorf("row %s of docs/types.md (-code +document):\n%s", want.Type, diff)
		}
	}
}

func TestEveryTypeIsInTheDocument(t *testing.T) {
	t.Parallel()
	found := map[string]bool{}
	kinds := map[string]bool{}
	for column := range documented(t) {
		parsed, err := table.ParseType(column.Type)
		if err != nil {
			t.Fatal(err)
		}
		if !parsed.Array {
			found[parsed.Name] = true
		}
		kinds[column.Kind] = true
	}
	for _, name := range table.Types() {
		if !found[name] {
			t.Errorf("docs/types.md has no row for %s", name)
		}
	}
	for _, kind := range []string{"enum", "composite", "range", "multirange"} {
		if !kinds[kind] {
			t.Errorf("docs/types.md has no row for a type of kind %s", kind)
		}
	}
}

func printed(i table.Image) string {
	if i.Wire == table.WireBytes {
		return "hex digits"
	}
	return map[table.Form]string{
		table.FormValue: "as printed", table.FormText: "as printed", table.FormJSON: "JSON", table.FormNumeric: "number",
	}[i.Sent]
}

func written(j table.JSON) string {
	return map[table.JSON]string{
		table.JSONString: "string", table.JSONNumber: "number", table.JSONBoolean: "boolean",
		table.JSONRaw: "JSON", table.JSONBase64: "base64",
	}[j]
}

func stored(p table.Parquet) string {
	physical := map[table.ParquetPhysical]string{
		table.ParquetBytes: "BYTE_ARRAY", table.ParquetBoolean: "BOOLEAN", table.ParquetInt32: "INT32",
		table.ParquetInt64: "INT64", table.ParquetFloat: "FLOAT", table.ParquetDouble: "DOUBLE",
		table.ParquetFixed: fmt.Sprintf("FIXED(%d)", p.Length),
	}[p.Physical]
	logical := map[table.ParquetLogical]string{
		table.ParquetNone: "", table.ParquetString: "STRING", table.ParquetInt16: "INT(16)",
		table.ParquetDecimal: fmt.Sprintf("DECIMAL(%d,%d)", p.Precision, p.Scale), table.ParquetDate: "DATE",
		table.ParquetTime: "TIME", table.ParquetTimestamp: "TIMESTAMP", table.ParquetTimestampTZ: "TIMESTAMP UTC",
	}[p.Logical]
	return strings.TrimSpace(physical + " " + logical)
}
