package load

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path"

	"golang.org/x/sync/errgroup"

	"github.com/stagelift/stagelift/shared/object"
	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// batch is what is to be loaded together. It is written before any of its
// objects is claimed for it, and never changed. Whoever works on a batch claims
// all of its objects first; those that another batch has claimed are not its
// own. A claim is written once, only if it is absent, so all who work on a batch
// come to the same objects, and the warehouse's ledger knows the batch by its
// id.
//
// A claim whose batch is gone claims nothing: whoever removes a batch that
// cannot be loaded sets its objects free.
type batch struct {
	Version int            `json:"version"`
	Route   Route          `json:"route"`
	Columns []table.Column `json:"columns"`
	Objects []arrival      `json:"objects"`
}

// claim says which batch an object belongs to.
type claim struct {
	Batch string `json:"batch"`
}

func (j *Job) batchAt(id, name string) object.Location {
	return object.Location{Bucket: j.Bucket, Key: j.Layout.Prefix + path.Join("_batches", j.Outcomes, id, name)}
}

func (j *Job) claimAt(a arrival) object.Location {
	return object.Location{Bucket: j.Bucket, Key: j.Layout.Prefix + path.Join("_claims", j.Outcomes, a.id()+".json")}
}

// readJSON reads a document of our own.
func (j *Job) readJSON(ctx context.Context, at object.Location, into any) (object.Attributes, error) {
	data, attributes, err := j.Store.Get(ctx, at, receiptLimit)
	if err != nil {
		return attributes, err
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return attributes, fmt.Errorf("decoding %s: %w", at, err)
	}
	return attributes, nil
}

// owner is the batch that has claimed an object; empty when none has.
func (j *Job) owner(ctx context.Context, a arrival) (string, error) {
	var c claim
	claimed, err := j.readJSON(ctx, j.claimAt(a), &c)
	if errors.Is(err, object.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	_, err = j.Store.Stat(ctx, j.batchAt(c.Batch, "batch.json"))
	if errors.Is(err, object.ErrNotFound) {
		return "", j.Store.Delete(ctx, j.claimAt(a), claimed.ETag)
	}
	return c.Batch, err
}

func (j *Job) writeBatch(ctx context.Context, members []arrival) (string, error) {
	data, err := json.Marshal(batch{Version: 1, Route: members[0].route, Columns: members[0].columns, Objects: members})
	if err != nil {
		return "", fmt.Errorf("encoding a batch: %w", err)
	}
	sum := sha256.Sum256(data)
	id := hex.EncodeToString(sum[:])
	_, err = j.Store.Put(ctx, j.batchAt(id, "batch.json"), data, object.PutOptions{Headers: object.Headers{ContentType: "application/json"}, IfAbsent: true})
	if errors.Is(err, object.ErrExists) { // the very same, by its name
		err = nil
	}
	return id, err
}

// claimAll claims a batch's objects and returns those that are its own.
func (j *Job) claimAll(ctx context.Context, id string, objects []arrival) ([]arrival, error) {
	own := make([]bool, len(objects))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(lookups)
	for i, a := range objects {
		group.Go(func() error {
			data, err := json.Marshal(claim{id})
			if err != nil {
				return fmt.Errorf("encoding a claim: %w", err)
			}
			_, err = j.Store.Put(ctx, j.claimAt(a), data, object.PutOptions{Headers: object.Headers{ContentType: "application/json"}, IfAbsent: true})
			if errors.Is(err, object.ErrExists) {
				var c claim
				_, err = j.readJSON(ctx, j.claimAt(a), &c)
				own[i] = c.Batch == id
				return err
			}
			own[i] = err == nil
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	var members []arrival
	for i, a := range objects {
		if own[i] {
			members = append(members, a)
		}
	}
	return members, nil
}

// planBatch makes the load of a batch; none when all its objects are another's.
func (j *Job) planBatch(ctx context.Context, id string) (planned, bool, error) {
	var b batch
	if _, err := j.readJSON(ctx, j.batchAt(id, "batch.json"), &b); err != nil {
		return planned{}, false, err
	}
	members, err := j.claimAll(ctx, id, b.Objects)
	if err != nil || len(members) == 0 {
		return planned{}, false, err
	}
	first := members[0]
	first.route = b.Route
	p := j.loadOf(id, first, b.Columns, members)
	p.from = j.batchAt(id, "batch.json")
	return p, true, j.writeManifest(ctx, p, members)
}

// loadOf is the load of objects by the route of one. How many rows must arrive
// is known if it is known of each.
func (j *Job) loadOf(id string, of arrival, columns []table.Column, members []arrival) planned {
	r := of.route
	mode := r.Mode
	if mode == "" {
		mode = warehouse.Append
	}
	load := warehouse.Load{
		ID: id, Filter: "objects of " + id, Find: j.findBatch, Source: table.Name{Schema: of.Bucket, Table: r.Prefix}, Target: r.Target, Mode: mode,
		Newest: r.Newest, Deleted: r.Deleted, Columns: columns, Format: r.format(), Bucket: of.Bucket, Rows: rowsOf(members),
		Layout:  warehouse.TargetLayout{DistKey: r.DistKey, SortKeys: r.SortKeys, ClusterBy: r.ClusterBy},
		Options: warehouse.Options{Copy: r.Copy, BadRows: r.BadRows.most()},
	}
	if mode == warehouse.Merge {
		load.Keys = r.Keys
	}
	latest := of.Modified
	for _, a := range members {
		load.Manifest = j.batchAt(id, "manifest.json").String()
		part := warehouse.Part{Key: a.Key, Rows: -1, Bytes: a.Bytes}
		if a.Rows != nil {
			part.Rows = *a.Rows
		}
		load.Parts = append(load.Parts, part)
		if a.Modified.After(latest) {
			latest = a.Modified
		}
	}
	load.Run = stage.RunID(latest.UTC().Format("20060102T150405Z-") + id[:8])
	return planned{
		Load: load, again: of.location(), keep: j.batchAt(id, "outcome.json"), objects: members,
		verify: func(ctx context.Context) error { return j.verifyArrivals(ctx, members) },
	}
}

// rowsOf adds up; it is negative where one of them is not known.
func rowsOf(members []arrival) int64 {
	var sum int64
	for _, a := range members {
		if a.Rows == nil {
			return -1
		}
		sum += *a.Rows
	}
	return sum
}

func (j *Job) writeManifest(ctx context.Context, p planned, members []arrival) error {
	manifest := stage.Manifest{}
	for _, a := range members {
		manifest.Entries = append(manifest.Entries, stage.Entry{
			URL: a.location().String(), Mandatory: true, Meta: stage.Meta{ContentLength: a.Bytes},
		})
	}
	data, err := manifest.Encode()
	if err != nil {
		return fmt.Errorf("encoding the manifest of batch %s: %w", p.ID, err)
	}
	_, err = j.Store.Put(ctx, j.batchAt(p.ID, "manifest.json"), data, object.PutOptions{Headers: object.Headers{ContentType: "application/json"}})
	return err
}

// verifyArrivals makes sure that the objects are still those that were found.
func (j *Job) verifyArrivals(ctx context.Context, members []arrival) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(lookups)
	for _, a := range members {
		group.Go(func() error {
			found, err := j.Store.Stat(ctx, a.location())
			switch {
			case errors.Is(err, object.ErrNotFound):
				return fmt.Errorf("%w: object %s is gone", ErrTampered, a.location())
			case err != nil:
				return err
			case found.ETag != a.ETag || found.Size != a.Bytes:
				return fmt.Errorf("%w: object %s is another by now", ErrTampered, a.location())
			}
			return nil
		})
	}
	return group.Wait()
}
