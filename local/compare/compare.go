// Package compare tells whether a warehouse table holds what its source holds.
//
// Both are read in full, each through its own PostgreSQL, and reduced to a
// count and a digest over every value of every row, in whatever order. The
// columns are matched by name: as Redshift folds them, in lower case, or as
// they are, for Snowflake.
//
// What a warehouse keeps as a document (arrays, composites, json) is compared
// as jsonb prints it, so the spelling of a json is not; money as a number.
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

// column is a column of the source, and how its values are read: %s stands for
// its name.
type column struct {
	name, read string
}

// contentOf reads it. columns and name are as the database has them.
func contentOf(ctx context.Context, conn *pgx.Conn, name table.Name, columns []column) (content, error) {
	fields := make([]string, len(columns))
	for i, c := range columns {
		// format() prints as COPY does; a cast to text would cut the blanks of
		// a char(n) and add the mask of an inet.
		quoted := table.Quote(c.name)
		value := strings.ReplaceAll(c.read, "%s", quoted)
		fields[i] = "CASE WHEN " + quoted + " IS NULL THEN 'NULL' ELSE hashtextextended(format('%s', " + value + "), 0)::text END"
	}
	// 64 bits find what went wrong by itself, in a fifth of the time of MD5.
	query := `SELECT count(*), coalesce(sum(hashtextextended(concat_ws(',', ` + strings.Join(fields, ", ") +
		`), 0)), 0)::text FROM ` + name.SQL()
	var c content
	if err := conn.QueryRow(ctx, query).Scan(&c.Rows, &c.Digest); err != nil {
		return content{}, fmt.Errorf("reading the content of %s: %w", name, err)
	}
	return c, nil
}

// columnsOf lists a table's columns in order.
func columnsOf(ctx context.Context, conn *pgx.Conn, name table.Name) ([]column, error) {
	rows, err := conn.Query(ctx, `SELECT attname,
			CASE WHEN typcategory IN ('A', 'C') OR typname = 'json' THEN 'to_jsonb(%s)'
				WHEN typname = 'money' THEN '%s::numeric(22,3)' ELSE '%s' END
		FROM pg_attribute JOIN pg_type ON pg_type.oid = atttypid
		WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum`, name.SQL())
	if err != nil {
		return nil, fmt.Errorf("reading the columns of %s: %w", name, err)
	}
	return pgx.CollectRows(rows, scanColumn)
}

func scanColumn(row pgx.CollectableRow) (column, error) {
	var c column
	err := row.Scan(&c.name, &c.read)
	return c, err
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

// Source is a table of the source that was read.
type Source struct {
	name    table.Name
	columns []column
	content content
}

// Read reads a source table, to be compared with what warehouses hold of it.
func Read(ctx context.Context, source *pgx.Conn, name table.Name) (Source, error) {
	columns, err := columnsOf(ctx, source, name)
	if err != nil {
		return Source{}, err
	}
	found, err := contentOf(ctx, source, name, columns)
	return Source{name, columns, found}, err
}

// Redshift compares with what Redshift holds: the rows of each, and whether
// their content is equal. Redshift keeps names, unless told otherwise, in lower
// case.
func (s Source) Redshift(ctx context.Context, target *pgx.Conn) (Result, error) {
	return s.compare(ctx, target, strings.ToLower)
}

// Snowflake compares with what Snowflake holds. Names keep their case there.
func (s Source) Snowflake(ctx context.Context, target *pgx.Conn) (Result, error) {
	return s.compare(ctx, target, func(name string) string { return name })
}

func (s Source) compare(ctx context.Context, target *pgx.Conn, fold func(string) string) (Result, error) {
	columns := make([]column, len(s.columns))
	for i, c := range s.columns {
		columns[i] = column{fold(c.name), "%s"}
	}
	got, err := contentOf(ctx, target, table.Name{Schema: fold(s.name.Schema), Table: fold(s.name.Table)}, columns)
	if err != nil {
		return Result{}, err
	}
	return Result{SourceRows: s.content.Rows, LoadedRows: got.Rows, Equal: got == s.content}, nil
}

// Table reads a source table and compares it with what Redshift holds.
func Table(ctx context.Context, source, target *pgx.Conn, name table.Name) (Result, error) {
	read, err := Read(ctx, source, name)
	if err != nil {
		return Result{}, err
	}
	return read.Redshift(ctx, target)
}

// Result is the outcome of a comparison.
type Result struct {
	SourceRows, LoadedRows int64
	// Equal is true when every value of every row is in both.
	Equal bool
}
