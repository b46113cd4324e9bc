package redshift

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// Columns asks svv_columns, and waits for the answer.
func (w *Warehouse) Columns(ctx context.Context, target table.Name) ([]table.Column, error) {
	load := warehouse.Load{Target: target}
	rows, err := w.ask(ctx, lookStatement(w.config, load))
	if err != nil {
		return nil, fmt.Errorf("looking at the columns of %s: %w", target, err)
	}
	there, err := readLook(w.config, load, rows)
	if err != nil {
		return nil, err
	}
	var columns []table.Column
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(there.target)) {
		column, err := describedColumn(name, there.target[name].kind)
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

// longestAsk bounds the pause between two looks at a question.
const longestAsk = 2 * time.Second

// ask runs a query, waits for its end and returns its rows.
func (w *Warehouse) ask(ctx context.Context, query string) ([][]string, error) {
	id, err := w.submit(ctx, query)
	if err != nil {
		return nil, err
	}
	for pause := 50 * time.Millisecond; ; pause = min(pause*3/2, longestAsk) {
		ended, err := w.describe(ctx, id)
		switch {
		case err != nil:
			return nil, err
		case ended.failed():
			return nil, ended
		case !ended.running():
			return w.rows(ctx, id)
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(pause):
		}
	}
}

// describedKinds are the types of PostgreSQL whose image is the kind, where there
// is one without modifiers.
var describedKinds = map[string]string{
	"SMALLINT": "smallint", "INTEGER": "integer", "BIGINT": "bigint", "REAL": "real", "DOUBLE PRECISION": "double precision",
	"BOOLEAN": "boolean", "DATE": "date", "TIME": "time without time zone", "TIMETZ": "time with time zone",
	"TIMESTAMP": "timestamp without time zone", "TIMESTAMPTZ": "timestamp with time zone", "SUPER": "jsonb", "VARBYTE": "bytea",
}

// describedColumn is the column whose values the kind takes, and whose image in
// Redshift it takes as it is. Of the types of text bit varying is the one whose
// length counts bytes, as Redshift's does.
func describedColumn(name string, k kind) (table.Column, error) {
	column := table.Column{Name: name, Type: describedKinds[k.name], Nullable: true, Source: k.String()}
	switch {
	case k.name == "VARCHAR":
		column.Type = fmt.Sprintf("bit varying(%d)", k.a)
	case k.name == "DECIMAL":
		column.Type = fmt.Sprintf("numeric(%d,%d)", k.a, k.b)
	case column.Type == "":
		return table.Column{}, fmt.Errorf("%s is not a type that is loaded; change the column, or give the route another target", strings.ToUpper(k.String()))
	}
	image, err := table.ImageOf(column)
	if err != nil {
		return table.Column{}, err
	}
	want, err := parseKind(image.Redshift)
	if err == nil && !k.holds(want) {
		err = fmt.Errorf("%s does not hold every %s; change the column, or give the route another target", k, want)
	}
	return column, err
}
