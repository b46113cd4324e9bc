package extract

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/stagelift/stagelift/shared/encode"
	"github.com/stagelift/stagelift/shared/postgres"
	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/table"
)

// prepare works out how each table is read. It reports everything that is wrong
// with any of them before one is read.
func (r *run) prepare(ctx context.Context, snapshot *postgres.Snapshot, tables []postgres.Table) error {
	var problems []error
	for _, described := range tables {
		if len(described.Columns) == 0 && !described.Named {
			r.skip(ctx, described.Name, "it has no columns")
			continue
		}
		t, err := r.newProgress(ctx, snapshot, described)
		if err != nil {
			problems = append(problems, fmt.Errorf("planning %s: %w", described.Name, err))
			continue
		}
		if t == nil {
			continue
		}
		r.tables = append(r.tables, t)
		r.Log.InfoContext(ctx, "table selected", "run", r.id, "table", t.Name.String(), "rows_estimate", t.Rows,
			"bytes_estimate", t.Blocks*postgres.BlockSize, "format", t.format.Name, "compression", t.format.Compression)
	}
	r.queue = newQueue(r.tables)
	return errors.Join(problems...)
}

func (r *run) skip(ctx context.Context, name table.Name, reason string) {
	r.skipped = append(r.skipped, Skipped{Table: name.String(), Reason: reason})
	r.Log.WarnContext(ctx, "table skipped", "run", r.id, "table", name.String(), "reason", reason)
}

// newProgress returns nil for a table of which there is nothing to read yet.
func (r *run) newProgress(ctx context.Context, snapshot *postgres.Snapshot, described postgres.Table) (*progress, error) {
	t := &progress{
		Table: described, treatment: r.plan.of(described.Name), folder: r.folder(described.Name),
		snapshot: r.snapshot, consistency: stage.ConsistencySnapshot,
	}
	if err := t.describe(); err != nil {
		return nil, err
	}
	if t.where != "" {
		if err := snapshot.CheckFilter(ctx, described, t.where); err != nil {
			return nil, err
		}
	}
	if r.plan.incremental {
		something, err := r.bound(ctx, snapshot, t)
		if err != nil || !something {
			return nil, err
		}
	}
	return t, t.plan()
}

// describe settles the columns and the key as the request wants them.
func (p *progress) describe() error {
	if len(p.Columns) == 0 {
		return errors.New("it has no columns; there is nothing to load it into")
	}
	if p.primaryKey != nil {
		p.PrimaryKey = p.primaryKey
	}
	problems := []error{p.narrow(), p.checkLoad()}
	for _, name := range p.PrimaryKey {
		if p.position(name) < 0 && p.primaryKey != nil {
			problems = append(problems, fmt.Errorf("primary_key names column %s, which is not read", table.Quote(name)))
		}
	}
	if slices.ContainsFunc(p.PrimaryKey, func(name string) bool { return p.position(name) < 0 }) {
		p.PrimaryKey = nil // a key of which columns are left out tells rows apart no more
	}
	if p.load.Mode == "merge" && len(p.PrimaryKey) == 0 {
		problems = append(problems, errors.New("load.mode merge needs a key, and there is none among the columns that are read; give one as primary_key"))
	}
	return errors.Join(problems...)
}

// checkLoad finds names of columns that the loader would look for in vain.
func (p *progress) checkLoad() error {
	var problems []error
	if i := p.position(p.load.Deleted); p.load.Deleted != "" && (i < 0 || p.Columns[i].Type != "boolean") {
		problems = append(problems, fmt.Errorf("load.deleted names %s, which is no boolean column that is read", table.Quote(p.load.Deleted)))
	}
	if p.load.Deleted != "" && p.load.Mode != "merge" {
		problems = append(problems, errors.New("load.deleted is for load.mode merge"))
	}
	names := slices.Concat(p.load.SortKeys, p.load.ClusterBy)
	if p.load.DistKey != "" {
		names = append(names, p.load.DistKey)
	}
	for _, name := range names {
		if p.position(name) < 0 {
			problems = append(problems, fmt.Errorf("load names column %s, which is not read", table.Quote(name)))
		}
	}
	return errors.Join(problems...)
}

func (p *progress) position(column string) int {
	return slices.IndexFunc(p.Columns, func(c table.Column) bool { return c.Name == column })
}

// narrow gives numeric columns the precision that the request has for them.
func (p *progress) narrow() error {
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(p.numeric)) {
		i := p.position(name)
		switch {
		case i < 0:
			problems = append(problems, fmt.Errorf("numeric names column %s, which is not read", table.Quote(name)))
		case p.Columns[i].Type != "numeric" && !strings.HasPrefix(p.Columns[i].Type, "numeric("):
			problems = append(problems, fmt.Errorf("numeric names column %s, which is of type %s", table.Quote(name), p.Columns[i].Type))
		default:
			p.Columns[i].Source, p.Columns[i].Type = p.Columns[i].Type, p.numeric[name]
		}
	}
	return errors.Join(problems...)
}

// plan works out what is read and how it is written.
func (p *progress) plan() error {
	key := make([]int, 0, len(p.PrimaryKey))
	for _, name := range p.PrimaryKey {
		key = append(key, p.position(name))
	}
	repeats := make([]int, 0, len(p.Repeats))
	for _, name := range p.Repeats {
		repeats = append(repeats, p.position(name))
	}
	if err := p.choose(); err != nil {
		return err
	}
	p.encoding = encode.Options{
		Format: p.format.Name, Compression: p.format.Compression, CSV: csvOptions(p.format),
		Null: p.outOfRange == "null", Key: key, Repeats: repeats, Metadata: p.metadata(),
	}
	p.query = postgres.Query{
		Fields: p.fields, Where: p.where, Key: p.PrimaryKey, NullOutOfRange: p.outOfRange == "null",
	}
	if p.watermark != nil {
		w := p.watermark.window
		p.query.Window = &postgres.Window{
			Column: p.Columns[p.position(w.Column)], From: w.From, To: w.To, Lookback: w.Lookback,
		}
	}
	// A column that cannot be written shows before anything is.
	_, err := encode.New(p.fields, p.encoding)
	return err
}

// choose picks the image of each column. By "text", those that Parquet's type
// could not hold are carried as text, whatever they hold.
func (p *progress) choose() error {
	p.fields = make([]table.Field, len(p.Columns))
	for i := range p.Columns {
		c := &p.Columns[i]
		image, err := table.ImageOf(*c)
		if err == nil && p.format.Name == "parquet" && p.outOfRange == "text" && image.Limited() {
			c.AsText = true
			if c.Source != "" {
				c.Type, c.Source = c.Source, ""
			}
			image, err = table.ImageOf(*c)
		}
		if err != nil {
			return err
		}
		if p.outOfRange == "null" && (c.Source != "" || p.format.Name == "parquet" && image.Limited()) {
			c.Nullable = true // a value that does not fit becomes NULL in a column that has none
		}
		p.fields[i] = table.Field{Column: *c, Image: image}
	}
	return nil
}

// metadata is what a part of Parquet says about itself.
func (p *progress) metadata() map[string]string {
	columns := make([]string, len(p.Columns))
	for i, c := range p.Columns {
		columns[i] = table.Quote(c.Name) + " " + c.Type
	}
	return map[string]string{
		"stagelift.table": p.Name.String(), "stagelift.run": string(p.folder.Run), "stagelift.columns": strings.Join(columns, ", "),
	}
}
