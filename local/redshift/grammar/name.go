package grammar

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// Table names a table; Schema is empty where the statement gave none.
type Table struct {
	Schema, Name string
}

// SQL returns the name quoted.
func (t Table) SQL() string {
	if t.Schema == "" {
		return quote(t.Name)
	}
	return quote(t.Schema) + "." + quote(t.Name)
}

// Held returns the name that PostgreSQL knows an identifier by: itself, or,
// when it is longer than PostgreSQL holds, a digest after its beginning.
// PostgreSQL would cut it off in silence and take two names for one.
func Held(identifier string) string {
	const limit, digest = 63, 16
	if len(identifier) <= limit {
		return identifier
	}
	sum := sha256.Sum256([]byte(identifier))
	return strings.ToValidUTF8(identifier[:limit-digest-1], "") + "~" + hex.EncodeToString(sum[:])[:digest]
}

func quote(s string) string { return `"` + strings.ReplaceAll(Held(s), `"`, `""`) + `"` }

func quoteAll(names []string) string {
	quotedNames := make([]string, len(names))
	for i, n := range names {
		quotedNames[i] = quote(n)
	}
	return strings.Join(quotedNames, ", ")
}

func quoteText(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
