package load

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/stagelift/stagelift/local/compare"
	"github.com/stagelift/stagelift/local/pgserver/pgtest"
	standin "github.com/stagelift/stagelift/local/redshift"
	"github.com/stagelift/stagelift/local/s3/s3test"
	"github.com/stagelift/stagelift/shared/warehouse"
	"github.com/stagelift/stagelift/shared/warehouse/redshift"
)

const (
	theSecret = "SECRETOFTHEMATRIX"
	theToken  = "TOKENOFTHEMATRIX"
)

func openRedshift(t *testing.T, bucket s3test.Bucket) *opened {
	t.Helper()
	url := pgtest.Database(t)
	o := &opened{query: querier(t, url), loads: `SELECT state FROM stagelift.loads WHERE target = `, ledger: func(table string) string { return `stagelift."public.` + table + `" WHERE load_id <> ''` }}
	config := redshift.Config{
		Workgroup: "analytics", Database: "dev", CopyRole: "arn:aws:iam::123456789012:role/copy",
		LedgerSchema: "stagelift", Region: bucket.Config.Region,
	}
	server, err := standin.Start(t.Context(), standin.Options{
		DatabaseURL: url, Database: config.Database, Workgroup: config.Workgroup, CopyRole: config.CopyRole, S3: bucket.Config,
		Region: config.Region, AccessKey: "AKIATEST", SecretKey: theSecret,
		BeforeStatement: func(_ context.Context, id string, index int, sql string) error {
			batch, _, _ := strings.Cut(id, ":")
			return o.before(batch, index, sql, func() string {
				if !strings.HasPrefix(sql, "LOCK TABLE ") {
					return ""
				}
				return sql
			})
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	stored, err := bucket.Config.Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	o.secrets = func() map[string]string {
		return map[string]string{"the AWS secret key": theSecret, "the session's token": theToken, "the S3 secret key": stored.SecretAccessKey}
	}
	o.connect = func(carrier http.RoundTripper) warehouse.Warehouse {
		client, err := redshift.New(aws.Config{
			Region: config.Region, BaseEndpoint: aws.String(server.Endpoint()), Retryer: impatient,
			Credentials: credentials.NewStaticCredentialsProvider("AKIATEST", theSecret, theToken),
			HTTPClient:  &http.Client{Transport: carrier},
		}, config)
		if err != nil {
			panic(err) // it is the same configuration each time
		}
		return client
	}
	return o
}

// querier reads the warehouse past its API. The connection serves one at a time.
func querier(t *testing.T, url string) func(sql string) []string {
	t.Helper()
	conn, err := compare.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	var mu sync.Mutex
	return func(sql string) []string {
		mu.Lock()
		defer mu.Unlock()
		rows, err := conn.Query(t.Context(), sql)
		if err != nil {
			t.Errorf("%s: %v", sql, err)
			return nil
		}
		defer rows.Close()
		var list []string
		for rows.Next() {
			var text string
			if err := rows.Scan(&text); err != nil {
				t.Errorf("%s: %v", sql, err)
			}
			list = append(list, text)
		}
		if err := rows.Err(); err != nil {
			t.Errorf("%s: %v", sql, err)
		}
		return list
	}
}

// impatient sends a request again at once, as often as the SDK does by default.
func impatient() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) { o.MaxBackoff, o.RateLimiter = time.Millisecond, ratelimit.None })
}
