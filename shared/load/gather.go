package load

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/stagelift/stagelift/shared/object"
	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/trigger"
)

// arrival is an object that is to be loaded by a route.
type arrival struct {
	Bucket string `json:"bucket"`
	Key    string `json:"key"`
	// ETag and Version are those of the object that was found.
	ETag     string    `json:"etag"`
	Version  string    `json:"version,omitempty"`
	Bytes    int64     `json:"bytes"`
	Modified time.Time `json:"modified"`
	// Rows is how many the object says that it has; nil when it does not.
	Rows *int64 `json:"rows,omitempty"`

	route   Route
	columns []table.Column
}

func (a arrival) location() object.Location { return object.Location{Bucket: a.Bucket, Key: a.Key} }

// id is the object's at this version: what is written in its place is another.
func (a arrival) id() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %q", a.Bucket, a.Key, a.ETag, a.Version))
	return hex.EncodeToString(sum[:])
}

// gather puts objects into batches by their routes. An object belongs to the
// batch that claimed it first, in whichever invocation, so that it is loaded
// once however it is delivered; see batch.
func (j *Job) gather(ctx context.Context, objects []trigger.Object) ([]planned, error) {
	routes, err := j.routes(ctx)
	if err != nil {
		return nil, err
	}
	arrivals, err := j.arrive(ctx, routes, objects)
	problems := []error{err}
	var ids []string
	var loose []arrival
	var loads []planned
	for _, a := range arrivals {
		if a.route.Manifest {
			loads = append(loads, j.planManifest(ctx, a))
			continue
		}
		switch owner, err := j.owner(ctx, a); {
		case err != nil:
			problems = append(problems, err)
		case owner == "":
			loose = append(loose, a)
		case !slices.Contains(ids, owner):
			ids = append(ids, owner)
		}
	}
	for _, b := range bundles(loose) {
		id, err := j.writeBatch(ctx, b)
		if err == nil {
			ids = append(ids, id)
		}
		problems = append(problems, err)
	}
	for _, id := range ids {
		p, some, err := j.planBatch(ctx, id)
		if err == nil && some {
			loads = append(loads, p)
		}
		problems = append(problems, err)
	}
	return loads, errors.Join(problems...)
}

// arrive looks at the objects and finds their routes and columns.
func (j *Job) arrive(ctx context.Context, routes Routes, objects []trigger.Object) ([]arrival, error) {
	found := make([]*arrival, len(objects))
	targets := &described{job: j}
	problems := make([]error, len(objects))
	var group errgroup.Group
	group.SetLimit(lookups)
	for i, o := range objects {
		group.Go(func() error {
			found[i], problems[i] = j.arriveOne(ctx, routes, targets, object.Location{Bucket: o.Bucket, Key: o.Key})
			return nil
		})
	}
	_ = group.Wait() // the problems are told each by itself
	var arrivals []arrival
	seen := map[string]bool{}
	for _, a := range found {
		if a != nil && !seen[a.id()] {
			seen[a.id()] = true
			arrivals = append(arrivals, *a)
		}
	}
	return arrivals, errors.Join(problems...)
}

func (j *Job) arriveOne(ctx context.Context, routes Routes, targets *described, at object.Location) (*arrival, error) {
	route, ours, err := routes.find(at, j.Bucket, j.WarehouseName)
	if err != nil {
		return nil, fmt.Errorf("loading %s: %w", at, err)
	}
	if !ours || route.Manifest && !strings.HasSuffix(path.Base(at.Key), "manifest") {
		return nil, nil
	}
	found, err := j.Store.Stat(ctx, at)
	if err != nil {
		return nil, fmt.Errorf("loading %s: %w", at, err)
	}
	a := &arrival{
		Bucket: at.Bucket, Key: at.Key, ETag: found.ETag, Version: found.VersionID, Bytes: found.Size,
		Modified: found.LastModified.UTC(), route: route, columns: route.columns(nil),
	}
	switch {
	case route.Manifest: // it is read when its load is planned
	case route.headed():
		header, err := j.header(ctx, *a)
		if err != nil {
			return nil, fmt.Errorf("loading %s: reading its header: %w", at, err)
		}
		a.columns = route.columns(header)
	case route.footed():
		file, err := j.footer(ctx, *a)
		if err != nil {
			return nil, fmt.Errorf("loading %s: reading its columns: %w", at, err)
		}
		a.columns, a.Rows = file.Columns, &file.Rows
	case route.borrowed():
		if a.columns, err = targets.columns(ctx, route.Target); err != nil {
			return nil, fmt.Errorf("loading %s: %w", at, err)
		}
	}
	return a, nil
}

const (
	mostFiles = 1000
	mostBytes = 4 << 30
)

// bundles puts objects of the same route and columns together, in order of their
// keys, as many as the route wants in one load.
func bundles(arrivals []arrival) [][]arrival {
	slices.SortFunc(arrivals, func(a, b arrival) int {
		return strings.Compare(a.Bucket+"/"+a.Key, b.Bucket+"/"+b.Key)
	})
	open := map[string]int{} // the bundle to add to, by route and columns
	var list [][]arrival
	var sizes []int64
	for _, a := range arrivals {
		name, _ := json.Marshal([]any{a.route, a.columns}) // of plain values, which all encode
		files, bytes := a.route.MaxFiles, a.route.MaxBytes
		if files <= 0 {
			files = mostFiles
		}
		if bytes <= 0 {
			bytes = mostBytes
		}
		i, known := open[string(name)]
		if !known || len(list[i]) >= files || sizes[i]+a.Bytes > bytes {
			i = len(list)
			open[string(name)] = i
			list, sizes = append(list, nil), append(sizes, 0)
		}
		list[i] = append(list[i], a)
		sizes[i] += a.Bytes
	}
	return list
}
