package load

import (
	"fmt"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/stagelift/stagelift/shared/object"
	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/warehouse"
)

func (c *cell) first(name string) {
	c.load(c.stage(name, 1, nil, earlier[:1], earlier[1:]), warehouse.Loaded)
	c.want(name, earlier)
	c.load(c.stage(name, 2, nil, later), warehouse.Loaded)
	c.want(name, c.after())
	if got := c.entries(name); got != 2 {
		c.Errorf("%d entries in the ledger, want 2", got)
	}
}

func (c *cell) again(name string) {
	receipt := c.stage(name, 1, nil, earlier)
	c.load(receipt, warehouse.Loaded)
	c.load(receipt, warehouse.AlreadyLoaded)
	c.want(name, earlier)
}

func (c *cell) atOnce(name string) {
	receipt := c.stage(name, 1, nil, earlier)
	var group errgroup.Group
	for range 3 {
		client, _ := c.connect(-1)
		group.Go(func() error {
			_, err := c.deliver(client, receipt)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		c.Error(err)
	}
	c.want(name, earlier)
	if got := c.entries(name); got != 1 {
		c.Errorf("%d entries in the ledger, want 1", got)
	}
}

// broken crashes the warehouse before each statement of a load in turn.
func (c *cell) broken(name string) {
	for n := range 40 {
		name := fmt.Sprintf("%s%d", name, n)
		c.load(c.stage(name, 1, nil, earlier), warehouse.Loaded)
		receipt := c.stage(name, 2, nil, later)
		struck := c.breakAt(name, n)
		client, _ := c.connect(-1)
		_, err := c.deliver(client, receipt)
		if !struck() {
			if err != nil || n < 5 {
				c.Errorf("statement %d: %v", n, err)
			}
			return
		}
		if err == nil {
			c.Errorf("statement %d: the load of a warehouse that crashed did not fail", n)
		}
		c.want(name, earlier)
		c.load(receipt, warehouse.Loaded)
		c.want(name, c.after())
	}
	c.Error("a load has more than 40 statements")
}

// lost loses the answer to each request in turn, and all after it. What becomes
// of the load is the next delivery's to find out.
func (c *cell) lost(name string) {
	for n := range 40 {
		name := fmt.Sprintf("%s%d", name, n)
		receipt := c.stage(name, 1, nil, earlier)
		client, lost := c.connect(n)
		_, err := c.deliver(client, receipt)
		if !lost() {
			if err != nil || n < 3 {
				c.Errorf("request %d: %v", n, err)
			}
			return
		}
		again, _ := c.connect(-1)
		if loaded, err := c.deliver(again, receipt); err != nil || !done(loaded.State) {
			c.Errorf("request %d: %+v, %v", n, loaded, err)
		}
		c.want(name, earlier)
		if got := c.entries(name); got != 1 {
			c.Errorf("request %d: %d entries in the ledger, want 1", n, got)
		}
	}
	c.Error("a load has more than 40 requests")
}

// late delivers the older run after the newer one.
func (c *cell) late(name string) {
	older, newer := c.stage(name, 1, nil, earlier), c.stage(name, 2, nil, later)
	c.load(newer, warehouse.Loaded)
	if c.mode == warehouse.Append {
		c.load(older, warehouse.Loaded)
		c.want(name, c.after())
		return
	}
	c.load(older, warehouse.Skipped)
	c.want(name, later)
}

func (c *cell) newColumn(name string) {
	c.load(c.stage(name, 1, nil, earlier), warehouse.Loaded)
	c.load(c.stage(name, 2, func(r *stage.Receipt) {
		r.Columns = append(r.Columns, table.Column{Name: "w", Type: "integer"})
	}, later), warehouse.Loaded)
	c.want(name, c.after())
}

func (c *cell) otherColumn(name string) {
	c.load(c.stage(name, 1, nil, earlier), warehouse.Loaded)
	c.refuse(c.stage(name, 2, func(r *stage.Receipt) { r.Columns[1].Type = "date" }, later), warehouse.ErrColumn)
	c.want(name, earlier)
}

func (c *cell) shortPart(name string) {
	c.load(c.stage(name, 1, nil, earlier), warehouse.Loaded)
	receipt := c.stage(name, 2, nil, later)
	part := strings.Replace(receipt, "receipt.json", "part-00000."+c.format, 1)
	content, _, err := c.store.Get(c.Context(), c.at(part), 1<<20)
	if err == nil {
		_, err = c.store.Put(c.Context(), c.at(part), content[:len(content)-1], object.PutOptions{})
	}
	if err != nil {
		c.Fatal(err)
	}
	c.refuse(receipt, ErrTampered)
	c.want(name, earlier)
}

func (c *cell) extraPart(name string) {
	c.load(c.stage(name, 1, nil, earlier), warehouse.Loaded)
	receipt := c.stage(name, 2, nil, later)
	manifest := strings.Replace(receipt, "receipt.json", "manifest.json", 1)
	content, _, err := c.store.Get(c.Context(), c.at(manifest), 1<<20)
	more := strings.Replace(string(content), `"entries": [`, `"entries": [{"url":"s3://another/part"},`, 1)
	c.putDocument(manifest, []byte(more), err)
	c.refuse(receipt, ErrTampered)
	c.want(name, earlier)
}

// miscounted has a part with another number of rows than its receipt says.
func (c *cell) miscounted(name string) {
	c.load(c.stage(name, 1, nil, earlier), warehouse.Loaded)
	receipt := c.stage(name, 2, nil, later)
	content, _, err := c.store.Get(c.Context(), c.at(receipt), 1<<20)
	c.putDocument(receipt, []byte(strings.ReplaceAll(string(content), `"rows": 3`, `"rows": 4`)), err)
	c.refuse(receipt, warehouse.ErrRowCount)
	c.want(name, earlier)
}

func (c *cell) noRows(name string) {
	c.load(c.stage(name, 1, nil), warehouse.Loaded)
	c.want(name, nil)
	c.load(c.stage(name, 2, nil, earlier), warehouse.Loaded)
	c.load(c.stage(name, 3, nil), warehouse.Loaded)
	if c.mode == warehouse.Replace {
		c.want(name, nil)
		return
	}
	c.want(name, earlier)
}

// windows come in order when they are merged, and in any when they are appended.
// Replacing by windows would lose rows; extract refuses it.
func (c *cell) windows(name string) {
	window := func(from, to string) func(*stage.Receipt) {
		return func(r *stage.Receipt) {
			r.Window = &stage.Window{Column: "id", Type: "bigint", From: from, To: to}
		}
	}
	first, second := c.stage(name, 1, window("", "5"), earlier), c.stage(name, 2, window("5", "6"), later)
	switch c.mode {
	case warehouse.Merge:
		c.refuse(second, warehouse.ErrHeld)
		c.load(first, warehouse.Loaded)
		c.load(second, warehouse.AlreadyLoaded) // by the delivery of the one in front
		c.load(c.stage(name, 3, window("", "5"), earlier), warehouse.Skipped)
	case warehouse.Append:
		c.load(second, warehouse.Loaded)
		c.load(first, warehouse.Loaded)
	case warehouse.Replace:
		return
	}
	c.want(name, c.after())
}

// thousandFiles is more than some warehouses take in one statement.
func (c *cell) thousandFiles(name string) {
	if c.format != "csv" { // what is listed is the same in every format
		return
	}
	const files = 1001
	parts, want := make([][]string, files), make([]string, files)
	for i := range parts {
		want[i] = fmt.Sprintf("%d=x", 1000+i)
		parts[i] = want[i : i+1]
	}
	c.load(c.stage(name, 1, nil, parts...), warehouse.Loaded)
	if got := c.rows(name); len(got) != files || got[files-1] != want[files-1] {
		c.Errorf("%d rows, want %d", len(got), files)
	}
}
