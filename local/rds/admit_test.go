package rds_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/stagelift/stagelift/local/rds/rdstest"
)

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
		if _, ok := errors.AsType[x509.UnknownAuthorityError](err); !ok {
			t.Errorf("error %v, want x509.UnknownAuthorityError", err)
		}
	})
	t.Run("with another name fails at the client", func(t *testing.T) {
		t.Parallel()
		_, err := dialer{instance: i, config: func(c *pgx.ConnConfig) { c.TLSConfig.ServerName = "db.example.com" }}.dial(t)
		if _, ok := errors.AsType[x509.HostnameError](err); !ok {
			t.Errorf("error %v, want x509.HostnameError", err)
		}
	})
}
