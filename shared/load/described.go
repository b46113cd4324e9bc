package load

import (
	"context"
	"fmt"
	"sync"

	"github.com/stagelift/stagelift/shared/table"
)

// described remembers the columns of targets as long as one gathering takes.
type described struct {
	job   *Job
	mu    sync.Mutex
	known map[table.Name]func() ([]table.Column, error)
}

// columns asks the warehouse once for each target.
func (d *described) columns(ctx context.Context, target table.Name) ([]table.Column, error) {
	d.mu.Lock()
	ask, asked := d.known[target]
	if !asked {
		ask = sync.OnceValues(func() ([]table.Column, error) { return d.job.targetColumns(ctx, target) })
		if d.known == nil {
			d.known = map[table.Name]func() ([]table.Column, error){}
		}
		d.known[target] = ask
	}
	d.mu.Unlock()
	return ask()
}

// targetColumns are those of the target, for objects that do not tell theirs.
func (j *Job) targetColumns(ctx context.Context, target table.Name) ([]table.Column, error) {
	columns, err := j.Warehouse.Columns(ctx, target)
	if err == nil && len(columns) == 0 {
		err = fmt.Errorf("JSON Lines does not tell columns, and there is no table %s yet to take them from; list them in the route, or create the table first", target)
	}
	return columns, err
}
