package load

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"time"

	"github.com/stagelift/stagelift/shared/object"
	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/trigger"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// planned is a load that is ready to begin.
type planned struct {
	warehouse.Load
	// from is where the receipt lies, or the batch.
	from object.Location
	// keep is where the outcome is kept.
	keep object.Location
	// objects are those without a receipt; nil when there is one.
	objects []arrival
	// verify makes sure that the parts are as they should be.
	verify func(ctx context.Context) error
	// handle goes on with what is running; empty begins.
	handle string
	// again is what a request names that is to come to this load once more: the
	// receipt, the manifest, or one of the objects.
	again object.Location
	// since is when it was first handed on; zero when it was not.
	since time.Time
	// patience is how long a step is waited for; zero is as long as may be.
	patience time.Duration
	// altered is the receipt's.
	altered map[string]stage.Altered
}

// plan finds out how the objects are to be loaded. Receipts are a load each;
// other objects are gathered by their routes. What cannot be loaded does not
// keep the rest from it.
func (j *Job) plan(ctx context.Context, objects []trigger.Object) ([]planned, error) {
	var loads []planned
	var others []trigger.Object
	var problems []error
	for _, o := range objects {
		if !j.isReceipt(o) {
			others = append(others, o)
			continue
		}
		p, err := j.planReceipt(ctx, object.Location{Bucket: o.Bucket, Key: o.Key})
		if err != nil {
			problems = append(problems, err)
			continue
		}
		loads = append(loads, p)
	}
	if len(others) > 0 {
		gathered, err := j.gather(ctx, others)
		loads = append(loads, gathered...)
		problems = append(problems, err)
	}
	return loads, errors.Join(problems...)
}

func (j *Job) isReceipt(o trigger.Object) bool {
	_, err := j.Layout.ParseReceipt(o.Key)
	return o.Bucket == j.Bucket && (err == nil || j.Routes.Key == "" || path.Base(o.Key) == "receipt.json")
}

// receiptLimit bounds what is read as a receipt: some 100,000 parts.
const receiptLimit = 32 << 20

// planReceipt reads the receipt at location.
func (j *Job) planReceipt(ctx context.Context, location object.Location) (planned, error) {
	if _, err := j.Layout.ParseReceipt(location.Key); err != nil {
		return planned{}, fmt.Errorf("loading %s: %w", location, err)
	}
	data, _, err := j.Store.Get(ctx, location, receiptLimit)
	if err != nil {
		return planned{}, fmt.Errorf("loading %s: %w", location, err)
	}
	receipt, err := j.Layout.DecodeReceipt(location.Key, data)
	if err != nil {
		return planned{}, err
	}
	load := j.describe(receipt, stage.LoadID(data))
	return planned{
		Load: load, from: location, again: location, altered: receipt.Altered,
		keep:   object.Location{Bucket: j.Bucket, Key: j.Layout.Load(receipt.Database, path.Join(j.Outcomes, load.ID))},
		verify: func(ctx context.Context) error { return j.verify(ctx, receipt) },
	}, nil
}

func (j *Job) describe(r stage.Receipt, id string) warehouse.Load {
	load := warehouse.Load{
		ID: id, Run: r.Run, Source: r.Table, Target: j.target(r), Mode: warehouse.Mode(r.Load.Mode),
		Columns: r.Columns, Format: r.Format, Bucket: j.Bucket, Rows: r.Rows, Window: r.Window,
		Filter: r.Filter, Absent: r.Absent, Options: options(r.Load),
		Repairs: r.Repairs, Find: j.findReceipt(stage.Folder{Database: r.Database, Table: r.Table}),
		Layout: warehouse.TargetLayout{DistKey: r.Load.DistKey, SortKeys: r.Load.SortKeys, ClusterBy: r.Load.ClusterBy},
	}
	if load.Mode == warehouse.Merge {
		load.Keys, load.Deleted = r.Load.Keys, r.Load.Deleted
		if len(load.Keys) == 0 {
			load.Keys = r.PrimaryKey
		}
		if r.Window != nil {
			load.Newest = r.Window.Column
		}
	}
	load.Parts, load.Manifest = j.parts(r.Parts), j.manifest(r.Manifest)
	if s := r.Sweep; s != nil {
		load.Sweep = &warehouse.Sweep{
			Soft: r.Load.Deletes == "soft", Filter: s.Filter, Rows: s.Rows, Parts: j.parts(s.Parts), Manifest: j.manifest(s.Manifest),
		}
	}
	return load
}

func (*Job) parts(list []stage.Part) []warehouse.Part {
	var parts []warehouse.Part
	for _, part := range list {
		parts = append(parts, warehouse.Part{Key: part.Key, Rows: part.Rows, Bytes: part.Bytes})
	}
	return parts
}

func (j *Job) manifest(key string) string {
	if key == "" {
		return ""
	}
	return object.Location{Bucket: j.Bucket, Key: key}.String()
}

// options are what a receipt says of its target.
func options(l stage.Load) warehouse.Options {
	return warehouse.Options{
		Swap: l.Swap, Recreate: l.Recreate, Changes: warehouse.SchemaChanges(l.SchemaChanges), Names: warehouse.Names(l.Names),
		AddRun: slices.Contains(l.Add, "run"), AddLoadedAt: slices.Contains(l.Add, "loaded_at"), Grants: l.Grants,
	}
}

func (j *Job) target(r stage.Receipt) table.Name {
	switch {
	case r.Load.Target != nil:
		return *r.Load.Target
	case j.TargetSchema != "":
		return table.Name{Schema: j.TargetSchema, Table: r.Table.Table}
	}
	return r.Table
}
