package snowflake

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Strictness is how the account is set up, and what of its documentation is not
// held to.
type Strictness struct {
	// Integration is the storage integration of the stages. Empty is "STAGED".
	Integration string
	// Grants are statements of an account administrator, GRANT and CREATE ROLE
	// say, executed at the start. Nil is what a loader is told to grant: USAGE on
	// the warehouse, the integration, the database and the stages, CREATE SCHEMA
	// on the database, USAGE and CREATE TABLE on the stages' schemas; none is an
	// empty list.
	Grants []string
	// AllPrivileges runs requests as an account administrator instead.
	AllPrivileges bool
	// Parameters are set for the account: QUOTED_IDENTIFIERS_IGNORE_CASE,
	// AUTOCOMMIT, DATE_INPUT_FORMAT, TIME_INPUT_FORMAT, TIMESTAMP_INPUT_FORMAT,
	// BINARY_INPUT_FORMAT. Nil leaves all as they come.
	Parameters map[string]string
	// ColumnList lets COPY have a list of columns without a SELECT.
	ColumnList bool
	// Waiters is how many statements may wait for one lock. Zero is Snowflake's
	// 20.
	Waiters int
	// Resume is how long the warehouse takes to resume: the first statement that
	// needs it, and the first after each Idle without any, waits so long. Zero is
	// running at all times. Idle of zero suspends it at the start alone.
	Resume, Idle time.Duration
}

const defaultWaiters = 20

func (o Options) documentedGrants() []string {
	var list []string
	grant := func(privileges, on string) {
		list = append(list, "GRANT "+privileges+" ON "+on+" TO ROLE "+identifier(o.Role))
	}
	grant("USAGE", "WAREHOUSE "+identifier(o.Warehouse))
	grant("USAGE", "INTEGRATION "+identifier(o.Integration))
	grant("USAGE, CREATE SCHEMA", "DATABASE "+identifier(o.Database))
	for _, name := range slices.Sorted(maps.Keys(o.Stages)) {
		schema, stage, _ := strings.Cut(name, ".")
		grant("USAGE, CREATE TABLE", "SCHEMA "+identifier(schema))
		grant("USAGE", fmt.Sprintf("STAGE %s.%s", identifier(schema), identifier(stage)))
	}
	return list
}

// setUp is what an account administrator has done before the first request.
func (o Options) setUp() []string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(o.Stages)) {
		schema, _, _ := strings.Cut(name, ".")
		list = append(list, "CREATE SCHEMA IF NOT EXISTS "+identifier(schema))
	}
	return append(list, o.Grants...)
}
