package load

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/stagelift/stagelift/local/s3/door"
	"github.com/stagelift/stagelift/local/s3/s3test"
	"github.com/stagelift/stagelift/shared/object"
	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// ledger is a warehouse that loads nothing but remembers it.
type ledger struct {
	mu    sync.Mutex
	done  map[string]int64
	asked []warehouse.Load // that were begun and not done before
	err   error            // of Poll
	wait  bool             // for ever
}

func (l *ledger) Begin(_ context.Context, load warehouse.Load) (warehouse.Outcome, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if rows, done := l.done[load.ID]; done {
		return warehouse.Outcome{State: warehouse.AlreadyLoaded, Rows: rows}, nil
	}
	l.asked = append(l.asked, load)
	return warehouse.Outcome{State: warehouse.Running, Handle: "handle-" + load.ID}, nil
}

func (l *ledger) Poll(_ context.Context, load warehouse.Load, handle string) (warehouse.Outcome, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case handle != "handle-"+load.ID:
		return warehouse.Outcome{}, errors.New("a handle of another load")
	case l.wait:
		return warehouse.Outcome{State: warehouse.Running, Handle: handle}, nil
	case l.err != nil:
		return warehouse.Outcome{Errors: []warehouse.RowError{{File: "s3://b/part", Line: 7, Message: "too long"}}}, l.err
	}
	l.done[load.ID] = load.Rows
	return warehouse.Outcome{State: warehouse.Loaded, Rows: load.Rows, Statements: []string{"statement-1"}}, nil
}

// Columns are those of raw.known, the only table there is.
func (l *ledger) Columns(_ context.Context, target table.Name) ([]table.Column, error) {
	if target.String() != "raw.known" {
		return nil, nil
	}
	return []table.Column{{Name: "id", Type: "bigint", Nullable: true}}, nil
}

// told remembers what it was told.
type told struct {
	mu    sync.Mutex
	loads []Loaded
}

func (n *told) Notify(_ context.Context, loaded Loaded) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.loads = append(n.loads, loaded)
	return nil
}

// bundle is a job before a bucket of the test's own.
type bundle struct {
	*testing.T
	job       *Job
	warehouse *ledger
	notifier  *told
	door      *door.Door
	store     *object.Store // past the door
	bucket    s3test.Bucket
}

func setup(t *testing.T) *bundle {
	t.Helper()
	bucket := s3test.Shared(t)
	d, err := door.Open(t.Context(), bucket.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	b := &bundle{T: t, door: d, bucket: bucket, store: object.New(bucket.Config), warehouse: &ledger{done: map[string]int64{}}, notifier: &told{}}
	b.job = &Job{
		Store: object.New(s3test.Config(d.Endpoint())), Bucket: bucket.Name, Layout: stage.Layout{Prefix: "stage/"},
		Warehouse: b.warehouse, Notifier: b.notifier, PollEvery: time.Millisecond, Log: slog.New(slog.DiscardHandler),
	}
	return b
}

func (b *bundle) at(key string) object.Location {
	return object.Location{Bucket: b.job.Bucket, Key: key}
}

func (b *bundle) put(key string, content []byte) object.Attributes {
	b.Helper()
	a, err := b.store.Put(b.Context(), b.at(key), content, object.PutOptions{})
	if err != nil {
		b.Fatal(err)
	}
	return a
}

func (b *bundle) remove(key string) {
	b.Helper()
	if _, err := b.bucket.Client().DeleteObject(b.Context(), &s3.DeleteObjectInput{Bucket: &b.job.Bucket, Key: &key}); err != nil {
		b.Fatal(err)
	}
}

// putPlain stores an object without a checksum, as older tools do.
func (b *bundle) putPlain(key, content string) {
	b.Helper()
	client := s3.NewFromConfig(b.bucket.Config, func(o *s3.Options) {
		o.UsePathStyle, o.RequestChecksumCalculation = true, aws.RequestChecksumCalculationWhenRequired
	})
	in := &s3.PutObjectInput{Bucket: &b.job.Bucket, Key: &key, Body: strings.NewReader(content)}
	if _, err := client.PutObject(b.Context(), in); err != nil {
		b.Fatal(err)
	}
}

func (b *bundle) get(key string) []byte {
	b.Helper()
	content, _, err := b.store.Get(b.Context(), b.at(key), 1<<20)
	if err != nil {
		b.Fatal(err)
	}
	return content
}

// staged is what a run left of public.orders: parts, manifest, receipt.
type staged struct {
	stage.Receipt
	key string // of the receipt
}

func (b *bundle) stage(name string, parts ...string) staged {
	b.Helper()
	return b.stageRun(name, "20261121T003000Z-7f3a91c2", nil, parts...)
}

// stageRun is stage of another run; bend changes its receipt.
func (b *bundle) stageRun(name string, run stage.RunID, bend func(*stage.Receipt), parts ...string) staged {
	b.Helper()
	f := stage.Folder{Database: "shop", Table: table.Name{Schema: "public", Table: name}, Run: run}
	l := b.job.Layout
	s := staged{key: l.Receipt(f), Receipt: stage.Receipt{
		Version: stage.ReceiptVersion, Run: f.Run, Database: f.Database, Table: f.Table, Consistency: "snapshot",
		Columns: []table.Column{{Name: "id", Type: "bigint"}},
		Format:  stage.Format{Name: "csv", Compression: "none", Null: `\N`, Delimiter: ","},
		Parts:   []stage.Part{}, Load: stage.Load{Mode: "append"}, At: time.Date(2026, 11, 21, 0, 31, 0, 0, time.UTC),
	}}
	if bend != nil {
		bend(&s.Receipt)
	}
	for i, text := range parts {
		key := l.Part(f, "", i, "csv")
		a := b.put(key, []byte(text))
		part := stage.Part{Key: key, Rows: int64(strings.Count(text, "\n")), Bytes: a.Size, CRC32C: a.CRC32C}
		s.Parts = append(s.Parts, part)
		s.Rows, s.Bytes = s.Rows+part.Rows, s.Bytes+part.Bytes
	}
	if len(parts) > 0 {
		s.Manifest = l.Manifest(f, "")
		manifest, err := stage.NewManifest(b.job.Bucket, s.Parts).Encode()
		if err != nil {
			b.Fatal(err)
		}
		b.put(s.Manifest, manifest)
	}
	b.publish(s)
	return s
}

// publish writes the receipt as it is now, right or wrong.
func (b *bundle) publish(s staged) {
	b.Helper()
	data, err := json.Marshal(s.Receipt)
	if err != nil {
		b.Fatal(err)
	}
	b.put(s.key, data)
}

func (b *bundle) id(s staged) string {
	b.Helper()
	return stage.LoadID(b.get(s.key))
}

// kept reads what _loads/ says of a load.
func (b *bundle) kept(id string) Loaded {
	b.Helper()
	var loaded Loaded
	if err := json.Unmarshal(b.get("stage/shop/_loads/"+id+".json"), &loaded); err != nil {
		b.Fatal(err)
	}
	return loaded
}

// notification is S3's own, of one or more objects.
func (b *bundle) notification(keys ...string) json.RawMessage {
	records := make([]string, len(keys))
	for i, key := range keys {
		records[i] = fmt.Sprintf(`{"eventVersion":"2.1","eventSource":"aws:s3","eventName":"ObjectCreated:Put",`+
			`"s3":{"bucket":{"name":%q},"object":{"key":%q}}}`, b.job.Bucket, key)
	}
	return json.RawMessage(`{"Records":[` + strings.Join(records, ",") + `]}`)
}

// wantError checks that there is an error with all of the texts in it.
func wantError(t *testing.T, err error, texts ...string) {
	t.Helper()
	if err == nil {
		t.Error("no error")
		return
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("error is %q, want %q in it", err, text)
		}
	}
}
