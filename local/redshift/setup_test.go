package redshift

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/redshiftdata"
	"github.com/aws/aws-sdk-go-v2/service/redshiftdata/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/jackc/pgx/v5"

	"github.com/stagelift/stagelift/local/pgserver/pgtest"
	"github.com/stagelift/stagelift/local/s3/s3test"
)

const (
	testRole      = "arn:aws:iam::123456789012:role/copy"
	testDatabase  = "dev"
	testWorkgroup = "etl"
)

type bundle struct {
	t      testing.TB
	server *Server
	client *redshiftdata.Client
	bucket s3test.Bucket
	// url leads to the database that plays the warehouse.
	url string
}

// setup starts a stand-in with a database and a bucket of its own.
func setup(t testing.TB, changes ...func(*Options)) *bundle {
	t.Helper()
	b := &bundle{t: t, bucket: s3test.Shared(t), url: pgtest.Database(t)}
	o := Options{
		DatabaseURL: b.url, Database: testDatabase, Workgroup: testWorkgroup, CopyRole: testRole,
		S3: b.bucket.Config, Region: b.bucket.Config.Region, AccessKey: "AKIATEST", SecretKey: "secret",
		Log: t.Output(),
	}
	for _, change := range changes {
		change(&o)
	}
	var err error
	if b.server, err = Start(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.server.Close(); err != nil {
			t.Error(err)
		}
	})
	b.client = b.signedWith("AKIATEST", "secret", o.Region)
	return b
}

// of is the same warehouse for a test within the test.
func (b *bundle) of(t testing.TB) *bundle {
	t.Helper()
	other := *b
	other.t = t
	return &other
}

func (b *bundle) signedWith(access, secret, region string) *redshiftdata.Client {
	return redshiftdata.NewFromConfig(aws.Config{
		Region: region, BaseEndpoint: aws.String(b.server.Endpoint()),
		Credentials: credentials.NewStaticCredentialsProvider(access, secret, "a session's token"),
	})
}

func (b *bundle) input(sqls ...string) *redshiftdata.BatchExecuteStatementInput {
	return &redshiftdata.BatchExecuteStatementInput{
		Sqls: sqls, Database: aws.String(testDatabase), WorkgroupName: aws.String(testWorkgroup),
	}
}

// submit hands in a batch and returns its id.
func (b *bundle) submit(sqls ...string) string {
	b.t.Helper()
	out, err := b.client.BatchExecuteStatement(b.t.Context(), b.input(sqls...))
	if err != nil {
		b.t.Fatal(err)
	}
	return aws.ToString(out.Id)
}

// wait asks until the statement has ended.
func (b *bundle) wait(id string) *redshiftdata.DescribeStatementOutput {
	b.t.Helper()
	return b.until(id, func(s types.StatusString) bool { return status(s).over() })
}

func (b *bundle) until(id string, reached func(types.StatusString) bool) *redshiftdata.DescribeStatementOutput {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), 2*time.Minute)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		out, err := b.client.DescribeStatement(ctx, &redshiftdata.DescribeStatementInput{Id: &id})
		if err != nil {
			b.t.Fatal(err)
		}
		if reached(out.Status) {
			return out
		}
		<-tick.C
	}
}

func (b *bundle) run(sqls ...string) *redshiftdata.DescribeStatementOutput {
	b.t.Helper()
	return b.wait(b.submit(sqls...))
}

// must runs a batch that has to finish.
func (b *bundle) must(sqls ...string) *redshiftdata.DescribeStatementOutput {
	b.t.Helper()
	out := b.run(sqls...)
	if out.Status != types.StatusStringFinished {
		b.t.Fatalf("status %s: %s of %q", out.Status, aws.ToString(out.Error), sqls)
	}
	return out
}

// mustFail runs a batch that has to fail with all of the texts in its error.
func (b *bundle) mustFail(want []string, sqls ...string) {
	b.t.Helper()
	out := b.run(sqls...)
	if out.Status != types.StatusStringFailed {
		b.t.Fatalf("status is %s, want FAILED, of %q", out.Status, sqls)
	}
	for _, text := range want {
		if !strings.Contains(aws.ToString(out.Error), text) {
			b.t.Errorf("error is %q, want %q in it", aws.ToString(out.Error), text)
		}
	}
}

// records are a statement's rows, NULL as nil.
func (b *bundle) records(id string) [][]any {
	b.t.Helper()
	out, err := b.client.GetStatementResult(b.t.Context(), &redshiftdata.GetStatementResultInput{Id: &id})
	if err != nil {
		b.t.Fatal(err)
	}
	var rows [][]any
	for _, record := range out.Records {
		var row []any
		for _, f := range record {
			switch f := f.(type) {
			case *types.FieldMemberStringValue:
				row = append(row, f.Value)
			case *types.FieldMemberLongValue:
				row = append(row, f.Value)
			case *types.FieldMemberBooleanValue:
				row = append(row, f.Value)
			case *types.FieldMemberIsNull:
				row = append(row, nil)
			default:
				b.t.Fatalf("a field of kind %T", f)
			}
		}
		rows = append(rows, row)
	}
	return rows
}

// alone runs one statement by itself, and returns its error, or nothing.
func (b *bundle) alone(sql string) string {
	b.t.Helper()
	out, err := b.client.ExecuteStatement(b.t.Context(), &redshiftdata.ExecuteStatementInput{
		Sql: &sql, Database: aws.String(testDatabase), WorkgroupName: aws.String(testWorkgroup),
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return aws.ToString(b.wait(aws.ToString(out.Id)).Error)
}

// look reads the warehouse's PostgreSQL directly, one text per row.
func (b *bundle) look(sql string) []string {
	b.t.Helper()
	conn, err := pgx.Connect(b.t.Context(), b.url)
	if err != nil {
		b.t.Fatal(err)
	}
	defer conn.Close(b.t.Context()) //nolint:errcheck // a test's look
	rows, err := conn.Query(b.t.Context(), sql)
	if err != nil {
		b.t.Fatal(err)
	}
	texts, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		b.t.Fatal(err)
	}
	return texts
}

// put stores an object and returns its URL.
func (b *bundle) put(key string, body []byte) string {
	b.t.Helper()
	_, err := b.bucket.Client().PutObject(b.t.Context(), &s3.PutObjectInput{Bucket: &b.bucket.Name, Key: &key, Body: bytes.NewReader(body)})
	if err != nil {
		b.t.Fatal(err)
	}
	return "s3://" + b.bucket.Name + "/" + key
}

// entry is one of a manifest's; length is left out when negative.
func entry(url string, mandatory bool, length int) map[string]any {
	e := map[string]any{"url": url, "mandatory": mandatory, "unknown": 1}
	if length >= 0 {
		e["meta"] = map[string]any{"content_length": length, "record_count": 7}
	}
	return e
}

func (b *bundle) putManifest(key string, entries ...map[string]any) string {
	b.t.Helper()
	text, err := json.Marshal(map[string]any{"entries": entries, "author": "someone"})
	if err != nil {
		b.t.Fatal(err)
	}
	return b.put(key, text)
}

func copyFrom(url, options string) string {
	return fmt.Sprintf("COPY t FROM '%s' IAM_ROLE '%s' FORMAT AS CSV %s", url, testRole, options)
}

func gzipped(t testing.TB, text string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
