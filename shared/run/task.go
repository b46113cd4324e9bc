package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/stagelift/stagelift/shared/encode"
	"github.com/stagelift/stagelift/shared/fault"
	"github.com/stagelift/stagelift/shared/postgres"
	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/table"
)

// task is one table of a run: what is read of it, how it is written, and where it
// goes. It does not change once it is made.
type task struct {
	*postgres.Table
	treatment
	settings *settings
	folder   stage.Folder
	// attempt names the parts of this invocation, and numbers begin at first.
	attempt string
	first   int
	// columns and key are those of the receipt.
	columns  []table.Column
	key      []string
	fields   []table.Field
	query    postgres.Query
	encoding encode.Options
	// appends is true for windows that are appended because there is no key, and not
	// because somebody said so.
	appends bool
	// limits are those of the targets on each field, tooLongs what becomes of a
	// value that passes one.
	limits   []table.Limit
	tooLongs []string
	// window is an incremental run's; nil for all others.
	window *window
	// moment is that of this invocation, earlier what invocations before made of
	// the table, and open the units that they left; nil when it was not begun.
	moment  stage.Snapshot
	earlier []stage.Record
	open    []stage.Unit
	density float64
	// keys reads the table's keys for a sweep; nil without one. It is a task itself,
	// which sweeping is true of.
	keys     *task
	sweeping bool
}

// tasks makes a task of each table of the snapshot. A table that cannot be read as
// the request wants fails, and the others do not.
func (r *run) tasks(ctx context.Context) []*task {
	var list []*task
	for _, described := range r.snapshot.Tables {
		name := described.Name.String()
		if len(described.Columns) == 0 && !described.Named {
			r.skip(ctx, name, fault.NoColumns, "it has no columns")
			continue
		}
		t, err := r.task(ctx, described)
		if err != nil {
			r.fail(ctx, name, fault.Coded(err, fault.TableRequest))
			continue
		}
		if t == nil {
			continue
		}
		list = append(list, t)
		r.Log.InfoContext(ctx, "table selected", "run", t.folder.Run, "table", name, "rows_estimate", t.Rows(),
			"bytes_estimate", t.Bytes(), "format", t.format.Name, "compression", t.format.Compression, "apart", t.apart())
	}
	return list
}

// task returns nil for a table that is settled already.
func (r *run) task(ctx context.Context, described *postgres.Table) (*task, error) {
	t := &task{Table: described, treatment: r.settings.of(described.Name), settings: &r.settings, folder: r.folder(described.Name), moment: r.moment, attempt: r.attempt}
	repaired, err := r.repairs(ctx, t)
	if err != nil {
		return nil, err
	}
	if err := t.describe(); err != nil {
		return nil, err
	}
	if t.where != "" {
		if err := r.snapshot.CheckFilter(ctx, described, t.where); err != nil {
			return nil, err
		}
	}
	if repaired != nil {
		if err := t.again(r, repaired); err != nil {
			return nil, err
		}
	}
	if r.settings.incremental {
		unfinished, err := r.bound(ctx, t)
		if err != nil || t.window == nil {
			return unfinished, err
		}
	}
	return t, t.prepare()
}

// apart names the tables whose rows are not in this one, though they inherit from
// it and nobody asked for that.
func (t *task) apart() []string {
	if t.inherited == "only" || len(t.Apart) == 0 {
		return nil
	}
	names := make([]string, len(t.Apart))
	for i, name := range t.Apart {
		names[i] = name.String()
	}
	return names
}

// describe settles the columns and the key as the request wants them.
func (t *task) describe() error {
	if t.columns, t.key = slices.Clone(t.Columns), t.PrimaryKey; len(t.columns) == 0 {
		return fault.New(fault.NoColumns, "", "it has no columns; there is nothing to load it into")
	}
	if t.primaryKey != nil {
		t.key = t.primaryKey
	}
	problems := []error{t.narrow()}
	for _, name := range t.key {
		if t.position(name) < 0 && t.primaryKey != nil {
			problems = append(problems, fmt.Errorf("primary_key names column %s, which is not read", table.Quote(name)))
		}
	}
	if slices.ContainsFunc(t.key, func(name string) bool { return t.position(name) < 0 }) {
		t.key = nil // a key of which columns are left out tells rows apart no more
	}
	return errors.Join(append(problems, t.checkLoad())...)
}

func (t *task) position(column string) int {
	return slices.IndexFunc(t.columns, func(c table.Column) bool { return c.Name == column })
}

// prepare works out how the table is read and written.
func (t *task) prepare() error {
	if err := t.choose(); err != nil {
		return err
	}
	t.encoding = encode.Options{
		Format: t.format.Name, Compression: t.format.Compression, CSV: csvOptions(t.format),
		Null: t.outOfRange == "null", Repeats: t.positions(t.Repeats), Metadata: t.metadata(),
	}
	t.query = postgres.Query{Fields: t.fields, Where: t.where, NullOutOfRange: t.outOfRange == "null"}
	if t.settings.request.ShowValues {
		t.encoding.Key, t.query.Key = t.positions(t.key), t.key
	}
	if t.window != nil && !t.window.sliced {
		t.query.Cursor = &t.window.column
	}
	// A column that cannot be written shows before anything is.
	if _, err := encode.New(t.fields, t.encoding); err != nil {
		return err
	}
	return t.prepareKeys()
}

func (t *task) positions(names []string) []int {
	list := make([]int, len(names))
	for i, name := range names {
		list[i] = t.position(name)
	}
	return list
}

// choose picks the image of each column. By "text", those that Parquet's type
// could not hold are carried as text, whatever they hold.
func (t *task) choose() error {
	t.fields = make([]table.Field, len(t.columns))
	t.limits, t.tooLongs = make([]table.Limit, len(t.columns)), make([]string, len(t.columns))
	for i := range t.columns {
		c := &t.columns[i]
		image, err := table.ImageOf(*c)
		unfit := table.Unfit(image, t.format.Name, t.targets)
		if err == nil && t.outOfRange == "text" && (t.format.Name == "parquet" && image.Limited() || unfit != "") {
			c.AsText = true
			if c.Source != "" {
				c.Type, c.Source = c.Source, ""
			}
			image, err = table.ImageOf(*c)
			unfit = ""
		}
		switch {
		case err != nil:
			return err
		case unfit != "":
			return fmt.Errorf(`column %s of type %s: %s; set "out_of_range" to "text", stage the table in another format, or leave the column out`, table.Quote(c.Name), c.Type, unfit)
		}
		t.limits[i], t.tooLongs[i] = table.LimitOf(*c, image, t.format.Name, t.targets), t.tooLong
		if slices.Contains(t.key, c.Name) {
			t.tooLongs[i] = encode.Refuse // a key that was cut is another row's
		}
		if t.tooLongs[i] == encode.Nullify && t.limits[i].Bytes > 0 {
			c.Nullable = true
		}
		if t.outOfRange == "null" && (c.Source != "" || t.format.Name == "parquet" && image.Limited()) {
			c.Nullable = true // a value that does not fit becomes NULL in a column that has none
		}
		t.fields[i] = table.Field{Column: *c, Image: image}
	}
	return nil
}

// metadata is what a part of Parquet says about itself.
func (t *task) metadata() map[string]string {
	columns := make([]string, len(t.columns))
	for i, c := range t.columns {
		columns[i] = table.Quote(c.Name) + " " + c.Type
	}
	return map[string]string{
		"stagelift.table": t.Name.String(), "stagelift.run": string(t.folder.Run), "stagelift.columns": strings.Join(columns, ", "),
	}
}

// origin is what the table was when it was read.
func (t *task) origin(s *postgres.Snapshot, host string) stage.Origin {
	o := stage.Origin{Server: s.Server.SystemID, Major: s.Server.Major, Host: host, OID: t.OID}
	for _, r := range t.Relations {
		o.Relations = append(o.Relations, r.OID)
	}
	slices.Sort(o.Relations)
	return o
}
