package load

import (
	"fmt"
	"net/http"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/stagelift/stagelift/shared/object"
	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/warehouse"
)

func (c *cell) first(name string) {
	c.load(c.stage(name, 1, nil, earlier[:1], earlier[1:]), warehouse.Loaded)
	c.wantLoads(name, earlier, 1)
	c.load(c.stage(name, 2, nil, later), warehouse.Loaded)
	c.wantLoads(name, c.after(), 2)
}

func (c *cell) again(name string) {
	receipt := c.stage(name, 1, nil, earlier)
	c.load(receipt, warehouse.Loaded)
	c.load(receipt, warehouse.AlreadyLoaded)
	c.wantLoads(name, earlier, 1)
}

// atOnce delivers one receipt three times at once.
func (c *cell) atOnce(name string) {
	receipt := c.stage(name, 1, nil, earlier)
	c.together(receipt, receipt, receipt)
	c.wantLoads(name, earlier, 1)
}

// pair delivers two receipts at once. The newer one may come first, and then the
// older one has nothing to bring, unless it is appended.
func (c *cell) pair(name string) {
	c.together(c.stage(name, 1, nil, earlier), c.stage(name, 2, nil, later))
	if c.mode != warehouse.Append && c.entries(name) == 1 {
		c.wantLoads(name, later, 1)
		return
	}
	c.wantLoads(name, c.after(), 2)
}

func (c *cell) together(receipts ...string) {
	var group errgroup.Group
	for _, receipt := range receipts {
		group.Go(func() error {
			_, err := c.deliver(c.Context(), http.DefaultTransport, receipt)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		c.Error(err)
	}
}

// late delivers the older run after the newer one.
func (c *cell) late(name string) {
	older, newer := c.stage(name, 1, nil, earlier), c.stage(name, 2, nil, later)
	c.load(newer, warehouse.Loaded)
	if c.mode == warehouse.Append {
		c.load(older, warehouse.Loaded)
		c.wantLoads(name, c.after(), 2)
		return
	}
	c.load(older, warehouse.Skipped)
	c.wantLoads(name, later, 1)
}

func (c *cell) newColumn(name string) {
	c.load(c.stage(name, 1, nil, earlier), warehouse.Loaded)
	c.load(c.stage(name, 2, func(r *stage.Receipt) {
		r.Columns = append(r.Columns, table.Column{Name: "w", Type: "integer"})
	}, later), warehouse.Loaded)
	c.wantLoads(name, c.after(), 2)
}

func (c *cell) otherColumn(name string) {
	c.load(c.stage(name, 1, nil, earlier), warehouse.Loaded)
	c.refuse(c.stage(name, 2, func(r *stage.Receipt) { r.Columns[1].Type = "date" }, later), warehouse.ErrColumn)
	c.wantLoads(name, earlier, 1)
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
	c.wantLoads(name, earlier, 1)
}

// extraPart lays a part beside the others, which nobody lists and nobody reads,
// and then lists one that is not the receipt's, which is refused.
func (c *cell) extraPart(name string) {
	first := c.stage(name, 1, nil, earlier)
	c.putDocument(strings.Replace(first, "receipt.json", "part-00001."+c.format, 1), c.encode([]string{"9=stray"}, false), nil)
	c.load(first, warehouse.Loaded)
	c.wantLoads(name, earlier, 1)
	receipt := c.stage(name, 2, nil, later)
	manifest := strings.Replace(receipt, "receipt.json", "manifest.json", 1)
	content, _, err := c.store.Get(c.Context(), c.at(manifest), 1<<20)
	more := strings.Replace(string(content), `"entries": [`, `"entries": [{"url":"s3://another/part"},`, 1)
	c.putDocument(manifest, []byte(more), err)
	c.refuse(receipt, ErrTampered)
	c.wantLoads(name, earlier, 1)
}

// miscounted has a part with another number of rows than its receipt says.
func (c *cell) miscounted(name string) {
	c.load(c.stage(name, 1, nil, earlier), warehouse.Loaded)
	receipt := c.stage(name, 2, nil, later)
	content, _, err := c.store.Get(c.Context(), c.at(receipt), 1<<20)
	c.putDocument(receipt, []byte(strings.ReplaceAll(string(content), `"rows": 3`, `"rows": 4`)), err)
	c.refuse(receipt, warehouse.ErrRowCount)
	c.wantLoads(name, earlier, 1)
}

func (c *cell) noRows(name string) {
	c.load(c.stage(name, 1, nil), warehouse.Loaded)
	c.wantLoads(name, nil, 1)
	c.load(c.stage(name, 2, nil, earlier), warehouse.Loaded)
	c.load(c.stage(name, 3, nil), warehouse.Loaded)
	c.wantLoads(name, c.apply(earlier, nil), 3)
}

// window makes a receipt that of an incremental run.
func window(mode warehouse.Mode, from, to string) func(*stage.Receipt) {
	return func(r *stage.Receipt) {
		r.Load.Mode = string(mode)
		r.Window = &stage.Window{Column: "id", Type: "bigint", From: from, To: to}
	}
}

// windows come in order, whether they are merged or appended. Replacing by windows would lose rows; extract refuses it.
func (c *cell) windows(name string) {
	if c.mode == warehouse.Replace {
		return
	}
	first, second := c.stage(name, 1, window(c.mode, "", "5"), earlier), c.stage(name, 2, window(c.mode, "5", "6"), later)
	c.refuse(second, warehouse.ErrHeld)
	c.load(first, warehouse.Loaded)
	c.load(second, warehouse.AlreadyLoaded) // by the delivery of the one in front
	c.load(c.stage(name, 0, window(c.mode, "", "5"), earlier), warehouse.Skipped)
	c.wantLoads(name, c.after(), 2)
}

// overtaken delivers a window after a newer run of the whole table. Its rows are
// older, but the window after it need not wait.
func (c *cell) overtaken(name string) {
	if c.mode == warehouse.Append { // what is appended is nobody's older state
		return
	}
	c.load(c.stage(name, 1, window(warehouse.Merge, "", "5"), []string{"1=x", "9=x"}), warehouse.Loaded)
	c.load(c.stage(name, 3, nil, earlier), warehouse.Loaded)
	whole := c.apply([]string{"1=x", "9=x"}, earlier)
	late := c.stage(name, 2, window(warehouse.Merge, "5", "6"), []string{"1=y", "8=y"})
	c.load(late, warehouse.Skipped)
	c.load(late, warehouse.AlreadyLoaded)
	c.wantLoads(name, whole, 3)
	c.load(c.stage(name, 4, window(warehouse.Merge, "6", "7"), []string{"2=z"}), warehouse.Loaded)
	for i, row := range whole {
		if strings.HasPrefix(row, "2=") {
			whole[i] = "2=z"
		}
	}
	c.wantLoads(name, whole, 4)
}

// thousandFiles loads more files than some warehouses take in one statement, in
// every mode. They are staged once, and their receipt is written anew for each.
func (c *cell) thousandFiles(name string) {
	const files = 1001
	parts, want := make([][]string, files), make([]string, files)
	for i := range parts {
		want[i] = fmt.Sprintf("%d=x", 1000+i)
		parts[i] = want[i : i+1]
	}
	receipt := c.stage(name, 1, nil, parts...)
	content, _, err := c.store.Get(c.Context(), c.at(receipt), receiptLimit)
	if err != nil {
		c.Fatal(err)
	}
	r, err := stage.Layout{Prefix: "stage/"}.DecodeReceipt(receipt, content)
	if err != nil {
		c.Fatal(err)
	}
	for _, mode := range modes {
		r.Load.Mode, r.Load.Target = string(mode), &table.Name{Schema: "public", Table: name + "_" + string(mode)}
		content, err := r.Encode()
		c.putDocument(receipt, content, err)
		c.load(receipt, warehouse.Loaded)
		c.wantLoads(r.Load.Target.Table, want, 1)
	}
}
