package snowflake

import (
	"fmt"
	"strings"

	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// anyText holds every text, of up to maxText characters.
const (
	anyText = "VARCHAR(134217728)"
	maxText = 134217728
)

// stagedType is the type of a column of the staging table. A document is text
// there, unless COPY finds it parsed already: to parse it COPY would have to
// transform, and what transforms does not check the number of fields ("Transform
// data during a load").
func stagedType(format string, image table.Image) string {
	if image.Snowflake == "VARIANT" && format != "jsonl" {
		return anyText
	}
	return image.Snowflake
}

// createStaging creates a table that COPY fills.
func createStaging(t task, name string) (string, error) {
	list := make([]string, len(t.Columns))
	for i, column := range t.Columns {
		image, err := table.ImageOf(column)
		if err != nil {
			return "", err
		}
		list[i] = table.Quote(column.Name) + " " + stagedType(t.Format.Name, image)
	}
	return "CREATE TEMPORARY TABLE " + name + " (" + strings.Join(list, ", ") + ")", nil
}

// projection lists what is read of each row, where the files' fields are not
// the columns as they stand; empty where they are.
func projection(t task) (string, error) {
	if t.Format.Name == "csv" {
		return "", nil
	}
	list := make([]string, len(t.Columns))
	for i, column := range t.Columns {
		image, err := table.ImageOf(column)
		if err != nil {
			return "", err
		}
		kind := stagedType(t.Format.Name, image)
		if t.Format.Name == "parquet" {
			list[i] = path(t.fields[i]) + "::" + cast(kind)
			continue
		}
		if image.JSON == table.JSONNumber && strings.HasPrefix(kind, "VARCHAR") {
			return "", fmt.Errorf("%w: column %s, %s, has numbers of more digits than Snowflake reads from JSON; "+
				"stage it as text or narrowed to 38 digits, or in another format",
				warehouse.ErrColumn, table.Quote(column.Name), sourceType(column))
		}
		list[i] = jsonField(t.fields[i], kind)
	}
	return strings.Join(list, ", "), nil
}

// jsonField reads a value of an object. A null is NULL: what was a JSON null in
// the source cannot be told from it in JSON Lines.
func jsonField(name, kind string) string {
	switch {
	case kind == "VARIANT":
		return "IFF(IS_NULL_VALUE(" + path(name) + "), NULL, " + path(name) + ")"
	case strings.HasPrefix(kind, "BINARY"):
		return "TO_BINARY(" + path(name) + "::" + anyText + ", 'BASE64')"
	}
	return path(name) + "::" + cast(kind)
}

// cast leaves the length of text to the staging table's column, which refuses
// what is too long: a cast might cut it.
func cast(kind string) string {
	if strings.HasPrefix(kind, "VARCHAR") {
		return anyText
	}
	return kind
}

// path names a field of the row. Within the quotes of a path nothing can be
// escaped, as far as is documented, so other names are in brackets.
func path(name string) string {
	if strings.ContainsAny(name, "\"\\") {
		return "$1[" + quote(name) + "]"
	}
	return "$1:" + table.Quote(name)
}
