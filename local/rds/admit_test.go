package rds_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
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

func (d dialer) dial(t *testing.T) (*pgx.Conn, error) {
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

func (d dialer) sign(t *testing.T) string {
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

func (d dialer) connect(t *testing.T) *pgx.Conn {
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

func TestTokenAdmits(t *testing.T) {
	t.Parallel()
	i := rdstest.Shared(t)
	for name, d := range map[string]dialer{
		"by name":    {},
		"by address": {host: "127.0.0.1"},
		"by address, signed for the instance's name": {host: "127.0.0.1", token: func(r *tokenRequest) { r.endpoint = net.JoinHostPort("localhost", strconv.Itoa(i.Port())) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d.instance = i
			if err := d.connect(t).Ping(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	t.Run("through TLS", func(t *testing.T) {
		t.Parallel()
		if _, ok := (dialer{instance: i}).connect(t).PgConn().Conn().(*tls.Conn); !ok {
			t.Error("the connection has no TLS")
		}
	})
	t.Run("and passes startup parameters on", func(t *testing.T) {
		t.Parallel()
		conn := dialer{instance: i, config: func(c *pgx.ConnConfig) {
			c.RuntimeParams["application_name"] = "a name"
			c.RuntimeParams["DateStyle"] = "German, DMY"
		}}.connect(t)
		var got string
		if err := conn.QueryRow(t.Context(), "SELECT current_setting('application_name') || '|' || current_setting('DateStyle')").Scan(&got); err != nil {
			t.Fatal(err)
		}
		if want := "a name|German, DMY"; got != want {
			t.Errorf("settings = %q, want %q", got, want)
		}
	})
	t.Run("but not to a database that is not there", func(t *testing.T) {
		t.Parallel()
		_, err := dialer{instance: i, database: "nowhere"}.dial(t)
		wantRefused(t, err, "3D000", `database "nowhere" does not exist`)
	})
}

func TestTokenRefused(t *testing.T) {
	t.Parallel()
	i := rdstest.Shared(t)
	for name, token := range map[string]func(*tokenRequest){
		"of another user":                     func(r *tokenRequest) { r.user = "postgres" },
		"for another host":                    func(r *tokenRequest) { r.endpoint = net.JoinHostPort("db.example.com", strconv.Itoa(i.Port())) },
		"for the address":                     func(r *tokenRequest) { r.endpoint = net.JoinHostPort("127.0.0.1", strconv.Itoa(i.Port())) },
		"for another port":                    func(r *tokenRequest) { r.endpoint = "localhost:5432" },
		"for another region":                  func(r *tokenRequest) { r.region = "eu-west-1" },
		"of another key":                      func(r *tokenRequest) { r.accessKey = "AKIASOMEBODYELSE0000" },
		"with a wrong secret":                 func(r *tokenRequest) { r.secret = "guess" },
		"with a session, where there is none": func(r *tokenRequest) { r.sessionToken = "session" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := dialer{instance: i, token: token}.dial(t)
			wantRefused(t, err, "28000", pamFailed)
		})
	}
	good := func(t *testing.T) string {
		t.Helper()
		return dialer{instance: i, host: "localhost", user: i.User()}.sign(t)
	}
	for name, spoil := range map[string]func(string) string{
		"signature changed":    func(s string) string { return s[:len(s)-1] + string('0'+('1'-s[len(s)-1]%2)) },
		"cut short":            func(s string) string { return s[:len(s)-1] },
		"life prolonged":       func(s string) string { return strings.Replace(s, "X-Amz-Expires=900", "X-Amz-Expires=899", 1) },
		"life beyond limits":   func(s string) string { return strings.Replace(s, "X-Amz-Expires=900", "X-Amz-Expires=9000", 1) },
		"parameter added":      func(s string) string { return s + "&extra=1" },
		"parameter repeated":   func(s string) string { return s + "&DBUser=" + i.User() },
		"another action":       func(s string) string { return strings.Replace(s, "Action=connect", "Action=drop", 1) },
		"another path":         func(s string) string { return strings.Replace(s, "?", "/path?", 1) },
		"a fragment":           func(s string) string { return s + "#fragment" },
		"no date":              func(s string) string { return strings.Replace(s, "X-Amz-Date", "X-Date", 1) },
		"a scheme in front":    func(s string) string { return "https://" + s },
		"an ordinary password": func(string) string { return "hunter2" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := dialer{instance: i, password: spoil(good(t))}.dial(t)
			wantRefused(t, err, "28000", pamFailed)
		})
	}
}

// record is a log that a test can read while others write.
type record struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (r *record) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(p)
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

// TestClockAndSession has an instance whose clock the test sets, whose
// credentials are temporary and whose log it reads.
func TestClockAndSession(t *testing.T) {
	t.Parallel()
	now := time.Now()
	log := &record{}
	o := rdstest.Options()
	o.SessionToken, o.Log, o.Now = "session/token+1==", log, func() time.Time { return now }
	i := rdstest.StartWith(t, o)
	keys := aws.Credentials{AccessKeyID: o.AccessKey, SecretAccessKey: o.SecretKey, SessionToken: o.SessionToken}
	endpoint := net.JoinHostPort(i.Host(), strconv.Itoa(i.Port()))

	// BuildAuthToken has no clock to set, hence the signer below it.
	signAt := func(t *testing.T, at time.Time) string {
		t.Helper()
		u := url.URL{Scheme: "https", Host: endpoint, RawQuery: url.Values{"Action": {"connect"}, "DBUser": {i.User()}, "X-Amz-Expires": {"900"}}.Encode()}
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, u.String(), http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		const emptyPayload = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
		signed, _, err := v4.NewSigner().PresignHTTP(t.Context(), keys, request, emptyPayload, "rds-db", o.Region, at.UTC())
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimPrefix(signed, "https://")
	}
	for name, test := range map[string]struct {
		age     time.Duration
		refused string // in the log
	}{
		"new":                {age: 0},
		"almost 15 minutes":  {age: 15*time.Minute - 2*time.Second},
		"over 15 minutes":    {age: 15*time.Minute + 2*time.Second, refused: "the token expired at"},
		"a clock some ahead": {age: -4 * time.Minute},
		"a clock far ahead":  {age: -6 * time.Minute, refused: "which is yet to come"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			token := signAt(t, now.Add(-test.age))
			_, err := dialer{instance: i, password: token}.dial(t)
			if test.refused == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			wantRefused(t, err, "28000", pamFailed)
			if !strings.Contains(log.String(), test.refused) {
				t.Errorf("the log does not say %q", test.refused)
			}
			if strings.Contains(log.String(), token[len(token)-64:]) {
				t.Error("the log holds the signature")
			}
		})
	}
	t.Run("without the session token", func(t *testing.T) {
		t.Parallel()
		_, err := dialer{instance: i}.dial(t)
		wantRefused(t, err, "28000", pamFailed)
	})
}

func TestUsersBesideIAM(t *testing.T) {
	t.Parallel()
	i := rdstest.Start(t)
	adminExec(t, i, `
		CREATE ROLE by_password LOGIN PASSWORD 'secret';
		CREATE ROLE iam_group; GRANT rds_iam TO iam_group;
		CREATE ROLE nested LOGIN PASSWORD 'secret' IN ROLE iam_group;`)
	t.Run("a password admits who is not in rds_iam", func(t *testing.T) {
		t.Parallel()
		if err := (dialer{instance: i, user: "by_password", password: "secret"}).connect(t).Ping(t.Context()); err != nil {
			t.Error(err)
		}
	})
	t.Run("a token does not", func(t *testing.T) {
		t.Parallel()
		_, err := dialer{instance: i, user: "by_password"}.dial(t)
		wantRefused(t, err, "28P01", `password authentication failed for user "by_password"`)
	})
	t.Run("nor one who does not exist", func(t *testing.T) {
		t.Parallel()
		_, err := dialer{instance: i, user: "nobody"}.dial(t)
		wantRefused(t, err, "28P01", `password authentication failed for user "nobody"`)
	})
	t.Run("a superuser is no member of rds_iam by nature", func(t *testing.T) {
		t.Parallel()
		_, err := dialer{instance: i, user: "postgres"}.dial(t)
		wantRefused(t, err, "28P01", `password authentication failed for user "postgres"`)
	})
	t.Run("membership through a role counts, and overrides the password", func(t *testing.T) {
		t.Parallel()
		if err := (dialer{instance: i, user: "nested"}).connect(t).Ping(t.Context()); err != nil {
			t.Error(err)
		}
		_, err := dialer{instance: i, user: "nested", password: "secret"}.dial(t)
		wantRefused(t, err, "28000", `PAM authentication failed for user "nested"`)
	})
}

func TestTLS(t *testing.T) {
	t.Parallel()
	i := rdstest.Shared(t)
	t.Run("is required", func(t *testing.T) {
		t.Parallel()
		_, err := dialer{instance: i, plain: true}.dial(t)
		wantRefused(t, err, "28000", `no pg_hba.conf entry for host "127.0.0.1", user "`+i.User()+`", database "`+i.Database()+`", no encryption`)
	})
	t.Run("with another authority fails at the client", func(t *testing.T) {
		t.Parallel()
		stranger, err := os.ReadFile(rdstest.Start(t).CAFile())
		if err != nil {
			t.Fatal(err)
		}
		_, err = dialer{instance: i, config: func(c *pgx.ConnConfig) {
			c.TLSConfig.RootCAs = x509.NewCertPool()
			if !c.TLSConfig.RootCAs.AppendCertsFromPEM(stranger) {
				t.Error("no certificate in the file")
			}
		}}.dial(t)
		var unknown x509.UnknownAuthorityError
		if !errors.As(err, &unknown) {
			t.Errorf("error %v, want x509.UnknownAuthorityError", err)
		}
	})
	t.Run("with another name fails at the client", func(t *testing.T) {
		t.Parallel()
		_, err := dialer{instance: i, config: func(c *pgx.ConnConfig) { c.TLSConfig.ServerName = "db.example.com" }}.dial(t)
		var mismatch x509.HostnameError
		if !errors.As(err, &mismatch) {
			t.Errorf("error %v, want x509.HostnameError", err)
		}
	})
}
