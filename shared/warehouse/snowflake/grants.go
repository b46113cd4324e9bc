package snowflake

import (
	"errors"
	"fmt"
	"strings"

	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// grantee spells one of a load's grants as GRANT takes it. A name without quotes is
// folded, as Snowflake folds it.
func grantee(grant string) (string, error) {
	g, err := warehouse.ParseGrant(grant)
	if err != nil {
		return "", err
	}
	if g.Kind == "GROUP" {
		return "", fmt.Errorf("grant %q: Snowflake has no groups; name a ROLE or a USER", grant)
	}
	if !g.Exact {
		g.Name = strings.ToUpper(g.Name)
	}
	return g.Kind + " " + table.Quote(g.Name), checkName(g.Name)
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
