package postgres

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/stagelift/stagelift/shared/fault"
)

// CheckFilter finds out whether where is one boolean expression over the rows of
// t that we may evaluate, and nothing else. Names outside pg_catalog must be
// written with their schema. What an expression does is not judged: it can call
// every function that the user may call, in a read-only transaction.
//
// It is parsed by the server between round and between square brackets. An
// expression that closed the bracket it stands in could not close the other
// kind, so one that passes both closes neither and stays an operand of AND.
// Prepare takes a single statement; a comment, a string or a bracket that is
// left open fails for want of what follows.
func (s *Snapshot) CheckFilter(ctx context.Context, t *Table, where string) error {
	if !utf8.ValidString(where) || strings.ContainsRune(where, 0) {
		return fault.New(fault.Filter, "", "checking the filter of %s: it is not valid UTF-8, or holds NUL", t.Name)
	}
	if strings.TrimSpace(where) == "" {
		return fault.New(fault.Filter, "leave it out instead", "checking the filter of %s: it is empty", t.Name)
	}
	source := t.Relations[0].source()
	statement := "SELECT FROM " + source + " WHERE (" + where + "\n)"
	brackets := "SELECT FROM " + source + " WHERE (ARRAY[" + where + "\n]) IS NOT NULL"
	return s.aside(ctx, func(c *connection) error {
		for _, sql := range []string{statement, brackets} {
			prepared, err := c.PgConn().Prepare(ctx, "", sql, nil)
			if err != nil {
				return fmt.Errorf("checking the filter of %s: %w", t.Name, filterError(err))
			}
			if len(prepared.ParamOIDs) > 0 {
				return fault.New(fault.Filter, "write the value instead", "checking the filter of %s: it has a parameter such as $1", t.Name)
			}
		}
		// Privileges are looked at when a plan is about to run.
		if _, err := c.PgConn().Exec(ctx, "EXPLAIN "+statement).ReadAll(); err != nil {
			return fmt.Errorf("checking the filter of %s: %w", t.Name, filterError(err))
		}
		return nil
	})
}
