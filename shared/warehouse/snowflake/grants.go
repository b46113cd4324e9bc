package snowflake

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/stagelift/stagelift/shared/table"
)

// grantShape is a role or a user, by a name without quotes, which Snowflake folds
// to capitals, or by an exact one in quotes.
var grantShape = regexp.MustCompile(`^(?i:(ROLE|USER)) +(?:([A-Za-z_][A-Za-z0-9_$]*)|"((?:[^"]|"")+)")$`)

// grantee spells one of a load's grants as GRANT takes it.
func grantee(grant string) (string, error) {
	m := grantShape.FindStringSubmatch(grant)
	if m == nil {
		return "", fmt.Errorf("grant %q: want ROLE and a role's name, or USER and a user's", grant)
	}
	name := strings.ToUpper(m[2])
	if m[3] != "" {
		name = strings.ReplaceAll(m[3], `""`, `"`)
	}
	return strings.ToUpper(m[1]) + " " + table.Quote(name), checkName(name)
}

func checkGrants(grants []string) error {
	var problems []error
	for _, grant := range grants {
		if _, err := grantee(grant); err != nil {
			problems = append(problems, err)
		}
	}
	return errors.Join(problems...)
}

// grants let who may read the target do so.
func (t task) grants() []string {
	var list []string
	for _, grant := range t.Grants {
		if to, err := grantee(grant); err == nil {
			list = append(list, "GRANT SELECT ON TABLE "+t.Target.SQL()+" TO "+to)
		}
	}
	return list
}

// schemaGrants let them into a schema that the load has created.
func (t task) schemaGrants(schema string) []string {
	var list []string
	for _, grant := range t.Grants {
		if to, err := grantee(grant); err == nil {
			list = append(list, "GRANT USAGE ON SCHEMA "+table.Quote(schema)+" TO "+to)
		}
	}
	return list
}
