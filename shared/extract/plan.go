package extract

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/stagelift/stagelift/shared/postgres"
	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/table"
)

const (
	defaultStreams   = 2
	maxStreams       = 64
	defaultPartBytes = 128 << 20
	maxPartBytes     = 5 << 30 // larger files load no faster, and a warehouse reads each with one process
	maxPartMultiple  = 4096
)

// plan is a request that was found good, with its defaults filled in.
type plan struct {
	request          Request
	include, exclude []table.Pattern
	incremental      bool
	streams          int
	partBytes        int64
	partMultiple     int64
	// tables holds what is different about single tables; every other is
	// treated as the rest says.
	tables map[table.Name]treatment
	rest   treatment
}

// treatment is how one table is read and written.
type treatment struct {
	format     stage.Format
	outOfRange string
	load       stage.Load
	columns    postgres.Columns
	where      string
	cursor     *Cursor
	primaryKey []string
	// numeric are the types that columns are narrowed to.
	numeric map[string]string
}

// of returns the treatment of a table.
func (p plan) of(name table.Name) treatment {
	if t, different := p.tables[name]; different {
		return t
	}
	return p.rest
}

// plan checks the whole request and reports everything that is wrong with it.
func (q Request) plan() (plan, error) {
	p := plan{
		request:      q,
		streams:      cmp.Or(q.Streams, defaultStreams),
		partBytes:    cmp.Or(q.PartBytes, defaultPartBytes),
		partMultiple: int64(q.PartMultiple),
		incremental:  q.Mode == "incremental",
	}
	var include, exclude, rest, tables error
	p.include, include = table.ParsePatterns(q.Tables)
	p.exclude, exclude = table.ParsePatterns(q.Exclude)
	p.rest, rest = q.treat(Override{})
	p.tables, tables = q.treatTables()
	problems := []error{include, exclude, rest, tables, q.checkNumbers(p), p.checkModes()}
	if len(q.Tables) == 0 {
		problems = append(problems, errors.New(`tables is empty; name some, as in {"tables":["public.*"]}`))
	}
	if q.Mode != "" && q.Mode != "full" && q.Mode != "incremental" {
		problems = append(problems, fmt.Errorf("mode is %q, want full or incremental", q.Mode))
	}
	if q.Snapshot != "" && p.incremental {
		problems = append(problems, errors.New("snapshot and mode incremental exclude each other: "+
			"how far an incremental run may read is found out before its snapshot is taken"))
	}
	if err := errors.Join(problems...); err != nil {
		return plan{}, fmt.Errorf("checking the extract request: %w", err)
	}
	return p, nil
}

func (q Request) checkNumbers(p plan) error {
	var problems []error
	if p.streams < 1 || p.streams > maxStreams {
		problems = append(problems, fmt.Errorf("streams is %d, want 1 to %d, or 0 for %d", p.streams, maxStreams, defaultStreams))
	}
	if p.partBytes < 1 || p.partBytes > maxPartBytes {
		problems = append(problems, fmt.Errorf("part_bytes is %d, want 1 to %d, or 0 for %d", p.partBytes, int64(maxPartBytes), defaultPartBytes))
	}
	if p.partMultiple < 0 || p.partMultiple > maxPartMultiple {
		problems = append(problems, fmt.Errorf("part_multiple is %d, want 1 to %d, or 0 for none", p.partMultiple, maxPartMultiple))
	}
	return errors.Join(problems...)
}

// treatTables works the overrides out, in the order of their names.
func (q Request) treatTables() (map[table.Name]treatment, error) {
	tables := make(map[table.Name]treatment, len(q.Overrides))
	var problems []error
	for _, key := range slices.Sorted(maps.Keys(q.Overrides)) {
		name, err := table.ParseName(key)
		if err != nil {
			problems = append(problems, fmt.Errorf("overrides: %w", err))
			continue
		}
		t, err := q.treat(q.Overrides[key])
		if err != nil {
			problems = append(problems, fmt.Errorf("overrides of %s: %w", name, err))
		}
		if _, twice := tables[name]; twice {
			problems = append(problems, fmt.Errorf("overrides name %s twice", name))
		}
		tables[name] = t
	}
	return tables, errors.Join(problems...)
}

// checkModes refuses what would lose rows or double them.
func (p plan) checkModes() error {
	var problems []error
	for _, name := range slices.SortedFunc(maps.Keys(p.tables), table.Name.Compare) {
		t := p.tables[name]
		if t.cursor == nil {
			continue
		}
		if !p.incremental {
			problems = append(problems, fmt.Errorf("overrides of %s: cursor is for mode incremental", name))
			continue
		}
		if t.load.Mode == "append" && t.cursor.Lookback != "" {
			problems = append(problems, fmt.Errorf("overrides of %s: with a lookback rows come again, and load.mode append would keep both; use merge", name))
		}
	}
	for name, mode := range p.loadModes() {
		if p.incremental && mode == "replace" {
			problems = append(problems, fmt.Errorf("%s: load.mode replace would leave the newest rows alone in the target; use merge or append with mode incremental", name))
		}
	}
	return errors.Join(problems...)
}

func (p plan) loadModes() map[string]string {
	modes := map[string]string{"the request": p.rest.load.Mode}
	for name, t := range p.tables {
		modes["overrides of "+name.String()] = t.load.Mode
	}
	return modes
}
