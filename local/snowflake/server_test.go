package snowflake

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCloseEndsWhatRuns(t *testing.T) {
	t.Parallel()
	inside := make(chan struct{})
	b := setup(t, func(o *Options) {
		o.BeforeStatement = func(ctx context.Context, _ string, _ int, sql string) error {
			if sql == "SELECT 'hold'" {
				close(inside)
				<-ctx.Done()
			}
			return nil
		}
	})
	b.must("CREATE TABLE t (i NUMBER)")
	b.post("?async=true", body("BEGIN", "INSERT INTO t VALUES (1)", "SELECT 'hold'", "COMMIT"))
	<-inside
	if err := b.server.Close(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"0"}, b.look(`SELECT count(*)::text FROM "PUBLIC"."T"`)); diff != "" {
		t.Error(diff)
	}
}

func TestOptionsAreCheckedTogether(t *testing.T) {
	t.Parallel()
	_, err := Start(t.Context(), Options{Account: "a", Stages: map[string]string{"STAGE": "https://b/"}})
	for _, want := range []string{"DatabaseURL", "User", "Role", "Warehouse", "Database", "WorkloadRole", "SecretKey", "S3.Region", `stage "STAGE"`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want %s in it", err, want)
		}
	}
}

// locked is a buffer that several may write to.
type locked struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func TestLogHoldsNoSecrets(t *testing.T) {
	t.Parallel()
	log := &locked{}
	b := setup(t, func(o *Options) { o.Log = log })
	token, err := b.webIdentity("snowflakecomputing.com", "RS256")
	if err != nil {
		t.Fatal(err)
	}
	b.status(workloadType, "WIF.AWS."+token)
	forged := b.token(func(c map[string]any) { c["sub"] = "nobody" })
	b.status(keyPairType, forged)
	b.must("CREATE TABLE t (s VARCHAR)", "INSERT INTO t VALUES ('row of the table')")
	b.mustFail("100038", "", "SELECT 'row of the table'::NUMBER")
	log.mu.Lock()
	defer log.mu.Unlock()
	for _, secret := range []string{token, forged, "row of the table", "INSERT", string(b.server.PrivateKey())} {
		if strings.Contains(log.b.String(), secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
	if !strings.Contains(log.b.String(), "nobody") {
		t.Error("the log does not say why a token was refused")
	}
}

func TestTwoLoadsOfOneFile(t *testing.T) {
	t.Parallel()
	inside, goOn := make(chan struct{}), make(chan struct{})
	b := setup(t, func(o *Options) {
		o.BeforeStatement = func(ctx context.Context, _ string, _ int, sql string) error {
			if sql == "SELECT 'hold'" {
				close(inside)
				select {
				case <-goOn:
				case <-ctx.Done():
				}
			}
			return nil
		}
	})
	b.put("a.csv", "1\n")
	b.must("CREATE TABLE t (i NUMBER)")
	const load = "COPY INTO t FROM @STAGED FILES = ('a.csv') FILE_FORMAT = (TYPE = CSV)"
	first := b.post("?async=true", body("BEGIN", load, "SELECT 'hold'", "COMMIT"))
	<-inside
	second := b.post("?async=true", body(load))
	close(goOn)
	b.wait(first.Handle)
	if got := b.wait(second.Handle); got.status != http.StatusOK {
		t.Errorf("the second one: status %d: %s", got.status, got.Message)
	}
	if got := b.must("SELECT COUNT(*) FROM t").rows()[0]; got != "1" {
		t.Errorf("%s rows are loaded", got)
	}
}
