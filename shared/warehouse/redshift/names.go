package redshift

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// identifierBytes is the longest identifier of Redshift
// (Redshift guide, "Names and identifiers").
const identifierBytes = 127

// fold turns a name into what this warehouse holds it as: where its setting
// enable_case_sensitive_identifier is on, quoted names keep their case.
func (c Config) fold(name string) string {
	if c.exact {
		return name
	}
	return fold(name)
}

// fold turns a name into what Redshift holds it as by default.
func fold(name string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, name)
}

// systemColumns "can't be used as column names" ("Names and identifiers", System
// column names), quoted or not.
var systemColumns = []string{"oid", "tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"}

// checkNames refuses what Redshift could not hold.
func checkNames(load warehouse.Load) error {
	var problems []error
	for _, name := range []string{load.Target.Schema, load.Target.Table} {
		problems = append(problems, checkName(name))
	}
	known := map[string]bool{}
	for _, column := range load.Columns {
		problems = append(problems, checkName(column.Name))
		if slices.Contains(systemColumns, fold(column.Name)) {
			problems = append(problems, fmt.Errorf("column %s has the name of one of Redshift's system columns (%s); leave it out in the request's columns, or rename it in the source",
				table.Quote(column.Name), strings.Join(systemColumns, ", ")))
		}
		known[fold(column.Name)] = true
	}
	for _, name := range named(load) {
		if !known[fold(name)] {
			problems = append(problems, fmt.Errorf("column %s is named for the load, but not among the staged columns", table.Quote(name)))
		}
	}
	for _, own := range ownColumns(load) {
		if known[own.Name] {
			problems = append(problems, fmt.Errorf("the load adds column %s, but the source has one of that name; leave one of the two out", table.Quote(own.Name)))
		}
	}
	return errors.Join(problems...)
}

// checkTwins refuses columns that are one to the warehouse.
func checkTwins(c Config, load warehouse.Load) error {
	var problems []error
	known := map[string]string{}
	for _, column := range load.Columns {
		if other, taken := known[c.fold(column.Name)]; taken {
			problems = append(problems, fmt.Errorf("columns %s and %s are one name to Redshift, which folds case; give one another name in the request's columns",
				table.Quote(other), table.Quote(column.Name)))
		}
		known[c.fold(column.Name)] = column.Name
	}
	return errors.Join(problems...)
}

// named are the columns that a load speaks of beside its columns.
func named(load warehouse.Load) []string {
	names := append([]string{}, load.Keys...)
	names = append(names, load.Layout.SortKeys...)
	for _, name := range []string{load.Newest, load.Deleted, load.Layout.DistKey} {
		if name != "" {
			names = append(names, name)
		}
	}
	return names
}

func checkName(name string) error {
	switch {
	case name == "":
		return errors.New("a name is empty")
	case len(name) > identifierBytes:
		return fmt.Errorf("name %s has %d bytes, and Redshift takes %d", table.Quote(name), len(name), identifierBytes)
	case strings.ContainsFunc(name, unicode.IsControl):
		return fmt.Errorf("name %q has a control character in it, and Redshift takes printable ones", name)
	case strings.Contains(name, `\`):
		return fmt.Errorf("name %q has a backslash in it, which no literal of Redshift's spells the same under every setting; rename it, or give the table another target", name)
	}
	return nil
}

// ledger names the ledger of a load's target. A name that would be too long is
// cut and told apart by a digest.
func ledger(c Config, load warehouse.Load) table.Name {
	target := table.Name{Schema: c.fold(load.Target.Schema), Table: c.fold(load.Target.Table)}
	name := target.String()
	if len(name) > identifierBytes {
		const digits = 16
		name = strings.ToValidUTF8(name[:identifierBytes-digits-1], "") + "." + digest(name)[:digits]
	}
	return table.Name{Schema: c.LedgerSchema, Table: name}
}

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// temporary names a table that is private to the session; the load's id keeps
// it from meeting a table of the user's.
func temporary(load warehouse.Load, what string) string {
	return table.Quote("stagelift_" + load.ID[:min(16, len(load.ID))] + what)
}

// batchName names a load's batches for the Data API, which finds them by it. The
// API lists those of all databases that the role has submitted to.
func batchName(c Config, load warehouse.Load) string {
	c.exact = false // which is not known when a load begins
	where := fmt.Sprintf("%q %q %q %s", c.Workgroup, c.ClusterID, c.Database, ledger(c, load))
	return "stagelift-" + load.ID + "-" + digest(where)[:16]
}

// columnNames lists columns, quoted.
func columnNames(names []string) string {
	list := make([]string, len(names))
	for i, name := range names {
		list[i] = table.Quote(name)
	}
	return strings.Join(list, ", ")
}

// quote returns a string literal. Whether a backslash escapes in one depends on
// settings, so it is written as %5C; of all that we quote only names and bounds
// of windows can hold one, and there it need only be the same every time.
func quote(s string) string {
	return "'" + strings.NewReplacer(`'`, `''`, `\`, `%5C`).Replace(s) + "'"
}
