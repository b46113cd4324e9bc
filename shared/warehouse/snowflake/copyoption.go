package snowflake

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/stagelift/stagelift/shared/warehouse"
)

// option is an option of COPY that a route may set.
type option struct {
	// values are those that it has; nil is any text.
	values []string
	// copy is true for an option of COPY itself, and not of the file format.
	copy bool
}

var truth = []string{"TRUE", "FALSE"}

// options are those of each format that change how texts are read, and not which
// rows are (reference, "COPY INTO <table>", formatTypeOptions and copyOptions). Of
// JSON the formats of dates and times, and TRIM_SPACE, count with
// MATCH_BY_COLUMN_NAME alone, so they are not among them.
var options = map[string]map[string]option{
	"csv": {
		"TRUNCATECOLUMNS": {truth, true}, "TRIM_SPACE": {truth, false}, "SKIP_BLANK_LINES": {truth, false},
		"REPLACE_INVALID_CHARACTERS": {truth, false}, "ERROR_ON_COLUMN_COUNT_MISMATCH": {truth, false},
		"DATE_FORMAT": {nil, false}, "TIME_FORMAT": {nil, false}, "TIMESTAMP_FORMAT": {nil, false},
		"BINARY_FORMAT": {[]string{"HEX", "BASE64", "UTF8"}, false},
	},
	"jsonl":   {"TRUNCATECOLUMNS": {truth, true}, "REPLACE_INVALID_CHARACTERS": {truth, false}, "STRIP_OUTER_ARRAY": {truth, false}},
	"parquet": {"TRUNCATECOLUMNS": {truth, true}},
}

// checkCopy refuses options that are not on the list, and values that they have not.
func checkCopy(load warehouse.Load) error {
	known := options[load.Format.Name]
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(load.Copy)) {
		o, taken := known[name]
		value := load.Copy[name]
		switch {
		case !taken:
			problems = append(problems, fmt.Errorf("COPY option %q: of %s Snowflake's loads take %s",
				name, load.Format.Name, strings.Join(slices.Sorted(maps.Keys(known)), ", ")))
		case o.values != nil && !slices.Contains(o.values, value):
			problems = append(problems, fmt.Errorf("COPY option %s is %q: want %s", name, value, strings.Join(o.values, " or ")))
		case value == "":
			problems = append(problems, fmt.Errorf("COPY option %s is empty", name))
		}
	}
	if load.BadRows != nil && *load.BadRows < 0 {
		problems = append(problems, fmt.Errorf("%d bad rows are forgiven: want 0 or more", *load.BadRows))
	}
	return errors.Join(problems...)
}

// copyOptions spells those of a load that are of COPY itself, or of the format, each
// with a space before it.
func copyOptions(load warehouse.Load, ofCopy bool) string {
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(load.Copy)) {
		o := options[load.Format.Name][name]
		if o.copy != ofCopy {
			continue
		}
		value := load.Copy[name]
		if o.values == nil {
			value = quote(value)
		}
		text.WriteString(" " + name + " = " + value)
	}
	return text.String()
}
