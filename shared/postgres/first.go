package postgres

import (
	"context"
	"errors"
	"slices"

	"github.com/stagelift/stagelift/shared/fault"
	"github.com/stagelift/stagelift/shared/table"
)

// errMoved says that a name stood for something else once what it stood for was
// locked.
var errMoved = errors.New("names keep changing")

// choose finds the families that the selection means. Patterns that select
// nothing are refused.
func (s *Snapshot) choose(ctx context.Context, c *connection, except map[table.Name]*fault.Error) ([]family, error) {
	all, err := c.catalogue(ctx)
	if err != nil {
		return nil, err
	}
	chosen, missing := all.choose(s.options.Selection.Include, s.options.Selection.Exclude)
	if len(chosen) == 0 && len(missing) == 0 && len(s.options.Selection.Include) > 0 {
		return nil, fault.New(fault.Request, "name others, or exclude less", "every selected table is excluded")
	}
	list := all.families(chosen, s.options.Selection.Only)
	if err := checkExcluded(list, s.options.Selection.Exclude); err != nil {
		return nil, &fault.Error{Code: fault.Request, Err: err}
	}
	s.Refused = append(s.Refused, missing...)
	return slices.DeleteFunc(list, func(f family) bool { return except[f.Name] != nil }), nil
}

// lockFirst locks what the selection means now, and finds how far the cursors
// may be read. It resolves the names once more when it has the locks, for a name may
// have been given to another relation while one was waited for.
func (s *Snapshot) lockFirst(ctx context.Context, except map[table.Name]*fault.Error, last bool) ([]family, *blocked, error) {
	if err := s.looker.exec(ctx, "BEGIN ISOLATION LEVEL READ COMMITTED, READ ONLY", limit(asking)); err != nil {
		return nil, nil, err
	}
	list, err := s.choose(ctx, s.looker, except)
	if err != nil {
		return nil, nil, err
	}
	var groups [][]string
	room := s.room
	for _, f := range list {
		if room -= len(f.members); room < 0 {
			break
		}
		groups = append(groups, lockStatements(f))
	}
	if done, err := s.looker.lock(ctx, groups); err != nil {
		stuck, err := blockedBy(err, list[done].Name, groups[done])
		return nil, stuck, err
	}
	locked, err := s.choose(ctx, s.looker, except)
	if err != nil {
		return nil, nil, err
	}
	s.Refused = nil // they are found again, at the snapshot
	moved := moved(list, locked)
	if len(moved) > 0 && !last {
		return nil, nil, errMoved
	}
	locked = slices.DeleteFunc(locked, func(f family) bool { return moved[f.Name] })
	return locked, nil, s.bound(ctx, locked)
}

// moved returns the names that do not stand for the same relations in two lists.
func moved(was, now []family) map[table.Name]bool {
	members := func(f family) []uint32 { return slices.Sorted(slices.Values(ids(f.members))) }
	stood := make(map[table.Name][]uint32, len(was))
	for _, f := range was {
		stood[f.Name] = members(f)
	}
	moved := map[table.Name]bool{}
	for _, f := range now {
		if before, there := stood[f.Name]; !there || !slices.Equal(before, members(f)) {
			moved[f.Name] = true
		}
		delete(stood, f.Name)
	}
	for name := range stood {
		moved[name] = true
	}
	return moved
}
