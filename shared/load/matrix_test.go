package load

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/parquet-go/parquet-go"
	"golang.org/x/sync/errgroup"

	"github.com/stagelift/stagelift/local/s3/s3test"
	"github.com/stagelift/stagelift/local/secretscan"
	"github.com/stagelift/stagelift/shared/object"
	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// target is a warehouse to run the matrix against. Another one is another row
// of targets.
type target struct {
	name string
	open func(t *testing.T, bucket s3test.Bucket) *opened
}

var targets = []target{{"redshift", openRedshift}, {"snowflake", openSnowflake}}

// opened is a warehouse that tests can look into and break.
type opened struct {
	breakages
	// connect returns a client as another invocation would have it, whose
	// requests go through the carrier.
	connect func(carrier http.RoundTripper) warehouse.Warehouse
	// query reads the first column of the database behind the warehouse.
	query func(sql string) []string
	// ledger names the ledger of a table in there, as SQL.
	ledger func(table string) string
	// loads names the history in there, with what selects the state of a target.
	loads string
	// secrets, by what they are, must not be in what was logged, answered, stored
	// or said to the warehouse.
	secrets func() map[string]string
}

// rows are those of a table of the schema public, as id=s, in order; none when
// there is no table.
func (o *opened) rows(name string) []string {
	if len(o.query(`SELECT relname FROM pg_class WHERE relname = '`+name+`' AND relnamespace = to_regnamespace('public')`)) == 0 {
		return nil
	}
	return sorted(o.query(`SELECT id || '=' || coalesce(s, 'NULL') FROM public.` + name))
}

// entries is the number of loads in the table's ledger.
func (o *opened) entries(name string) int {
	return len(o.query(`SELECT 'x' FROM ` + o.ledger(name)))
}

// cell is one mode and format of one warehouse.
type cell struct {
	*opened
	*testing.T
	mode   warehouse.Mode
	format string
	bucket s3test.Bucket
	store  *object.Store
	log    *safeBuffer
}

// safeBuffer is a text that many write.
type safeBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// TestMatrix loads into every warehouse, in every mode and format, and lets go
// wrong what can: every row is in the target exactly once, or the target is as it
// was.
func TestMatrix(t *testing.T) {
	t.Parallel()
	for _, to := range targets {
		t.Run(to.name, func(t *testing.T) {
			t.Parallel()
			bucket := s3test.Shared(t)
			whole := &cell{opened: to.open(t, bucket), T: t, bucket: bucket, store: object.New(bucket.Config), log: &safeBuffer{}}
			t.Cleanup(whole.wantNoSecrets)
			for _, format := range []string{"csv", "jsonl", "parquet"} {
				for _, mode := range modes {
					whole.run(mode, format)
				}
				whole.scenario(fmt.Sprintf("every/%s/thousandfold", format), warehouse.Append, format, (*cell).thousandFiles)
			}
		})
	}
}

var modes = []warehouse.Mode{warehouse.Append, warehouse.Replace, warehouse.Merge}

func (c *cell) run(mode warehouse.Mode, format string) {
	for name, scenario := range map[string]func(*cell, string){
		"first":       (*cell).first,
		"again":       (*cell).again,
		"atonce":      (*cell).atOnce,
		"pair":        (*cell).pair,
		"crashed":     (*cell).crashed,
		"killed":      func(c *cell, name string) { c.struck(name, killed) },
		"lost":        func(c *cell, name string) { c.struck(name, lost) },
		"repeated":    func(c *cell, name string) { c.struck(name, repeated) },
		"late":        (*cell).late,
		"newcolumn":   (*cell).newColumn,
		"othercolumn": (*cell).otherColumn,
		"shortpart":   (*cell).shortPart,
		"extrapart":   (*cell).extraPart,
		"miscounted":  (*cell).miscounted,
		"norows":      (*cell).noRows,
		"windows":     (*cell).windows,
		"overtaken":   (*cell).overtaken,
	} {
		c.scenario(fmt.Sprintf("%s/%s/%s", mode, format, name), mode, format, scenario)
	}
}

// scenario runs one with a table of its own.
func (c *cell) scenario(name string, mode warehouse.Mode, format string, do func(*cell, string)) {
	c.Run(name, func(t *testing.T) {
		t.Parallel()
		inner := *c
		inner.T, inner.mode, inner.format = t, mode, format
		do(&inner, "t_"+strings.ReplaceAll(name, "/", "_"))
	})
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
func (c *cell) after() []string { return c.apply(earlier, later) }

// apply is what a target that held the rows before holds after a load of others.
func (c *cell) apply(before, staged []string) []string {
	switch c.mode {
	case warehouse.Append:
		return sorted(slices.Concat(before, staged))
	case warehouse.Replace:
		return sorted(slices.Clone(staged))
	}
	key := func(row string) string { return row[:strings.IndexByte(row, '=')+1] }
	kept := slices.DeleteFunc(slices.Clone(before), func(row string) bool {
		return slices.ContainsFunc(staged, func(other string) bool { return key(other) == key(row) })
	})
	return sorted(append(kept, staged...))
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
		key, body := l.Part(f, "", i, r.Format.Extension()), c.encode(rows, more)
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
		r.Manifest = l.Manifest(f, "")
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

// deliver is one invocation with a receipt's event, whose requests to the
// warehouse go through the carrier.
func (c *cell) deliver(ctx context.Context, carrier http.RoundTripper, receipt string) (Loaded, error) {
	job := &Job{
		Store: c.store, Bucket: c.bucket.Name, Layout: stage.Layout{Prefix: "stage/"}, Warehouse: c.connect(carrier),
		PollEvery: 20 * time.Millisecond, Log: slog.New(slog.NewJSONHandler(c.log, nil)),
	}
	payload := fmt.Sprintf(`{"Records":[{"eventVersion":"2.1","eventSource":"aws:s3","eventName":"ObjectCreated:Put","s3":{"bucket":{"name":%q},"object":{"key":%q}}}]}`,
		c.bucket.Name, receipt)
	answer, err := job.Handle(ctx, json.RawMessage(payload))
	text, _ := json.Marshal(answer) // of plain values, which all encode
	_, _ = fmt.Fprintf(c.log, "%s %v\n", text, err)
	if err != nil || len(answer.Loads) == 0 {
		return Loaded{}, errors.Join(err, errors.New("nothing was loaded"))
	}
	return answer.Loads[0], nil
}

// load delivers a receipt, which has to end in one of the states.
func (c *cell) load(receipt string, want ...warehouse.State) {
	c.Helper()
	loaded, err := c.deliver(c.Context(), http.DefaultTransport, receipt)
	if err != nil || !slices.Contains(want, loaded.State) {
		c.Errorf("%s: %+v, %v; want %s", receipt, loaded, err, want)
	}
}

// refuse delivers a receipt, which has to fail with the error.
func (c *cell) refuse(receipt string, want error) {
	c.Helper()
	if loaded, err := c.deliver(c.Context(), http.DefaultTransport, receipt); !errors.Is(err, want) {
		c.Errorf("%s: %+v, error is %v, want %v", receipt, loaded, err, want)
	}
}

func (c *cell) want(name string, rows []string) {
	c.Helper()
	if diff := cmp.Diff(rows, c.rows(name), cmpopts.EquateEmpty()); diff != "" {
		c.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// wantLoads wants so many loads in the table's ledger besides.
func (c *cell) wantLoads(name string, rows []string, loads int) {
	c.Helper()
	c.want(name, rows)
	if got := c.entries(name); got != loads {
		c.Errorf("%s: %d entries in the ledger, want %d", name, got, loads)
	}
}

// wantNoSecrets reads what was logged, answered and said, and all objects that
// the test has not written itself.
func (c *cell) wantNoSecrets() {
	texts := map[string]string{"log": c.log.String(), "statements": c.said.String()}
	ctx := context.WithoutCancel(c.Context())
	for listed, err := range c.store.List(ctx, c.bucket.Name, "", "") {
		if err != nil {
			c.Fatal(err)
		}
		if !strings.Contains(listed.Key, "/_loads/") {
			continue
		}
		content, _, err := c.store.Get(ctx, c.at(listed.Key), 1<<20)
		if err != nil {
			c.Fatal(err)
		}
		texts[listed.Key] = listed.Key + string(content)
	}
	if len(texts) < 3 {
		c.Error("no outcome was kept")
	}
	scanner, err := secretscan.New(c.secrets())
	if err != nil {
		c.Fatal(err)
	}
	for where, text := range texts {
		if found := scanner.Find(text); found != nil {
			c.Errorf("%s holds %s", where, strings.Join(found, ", "))
		}
	}
}
