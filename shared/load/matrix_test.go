package load

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"
	"golang.org/x/sync/errgroup"

	"github.com/stagelift/stagelift/local/s3/s3test"
	"github.com/stagelift/stagelift/shared/object"
	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// target is a warehouse to run the matrix against. Another one is another row
// of targets.
type target struct {
	name string
	open func(t *testing.T, bucket s3test.Bucket) opened
}

var targets = []target{{"redshift", openRedshift}}

// opened is a warehouse that tests can look into and break.
type opened struct {
	// connect returns a client as another invocation would have it. Its request
	// number lose, from 0, reaches the warehouse, but its answer is lost, and so
	// is every one after it; -1 loses none.
	connect func(lose int) (client warehouse.Warehouse, lost func() bool)
	// breakAt makes the warehouse crash before statement number n, from 0, of
	// the load of a table, once; struck tells whether it did.
	breakAt func(table string, n int) (struck func() bool)
	// rows are those of a table of the schema public, as id=s, in order.
	rows func(table string) []string
	// entries is the number of loads in the table's ledger.
	entries func(table string) int
	// said is all that was sent to the warehouse; secrets must not be in it.
	said    func() string
	secrets []string
}

// cell is one mode and format of one warehouse.
type cell struct {
	opened
	*testing.T
	mode   warehouse.Mode
	format string
	bucket s3test.Bucket
	store  *object.Store
	log    *safeBuffer
}

// safeBuffer is what was logged and answered.
type safeBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func TestMatrix(t *testing.T) {
	t.Parallel()
	for _, to := range targets {
		for _, mode := range []warehouse.Mode{warehouse.Append, warehouse.Replace, warehouse.Merge} {
			for _, format := range []string{"csv", "jsonl", "parquet"} {
				t.Run(fmt.Sprintf("%s/%s/%s", to.name, mode, format), func(t *testing.T) {
					t.Parallel()
					bucket := s3test.Shared(t)
					c := &cell{
						opened: to.open(t, bucket), T: t, mode: mode, format: format, bucket: bucket,
						store: object.New(bucket.Config), log: &safeBuffer{},
					}
					c.run()
				})
			}
		}
	}
}

func (c *cell) run() {
	c.Cleanup(c.wantNoSecrets)
	for name, scenario := range map[string]func(*cell, string){
		"first":        (*cell).first,
		"again":        (*cell).again,
		"atonce":       (*cell).atOnce,
		"broken":       (*cell).broken,
		"lost":         (*cell).lost,
		"late":         (*cell).late,
		"newcolumn":    (*cell).newColumn,
		"othercolumn":  (*cell).otherColumn,
		"shortpart":    (*cell).shortPart,
		"extrapart":    (*cell).extraPart,
		"miscounted":   (*cell).miscounted,
		"norows":       (*cell).noRows,
		"windows":      (*cell).windows,
		"thousandfold": (*cell).thousandFiles,
	} {
		c.Run(name, func(t *testing.T) {
			t.Parallel()
			inner := *c
			inner.T = t
			scenario(&inner, "t_"+name)
		})
	}
}

// row is one of the tables' in Parquet; the other formats are made from it.
type row struct {
	ID int64   `parquet:"id"`
	S  *string `parquet:"s,optional"`
}

// wide has a column more.
type wide struct {
	ID int64   `parquet:"id"`
	S  *string `parquet:"s,optional"`
	W  int32   `parquet:"w"`
}

var (
	earlier = []string{"1=a", "2=b", "3=NULL", "4=d"}
	later   = []string{"3=x", "4=y", "5=z"}
)

// after is what the target holds after the earlier rows and then the later.
func (c *cell) after() []string {
	switch c.mode {
	case warehouse.Append:
		return sorted(append(slices.Clone(earlier), later...))
	case warehouse.Replace:
		return later
	}
	return []string{"1=a", "2=b", "3=x", "4=y", "5=z"}
}

func sorted(rows []string) []string {
	slices.Sort(rows)
	return rows
}

func (c *cell) encode(rows []string, more bool) []byte {
	c.Helper()
	var out bytes.Buffer
	var narrow []row
	var broad []wide
	for _, text := range rows {
		id, s, _ := strings.Cut(text, "=")
		r := row{S: &s}
		if _, err := fmt.Sscan(id, &r.ID); err != nil {
			c.Fatal(err)
		}
		extra := ""
		switch c.format {
		case "csv":
			if more {
				extra = ",7"
			}
			fmt.Fprintf(&out, "%s,%s%s\n", id, strings.Replace(s, "NULL", `\N`, 1), extra)
		case "jsonl":
			if more {
				extra = `,"w":7`
			}
			fmt.Fprintf(&out, `{"id":%s,"s":%s%s}`+"\n", id, strings.Replace(fmt.Sprintf("%q", s), `"NULL"`, "null", 1), extra)
		}
		if s == "NULL" {
			r.S = nil
		}
		narrow, broad = append(narrow, r), append(broad, wide{r.ID, r.S, 7})
	}
	if c.format != "parquet" {
		return out.Bytes()
	}
	var err error
	if more {
		err = parquet.Write(&out, broad)
	} else {
		err = parquet.Write(&out, narrow)
	}
	if err != nil {
		c.Fatal(err)
	}
	return out.Bytes()
}

// stage publishes a run of a table, one part for each list of rows. bend changes
// the receipt before it is written.
func (c *cell) stage(name string, run int, bend func(*stage.Receipt), parts ...[]string) string {
	c.Helper()
	l := stage.Layout{Prefix: "stage/"}
	f := stage.Folder{
		Database: "shop", Table: table.Name{Schema: "public", Table: name},
		Run: stage.RunID(fmt.Sprintf("20261121T%06dZ-7f3a91c2", run)),
	}
	r := stage.Receipt{
		Version: stage.ReceiptVersion, Run: f.Run, Database: f.Database, Table: f.Table, Consistency: "snapshot",
		Columns:    []table.Column{{Name: "id", Type: "bigint"}, {Name: "s", Type: "character varying(9)", Nullable: true}},
		PrimaryKey: []string{"id"}, Format: stage.Format{Name: c.format, Compression: "none"},
		Load: stage.Load{Mode: string(c.mode)}, At: time.Date(2026, 11, 21, 0, 31, 0, 0, time.UTC),
	}
	if c.format == "csv" {
		r.Format.Null, r.Format.Delimiter = `\N`, ","
	}
	more := bend != nil
	if more {
		bend(&r)
		more = len(r.Columns) == 3
	}
	r.Parts = make([]stage.Part, len(parts))
	var group errgroup.Group
	group.SetLimit(lookups)
	for i, rows := range parts {
		key, body := l.Part(f, i, r.Format.Extension()), c.encode(rows, more)
		group.Go(func() error {
			a, err := c.store.Put(c.Context(), c.at(key), body, object.PutOptions{})
			r.Parts[i] = stage.Part{Key: key, Rows: int64(len(rows)), Bytes: a.Size, CRC32C: a.CRC32C}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		c.Fatal(err)
	}
	for _, part := range r.Parts {
		r.Rows, r.Bytes = r.Rows+part.Rows, r.Bytes+part.Bytes
	}
	if len(parts) > 0 {
		r.Manifest = l.Manifest(f)
		manifest, err := stage.NewManifest(c.bucket.Name, r.Parts).Encode()
		c.putDocument(r.Manifest, manifest, err)
	}
	receipt, err := r.Encode()
	c.putDocument(l.Receipt(f), receipt, err)
	return l.Receipt(f)
}

func (c *cell) at(key string) object.Location {
	return object.Location{Bucket: c.bucket.Name, Key: key}
}

func (c *cell) putDocument(key string, content []byte, err error) {
	c.Helper()
	if err == nil {
		_, err = c.store.Put(c.Context(), c.at(key), content, object.PutOptions{})
	}
	if err != nil {
		c.Fatal(err)
	}
}

// deliver is one invocation with a receipt's event.
func (c *cell) deliver(client warehouse.Warehouse, receipt string) (Loaded, error) {
	job := &Job{
		Store: c.store, Bucket: c.bucket.Name, Layout: stage.Layout{Prefix: "stage/"}, Warehouse: client,
		PollEvery: 5 * time.Millisecond, Log: slog.New(slog.NewJSONHandler(c.log, nil)),
	}
	payload := fmt.Sprintf(`{"Records":[{"eventVersion":"2.1","eventSource":"aws:s3","eventName":"ObjectCreated:Put","s3":{"bucket":{"name":%q},"object":{"key":%q}}}]}`,
		c.bucket.Name, receipt)
	answer, err := job.Handle(c.Context(), json.RawMessage(payload))
	text, _ := json.Marshal(answer) // of plain values, which all encode
	_, _ = fmt.Fprintf(c.log, "%s %v\n", text, err)
	if err != nil || len(answer.Loads) == 0 {
		return Loaded{}, errors.Join(err, errors.New("nothing was loaded"))
	}
	return answer.Loads[0], nil
}

// load delivers a receipt, which has to end in the state.
func (c *cell) load(receipt string, want warehouse.State) {
	c.Helper()
	client, _ := c.connect(-1)
	loaded, err := c.deliver(client, receipt)
	if err != nil || loaded.State != want {
		c.Errorf("%s: %+v, %v; want %s", receipt, loaded, err, want)
	}
}

// refuse delivers a receipt, which has to fail with the error.
func (c *cell) refuse(receipt string, want error) {
	c.Helper()
	client, _ := c.connect(-1)
	if loaded, err := c.deliver(client, receipt); !errors.Is(err, want) {
		c.Errorf("%s: %+v, error is %v, want %v", receipt, loaded, err, want)
	}
}

func (c *cell) want(name string, rows []string) {
	c.Helper()
	if diff := cmp.Diff(rows, c.rows(name), cmp.Transformer("none", func(s []string) []string { return append([]string{}, s...) })); diff != "" {
		c.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func (c *cell) wantNoSecrets() {
	c.log.mu.Lock()
	texts := map[string]string{"log": c.log.text.String(), "statements": c.said()}
	c.log.mu.Unlock()
	ctx := context.WithoutCancel(c.Context())
	for listed, err := range c.store.List(ctx, c.bucket.Name, "", "") {
		if err != nil {
			c.Fatal(err)
		}
		if strings.Contains(listed.Key, "thousandfold") {
			continue
		}
		content, _, err := c.store.Get(ctx, c.at(listed.Key), 1<<20)
		if err != nil {
			c.Fatal(err)
		}
		texts[listed.Key] = listed.Key + string(content)
	}
	for where, text := range texts {
		for _, secret := range c.secrets {
			if strings.Contains(text, secret) {
				c.Errorf("%s holds a secret", where)
			}
		}
	}
}
