package rds_test

import (
	"context"
	"errors"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/feature/rds/auth"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/stagelift/stagelift/local/rds"
	"github.com/stagelift/stagelift/local/rds/rdstest"
)

// dialer connects as the functions do, but for what a test wants otherwise.
type dialer struct {
	instance *rds.Instance
	host     string // dialled
	user     string
	database string
	token    func(*tokenRequest)
	password string // instead of a token
	plain    bool   // no TLS
	config   func(*pgx.ConnConfig)
}

// tokenRequest is what a token is signed over.
type tokenRequest struct {
	endpoint, region, user          string
	accessKey, secret, sessionToken string
}

func (d dialer) endpoint() string {
	return net.JoinHostPort(d.host, strconv.Itoa(d.instance.Port()))
}

func (d dialer) dial(t testing.TB) (*pgx.Conn, error) {
	t.Helper()
	if d.host == "" {
		d.host = d.instance.Host()
	}
	if d.user == "" {
		d.user = d.instance.User()
	}
	if d.database == "" {
		d.database = d.instance.Database()
	}
	if d.password == "" {
		d.password = d.sign(t)
	}
	mode := "sslmode=verify-full sslrootcert=" + d.instance.CAFile()
	if d.plain {
		mode = "sslmode=disable"
	}
	config, err := pgx.ParseConfig("host=" + d.host + " " + mode)
	if err != nil {
		t.Fatal(err)
	}
	config.Port, config.User, config.Database = uint16(d.instance.Port()), d.user, d.database
	config.Password = d.password
	if d.config != nil {
		d.config(config)
	}
	conn, err := pgx.ConnectConfig(t.Context(), config)
	if err == nil {
		t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	}
	return conn, err
}

func (d dialer) sign(t testing.TB) string {
	t.Helper()
	r := tokenRequest{endpoint: d.endpoint(), region: rdstest.Region, user: d.user, accessKey: rdstest.AccessKey, secret: rdstest.SecretKey}
	if d.token != nil {
		d.token(&r)
	}
	token, err := auth.BuildAuthToken(t.Context(), r.endpoint, r.region, r.user,
		credentials.NewStaticCredentialsProvider(r.accessKey, r.secret, r.sessionToken))
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func (d dialer) connect(t testing.TB) *pgx.Conn {
	t.Helper()
	conn, err := d.dial(t)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("still not: %s", what)
		}
	}
}

const pamFailed = `PAM authentication failed for user "` + rdstest.User + `"`

func wantRefused(t *testing.T, err error, code, message string) {
	t.Helper()
	var refused *pgconn.PgError
	if !errors.As(err, &refused) {
		t.Fatalf("error %v, want SQLSTATE %s", err, code)
	}
	if refused.Severity != "FATAL" || refused.Code != code || refused.Message != message {
		t.Errorf("refused with %s %s %q, want FATAL %s %q", refused.Severity, refused.Code, refused.Message, code, message)
	}
}
