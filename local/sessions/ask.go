package sessions

import (
	"context"

	"github.com/jackc/pgx/v5/pgconn"
)

// Ask returns the first row of a query, or nil where there is none. NULL is an
// empty text.
func Ask(ctx context.Context, conn *pgconn.PgConn, sql string) ([]string, error) {
	found := conn.ExecParams(ctx, sql, nil, nil, nil, nil).Read()
	if found.Err != nil || len(found.Rows) == 0 {
		return nil, found.Err
	}
	row := make([]string, len(found.Rows[0]))
	for i, value := range found.Rows[0] {
		row[i] = string(value)
	}
	return row, nil
}
