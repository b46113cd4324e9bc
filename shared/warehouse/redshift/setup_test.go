package redshift

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/stagelift/stagelift/local/compare"
	"github.com/stagelift/stagelift/local/pgserver/pgtest"
	standin "github.com/stagelift/stagelift/local/redshift"
	"github.com/stagelift/stagelift/local/s3/s3test"
	"github.com/stagelift/stagelift/shared/object"
	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// before is called before each statement of a batch; an error breaks the
// warehouse's connection there.
type before func(ctx context.Context, id, sql string) error

// bundle is a client and a warehouse of the test's own, with a bucket that it
// copies from.
type bundle struct {
	*testing.T
	client *Warehouse
	aws    aws.Config
	store  *object.Store
	bucket string
	server *standin.Server
	// look reads the warehouse past the Data API: the first column, as text.
	look func(sql string) []string

	mu     sync.Mutex
	before before
}

func setup(t *testing.T, change ...func(*standin.Options)) *bundle {
	t.Helper()
	bucket := s3test.Shared(t)
	b := &bundle{T: t, store: object.New(bucket.Config), bucket: bucket.Name}
	url := pgtest.Database(t)
	o := standin.Options{
		DatabaseURL: url, Database: config().Database, Workgroup: config().Workgroup, CopyRole: config().CopyRole,
		S3: bucket.Config, Region: config().Region, AccessKey: "AKIATEST", SecretKey: "secret", Log: t.Output(),
		BeforeStatement: func(ctx context.Context, id string, _ int, sql string) error {
			b.mu.Lock()
			hook := b.before
			b.mu.Unlock()
			if hook == nil {
				return nil
			}
			return hook(ctx, id, sql)
		},
	}
	for _, c := range change {
		c(&o)
	}
	server, err := standin.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	b.aws = aws.Config{
		Region: config().Region, BaseEndpoint: aws.String(server.Endpoint()),
		Credentials: credentials.NewStaticCredentialsProvider("AKIATEST", "secret", ""),
	}
	b.server = server
	b.client = b.connect()
	b.watch(url)
	return b
}

// connect returns another client of the same warehouse, as another invocation
// would have it.
func (b *bundle) connect() *Warehouse {
	b.Helper()
	client, err := New(b.aws, config())
	if err != nil {
		b.Fatal(err)
	}
	return client
}

func (b *bundle) watch(url string) {
	conn, err := compare.Connect(b.Context(), url)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = conn.Close(context.WithoutCancel(b.Context())) })
	b.look = func(sql string) []string {
		b.Helper()
		rows, err := conn.Query(b.Context(), sql)
		if err != nil {
			b.Fatalf("%s: %v", sql, err)
		}
		defer rows.Close()
		var list []string
		for rows.Next() {
			values, err := rows.Values()
			if err != nil {
				b.Fatalf("%s: %v", sql, err)
			}
			list = append(list, fmt.Sprint(values...))
		}
		if err := rows.Err(); err != nil {
			b.Fatalf("%s: %v", sql, err)
		}
		return list
	}
}

// hook sets what happens before each statement of a batch.
func (b *bundle) hook(do before) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.before = do
}

// stage puts the rows, one CSV line each, into a part and returns the load of
// them into public.t. The number makes the load's id.
func (b *bundle) stage(number int, rows ...string) warehouse.Load {
	b.Helper()
	l := warehouse.Load{
		ID: fmt.Sprintf("%064x", number), Run: "20261121T003000Z-7f3a91c2",
		Source: table.Name{Schema: "public", Table: "t"}, Target: table.Name{Schema: "public", Table: "t"},
		Columns: []table.Column{{Name: "id", Type: "bigint"}, {Name: "s", Type: "character varying(3)", Nullable: true}},
		Format:  stage.Format{Name: "csv", Compression: "none", Null: `\N`, Delimiter: ","},
		Mode:    warehouse.Append,
		Rows:    int64(len(rows)),
	}
	if len(rows) == 0 {
		return l
	}
	text := strings.Join(rows, "\n") + "\n"
	part := stage.Part{Key: fmt.Sprintf("%d/part-00000.csv", number), Rows: l.Rows, Bytes: int64(len(text))}
	manifest, err := stage.NewManifest(b.bucket, []stage.Part{part}).Encode()
	if err != nil {
		b.Fatal(err)
	}
	for key, content := range map[string][]byte{part.Key: []byte(text), fmt.Sprintf("%d/manifest.json", number): manifest} {
		if _, err := b.store.Put(b.Context(), object.Location{Bucket: b.bucket, Key: key}, content, object.PutOptions{}); err != nil {
			b.Fatal(err)
		}
	}
	l.Manifest = fmt.Sprintf("s3://%s/%d/manifest.json", b.bucket, number)
	return l
}

// administer does what whoever sets the warehouse up does.
func (b *bundle) administer(statements ...string) {
	b.Helper()
	if err := b.server.Administer(b.Context(), statements...); err != nil {
		b.Fatal(err)
	}
}

// end runs a load that has to succeed, and returns how it ended.
func (b *bundle) end(l warehouse.Load) warehouse.Outcome {
	b.Helper()
	outcome, err := carryOut(b.Context(), b.client, l)
	if err != nil || outcome.State != warehouse.Loaded {
		b.Fatalf("outcome %+v, %v; want it loaded", outcome, err)
	}
	return outcome
}

// sweep puts the keys, one CSV line each, beside a load's part.
func (b *bundle) sweep(l warehouse.Load, number int, soft bool, keys ...string) warehouse.Load {
	b.Helper()
	staged := b.stage(1000+number, keys...)
	l.Mode, l.Keys = warehouse.Merge, []string{"id"}
	l.Sweep = &warehouse.Sweep{Soft: soft, Manifest: staged.Manifest, Rows: staged.Rows}
	return l
}

// strict sets up the warehouse so.
func strict(s standin.Strictness) func(*standin.Options) {
	return func(o *standin.Options) { o.Strictness = s }
}

// carryOut begins a load and asks until it has ended.
func carryOut(ctx context.Context, w *Warehouse, l warehouse.Load) (warehouse.Outcome, error) {
	outcome, err := w.Begin(ctx, l)
	return follow(ctx, w, l, outcome, err)
}

// follow asks until a load has ended, or ctx has.
func follow(ctx context.Context, w *Warehouse, l warehouse.Load, outcome warehouse.Outcome, err error) (warehouse.Outcome, error) {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for err == nil && outcome.State == warehouse.Running {
		select {
		case <-ctx.Done():
			return outcome, ctx.Err()
		case <-tick.C:
		}
		outcome, err = w.Poll(ctx, l, outcome.Handle)
	}
	return outcome, err
}

// load runs a load that has to succeed, and checks what it answers.
func (b *bundle) load(l warehouse.Load, want warehouse.State) {
	b.Helper()
	outcome, err := carryOut(b.Context(), b.client, l)
	if err != nil {
		b.Fatal(err)
	}
	if outcome.State != want || want != warehouse.Skipped && outcome.Rows != l.Rows || (len(outcome.Statements) > 0) != (want == warehouse.Loaded) {
		b.Errorf("outcome %+v, want %s with %d rows", outcome, want, l.Rows)
	}
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
