package snowflake

import (
	"errors"
	"fmt"
	"strings"

	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// setupStatements create what a load misses. DDL commits on Snowflake, so each
// of them stands alone, is safe to repeat, and loses nothing when no load
// follows. The ledger comes last: it tells that the rest is there.
func setupStatements(c Config, load warehouse.Load, found existing) ([]string, error) {
	var list []string
	if found.target == nil {
		columns, err := definitions(load.Columns, true)
		if err != nil {
			return nil, err
		}
		cluster, err := clusterBy(load)
		if err != nil {
			return nil, err
		}
		list = append(list, "CREATE SCHEMA IF NOT EXISTS "+table.Quote(load.Target.Schema),
			"CREATE TABLE IF NOT EXISTS "+load.Target.SQL()+" ("+columns+")"+cluster)
	} else {
		changes, err := alterations(load, found.target)
		if err != nil {
			return nil, err
		}
		list = append(list, changes...)
	}
	if found.ledger {
		return list, nil
	}
	book := ledger(c, load)
	return append(list, "CREATE SCHEMA IF NOT EXISTS "+table.Quote(book.Schema),
		"CREATE TABLE IF NOT EXISTS "+book.SQL()+" (sequence NUMBER(19,0) NOT NULL, load_id VARCHAR(64) NOT NULL, "+
			"source VARCHAR(1024) NOT NULL, run VARCHAR(32) NOT NULL, mode VARCHAR(16) NOT NULL, window_from VARCHAR(255), "+
			"window_to VARCHAR(255), row_count NUMBER(19,0) NOT NULL, loaded_at TIMESTAMP_TZ(6) NOT NULL)"), nil
}

// lockRow puts the row there that loads of the target lock, as entry number 0. A
// second one, by two who did not see each other, does no harm: both are locked.
func lockRow(c Config, load warehouse.Load) string {
	book := ledger(c, load).SQL()
	return "INSERT INTO " + book + " (sequence, load_id, source, run, mode, row_count, loaded_at) " +
		"SELECT 0, '', '', '', 'lock', 0, CURRENT_TIMESTAMP() FROM " +
		"(SELECT COUNT(*) AS locks FROM " + book + " WHERE load_id = '') AS l WHERE l.locks = 0"
}

// alterations add the columns that the target misses and widen its texts.
func alterations(load warehouse.Load, target map[string]existingColumn) ([]string, error) {
	var list []string
	var problems []error
	for _, column := range load.Columns {
		image, err := table.ImageOf(column)
		if err != nil {
			return nil, err
		}
		name := table.Quote(column.Name)
		there, found := target[column.Name]
		if !found {
			list = append(list, "ALTER TABLE "+load.Target.SQL()+" ADD COLUMN IF NOT EXISTS "+name+" "+image.Snowflake,
				"COMMENT ON COLUMN "+load.Target.SQL()+"."+name+" IS "+quote(sourceType(column)))
			continue
		}
		switch there.takes(image.Snowflake) {
		case widen:
			list = append(list, "ALTER TABLE "+load.Target.SQL()+" ALTER COLUMN "+name+" SET DATA TYPE "+image.Snowflake)
		case unfit:
			problems = append(problems, fmt.Errorf("%w: column %s of %s is %s, staged is %s (%s); "+
				"change the column, or give the table another target",
				warehouse.ErrColumn, name, load.Target, there, image.Snowflake, sourceType(column)))
		case fits:
		}
	}
	return list, errors.Join(problems...)
}

// definitions list the columns with their types, and with what they are in the
// source as a comment. NOT NULL is not carried over: a source may drop it
// later, and the next load must not fail.
func definitions(columns []table.Column, comments bool) (string, error) {
	list := make([]string, len(columns))
	for i, column := range columns {
		image, err := table.ImageOf(column)
		if err != nil {
			return "", err
		}
		list[i] = table.Quote(column.Name) + " " + image.Snowflake
		if comments {
			list[i] += " COMMENT " + quote(sourceType(column))
		}
	}
	return strings.Join(list, ", "), nil
}

func sourceType(c table.Column) string {
	if c.Source != "" {
		return c.Source
	}
	return c.Type
}

func clusterBy(load warehouse.Load) (string, error) {
	keys := load.Layout.ClusterBy
	if len(keys) == 0 {
		return "", nil
	}
	if err := known(load, keys); err != nil {
		return "", fmt.Errorf("clustering: %w", err)
	}
	return " CLUSTER BY (" + identifiers(keys) + ")", nil
}

// known checks that the load has the columns.
func known(load warehouse.Load, columns []string) error {
	there := map[string]bool{}
	for _, column := range load.Columns {
		there[column.Name] = true
	}
	var problems []error
	for _, column := range columns {
		if !there[column] {
			problems = append(problems, fmt.Errorf("there is no column %s among those staged", table.Quote(column)))
		}
	}
	return errors.Join(problems...)
}
