package snowflake

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// Columns asks INFORMATION_SCHEMA. Those that loads have added are none of a file's.
func (w *Warehouse) Columns(ctx context.Context, target table.Name) ([]table.Column, error) {
	found, err := w.look(ctx, task{Load: warehouse.Load{Target: target}})
	if err != nil {
		return nil, fmt.Errorf("looking at the columns of %s: %w", target, err)
	}
	var columns []table.Column
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(found.target)) {
		if slices.Contains([]string{runComment, loadedAtComment, markComment}, found.target[name].comment) {
			continue // a load's own, which no file has
		}
		column, err := found.target[name].described(name)
		if err != nil {
			problems = append(problems, fmt.Errorf("column %s of %s: %w", table.Quote(name), target, err))
		}
		columns = append(columns, column)
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return columns, nil
}

// describedKinds are the types of PostgreSQL whose image is the kind, where there
// is one without modifiers.
var describedKinds = map[string]string{
	"FLOAT": "double precision", "BOOLEAN": "boolean", "DATE": "date", "TIME": "time without time zone",
	"TIMESTAMP_NTZ": "timestamp without time zone", "TIMESTAMP_TZ": "timestamp with time zone", "VARIANT": "jsonb", "BINARY": "bytea",
}

// described is the column whose values e takes, and whose image in Snowflake it
// takes as it is.
func (e existingColumn) described(name string) (table.Column, error) {
	column := table.Column{Name: name, Type: describedKinds[e.kind], Nullable: true, Source: e.String()}
	switch e.kind {
	case "TEXT":
		column.Type = fmt.Sprintf("character varying(%d)", e.length)
	case "NUMBER":
		column.Type = fmt.Sprintf("numeric(%d,%d)", e.precision, e.scale)
	}
	if column.Type == "" {
		return table.Column{}, fmt.Errorf("%s is not a type that is loaded; change the column, or give the route another target", e)
	}
	image, err := table.ImageOf(column)
	if how, _ := e.takes(image.Snowflake); err == nil && how != fits {
		err = fmt.Errorf("%s does not hold every %s; change the column, or give the route another target", e, image.Snowflake)
	}
	return column, err
}
