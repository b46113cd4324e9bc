// Package compare tells whether a warehouse table holds what its source holds.
//
// Both are read in full, each through its own PostgreSQL, and reduced to a
// count and a digest over every value of every row, in whatever order. The
// columns are matched by name, folded to lower case as Redshift folds them.
package compare

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/stagelift/stagelift/shared/table"
)

// content is what a table holds: how many rows, and a digest of every value of
// every column of every row, whatever their order.
type content struct {
	Rows   int64
	Digest string
}

// contentOf reads it. columns and name are as the database has them.
func contentOf(ctx context.Context, conn *pgx.Conn, name table.Name, columns []string) (content, error) {
	fields := make([]string, len(columns))
	for i, column := range columns {
		// format() prints as COPY does; a cast to text would cut the blanks of
		// a char(n) and add the mask of an inet.
		quoted := table.Quote(column)
		fields[i] = "CASE WHEN " + quoted + " IS NULL THEN 'NULL' ELSE md5(format('%s', " + quoted + ")) END"
	}
	query := `SELECT count(*), coalesce(sum(('x' || left(md5(concat_ws(',', ` + strings.Join(fields, ", ") +
		`)), 15))::bit(60)::bigint), 0)::text FROM ` + name.SQL()
	var c content
	if err := conn.QueryRow(ctx, query).Scan(&c.Rows, &c.Digest); err != nil {
		return content{}, fmt.Errorf("reading the content of %s: %w", name, err)
	}
	return c, nil
}

// columnsOf lists a table's columns in order.
func columnsOf(ctx context.Context, conn *pgx.Conn, name table.Name) ([]string, error) {
	rows, err := conn.Query(ctx, `SELECT attname FROM pg_attribute
		WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum`, name.SQL())
	if err != nil {
		return nil, fmt.Errorf("reading the columns of %s: %w", name, err)
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// Connect opens a database whose values print the same everywhere.
func Connect(ctx context.Context, url string) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	config.RuntimeParams["TimeZone"] = "UTC"
	config.RuntimeParams["DateStyle"] = "ISO, MDY"
	config.RuntimeParams["extra_float_digits"] = "1"
	return pgx.ConnectConfig(ctx, config)
}

// folded is a name as Redshift keeps it, unless told otherwise: in lower case.
func folded(name table.Name) table.Name {
	return table.Name{Schema: strings.ToLower(name.Schema), Table: strings.ToLower(name.Table)}
}

// Table compares a source table with what was loaded of it: the rows of each,
// and whether their content is equal.
func Table(ctx context.Context, source, target *pgx.Conn, name table.Name) (Result, error) {
	columns, err := columnsOf(ctx, source, name)
	if err != nil {
		return Result{}, err
	}
	want, err := contentOf(ctx, source, name, columns)
	if err != nil {
		return Result{}, err
	}
	for i := range columns {
		columns[i] = strings.ToLower(columns[i])
	}
	got, err := contentOf(ctx, target, folded(name), columns)
	if err != nil {
		return Result{}, err
	}
	return Result{SourceRows: want.Rows, LoadedRows: got.Rows, Equal: got == want}, nil
}

// Result is the outcome of a comparison.
type Result struct {
	SourceRows, LoadedRows int64
	// Equal is true when every value of every row is in both.
	Equal bool
}
