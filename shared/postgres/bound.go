package postgres

import (
	"context"

	"github.com/stagelift/stagelift/shared/table"
)

func (s *Snapshot) bound(ctx context.Context, o SnapshotOptions) (map[table.Name]Bound, error) {
	return nil, nil
}

// CheckCursor refuses a cursor column that holds NULL.
func (s *Snapshot) CheckCursor(ctx context.Context, t Table, column string) error { return nil }
