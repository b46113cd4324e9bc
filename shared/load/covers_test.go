package load

import (
	"errors"
	"testing"

	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// filtered makes a receipt that of a merge by a filter.
func filtered(where string) func(*stage.Receipt) {
	return func(r *stage.Receipt) {
		r.Load.Mode, r.PrimaryKey, r.Filter = string(warehouse.Merge), []string{"id"}, where
	}
}

// Two backfills side by side both land, in either order. Where they have a row in
// common, that of the newer run stays.
func TestBackfillsSideBySideBothLand(t *testing.T) {
	t.Parallel()
	for _, order := range []string{"in order", "the older last"} {
		onEach(t, func(c *cell) {
			name := map[string]string{"in order": "a", "the older last": "b"}[order]
			january := c.stage(name, 1, filtered("month = 1"), []string{"1=jan", "2=old", "3=jan"})
			february := c.stage(name, 2, filtered("month = 2"), []string{"2=new", "4=feb"})
			receipts := []string{january, february}
			if order == "the older last" {
				receipts = []string{february, january}
			}
			for _, receipt := range receipts {
				c.wantEnded(anEvent, receipt, ended{receipt, warehouse.Loaded})
			}
			c.wantLoads(name, []string{"1=jan", "2=new", "3=jan", "4=feb"}, 2)
		})
	}
}

// An older merge goes under windows that came before it, too, and is skipped when a
// newer one has brought all that it has.
func TestOlderMergeGoesUnderWindows(t *testing.T) {
	t.Parallel()
	onEach(t, func(c *cell) {
		first := c.stage("t", 1, between("", "5"), []string{"1=a", "2=b"})
		late := c.stage("t", 2, filtered("id < 9"), []string{"2=old", "7=filled"})
		second := c.stage("t", 3, between("5", "6"), []string{"2=c", "5=e"})
		c.wantEnded(anEvent, first, ended{first, warehouse.Loaded})
		c.wantEnded(anEvent, second, ended{second, warehouse.Loaded})
		c.wantEnded(anEvent, late, ended{late, warehouse.Loaded})
		c.wantLoads("t", []string{"1=a", "2=c", "5=e", "7=filled"}, 3)
		same := c.stage("t", 9, filtered("id < 9"), []string{"1=z", "2=z"})
		older := c.stage("t", 8, filtered("id < 9"), []string{"1=y", "2=y"})
		c.wantEnded(anEvent, same, ended{same, warehouse.Loaded})
		c.wantEnded(anEvent, older, ended{older, warehouse.Skipped})
	})
}

// When the files of the newer run are gone, which rows are newer cannot be told. The
// load is held, with its own error.
func TestOlderMergeIsHeldWhenItCannotBeTold(t *testing.T) {
	t.Parallel()
	onEach(t, func(c *cell) {
		january := c.stage("t", 1, filtered("month = 1"), []string{"1=jan", "2=old"})
		february := c.stage("t", 2, filtered("month = 2"), []string{"2=new"})
		c.wantEnded(anEvent, february, ended{february, warehouse.Loaded})
		c.putDocument("stage/shop/public.t/20261121T000002Z-7f3a91c2/part-00000.csv", []byte("2,another\n"), nil)
		if _, err := c.handle(anEvent, january); !errors.Is(err, warehouse.ErrLate) {
			c.Errorf("error is %v, want ErrLate", err)
		}
		c.want("t", []string{"2=new"})
	})
}
