package sqltext

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

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

// Quote returns an identifier as PostgreSQL holds it, quoted.
func Quote(identifier string) string {
	return `"` + strings.ReplaceAll(Held(identifier), `"`, `""`) + `"`
}

// QuoteAll quotes a list of identifiers.
func QuoteAll(identifiers []string) string {
	quoted := make([]string, len(identifiers))
	for i, name := range identifiers {
		quoted[i] = Quote(name)
	}
	return strings.Join(quoted, ", ")
}

// QuoteText writes a string constant; it is safe whatever
// standard_conforming_strings says.
func QuoteText(s string) string {
	q := "'" + strings.ReplaceAll(s, "'", "''") + "'"
	if strings.Contains(s, `\`) {
		return " E" + strings.ReplaceAll(q, `\`, `\\`)
	}
	return q
}
