package warehouse

import (
	"fmt"
	"strings"

	"github.com/stagelift/stagelift/shared/stage"
)

// Grantee is somebody who may read a target.
type Grantee struct {
	// Kind is "ROLE", "USER" or "GROUP".
	Kind string
	// Name is as it was written; the warehouse folds it where Exact is false.
	Name string
	// Exact is true for a name in double quotes.
	Exact bool
}

// ParseGrant reads one of Options.Grants: ROLE, USER or GROUP and a name, which is
// in double quotes where it is not a plain word.
func ParseGrant(grant string) (Grantee, error) {
	m := stage.GrantShape.FindStringSubmatch(grant)
	if m == nil {
		return Grantee{}, fmt.Errorf(`grant %q: want ROLE, USER or GROUP and a name, such as ROLE reporting or USER "IAMR:dashboards"`, grant)
	}
	g := Grantee{Kind: strings.ToUpper(m[1]), Name: m[2]}
	if m[3] != "" {
		g.Name, g.Exact = strings.ReplaceAll(m[3], `""`, `"`), true
	}
	return g, nil
}

// CheckGrant refuses what ParseGrant does not read.
func CheckGrant(grant string) error {
	_, err := ParseGrant(grant)
	return err
}
