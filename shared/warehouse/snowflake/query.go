package snowflake

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// statement is a request in the configured surroundings.
func (w *Warehouse) statement(text string) statement {
	return statement{
		Statement: text, Database: w.config.Database, Warehouse: w.config.Warehouse, Role: w.config.Role,
		Parameters: map[string]string{"TIMEZONE": "UTC"},
	}
}

// query runs one statement, waits for its end and returns its rows as text.
func (w *Warehouse) query(ctx context.Context, text string) ([][]*string, error) {
	a, err := w.wait(ctx, w.statement(text))
	if err != nil {
		return nil, err
	}
	return w.api.rows(ctx, a)
}

// wait runs a request and waits for its end.
func (w *Warehouse) wait(ctx context.Context, s statement) (answer, error) {
	a, err := w.api.run(ctx, s)
	for attempt := 1; err == nil && a.Running; attempt++ {
		if err = w.api.pause(ctx, min(backoff(attempt), time.Second)); err == nil {
			a, err = w.api.status(ctx, a.Handle)
		}
	}
	return a, ended(ctx, err)
}

// rows returns the rows of all partitions.
func (c *client) rows(ctx context.Context, a answer) ([][]*string, error) {
	rows := a.Data
	for number := 1; number < len(a.Properties.Partitions); number++ {
		more, err := c.partition(ctx, a.Handle, number)
		if err != nil {
			return nil, fmt.Errorf("reading partition %d of statement %s: %w", number, a.Handle, err)
		}
		rows = append(rows, more.Data...)
	}
	for _, row := range rows {
		if len(a.Properties.Columns) > 0 && len(row) != len(a.Properties.Columns) {
			return nil, fmt.Errorf("reading statement %s: a row has %d values, want %d", a.Handle, len(row), len(a.Properties.Columns))
		}
	}
	return rows, nil
}

// column returns the place of a column of the answer, or -1.
func (a *answer) column(name string) int {
	for i := range a.Properties.Columns {
		if strings.EqualFold(a.Properties.Columns[i].Name, name) {
			return i
		}
	}
	return -1
}
