package snowflake

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// identifierLength is the longest identifier, in characters (Snowflake
// reference, "Identifier requirements").
const identifierLength = 255

func checkName(name string) error {
	switch {
	case name == "":
		return errors.New("a name is missing")
	case !utf8.ValidString(name) || strings.ContainsRune(name, 0):
		return errors.New("it is not text")
	case utf8.RuneCountInString(name) > identifierLength:
		return fmt.Errorf("it has more than %d characters, which is all that Snowflake takes", identifierLength)
	}
	return nil
}

// checkNames finds every name of the load that Snowflake cannot have, and those
// that are one in it.
func checkNames(t task) error {
	var problems []error
	check := func(what, name string) {
		if err := checkName(name); err != nil {
			problems = append(problems, fmt.Errorf("%s %q: %w", what, name, err))
		}
	}
	check("schema", t.Target.Schema)
	check("table", t.Target.Table)
	seen := map[string]string{}
	for i, column := range t.Columns {
		check("column", column.Name)
		field := t.fields[i]
		other, twice := seen[column.Name]
		switch {
		case twice && other == field:
			problems = append(problems, fmt.Errorf("column %q: it is there twice", field))
		case twice:
			problems = append(problems, fmt.Errorf("columns %q and %q are both %q in Snowflake with names %q; leave one of them out, or load with names as_is",
				other, field, column.Name, t.Names))
		}
		seen[column.Name] = field
	}
	return errors.Join(problems...)
}

// ledger names the ledger of a load's target. A name that would be too long is
// cut and told apart by a digest.
func ledger(c Config, load warehouse.Load) table.Name {
	name := []rune(load.Target.String())
	if len(name) > identifierLength {
		sum := sha256.Sum256([]byte(string(name)))
		const digest = 16
		name = append(name[:identifierLength-digest-1], []rune("."+hex.EncodeToString(sum[:])[:digest])...)
	}
	return table.Name{Schema: c.LedgerSchema, Table: string(name)}
}

// stagingTable lives as long as the request that creates it; the load's id
// keeps it from meeting a table of the user's.
func stagingTable(c Config, load warehouse.Load) string {
	return table.Name{Schema: c.LedgerSchema, Table: stagingName(load)}.SQL()
}

func stagingName(load warehouse.Load) string { return "stagelift_" + load.ID[:min(16, len(load.ID))] }

// quote returns a string literal. A backslash escapes in one.
func quote(s string) string {
	return "'" + strings.NewReplacer(`'`, `''`, `\`, `\\`).Replace(s) + "'"
}

func identifiers(names []string) string {
	list := make([]string, len(names))
	for i, name := range names {
		list[i] = table.Quote(name)
	}
	return strings.Join(list, ", ")
}

func names(columns []table.Column) []string {
	list := make([]string, len(columns))
	for i, column := range columns {
		list[i] = column.Name
	}
	return list
}
