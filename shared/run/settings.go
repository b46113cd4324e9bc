package run

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/stagelift/stagelift/shared/fault"
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
	// defaultDDLWait is how long an application's migration waits for us, unless
	// the request says otherwise.
	defaultDDLWait = time.Minute
)

// settings are a request that was found good, with its defaults filled in.
type settings struct {
	request          Request
	include, exclude []table.Pattern
	incremental      bool
	streams          int
	partBytes        int64
	partMultiple     int64
	ddlWait          time.Duration
	onFailure        string
	restart          map[table.Name]bool
	// repair is the run whose tables are read once more; empty for most.
	repair stage.RunID
	// tables holds what is different about single tables; every other is
	// treated as the rest says.
	tables map[table.Name]treatment
	rest   treatment
}

// of returns the treatment of a table.
func (s settings) of(name table.Name) treatment {
	if t, different := s.tables[name]; different {
		return t
	}
	return s.rest
}

// settings checks the whole request and reports everything that is wrong with it.
func (q Request) settings() (settings, error) {
	s := settings{
		request:      q,
		streams:      cmp.Or(q.Streams, defaultStreams),
		partBytes:    cmp.Or(q.PartBytes, defaultPartBytes),
		partMultiple: int64(q.PartMultiple),
		incremental:  q.Mode == "incremental",
		ddlWait:      defaultDDLWait,
		onFailure:    cmp.Or(q.OnFailure, "continue"),
	}
	var include, exclude, rest, tables, wait, restart error
	s.include, include = table.ParsePatterns(q.Tables)
	s.exclude, exclude = table.ParsePatterns(q.Exclude)
	s.rest, rest = q.treat(Override{})
	s.tables, tables = q.treatTables()
	s.restart, restart = q.restarts()
	var repair error
	s.repair, repair = q.repair()
	if q.DDLWait != "" {
		if s.ddlWait, wait = time.ParseDuration(q.DDLWait); wait != nil || s.ddlWait <= 0 {
			wait = fmt.Errorf(`ddl_wait is %q, want a time such as "60s"`, q.DDLWait)
		}
	}
	problems := []error{include, exclude, rest, tables, wait, restart, repair, q.checkNumbers(s), q.checkWords(s), s.checkModes()}
	if err := errors.Join(problems...); err != nil {
		return settings{}, &fault.Error{Code: fault.Request, Err: fmt.Errorf("checking the extract request: %w", err)}
	}
	return s, nil
}

func (q Request) checkWords(s settings) error {
	var problems []error
	if len(q.Tables) == 0 {
		problems = append(problems, errors.New(`tables is empty; name some, as in {"tables":["public.*"]}`))
	}
	if q.Mode != "" && q.Mode != "full" && q.Mode != "incremental" {
		problems = append(problems, fmt.Errorf("mode is %q, want full or incremental", q.Mode))
	}
	for _, target := range q.For {
		if !slices.Contains(table.Targets, target) {
			problems = append(problems, fmt.Errorf("for names %q, want %s", target, strings.Join(table.Targets, " or ")))
		}
	}
	if s.onFailure != "continue" && s.onFailure != "stop" {
		problems = append(problems, fmt.Errorf("on_failure is %q, want continue or stop", q.OnFailure))
	}
	if q.Snapshot != "" && s.incremental {
		problems = append(problems, errors.New("snapshot and mode incremental exclude each other: "+
			"how far an incremental run may read is found out before its snapshot is taken"))
	}
	if len(q.Restart) > 0 && !s.incremental {
		problems = append(problems, errors.New("restart is for mode incremental"))
	}
	return errors.Join(problems...)
}

func (q Request) checkNumbers(s settings) error {
	var problems []error
	if s.streams < 1 || s.streams > maxStreams {
		problems = append(problems, fmt.Errorf("streams is %d, want 1 to %d, or 0 for %d", s.streams, maxStreams, defaultStreams))
	}
	if s.partBytes < 1 || s.partBytes > maxPartBytes {
		problems = append(problems, fmt.Errorf("part_bytes is %d, want 1 to %d, or 0 for %d", s.partBytes, int64(maxPartBytes), defaultPartBytes))
	}
	if s.partMultiple < 0 || s.partMultiple > maxPartMultiple {
		problems = append(problems, fmt.Errorf("part_multiple is %d, want 1 to %d, or 0 for none", s.partMultiple, maxPartMultiple))
	}
	return errors.Join(problems...)
}

func (q Request) restarts() (map[table.Name]bool, error) {
	names := make(map[table.Name]bool, len(q.Restart))
	var problems []error
	for _, text := range q.Restart {
		name, err := table.ParseName(text)
		if err != nil {
			problems = append(problems, fmt.Errorf("restart: %w", err))
		}
		names[name] = true
	}
	return names, errors.Join(problems...)
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
func (s settings) checkModes() error {
	var problems []error
	for _, name := range slices.SortedFunc(maps.Keys(s.tables), table.Name.Compare) {
		t := s.tables[name]
		if t.cursor == nil {
			continue
		}
		if !s.incremental {
			problems = append(problems, fmt.Errorf("overrides of %s: cursor is for mode incremental", name))
			continue
		}
		if t.load.Mode == "append" && t.cursor.Lookback != "" {
			problems = append(problems, fmt.Errorf("overrides of %s: with a lookback rows come again, and load.mode append would keep both; use merge", name))
		}
	}
	for name, mode := range s.loadModes() {
		if s.incremental && mode == "replace" {
			problems = append(problems, fmt.Errorf("%s: load.mode replace would leave the newest rows alone in the target; use merge or append with mode incremental", name))
		}
	}
	return errors.Join(problems...)
}

func (s settings) loadModes() map[string]string {
	modes := map[string]string{"the request": s.rest.load.Mode}
	for name, t := range s.tables {
		modes["overrides of "+name.String()] = t.load.Mode
	}
	return modes
}

// selection says which tables are read, and what of them.
func (s settings) selection() postgres.Selection {
	columns := make(map[table.Name]postgres.Columns, len(s.tables))
	for name, t := range s.tables {
		columns[name] = t.columns
	}
	return postgres.Selection{
		Include: s.include, Exclude: s.exclude, Columns: columns,
		Only: func(name table.Name) bool { return s.of(name).inherited == "only" },
	}
}

// cursors are what bounds must be found for before the snapshot is taken.
func (s settings) cursors() map[table.Name]postgres.Cursor {
	cursors := map[table.Name]postgres.Cursor{}
	for name, t := range s.tables {
		if t.cursor != nil {
			cursors[name] = postgres.Cursor{Column: t.cursor.Column, TimeZone: t.cursor.TimeZone, Lookback: t.cursor.Lookback}
		}
	}
	return cursors
}
