package snowflake

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/local/compare"
	"github.com/stagelift/stagelift/local/pgserver/pgtest"
	"github.com/stagelift/stagelift/local/s3/s3test"
	standin "github.com/stagelift/stagelift/local/snowflake"
	"github.com/stagelift/stagelift/shared/object"
	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/warehouse"
)

const identityRole = "arn:aws:iam::123456789012:role/load"

// hooks are what a test does to the warehouse while it works.
type hooks struct {
	before, after func(r standin.Request) *standin.Fault
	statement     func(ctx context.Context, handle, sql string) error
}

// bundle is a warehouse of the test's own, with a bucket that it copies from.
type bundle struct {
	*testing.T
	server    *standin.Server
	warehouse *Warehouse
	config    Config
	store     *object.Store
	bucket    string
	// look reads the warehouse past its API: the first column, as text.
	look func(sql string) []string

	mu    sync.Mutex
	hooks hooks
}

func setup(t *testing.T, strict ...func(*standin.Strictness)) *bundle {
	t.Helper()
	bucket := s3test.Shared(t)
	b := &bundle{T: t, store: object.New(bucket.Config), bucket: bucket.Name, config: config()}
	b.config.StageURL = "s3://" + bucket.Name + "/stage/"
	url := pgtest.Database(t)
	strictness := standin.Strictness{}
	for _, change := range strict {
		change(&strictness)
	}
	var err error
	b.server, err = standin.Start(t.Context(), standin.Options{
		DatabaseURL: url, Account: b.config.Account, User: "loader",
		Role: b.config.Role, Warehouse: b.config.Warehouse, Database: b.config.Database,
		Stages: map[string]string{"STAGELIFT.STAGING": b.config.StageURL}, S3: bucket.Config,
		WorkloadRole: identityRole, Region: "eu-central-1", AccessKey: "AKIATEST", SecretKey: "secret", Log: t.Output(),
		BeforeRequest:   func(_ context.Context, r standin.Request) *standin.Fault { return fault(b.current().before, r) },
		AfterRequest:    func(_ context.Context, r standin.Request) *standin.Fault { return fault(b.current().after, r) },
		BeforeStatement: b.beforeStatement,
		Strictness:      strictness,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.server.Close(); err != nil {
			t.Error(err)
		}
	})
	b.config.Endpoint = b.server.Endpoint()
	b.warehouse = b.connect()
	b.watch(url)
	return b
}

func fault(hook func(standin.Request) *standin.Fault, r standin.Request) *standin.Fault {
	if hook == nil {
		return nil
	}
	return hook(r)
}

func (b *bundle) beforeStatement(ctx context.Context, handle string, _ int, sql string) error {
	if hook := b.current().statement; hook != nil {
		return hook(ctx, handle, sql)
	}
	return nil
}

func (b *bundle) current() hooks {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.hooks
}

func (b *bundle) hook(h hooks) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.hooks = h
}

// connect returns another client of the same warehouse, as another invocation
// would have it. It waits next to nothing between requests.
func (b *bundle) connect() *Warehouse {
	b.Helper()
	pair, err := NewKeyPair(b.config.Account, "loader", secret(b.server.PrivateKey()))
	if err != nil {
		b.Fatal(err)
	}
	return b.connectAs(pair)
}

func (b *bundle) connectAs(c Credentials) *Warehouse {
	b.Helper()
	w, err := New(b.config, c)
	if err != nil {
		b.Fatal(err)
	}
	w.api.pause = func(ctx context.Context, _ time.Duration) error { return sleep(ctx, time.Millisecond) }
	return w
}

func (b *bundle) identity(accessKey string) *WorkloadIdentity {
	return NewWorkloadIdentity(aws.Config{
		Region: "eu-central-1", BaseEndpoint: aws.String(b.server.STSEndpoint()), RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(accessKey, "secret", ""),
	})
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

func (b *bundle) want(sql string, want ...string) {
	b.Helper()
	if diff := cmp.Diff(want, b.look(sql)); diff != "" {
		b.Errorf("%s (-want +got):\n%s", sql, diff)
	}
}

// run names a run of one day; runs of later days are newer.
func run(day int) stage.RunID { return stage.RunID(fmt.Sprintf("202611%02dT003000Z-7f3a91c2", day)) }

// stage puts the rows, one line of CSV each, into a part and returns the load
// that appends them to public.t. The number makes the load's id.
func (b *bundle) stage(number int, rows ...string) warehouse.Load {
	b.Helper()
	l := warehouse.Load{
		ID: fmt.Sprintf("%064x", number), Run: run(10),
		Source: table.Name{Schema: "public", Table: "t"}, Target: table.Name{Schema: "public", Table: "t"},
		Mode:    warehouse.Append,
		Columns: []table.Column{{Name: "id", Type: "bigint"}, {Name: "s", Type: "character varying(3)", Nullable: true}},
		Format:  stage.Format{Name: "csv", Compression: "none", Null: `\N`, Delimiter: ","},
		Bucket:  b.bucket,
	}
	if len(rows) > 0 {
		b.put(&l, fmt.Sprintf("stage/shop/public.t/%d/part-00000.csv", number), rows...)
	}
	return l
}

// put adds a part to the load.
func (b *bundle) put(l *warehouse.Load, key string, rows ...string) {
	b.Helper()
	text := strings.Join(rows, "\n") + "\n"
	if _, err := b.store.Put(b.Context(), object.Location{Bucket: b.bucket, Key: key}, []byte(text), object.PutOptions{}); err != nil {
		b.Fatal(err)
	}
	l.Parts = append(l.Parts, warehouse.Part{Key: key, Rows: int64(len(rows)), Bytes: int64(len(text))})
	l.Rows += int64(len(rows))
}

// carry begins a load and asks for it until it has ended.
func carry(ctx context.Context, w *Warehouse, l warehouse.Load) (warehouse.Outcome, error) {
	outcome, err := w.Begin(ctx, l)
	for err == nil && outcome.State == warehouse.Running {
		if err := sleep(ctx, time.Millisecond); err != nil {
			return outcome, err
		}
		outcome, err = w.Poll(ctx, l, outcome.Handle)
	}
	return outcome, err
}

// load carries out a load that has to succeed.
func (b *bundle) load(l warehouse.Load, want warehouse.State) warehouse.Outcome {
	b.Helper()
	outcome, err := carry(b.Context(), b.warehouse, l)
	if err != nil {
		b.Fatal(err)
	}
	rows := l.Rows
	if want == warehouse.Skipped {
		rows = 0
	}
	if outcome.State != want || outcome.Rows != rows || (outcome.Reason != "") != (want == warehouse.Skipped) || len(outcome.Errors) > 0 {
		b.Errorf("outcome %+v, want %s with %d rows", outcome, want, rows)
	}
	return outcome
}

// fail carries out a load that has to fail with all of the texts in its error.
func (b *bundle) fail(l warehouse.Load, texts ...string) (warehouse.Outcome, error) {
	b.Helper()
	outcome, err := carry(b.Context(), b.warehouse, l)
	wantError(b.T, err, texts...)
	return outcome, err
}
