package load

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
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

// breakage crashes the stand-in before one statement.
type breakage struct {
	at     int
	struck bool
}

// moments holds one breakage a table, and all that was said.
type moments struct {
	mu      sync.Mutex
	armed   map[string]*breakage // by table
	batches map[string]*breakage // by batch, from its LOCK
	said    strings.Builder
}

var errCrash = errors.New("the leader node restarts")

func (m *moments) before(_ context.Context, id string, index int, sql string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.said.WriteString(sql + "\n")
	batch, _, _ := strings.Cut(id, ":")
	if name, locks := strings.CutPrefix(sql, `LOCK TABLE "stagelift"."public.`); locks {
		m.batches[batch] = m.armed[strings.TrimSuffix(name, `"`)]
	}
	b := m.batches[batch]
	if b == nil || b.struck || index != b.at {
		return nil
	}
	b.struck = true
	return errCrash
}

func openRedshift(t *testing.T, bucket s3test.Bucket) opened {
	t.Helper()
	m := &moments{armed: map[string]*breakage{}, batches: map[string]*breakage{}}
	url := pgtest.Database(t)
	config := redshift.Config{
		Workgroup: "analytics", Database: "dev", CopyRole: "arn:aws:iam::123456789012:role/copy",
		LedgerSchema: "stagelift", Region: bucket.Config.Region,
	}
	server, err := standin.Start(t.Context(), standin.Options{
		DatabaseURL: url, Database: config.Database, Workgroup: config.Workgroup, CopyRole: config.CopyRole, S3: bucket.Config,
		Region: config.Region, AccessKey: "AKIATEST", SecretKey: theSecret, BeforeStatement: m.before,
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
	query := querier(t, url)
	return opened{
		secrets: []string{theSecret, theToken, stored.SecretAccessKey},
		connect: func(lose int) (warehouse.Warehouse, func() bool) {
			return connectRedshift(t, server.Endpoint(), config, lose)
		},
		breakAt: func(table string, n int) func() bool {
			m.mu.Lock()
			defer m.mu.Unlock()
			b := &breakage{at: n}
			m.armed[table] = b
			return func() bool {
				m.mu.Lock()
				defer m.mu.Unlock()
				delete(m.armed, table)
				return b.struck
			}
		},
		rows: func(table string) []string {
			return sorted(query(`SELECT id || '=' || coalesce(s, 'NULL') FROM public.` + table))
		},
		entries: func(table string) int { return len(query(`SELECT load_id FROM stagelift."public.` + table + `"`)) },
		said: func() string {
			m.mu.Lock()
			defer m.mu.Unlock()
			return m.said.String()
		},
	}
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

// connectRedshift returns a client, behind a proxy that loses answers. Looking at what runs is not counted: how often that happens
// depends on the machine.
func connectRedshift(t *testing.T, endpoint string, config redshift.Config, lose int) (warehouse.Warehouse, func() bool) {
	t.Helper()
	var lost atomic.Bool
	if lose >= 0 {
		endpoint = losing(t, endpoint, int64(lose), &lost)
	}
	client, err := redshift.New(aws.Config{
		Region: config.Region, BaseEndpoint: aws.String(endpoint), Retryer: impatient,
		Credentials: credentials.NewStaticCredentialsProvider("AKIATEST", theSecret, theToken),
	}, config)
	if err != nil {
		t.Fatal(err)
	}
	return client, lost.Load
}

func losing(t *testing.T, endpoint string, lose int64, lost *atomic.Bool) string {
	t.Helper()
	var requests atomic.Int64
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		forward, err := http.NewRequestWithContext(r.Context(), r.Method, endpoint+r.URL.Path, bytes.NewReader(body))
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		forward.Header, forward.Host = r.Header, r.Host // the host is part of the signature
		answer, err := http.DefaultClient.Do(forward)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		defer answer.Body.Close() //nolint:errcheck // read to its end, or given up
		if r.Header.Get("X-Amz-Target") != "RedshiftData.DescribeStatement" && requests.Add(1) > lose {
			lost.Store(true)
		}
		if lost.Load() {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", answer.Header.Get("Content-Type"))
		w.WriteHeader(answer.StatusCode)
		_, _ = io.Copy(w, answer.Body)
	}))
	t.Cleanup(proxy.Close)
	return proxy.URL
}
