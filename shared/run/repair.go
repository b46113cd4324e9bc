package run

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/stagelift/stagelift/shared/fault"
	"github.com/stagelift/stagelift/shared/object"
	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/table"
)

// repairs reads what a table's receipt of the run says that is to be read once more;
// nil when nothing is. The table is then read as it was: the same filter, columns,
// key and way of loading, and the same format unless the request names one. No
// watermark is looked at, and none is moved.
func (r *run) repairs(ctx context.Context, t *task) (*stage.Receipt, error) {
	if r.settings.repair == "" {
		return nil, nil
	}
	f := r.folder(t.Name)
	f.Run = r.settings.repair
	key := r.Layout.Receipt(f)
	data, _, err := r.Store.Get(ctx, object.Location{Bucket: r.Bucket, Key: key}, receiptLimit)
	if errors.Is(err, object.ErrNotFound) {
		return nil, fault.New(fault.NotFound, "", "run %s has published nothing of table %s: there is no %s", f.Run, t.Name, key)
	}
	if err != nil {
		return nil, fault.Coded(err, fault.Staging)
	}
	receipt, err := r.Layout.DecodeReceipt(key, data)
	if err != nil {
		return nil, fault.Coded(err, fault.Staging)
	}
	if receipt.Window != nil && len(receipt.Window.Joined) > 0 {
		return nil, fault.New(fault.TableRequest, restartMend(t.Name), "run %s read partitions of %s whole that had joined; that is not read once more", f.Run, t.Name)
	}
	t.where, t.load, t.primaryKey = receipt.Filter, receipt.Load, receipt.PrimaryKey
	t.load.Deletes = "" // the keys that were swept then are not those of now
	if r.settings.request.Format == "" {
		t.format = receipt.Format
	}
	t.Columns = slices.DeleteFunc(slices.Clone(t.Columns), func(c table.Column) bool { return slices.Contains(receipt.Absent, c.Name) })
	t.LeftOut = receipt.Absent
	return &receipt, nil
}

// again has the window be read that the receipt is of.
func (t *task) again(r *run, receipt *stage.Receipt) error {
	if receipt.Window == nil {
		return nil
	}
	at := t.position(receipt.Window.Column)
	if at < 0 {
		return fault.New(fault.TableRequest, restartMend(t.Name), "the table has no column %s any more, by which run %s read it", table.Quote(receipt.Window.Column), receipt.Run)
	}
	t.window = &window{Window: *receipt.Window, column: t.columns[at], origin: t.origin(r.snapshot, r.Host)}
	return nil
}

// repair reads the name of the run that is to be read once more.
func (q Request) repair() (stage.RunID, error) {
	if q.Repair == "" {
		return "", nil
	}
	if q.Mode != "" || len(q.Restart) > 0 {
		return "", errors.New("repair reads as the run did: leave mode and restart out")
	}
	id, err := stage.ParseRunID(string(q.Repair))
	if err != nil {
		return "", fmt.Errorf("repair: %w", err)
	}
	return id, nil
}
