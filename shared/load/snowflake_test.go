package load

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stagelift/stagelift/local/pgserver/pgtest"
	"github.com/stagelift/stagelift/local/s3/s3test"
	standin "github.com/stagelift/stagelift/local/snowflake"
	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/warehouse"
	"github.com/stagelift/stagelift/shared/warehouse/snowflake"
)

// witness gives one token to all, and knows it.
type witness struct {
	snowflake.Credentials
	once  sync.Once
	token snowflake.Token
	err   error
}

func (w *witness) Token(ctx context.Context) (snowflake.Token, error) {
	w.once.Do(func() { w.token, w.err = w.Credentials.Token(ctx) })
	return w.token, w.err
}

// key gives a private key as a secret's text.
type key []byte

func (k key) Secret(context.Context) ([]byte, error) { return k, nil }

func openSnowflake(t *testing.T, bucket s3test.Bucket) *opened {
	t.Helper()
	url := pgtest.Database(t)
	o := &opened{query: querier(t, url), loads: `SELECT "STATE" FROM "STAGELIFT".loads WHERE "TARGET" = `, ledger: func(table string) string {
		return `(SELECT FROM "STAGELIFT"."public.` + table + `" WHERE "LOAD_ID" <> '') AS loads`
	}}
	config := snowflake.Config{
		Account: "myorg-myaccount", Database: "ANALYTICS", Warehouse: "LOADING", Role: "STAGELIFT", LedgerSchema: "STAGELIFT",
		Stage: table.Name{Schema: "STAGELIFT", Table: "STAGING"}, StageURL: "s3://" + bucket.Name + "/stage/",
	}
	var server *standin.Server
	server, err := standin.Start(t.Context(), standin.Options{
		DatabaseURL: url, Account: config.Account, User: "loader", Role: config.Role, Warehouse: config.Warehouse, Database: config.Database,
		Stages: map[string]string{"STAGELIFT.STAGING": config.StageURL}, S3: bucket.Config,
		WorkloadRole: "arn:aws:iam::123456789012:role/load", Region: bucket.Config.Region, AccessKey: "AKIATEST", SecretKey: theSecret,
		BeforeStatement: func(_ context.Context, handle string, index int, sql string) error {
			return o.before(handle, index, sql, func() string { return transaction(server, handle) })
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
	pair, err := snowflake.NewKeyPair(config.Account, "loader", key(server.PrivateKey()))
	if err != nil {
		t.Fatal(err)
	}
	seen := &witness{Credentials: pair}
	config.Endpoint = server.Endpoint()
	o.connect = func(carrier http.RoundTripper) warehouse.Warehouse {
		config := config
		config.HTTP = &http.Client{Transport: carrier}
		client, err := snowflake.New(config, seen)
		if err != nil {
			panic(err) // it is the same configuration each time
		}
		return client
	}
	o.secrets = func() map[string]string {
		return map[string]string{"the private key": string(server.PrivateKey()), "the token": seen.token.Value, "the AWS secret key": theSecret}
	}
	return o
}

// transaction is the text of a request, where it is a load.
func transaction(server *standin.Server, handle string) string {
	for _, request := range server.Statements() {
		if request.Handle == handle && strings.Contains(request.SQL, "BEGIN TRANSACTION") {
			return request.SQL
		}
	}
	return ""
}
