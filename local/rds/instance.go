// Package rds stands in for an RDS PostgreSQL instance with IAM database
// authentication: a real server behind a gate that admits as RDS does.
//
// The gate speaks TLS, with a certificate of an authority made at start, whose
// certificate is the laptop's global-bundle.pem. Like RDS it looks at who asks:
//
//   - A member of the role rds_iam, directly or through other roles, must bring
//     a valid token as its password: an unexpired SigV4-presigned
//     rds-db:connect request for the host, port, region and user at hand,
//     signed with the one credential pair that the instance knows. Anything
//     else is refused with RDS's own error, SQLSTATE 28000, `PAM
//     authentication failed for user "…"`; the log tells the reason.
//   - Any other user must bring its PostgreSQL password; a token will not do,
//     and the server answers 28P01, `password authentication failed`.
//   - A connection without TLS is refused as with rds.force_ssl, SQLSTATE
//     28000, `no pg_hba.conf entry for host …, no encryption`.
//
// Once admitted, bytes are piped and nothing is looked at any more. Cancel
// requests are forwarded, with and without TLS.
//
// The IAM user owns nothing and can read: it may connect, use the schema
// public and every schema that the superuser creates later, select from every
// table that the superuser creates later, and is a member of pg_monitor.
//
// Not like RDS: rds_superuser and the RDS extensions are missing, AdminURL is
// a real superuser's, a token is for "localhost" or "127.0.0.1", whichever was
// dialled, and IAM policies are not evaluated. The server sees the gate's Unix
// socket: pg_stat_ssl has no TLS and pg_stat_activity no client address.
package rds

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/jackc/pgx/v5"

	"github.com/stagelift/stagelift/local/pgserver"
	"github.com/stagelift/stagelift/local/process"
	"github.com/stagelift/stagelift/local/sigv4"
)

// The instance goes by its name; its address will do as well.
const (
	host    = "localhost"
	address = "127.0.0.1"
)

// hba makes the server itself tell IAM users from others, by the test that RDS
// uses. What it trusts, the gate has checked.
var hba = []string{
	"local all +rds_iam trust",
	"local all all password",
}

// Options configure an instance.
type Options struct {
	// Region is the region that tokens must be signed for.
	Region string
	// AccessKey and SecretKey are the one credential pair that is valid.
	AccessKey, SecretKey string
	// SessionToken must be part of a token when it is set, and must not be when
	// it is empty.
	SessionToken string
	// Database is created, and User with it, a member of rds_iam.
	Database, User string
	// Log receives the server's log and why the gate refused a connection;
	// never a token. Nil discards it. Writes come one at a time.
	Log io.Writer
	// Settings go into postgresql.conf.
	Settings map[string]string
	// Now is the clock that tokens are checked against; nil is time.Now.
	Now func() time.Time
}

func (o Options) validate() error {
	var problems []error
	for _, field := range []struct{ name, value string }{
		{"Region", o.Region},
		{"AccessKey", o.AccessKey},
		{"SecretKey", o.SecretKey},
		{"Database", o.Database},
		{"User", o.User},
	} {
		if field.value == "" {
			problems = append(problems, fmt.Errorf("%s is empty", field.name))
		}
	}
	return errors.Join(problems...)
}

// Instance is a running stand-in.
type Instance struct {
	server   *pgserver.Server
	gate     *gate
	caFile   string
	database string
	user     string
}

// Start starts an instance in the group and returns once it admits clients. It
// lives until Close or the group's end; the context is for the start alone.
func Start(ctx context.Context, g *process.Group, o Options) (*Instance, error) {
	if err := o.validate(); err != nil {
		return nil, fmt.Errorf("starting the RDS stand-in: %w", err)
	}
	i, err := start(ctx, g, o)
	if err != nil {
		return nil, fmt.Errorf("starting the RDS stand-in: %w", err)
	}
	return i, nil
}

func start(ctx context.Context, g *process.Group, o Options) (*Instance, error) {
	log := newLog(o.Log)
	server, err := pgserver.Start(ctx, g, pgserver.Options{Settings: o.Settings, HBA: hba, Log: log})
	if err != nil {
		return nil, err
	}
	i := &Instance{server: server, user: o.User}
	if err := i.open(ctx, g, o, log); err != nil {
		return nil, errors.Join(err, server.Close())
	}
	return i, nil
}

// open puts the database and the gate in front of the server.
func (i *Instance) open(ctx context.Context, g *process.Group, o Options, log *eventLog) error {
	user := pgx.Identifier{o.User}.Sanitize()
	roles := "CREATE ROLE rds_iam; CREATE ROLE " + user + " LOGIN; GRANT rds_iam, pg_monitor TO " + user
	if err := i.server.Exec(ctx, "postgres", roles); err != nil {
		return err
	}
	if err := i.addDatabase(ctx, o.Database); err != nil {
		return err
	}
	i.database = o.Database

	authority, certificate, err := makeCertificates(time.Now())
	if err != nil {
		return err
	}
	dir, err := g.TempDir("rds")
	if err != nil {
		return err
	}
	i.caFile = filepath.Join(dir, "global-bundle.pem")
	if err := os.WriteFile(i.caFile, authority, 0o644); err != nil {
		return fmt.Errorf("writing the certificate authority: %w", err)
	}
	verify := verifier{sigv4.Verifier{
		Region: o.Region, Service: service, Now: o.Now,
		Credentials: aws.Credentials{AccessKeyID: o.AccessKey, SecretAccessKey: o.SecretKey, SessionToken: o.SessionToken},
	}}
	i.gate, err = openGate(ctx, i.server, certificate, verify, log)
	return err
}

// addDatabase makes a database that the IAM user can read.
func (i *Instance) addDatabase(ctx context.Context, name string) error {
	if name != "postgres" {
		if err := i.server.CreateDatabase(ctx, name); err != nil {
			return err
		}
	}
	user := pgx.Identifier{i.user}.Sanitize()
	return i.server.Exec(ctx, name, fmt.Sprintf(`
		GRANT CONNECT ON DATABASE %s TO %s;
		REVOKE CREATE ON SCHEMA public FROM PUBLIC; -- which PostgreSQL itself does from version 15 on
		GRANT USAGE ON SCHEMA public TO %[2]s;
		ALTER DEFAULT PRIVILEGES GRANT USAGE ON SCHEMAS TO %[2]s;
		ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO %[2]s;
		ALTER DEFAULT PRIVILEGES GRANT SELECT ON SEQUENCES TO %[2]s`,
		pgx.Identifier{name}.Sanitize(), user))
}

// WithDatabase makes another database, which the IAM user can read as it can
// the first, and returns the instance as its clients see it: the same server,
// gate and user, the new Database and AdminURL. Close of either closes both.
func (i *Instance) WithDatabase(ctx context.Context, name string) (*Instance, error) {
	if err := i.addDatabase(ctx, name); err != nil {
		return nil, fmt.Errorf("adding database %q: %w", name, err)
	}
	sibling := *i
	sibling.database = name
	return &sibling, nil
}

// Host returns the name to dial and to sign tokens for.
func (i *Instance) Host() string { return host }

// Port returns the gate's port.
func (i *Instance) Port() int { return i.gate.port }

// CAFile returns the path of the certificate authority to trust, in PEM.
func (i *Instance) CAFile() string { return i.caFile }

// Database returns the database's name.
func (i *Instance) Database() string { return i.database }

// User returns the name of the IAM user.
func (i *Instance) User() string { return i.user }

// AdminURL returns where the superuser reaches the database, past the gate. It
// holds a password: keep it out of logs.
func (i *Instance) AdminURL() string { return i.server.AdminURL(i.database) }

// CutConnections breaks every admitted connection at once, as the loss of a
// network would, and returns how many there were.
func (i *Instance) CutConnections() int { return i.gate.cutAll() }

// CutAfter breaks the first connection that has sent n bytes to its client,
// counted from its admission, after exactly those. It does so once; a later
// call replaces an earlier one, and zero or less takes it back. A connection
// that is past n already breaks when it sends again.
func (i *Instance) CutAfter(n int64) { i.gate.cutAfter.Store(max(n, 0)) }

// Close ends all connections, the gate and the server. A second Close does
// nothing.
func (i *Instance) Close() error {
	gateErr := i.gate.Close()
	return errors.Join(gateErr, i.server.Close())
}
