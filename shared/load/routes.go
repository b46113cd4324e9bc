package load

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/stagelift/stagelift/shared/object"
	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/strict"
	"github.com/stagelift/stagelift/shared/table"
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
	// Warehouses are those that the route is for; empty is every one that there
	// is a function for.
	Warehouses []string `json:"warehouses,omitempty"`
	// Columns are those of the objects, in their order. They may be left out
	// where the objects tell them; JSON Lines has those of the target then, which
	// must be there. Those of CSV with a header may be in any order besides: the
	// header counts, and what is not listed is text. Parquet and manifests are
	// read for them only if none are listed here.
	Columns []RouteColumn `json:"columns,omitempty"`
	// Mode is append, replace or merge; empty is append. Keys, Newest and
	// Deleted are those of warehouse.Load.
	Mode    warehouse.Mode `json:"mode,omitempty"`
	Keys    []string       `json:"keys,omitempty"`
	Newest  string         `json:"newest,omitempty"`
	Deleted string         `json:"deleted,omitempty"`
	// Manifest says that each object is a manifest, as UNLOAD writes it, of what
	// is to be loaded, all of it in the route's bucket and below its prefix. Keys
	// that do not end in "manifest" are left alone then.
	Manifest bool `json:"manifest,omitempty"`
	// MaxFiles and MaxBytes bound what is gathered into one load; 0 is 1,000
	// files and 4 GiB.
	MaxFiles int   `json:"max_files,omitempty"`
	MaxBytes int64 `json:"max_bytes,omitempty"`
	// DistKey, SortKeys and ClusterBy are those of warehouse.TargetLayout.
	DistKey   string   `json:"dist_key,omitempty"`
	SortKeys  []string `json:"sort_keys,omitempty"`
	ClusterBy []string `json:"cluster_by,omitempty"`
	// Copy are options of the warehouse's COPY, by their documented names and as
	// text; each warehouse refuses those that are not on its list.
	Copy map[string]string `json:"copy,omitempty"`
	// BadRows is how many rows COPY may refuse; nil refuses the first.
	BadRows *BadRows `json:"bad_rows,omitempty"`
}

// BadRows says how many rows of a load may be refused before all of it is.
type BadRows struct {
	Most int64 `json:"most"`
}

// most is nil where none may be.
func (b *BadRows) most() *int64 {
	if b == nil {
		return nil
	}
	return &b.Most
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
	if err := strict.Decode(data, &r); err != nil {
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
	problems = append(problems, r.ambiguous()...)
	if err := errors.Join(problems...); err != nil {
		return Routes{}, fmt.Errorf("reading the routes: %w", err)
	}
	return r, nil
}

// ambiguous finds routes of the same objects and warehouse.
func (r Routes) ambiguous() []error {
	var problems []error
	for i, a := range r.Routes {
		for j, b := range r.Routes[:i] {
			both := len(a.Warehouses) == 0 || len(b.Warehouses) == 0 || slices.ContainsFunc(a.Warehouses, b.loadsInto)
			if a.Bucket == b.Bucket && a.Prefix == b.Prefix && both {
				problems = append(problems, fmt.Errorf("routes %d and %d are both of %q and one warehouse; give each warehouses of its own, or remove one", j, i, a.Prefix))
			}
		}
	}
	return problems
}

// warehouses are the names that a route may use.
var warehouses = []string{"redshift", "snowflake"}

// compressions are those that a route may name.
var compressions = []string{"none", "gzip", "zstd", "bzip2", "snappy"}

// loadsInto reports whether the route is for a warehouse; one without a name
// takes every route.
func (r Route) loadsInto(name string) bool {
	return name == "" || len(r.Warehouses) == 0 || slices.Contains(r.Warehouses, name)
}

func (r Route) validate() error {
	var problems []error
	if r.Prefix == "" {
		problems = append(problems, errors.New("prefix is missing: every object would be its"))
	}
	if r.Target.Schema == "" || r.Target.Table == "" {
		problems = append(problems, errors.New("target needs a schema and a name"))
	}
	problems = append(problems, r.Format.validate(), r.bounds(), r.names())
	if len(r.Columns) == 0 && !r.told() {
		problems = append(problems, errors.New("columns are missing: CSV without a header does not tell them"))
	}
	for _, name := range r.Warehouses {
		if !slices.Contains(warehouses, name) {
			problems = append(problems, fmt.Errorf("warehouse is %q, want redshift or snowflake", name))
		}
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

func (f RouteFormat) validate() error {
	var problems []error
	if f.Name != "csv" && f.Name != "jsonl" && f.Name != "parquet" {
		problems = append(problems, fmt.Errorf("format is %q, want csv, jsonl or parquet", f.Name))
	}
	if f.Compression != "" && !slices.Contains(compressions, f.Compression) {
		problems = append(problems, fmt.Errorf("compression is %q, want one of %s", f.Compression, strings.Join(compressions, ", ")))
	}
	if len(f.Delimiter) > 1 {
		problems = append(problems, fmt.Errorf("delimiter is %q, want one character", f.Delimiter))
	}
	return errors.Join(problems...)
}

// bounds looks at what may not be negative.
func (r Route) bounds() error {
	if r.BadRows != nil && r.BadRows.Most < 0 {
		return fmt.Errorf("bad_rows.most is %d, want 0 or more", r.BadRows.Most)
	}
	if _, unnamed := r.Copy[""]; unnamed {
		return errors.New("an option of copy has no name")
	}
	if r.MaxFiles < 0 || r.MaxBytes < 0 {
		return fmt.Errorf("max_files is %d and max_bytes %d, want 0 or more", r.MaxFiles, r.MaxBytes)
	}
	return nil
}

// names looks at what names columns.
func (r Route) names() error {
	all := slices.Concat(r.Keys, r.SortKeys, r.ClusterBy)
	for _, c := range r.Columns {
		all = append(all, c.Name)
	}
	if slices.Contains(all, "") {
		return errors.New("a name of columns, keys, sort_keys or cluster_by is missing or empty")
	}
	return nil
}

// headed reports whether each object tells its columns in its first line.
func (r Route) headed() bool { return r.Format.Name == "csv" && r.Format.Header && !r.Manifest }

// footed reports whether each object is to be asked for its columns at its end.
func (r Route) footed() bool { return r.Format.Name == "parquet" && len(r.Columns) == 0 }

// borrowed reports whether the target's columns are to be the objects'.
func (r Route) borrowed() bool { return r.Format.Name == "jsonl" && len(r.Columns) == 0 }

// told reports whether columns may be had without being listed.
func (r Route) told() bool { return r.headed() || r.footed() || r.borrowed() || r.Manifest }

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

// find returns the route of an object into a warehouse. It is of another
// warehouse alone when ours is false and err nil.
func (r Routes) find(at object.Location, staging, into string) (best Route, ours bool, err error) {
	theirs := false
	for _, route := range r.Routes {
		bucket := route.Bucket
		if bucket == "" {
			bucket = staging
		}
		switch {
		case bucket != at.Bucket || !strings.HasPrefix(at.Key, route.Prefix):
		case !route.loadsInto(into):
			theirs = true
		case !ours || len(route.Prefix) > len(best.Prefix):
			best, ours = route, true
		}
	}
	if !ours && !theirs {
		return Route{}, false, fmt.Errorf("not a receipt of bucket %q, and %w", staging, errNoRoute)
	}
	return best, ours, nil
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
