package load

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/stagelift/stagelift/shared/object"
	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/trigger"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// Routes say how objects without a receipt are loaded. docs/routes.schema.json
// describes the document.
type Routes struct {
	Version int     `json:"version"`
	Routes  []Route `json:"routes"`
}

// RoutesVersion is the version of the document that this code reads.
const RoutesVersion = 1

// Route is for the objects below one prefix.
type Route struct {
	// Bucket is the objects'; empty is the staging bucket. The warehouse must be
	// let read it.
	Bucket string `json:"bucket,omitempty"`
	// Prefix is what their keys begin with. Of several that fit the longest
	// counts.
	Prefix string `json:"prefix"`
	// Target is the table to load into.
	Target table.Name `json:"target"`
	// Format is how the objects are written.
	Format RouteFormat `json:"format"`
	// Columns are those of the objects, in their order. Those of CSV with a
	// header may be left out, or in any order: the header counts, and what is
	// not listed is text.
	Columns []RouteColumn `json:"columns,omitempty"`
	// Mode is append, replace or merge; empty is append. Keys, Newest and
	// Deleted are those of warehouse.Load.
	Mode    warehouse.Mode `json:"mode,omitempty"`
	Keys    []string       `json:"keys,omitempty"`
	Newest  string         `json:"newest,omitempty"`
	Deleted string         `json:"deleted,omitempty"`
	// Manifest says that each object is a manifest, as UNLOAD writes it, of what
	// is to be loaded; keys that do not end in "manifest" are left alone then.
	Manifest bool `json:"manifest,omitempty"`
	// MaxFiles and MaxBytes bound what is gathered into one load; 0 is 1,000
	// files and 4 GiB.
	MaxFiles int   `json:"max_files,omitempty"`
	MaxBytes int64 `json:"max_bytes,omitempty"`
	// DistKey, SortKeys and ClusterBy are those of warehouse.TargetLayout.
	DistKey   string   `json:"dist_key,omitempty"`
	SortKeys  []string `json:"sort_keys,omitempty"`
	ClusterBy []string `json:"cluster_by,omitempty"`
}

// RouteFormat is stage.Format with the defaults of most files.
type RouteFormat struct {
	// Name is csv, jsonl or parquet.
	Name string `json:"name"`
	// Compression is none, gzip, zstd or bzip2; empty is none.
	Compression string `json:"compression,omitempty"`
	// Header is true when each object of CSV begins with the names of columns.
	Header bool `json:"header,omitempty"`
	// Null is the text of CSV that stands for NULL, \N when it is left out.
	Null *string `json:"null,omitempty"`
	// Delimiter separates the fields of CSV; empty is a comma.
	Delimiter string `json:"delimiter,omitempty"`
}

// RouteColumn is a column by PostgreSQL's type.
type RouteColumn struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

// DecodeRoutes reads the document, and is as strict as with requests.
func DecodeRoutes(data []byte) (Routes, error) {
	var r Routes
	if err := trigger.DecodeRequest(data, &r); err != nil {
		return Routes{}, fmt.Errorf("reading the routes: %w", err)
	}
	var problems []error
	if r.Version != RoutesVersion {
		problems = append(problems, fmt.Errorf("version is %d, want %d", r.Version, RoutesVersion))
	}
	for i, route := range r.Routes {
		if err := route.validate(); err != nil {
			problems = append(problems, fmt.Errorf("route %d, of %q: %w", i, route.Prefix, err))
		}
	}
	if err := errors.Join(problems...); err != nil {
		return Routes{}, fmt.Errorf("reading the routes: %w", err)
	}
	return r, nil
}

func (r Route) validate() error {
	var problems []error
	if r.Prefix == "" {
		problems = append(problems, errors.New("prefix is missing: every object would be its"))
	}
	if r.Target.Schema == "" || r.Target.Table == "" {
		problems = append(problems, errors.New("target needs a schema and a name"))
	}
	if r.Format.Name != "csv" && r.Format.Name != "jsonl" && r.Format.Name != "parquet" {
		problems = append(problems, fmt.Errorf("format is %q, want csv, jsonl or parquet", r.Format.Name))
	}
	if len(r.Columns) == 0 && !r.headed() {
		problems = append(problems, errors.New("columns are missing: only a CSV with a header, and without a manifest, tells them itself"))
	}
	switch r.Mode {
	case "", warehouse.Append, warehouse.Replace:
	case warehouse.Merge:
		if len(r.Keys) == 0 {
			problems = append(problems, errors.New("mode merge needs keys"))
		}
	default:
		problems = append(problems, fmt.Errorf("mode is %q, want append, replace or merge", r.Mode))
	}
	for _, column := range r.columns(nil) {
		if _, err := table.ImageOf(column); err != nil {
			problems = append(problems, err)
		}
	}
	return errors.Join(problems...)
}

// headed reports whether each object tells its columns.
func (r Route) headed() bool { return r.Format.Name == "csv" && r.Format.Header && !r.Manifest }

// columns are those of the route, or of a header.
func (r Route) columns(header []string) []table.Column {
	var columns []table.Column
	types := map[string]string{}
	for _, c := range r.Columns {
		types[c.Name] = c.Type
		columns = append(columns, table.Column{Name: c.Name, Type: c.Type, Nullable: true})
	}
	if header == nil {
		return columns
	}
	columns = nil
	for _, name := range header {
		kind := types[name]
		if kind == "" {
			kind = "text"
		}
		columns = append(columns, table.Column{Name: name, Type: kind, Nullable: true})
	}
	return columns
}

func (r Route) format() stage.Format {
	f := stage.Format{Name: r.Format.Name, Compression: r.Format.Compression, Header: r.Format.Header, Delimiter: r.Format.Delimiter}
	if f.Compression == "" {
		f.Compression = "none"
	}
	if f.Name == "csv" {
		f.Null = `\N`
		if r.Format.Null != nil {
			f.Null = *r.Format.Null
		}
		if f.Delimiter == "" {
			f.Delimiter = ","
		}
	}
	return f
}

// find returns the route of an object.
func (r Routes) find(at object.Location, staging string) (Route, error) {
	best := -1
	for i, route := range r.Routes {
		bucket := route.Bucket
		if bucket == "" {
			bucket = staging
		}
		if bucket == at.Bucket && strings.HasPrefix(at.Key, route.Prefix) && (best < 0 || len(route.Prefix) > len(r.Routes[best].Prefix)) {
			best = i
		}
	}
	if best < 0 {
		return Route{}, fmt.Errorf("not a receipt of bucket %q, and %w", staging, errNoRoute)
	}
	return r.Routes[best], nil
}

var errNoRoute = errors.New("no route says how to load it")

// routesLimit bounds what is read as routes.
const routesLimit = 4 << 20

// routes reads the document anew each time, so that a change counts at once.
func (j *Job) routes(ctx context.Context) (Routes, error) {
	if j.Routes.Key == "" {
		return Routes{}, nil
	}
	data, _, err := j.Store.Get(ctx, j.Routes, routesLimit)
	if err != nil {
		return Routes{}, fmt.Errorf("reading the routes: %w", err)
	}
	return DecodeRoutes(data)
}

// ParseURL reads an s3:// URL; the empty string is no location.
func ParseURL(url string) (object.Location, error) {
	if url == "" {
		return object.Location{}, nil
	}
	rest, isS3 := strings.CutPrefix(url, "s3://")
	bucket, key, _ := strings.Cut(rest, "/")
	if !isS3 || bucket == "" || key == "" {
		return object.Location{}, fmt.Errorf("%q: want s3://bucket/key", url)
	}
	return object.Location{Bucket: bucket, Key: key}, nil
}
