package grammar

import (
	"strings"

	redshift "github.com/stagelift/stagelift/local/redshift/grammar"
)

// Table names a table. Database and Schema are empty where the statement gave
// none.
type Table struct {
	Database, Schema, Name string
	// Temporary is true for a table of the session. It has a schema, which
	// PostgreSQL's temporary tables have not: the schema becomes part of the
	// name.
	Temporary bool
}

// SQL returns the name quoted for PostgreSQL, which has one database only.
func (t Table) SQL() string {
	switch {
	case t.Temporary:
		return "pg_temp." + quote(t.Schema+"."+t.Name)
	case t.Schema == "":
		return quote(t.Name)
	}
	return quote(t.Schema) + "." + quote(t.Name)
}

// String returns the name in Snowflake's words.
func (t Table) String() string {
	var parts []string
	for _, part := range []string{t.Database, t.Schema, t.Name} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, ".")
}

// Held returns the name that PostgreSQL knows an identifier by: itself, or a
// digest after its beginning when it is longer than PostgreSQL holds.
func Held(identifier string) string { return redshift.Held(identifier) }

func quote(s string) string { return `"` + strings.ReplaceAll(Held(s), `"`, `""`) + `"` }

func quoteAll(names []string) string {
	quotedNames := make([]string, len(names))
	for i, n := range names {
		quotedNames[i] = quote(n)
	}
	return strings.Join(quotedNames, ", ")
}

// quoteText is safe whatever standard_conforming_strings says.
func quoteText(s string) string {
	q := "'" + strings.ReplaceAll(s, "'", "''") + "'"
	if strings.Contains(s, `\`) {
		return " E" + strings.ReplaceAll(q, `\`, `\\`)
	}
	return q
}
