package redshift

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/stagelift/stagelift/shared/warehouse"
)

// option is an option of COPY that a route may set.
type option struct {
	// values are those that it has; nil is any text.
	values []string
	// bare is true for one whose value is a word and no literal.
	bare bool
}

// onOff is an option without a value.
var onOff = option{values: []string{"TRUE", "FALSE"}}

var encodings = option{values: []string{"UTF8", "UTF16", "UTF16LE", "UTF16BE", "ISO88591"}, bare: true}

// options are those of each format that change how fields are read, and not which
// rows are ("Data conversion parameters"). Parquet takes no others ("COPY from
// columnar data formats"); JSON has neither lines nor fields that may be missing.
var options = map[string]map[string]option{
	"csv": {
		"ACCEPTINVCHARS": {}, "BLANKSASNULL": onOff, "DATEFORMAT": {}, "EMPTYASNULL": onOff, "ENCODING": encodings, "FILLRECORD": onOff,
		"IGNOREBLANKLINES": onOff, "TIMEFORMAT": {}, "TRIMBLANKS": onOff, "TRUNCATECOLUMNS": onOff,
	},
	"jsonl": {
		"ACCEPTINVCHARS": {}, "BLANKSASNULL": onOff, "DATEFORMAT": {}, "EMPTYASNULL": onOff, "TIMEFORMAT": {}, "TRIMBLANKS": onOff, "TRUNCATECOLUMNS": onOff,
	},
	"parquet": {"ACCEPTINVCHARS": {}, "FILLRECORD": onOff},
}

// mostBadRows is what MAXERROR can say ("Data load operations"): the load fails when
// it has met as many.
const mostBadRows = 100_000 - 1

// forgiving is true where COPY leaves out rows that it cannot take.
func forgiving(load warehouse.Load) bool { return load.BadRows != nil && *load.BadRows > 0 }

// truncates is true where COPY cuts texts to what their column holds.
func truncates(load warehouse.Load) bool { return load.Copy["TRUNCATECOLUMNS"] == "TRUE" }

// cutTo lets texts be staged no longer than the target has them.
func cutTo(c Config, columns []staged, target map[string]existing) {
	for i, column := range columns {
		have := target[c.fold(column.Name)]
		want, err := parseKind(column.copied)
		if err == nil && have.name == "VARCHAR" && want.name == "VARCHAR" && column.kind == column.copied && have.a < want.a {
			columns[i].copied = have.String()
		}
	}
}

// copyOptions spells those of a load.
func copyOptions(load warehouse.Load) []string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(load.Copy)) {
		o, value := options[load.Format.Name][name], load.Copy[name]
		switch {
		case o.bare:
			list = append(list, name+" AS "+value)
		case o.values == nil:
			list = append(list, name+" AS "+quote(value))
		case value == "TRUE":
			list = append(list, name)
		}
	}
	if forgiving(load) {
		list = append(list, fmt.Sprintf("MAXERROR AS %d", *load.BadRows+1))
	}
	return list
}

// checkOptions refuses what a load into Redshift cannot be asked for.
func checkOptions(load warehouse.Load) error {
	if load.Abandon != "" {
		return nil
	}
	problems := []error{checkMode(load), checkSweep(load)}
	for _, grant := range load.Grants {
		problems = append(problems, warehouse.CheckGrant(grant))
	}
	known := options[load.Format.Name]
	for _, name := range slices.Sorted(maps.Keys(load.Copy)) {
		o, taken := known[name]
		value := load.Copy[name]
		switch {
		case !taken:
			problems = append(problems, fmt.Errorf("COPY option %q: of %s Redshift's loads take %s",
				name, load.Format.Name, strings.Join(slices.Sorted(maps.Keys(known)), ", ")))
		case o.values != nil && !slices.Contains(o.values, value):
			problems = append(problems, fmt.Errorf("COPY option %s is %q: want %s", name, value, strings.Join(o.values, " or ")))
		case value == "" || strings.ContainsFunc(value, unicode.IsControl) || strings.Contains(value, `\`):
			problems = append(problems, fmt.Errorf("COPY option %s is %q: want a text without control characters and backslashes", name, value))
		}
	}
	if load.BadRows == nil {
		return errors.Join(problems...)
	}
	switch n := *load.BadRows; {
	case n < 0 || n > mostBadRows:
		problems = append(problems, fmt.Errorf("%d bad rows are forgiven: want 0 to %d, which is what COPY counts to", n, mostBadRows))
	case n > 0 && load.Format.Name == "parquet":
		problems = append(problems, errors.New("of Parquet COPY forgives no bad row in Redshift; load it without bad_rows, or as csv or jsonl"))
	}
	return errors.Join(problems...)
}

func checkMode(load warehouse.Load) error {
	var problems []error
	switch load.Mode {
	case warehouse.Append, warehouse.Replace:
	case warehouse.Merge:
		if len(load.Keys) == 0 {
			problems = append(problems, errors.New("a merge needs keys"))
		}
	default:
		problems = append(problems, fmt.Errorf("mode %q is not one that is loaded here: append, replace and merge are", load.Mode))
	}
	if swaps(load) && load.Mode != warehouse.Replace {
		problems = append(problems, fmt.Errorf("swap and recreate replace a table, and mode is %s", load.Mode))
	}
	switch load.Changes {
	case "", warehouse.Evolve, warehouse.AddOnly, warehouse.Freeze:
	default:
		problems = append(problems, fmt.Errorf("schema_changes %q: want evolve, add or freeze", load.Changes))
	}
	return errors.Join(problems...)
}

// checkSweep refuses a sweep that would delete what it does not know of. A
// replacement has nothing left to sweep.
func checkSweep(load warehouse.Load) error {
	switch s := load.Sweep; {
	case s == nil || load.Mode == warehouse.Replace:
		return nil
	case load.Mode != warehouse.Merge || len(load.Keys) == 0:
		return errors.New("a sweep needs a merge with keys")
	case s.Filter != load.Filter:
		return errors.New("the sweep lists the keys of other rows than the load's condition takes; a target has one condition for both")
	case s.Manifest == "" && s.Rows > 0:
		return fmt.Errorf("%d keys are staged, but no manifest of theirs", s.Rows)
	}
	return nil
}
