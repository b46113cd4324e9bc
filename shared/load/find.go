package load

import (
	"context"
	"fmt"

	"github.com/stagelift/stagelift/shared/object"
	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// findReceipt gives the loads of a table's receipts, for an entry of the ledger
// names the run. Their parts must be there and as they were.
func (j *Job) findReceipt(f stage.Folder) func(context.Context, warehouse.Entry) (warehouse.Load, error) {
	return func(ctx context.Context, e warehouse.Entry) (warehouse.Load, error) {
		of := f
		of.Run = e.Run
		return j.whole(ctx, func() (planned, error) {
			return j.planReceipt(ctx, object.Location{Bucket: j.Bucket, Key: j.Layout.Receipt(of)})
		})
	}
}

// findBatch gives the loads of objects that were gathered. Which manifest of others
// a load was made of is not known any more.
func (j *Job) findBatch(ctx context.Context, e warehouse.Entry) (warehouse.Load, error) {
	return j.whole(ctx, func() (planned, error) {
		p, some, err := j.planBatch(ctx, e.Load)
		if err == nil && !some {
			err = fmt.Errorf("batch %s has no objects of its own", e.Load)
		}
		return p, err
	})
}

// whole plans a load and makes sure of its parts.
func (j *Job) whole(ctx context.Context, plan func() (planned, error)) (warehouse.Load, error) {
	p, err := plan()
	if err == nil {
		err = p.verify(ctx)
	}
	return p.Load, err
}
