package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stagelift/stagelift/shared/object"
	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/table"
)

// records are where a run that was left says what was made of it.
type records struct {
	shelf    stage.Shelf
	layout   stage.Layout
	database string
	run      stage.RunID
}

func (j *Job) records(id stage.RunID) records {
	return records{shelf: j.shelf(), layout: j.Layout, database: j.Database, run: id}
}

func (s records) plan() stage.Document[stage.Plan] {
	return stage.Document[stage.Plan]{Shelf: s.shelf, Key: s.layout.Plan(s.database, s.run)}
}

func (s records) units() stage.Document[stage.Units] {
	return stage.Document[stage.Units]{Shelf: s.shelf, Key: s.layout.Units(s.database, s.run)}
}

func (s records) record(key string) stage.Document[stage.Record] {
	return stage.Document[stage.Record]{Shelf: s.shelf, Key: key}
}

// left is a run that was left.
type left struct {
	plan    stage.Plan
	units   []stage.Unit
	open    []stage.Unit
	records []stage.Record
}

// read returns the plan, the units that have no record, and the records.
func (s records) read(ctx context.Context) (l left, err error) {
	if l.plan, _, err = s.plan().Read(ctx); err != nil {
		return l, err
	}
	units, _, err := s.units().Read(ctx)
	if err != nil {
		return l, err
	}
	for listed, err := range s.shelf.Store.List(ctx, s.shelf.Bucket, s.layout.Records(s.database, s.run), "") {
		if err != nil {
			return l, err
		}
		record, _, err := s.record(listed.Key).Read(ctx)
		if err != nil {
			return l, err
		}
		l.records = append(l.records, record)
	}
	if l.plan.Database != s.database || l.plan.Run != s.run {
		return l, fmt.Errorf("the plan of run %s is that of run %s in database %q", s.run, l.plan.Run, l.plan.Database)
	}
	l.units, l.open = units.Units, stage.Open(slices.Clone(units.Units), l.records)
	return l, nil
}

// of picks what there is of one table, of its rows or of its keys; false when it is
// not in the plan.
func (l left) of(name table.Name, keys bool) (planned stage.PlannedTable, open []stage.Unit, records []stage.Record, found bool) {
	open = []stage.Unit{}
	for _, u := range l.open {
		if u.Table == name && u.Keys == keys {
			open = append(open, u)
		}
	}
	for _, r := range l.records {
		if r.Table == name && r.Keys == keys {
			records = append(records, r)
		}
	}
	at := slices.IndexFunc(l.plan.Tables, func(p stage.PlannedTable) bool { return p.Table == name })
	if at >= 0 {
		planned = l.plan.Tables[at]
	}
	return planned, open, records, at >= 0
}

// leave writes down what is left of the tables that are not settled, for another
// invocation to go on with. It reports whether anything was brought further.
func (r *run) leave(ctx context.Context, unsettled []*progress) (moved bool, err error) {
	var fresh []*progress
	for _, p := range unsettled {
		if p.open == nil {
			fresh = append(fresh, p)
		}
	}
	moved = slices.ContainsFunc(unsettled, func(p *progress) bool {
		// Keys that are not of a held moment are read again, whoever goes on.
		return p.began() || p.sweep != nil && p.sweep.began() && p.moment.Held != ""
	}) || len(r.answer().with(Published)) > r.adopted
	if !moved {
		return false, nil
	}
	if err := r.writePlan(ctx, fresh); err != nil {
		return false, err
	}
	for _, p := range unsettled {
		for _, each := range p.both() {
			if each.began() && (!each.sweeping || each.moment.Held != "") {
				err = errors.Join(err, r.writeRecord(ctx, each))
			}
		}
		if p.window != nil && err == nil {
			err = r.markUnfinished(ctx, p.task)
		}
	}
	return true, err
}

// writePlan writes the plan of tables that have none yet, a unit for each.
func (r *run) writePlan(ctx context.Context, fresh []*progress) error {
	if len(fresh) == 0 {
		return nil
	}
	request, err := json.Marshal(r.settings.request)
	if err != nil {
		return fmt.Errorf("encoding the request of run %s: %w", r.id, err)
	}
	plan := stage.Plan{Version: stage.PlanVersion, Database: r.Database, Run: r.id, Request: request, Snapshot: r.moment, At: time.Now().UTC()}
	for _, p := range r.queue.tables {
		if !p.sweeping && p.folder.Run == r.id && r.settledAs(p.Name.String()) == Published {
			plan.Tables = append(plan.Tables, stage.PlannedTable{Table: p.Name})
		}
	}
	var units stage.Units
	for _, p := range fresh {
		planned := stage.PlannedTable{Table: p.Name, Columns: p.Columns, Density: p.density, Origin: p.origin(r.snapshot, r.Host)}
		if p.window != nil {
			planned.Window = &p.window.Window
		}
		plan.Tables = append(plan.Tables, planned)
		for _, each := range p.both() {
			each.open = []stage.Unit{{ID: strconv.Itoa(len(units.Units) + 1), Table: p.Name, Keys: each.sweeping, Ranges: p.whole()}}
			units.Units = append(units.Units, each.open...)
		}
	}
	if _, err := r.records(r.id).units().Create(ctx, units); err != nil {
		return err
	}
	_, err = r.records(r.id).plan().Create(ctx, plan)
	return err
}

// writeRecord records what this invocation made of the units of a table. One that
// is there already is another's who went on from the same records; then what this
// one made is nobody's.
func (r *run) writeRecord(ctx context.Context, p *progress) error {
	record := stage.Record{Version: stage.PlanVersion, Table: p.Name, Keys: p.sweeping, Snapshot: p.moment, At: time.Now().UTC()}
	var read []stage.Range
	record.Copied, record.Parts, read = p.stored(0)
	for _, u := range p.open {
		record.Units = append(record.Units, u.ID)
	}
	if rest := without(p.ranges(), read); len(rest) > 0 {
		record.Left = []stage.Unit{{ID: restOf(record.Units[0]), Table: p.Name, Keys: p.sweeping, Ranges: rest}}
	}
	s := r.records(p.folder.Run)
	_, err := s.record(r.Layout.Record(r.Database, p.folder.Run, record.Units[0])).Create(ctx, record)
	if errors.Is(err, object.ErrExists) {
		r.Log.WarnContext(ctx, "another invocation went on with this table at the same time; what this one read is left out", "run", p.folder.Run, "table", p.Name.String())
		return nil
	}
	return err
}

// restOf names what is left of a unit: 3.1 of 3, 3.2 of 3.1.
func restOf(id string) string {
	unit, number, _ := strings.Cut(id, ".")
	n, _ := strconv.Atoi(number) // 0 when there is none
	return unit + "." + strconv.Itoa(n+1)
}

// markUnfinished has the next incremental run go on with the table.
func (r *run) markUnfinished(ctx context.Context, t *task) error {
	w := t.window
	if r.settings.repair != "" || w.before.Unfinished == t.folder.Run {
		return nil
	}
	state := w.unmoved(t)
	state.Unfinished = t.folder.Run
	_, err := r.state(t.Name).Replace(ctx, state, w.etag)
	if stage.Conflict(err) {
		return nil // another run is further; what this one read is nobody's
	}
	return err
}

// leaveSlices publishes windows as far as they came, and sees to it that those that
// came nowhere are read in another way the next time.
func (r *run) leaveSlices(ctx context.Context, unsettled []*progress) {
	for _, p := range unsettled {
		if p.window == nil {
			continue
		}
		if p.window.sliced {
			if err := r.publish(ctx, p); err != nil {
				r.broke(ctx, p, err)
			}
		}
		if r.settings.repair == "" && !r.settled(p.Name.String()) && (p.window.sliced || !p.Relations[0].ByBlock) {
			state := p.window.unmoved(p.task)
			// Blocks can be left in the middle, as values cannot that most rows have.
			if state.ByBlock = p.window.sliced && p.Relations[0].ByBlock; !state.ByBlock {
				state.Rows = max(1, min(firstSlice, p.rows.Load())/2)
			}
			if _, err := r.state(p.Name).Replace(ctx, state, p.window.etag); err != nil && !stage.Conflict(err) {
				r.Log.WarnContext(ctx, "that a window is to be cut smaller could not be written down", "run", r.id, "table", p.Name.String(), "error", err)
			}
		}
	}
}
