package warehouse

import (
	"fmt"

	"github.com/stagelift/stagelift/shared/table"
)

// Kinds of Change.
const (
	// Added is a column of the source that the target got.
	Added = "added"
	// Gone is a column that an earlier load made and that this one has not. It
	// stays, and its values with it.
	Gone = "gone"
	// Renamed is one that is gone beside one that was added, of the same type, where
	// there is no other of either: it may be the same column. Both are in the target.
	Renamed = "renamed"
	// Widened is a column that takes more values than before.
	Widened = "widened"
	// Recreated is a column that has another type since the target was made anew.
	Recreated = "recreated"
)

// Refuses reports whether the policy forbids that kind of change.
func (s SchemaChanges) Refuses(kind string) bool {
	return s == Freeze || s == AddOnly && kind != Added && kind != Gone
}

// Refusal is the ErrColumn of a change that the load's policy forbids. remedy is the
// SQL that a person could run, or what else is to be done.
func Refusal(load Load, change Change, remedy string) error {
	return fmt.Errorf("%w with schema_changes %s: column %s of %s is %s, staged is %s; to allow it run: %s",
		ErrColumn, load.Changes, table.Quote(change.Column), load.Target, orMissing(change.Was), orMissing(change.Is), remedy)
}

func orMissing(kind string) string {
	if kind == "" {
		return "not there"
	}
	return kind
}

// Renames puts a rename in the place of a column that was added, where it seems to
// be one, and takes out the column that is gone.
func Renames(changes []Change) []Change {
	added, gone := map[string][]Change{}, map[string][]Change{}
	for _, c := range changes {
		switch c.Kind {
		case Added:
			added[c.Is] = append(added[c.Is], c)
		case Gone:
			gone[c.Was] = append(gone[c.Was], c)
		}
	}
	var list []Change
	for _, c := range changes {
		kind := c.Is + c.Was // one of them is empty
		seems := len(added[kind]) == 1 && len(gone[kind]) == 1
		switch {
		case seems && c.Kind == Added:
			list = append(list, Change{Kind: Renamed, Column: c.Column, Was: gone[kind][0].Column, Is: c.Column})
		case seems && c.Kind == Gone:
		default:
			list = append(list, c)
		}
	}
	return list
}
