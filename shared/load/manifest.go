package load

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/stagelift/stagelift/shared/object"
	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/unload"
)

// manifestID is the load's of a manifest. UNLOAD writes the same text when it
// writes the same names over, so in a bucket without versions the time of
// writing tells one manifest from the next.
func (a arrival) manifestID() string {
	written := a.Version
	if written == "" {
		written = a.Modified.UTC().Format("20060102T150405Z")
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "manifest %q %q %q %q", a.Bucket, a.Key, a.ETag, written))
	return hex.EncodeToString(sum[:])
}

// planManifest makes the load of what a manifest lists. A manifest that cannot
// be loaded is a load as well, which fails before it begins: so it is told and
// kept like any other, and one that is done is known to be although what it
// lists is gone.
func (j *Job) planManifest(ctx context.Context, a arrival) planned {
	members, columns, err := j.readManifest(ctx, a)
	p := j.loadOf(a.manifestID(), a, columns, members)
	p.from = a.location()
	if err == nil && len(members) > 0 {
		err = j.writeManifest(ctx, p, members)
	}
	if err != nil {
		p.verify = func(context.Context) error { return err }
	}
	return p
}

// tampered is ErrTampered of what a manifest lists.
type tampered struct{ error }

func (tampered) Is(target error) bool { return target == ErrTampered }

// readManifest finds what a manifest lists, and holds it to all that the
// manifest says.
func (j *Job) readManifest(ctx context.Context, a arrival) ([]arrival, []table.Column, error) {
	data, found, err := j.Store.Get(ctx, a.location(), receiptLimit)
	if err != nil {
		return nil, nil, err
	}
	if found.ETag != a.ETag {
		return nil, nil, fmt.Errorf("%w: it was written anew while it was read", object.ErrChanged)
	}
	m, err := unload.Decode(data)
	if err == nil {
		err = errors.Join(checkEntries(a, m), checkTotals(m))
	}
	if err != nil {
		return nil, nil, err
	}
	members, err := j.members(ctx, a, m)
	if err != nil {
		return nil, nil, err
	}
	columns, err := j.manifestColumns(ctx, a.route, m, members)
	return members, columns, err
}

// checkEntries keeps a manifest within its route, and what it lists from being
// loaded twice.
func checkEntries(a arrival, m unload.Manifest) error {
	if len(m.Entries) == 0 && m.Rows != 0 {
		return errors.New("the manifest lists nothing, and does not say that there were no rows, as one that is VERBOSE would")
	}
	var problems []error
	seen := map[string]bool{a.Key: true}
	for _, e := range m.Entries {
		switch {
		case e.Bucket != a.Bucket:
			problems = append(problems, fmt.Errorf("it lists %s, which lies in another bucket", e.URL()))
		case !strings.HasPrefix(e.Key, a.route.Prefix):
			problems = append(problems, fmt.Errorf("it lists %s, which lies outside of the route's prefix %q", e.URL(), a.route.Prefix))
		case e.Key == a.Key:
			problems = append(problems, errors.New("it lists itself"))
		case seen[e.Key]:
			problems = append(problems, fmt.Errorf("it lists %s twice, whose rows would be loaded twice", e.URL()))
		}
		seen[e.Key] = true
	}
	return several(problems)
}

// checkTotals adds up. Both sums are there or none is.
func checkTotals(m unload.Manifest) error {
	var size, rows int64
	known := m.Bytes >= 0 && m.Rows >= 0
	for _, e := range m.Entries {
		known = known && e.Bytes >= 0 && e.Rows >= 0
		size, rows = size+e.Bytes, rows+e.Rows
	}
	if known && (size != m.Bytes || rows != m.Rows) {
		return fmt.Errorf("its entries have %d bytes and %d records together, and it says %d and %d; UNLOAD anew", size, rows, m.Bytes, m.Rows)
	}
	return nil
}

// members looks at every object that a manifest lists.
func (j *Job) members(ctx context.Context, a arrival, m unload.Manifest) ([]arrival, error) {
	members, problems := make([]arrival, len(m.Entries)), make([]error, len(m.Entries))
	var group errgroup.Group
	group.SetLimit(lookups)
	for i, e := range m.Entries {
		group.Go(func() error {
			found, err := j.Store.Stat(ctx, object.Location{Bucket: e.Bucket, Key: e.Key})
			switch {
			case errors.Is(err, object.ErrNotFound):
				err = tampered{fmt.Errorf("it lists %s, which is missing; a manifest comes after all that it lists", e.URL())}
			case err == nil && e.Bytes >= 0 && found.Size != e.Bytes:
				err = tampered{fmt.Errorf("%s has %d bytes, and the manifest says %d", e.URL(), found.Size, e.Bytes)}
			}
			problems[i] = err
			members[i] = arrival{
				Bucket: e.Bucket, Key: e.Key, ETag: found.ETag, Version: found.VersionID, Bytes: found.Size,
				Modified: a.Modified, Rows: records(a.route, e),
			}
			return nil
		})
	}
	_ = group.Wait() // the problems are told together
	return members, several(problems)
}

// records are the rows of an entry, of which the line of a header is none
// ("UNLOAD", MANIFEST VERBOSE); nil when the manifest does not count.
func records(r Route, e unload.Entry) *int64 {
	rows := e.Rows
	if rows > 0 && r.Format.Name == "csv" && r.Format.Header {
		rows--
	}
	if rows < 0 {
		return nil
	}
	return &rows
}

// manifestColumns are the route's; else those that the files tell, or the
// manifest; else, of JSON Lines, the target's.
func (j *Job) manifestColumns(ctx context.Context, r Route, m unload.Manifest, members []arrival) ([]table.Column, error) {
	if len(r.Columns) > 0 {
		return r.columns(nil), nil
	}
	if r.borrowed() && len(m.Columns) == 0 {
		return j.targetColumns(ctx, r.Target)
	}
	if !r.footed() && len(m.Columns) == 0 {
		return nil, errors.New("the manifest has no schema: UNLOAD with MANIFEST VERBOSE, or list the columns in the route")
	}
	schema, problems := make([]table.Column, len(m.Columns)), make([]error, len(m.Columns))
	for i, c := range m.Columns {
		schema[i], problems[i] = c.Column()
	}
	if err := several(problems); err != nil {
		return nil, fmt.Errorf("its schema: %w; list the columns in the route", err)
	}
	if !r.footed() || len(members) == 0 {
		return schema, nil
	}
	files, err := j.footers(ctx, members)
	if err != nil {
		return nil, err
	}
	return refine(files, schema)
}

// footers reads those of all members, which have to agree with one another, and
// with the manifest in their rows. Of all but the first only the rows are kept.
func (j *Job) footers(ctx context.Context, members []arrival) ([]table.Column, error) {
	model := members[0].location()
	first, err := j.footer(ctx, members[0])
	if err != nil {
		return nil, fmt.Errorf("reading the columns of %s: %w", model, err)
	}
	problems := make([]error, len(members))
	var group errgroup.Group
	group.SetLimit(lookups)
	for i, a := range members {
		group.Go(func() error {
			file, err := j.footer(ctx, a)
			what := difference(first.Columns, file.Columns)
			switch {
			case err != nil:
				err = fmt.Errorf("reading the columns of %s: %w", a.location(), err)
			case what != "":
				err = fmt.Errorf("%s has other columns than %s: %s", a.location(), model, what)
			case a.Rows != nil && *a.Rows != file.Rows:
				err = tampered{fmt.Errorf("%s has %d rows, and the manifest says %d", a.location(), file.Rows, *a.Rows)}
			}
			members[i].Rows, problems[i] = &file.Rows, err
			return nil
		})
	}
	_ = group.Wait() // the problems are told together
	return first.Columns, several(problems)
}

// difference says how columns differ from those that are wanted; empty is not
// at all.
func difference(want, got []table.Column) string {
	if len(want) != len(got) {
		return fmt.Sprintf("%d, want %d", len(got), len(want))
	}
	for i, c := range got {
		if c.Name != want[i].Name || c.Type != want[i].Type {
			return fmt.Sprintf("column %d is %s of type %s, want %s of type %s",
				i+1, table.Quote(c.Name), c.Type, table.Quote(want[i].Name), want[i].Type)
		}
	}
	return ""
}

// refine gives the columns of files the types of the manifest's schema, if it
// has one, where both have the same image in Parquet: the schema knows how long
// a text is. Where they have not, the file's is what COPY will find.
func refine(file, schema []table.Column) ([]table.Column, error) {
	if len(schema) == 0 {
		return file, nil
	}
	if len(schema) != len(file) {
		return nil, fmt.Errorf("its schema has %d columns, and its files have %d; UNLOAD keeps those of PARTITION BY in the files with INCLUDE", len(schema), len(file))
	}
	columns := make([]table.Column, len(file))
	for i, c := range file {
		if c.Name != schema[i].Name {
			return nil, fmt.Errorf("column %d is %s in its schema and %s in its files", i+1, table.Quote(schema[i].Name), table.Quote(c.Name))
		}
		told, err := table.ImageOf(schema[i])
		if err != nil {
			return nil, err
		}
		found, err := table.ImageOf(c)
		if err != nil {
			return nil, err
		}
		columns[i] = c
		if told.Parquet == found.Parquet {
			columns[i] = schema[i]
		}
	}
	return columns, nil
}

// several joins problems, and names no more of them than somebody reads.
func several(problems []error) error {
	const most = 10
	var list []error
	more := 0
	for _, err := range problems {
		switch {
		case err == nil:
		case len(list) == most:
			more++
		default:
			list = append(list, err)
		}
	}
	if more > 0 {
		list = append(list, fmt.Errorf("and %d more", more))
	}
	return errors.Join(list...)
}
