// Package postgres is the source: it reads tables of an RDS or Aurora
// PostgreSQL database as they were at one moment.
//
// A [Source] opens connections, each with an IAM token signed for it alone and
// over verified TLS; nothing else is ever tried. A [Snapshot] is one moment of
// the database, held open by a connection of its own. It finds and describes
// tables, keeps them from being dropped or truncated while they are read, and
// opens any number of [Stream]s, each another connection that sees the very
// same moment. A stream copies one [Span] of a table at a time, as a [Query]
// says: which columns in which form, which rows. A snapshot can be handed on:
// another one imports it, and then outlives the first.
//
// An incremental run names a [Cursor] of each table. The [Bound] that it gets
// back is such that no row below it can still appear; see boundTimes and
// boundIntegers for why, and for what remains the user's duty. A [Window] from
// the bound of the last run to that of this one is what is new.
//
// Guaranteed: every row that was committed before the snapshot is in exactly
// one span of its table, and no other row is. A table that row-level security
// would thin out, or that we may not read, is refused before anything is read.
// Windows in a row hold every row exactly once whose cursor is kept as its
// derivation asks. A narrowed numeric is the number that it was, or an error.
//
// Not guaranteed: the order of rows, or that reading the same table again at
// another snapshot cuts it at the same rows. A foreign table is read as it is,
// not as it was at the snapshot.
package postgres

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/rds/auth"
	"github.com/jackc/pgx/v5"
)

// Config says where the database is and who reads it.
type Config struct {
	// Host is the instance's or cluster's own endpoint. A custom DNS name does
	// not work: the token is signed for the name that RDS knows.
	Host string
	// Port is the endpoint's port.
	Port int
	// Database is the database to read.
	Database string
	// User is a database user that was granted rds_iam.
	User string
	// Region is the AWS region of the database.
	Region string
	// Credentials sign the tokens.
	Credentials aws.CredentialsProvider
	// RootCAs are the authorities that may vouch for the server; see RootCAs.
	RootCAs *x509.CertPool
}

// Source opens connections to one database as one user.
type Source struct {
	config Config
	base   *pgx.ConnConfig
	margin time.Duration // startMargin, but in tests that have no time for it
}

// session is what every connection runs with, whatever the server's or the
// user's defaults are. The first lines fix how values are printed. The rest
// keep a long read alive, make a filtered table an error instead of a short
// one, and leave no name to be resolved outside pg_catalog.
var session = map[string]string{
	"client_encoding":                     "UTF8",
	"DateStyle":                           "ISO, MDY",
	"IntervalStyle":                       "postgres",
	"TimeZone":                            "UTC",
	"extra_float_digits":                  "3",
	"bytea_output":                        "hex",
	"xmlbinary":                           "base64",
	"application_name":                    "stagelift",
	"statement_timeout":                   "0",
	"idle_in_transaction_session_timeout": "0",
	"lock_timeout":                        "60s",
	"row_security":                        "off",
	"default_transaction_read_only":       "on",
	"search_path":                         "pg_catalog",
	"quote_all_identifiers":               "off",
	"standard_conforming_strings":         "on",
}

// Open checks the configuration. It does not connect.
func Open(config Config) (*Source, error) {
	if config.Host == "" || config.Port < 1 || config.Database == "" || config.User == "" ||
		config.Region == "" || config.Credentials == nil || config.RootCAs == nil {
		return nil, errors.New("opening the source: host, port, database, user, region, credentials and root CAs are all needed")
	}
	// pgx wants its configuration parsed. The string is a placeholder that
	// asks for nothing; every field that matters is set below, so that neither
	// an environment variable nor an unescaped value finds its way in.
	base, err := pgx.ParseConfig("host=localhost sslmode=verify-full")
	if err != nil {
		return nil, fmt.Errorf("opening the source: %w", err)
	}
	base.Host, base.Port = config.Host, uint16(config.Port) //nolint:gosec // a port that does not fit fails to connect
	base.Database, base.User = config.Database, config.User
	base.Fallbacks = nil
	base.ValidateConnect = nil
	base.RuntimeParams = session
	base.ConnectTimeout = 30 * time.Second
	base.TLSConfig = &tls.Config{RootCAs: config.RootCAs, ServerName: config.Host, MinVersion: tls.VersionTLS12}
	// Keep-alives hold the idle coordinator's connection open through a NAT,
	// which drops a silent one after about six minutes.
	base.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := (&net.Dialer{KeepAlive: 30 * time.Second}).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &bufferedConn{Conn: conn, reader: bufio.NewReaderSize(conn, readBuffer)}, nil
	}
	return &Source{config: config, base: base, margin: startMargin}, nil
}

// readBuffer is how much is read from the network at once. The server sends
// records of 8 KiB, and asking for each of them costs more than decrypting it.
const readBuffer = 128 << 10

// bufferedConn reads ahead, below TLS.
type bufferedConn struct {
	net.Conn
	reader *bufio.Reader
}

// Read serves from what was read ahead.
func (c *bufferedConn) Read(p []byte) (int, error) { return c.reader.Read(p) }

// connect opens one connection with a token of its own.
func (s *Source) connect(ctx context.Context) (*pgx.Conn, error) {
	config := s.base.Copy()
	endpoint := net.JoinHostPort(s.config.Host, strconv.Itoa(s.config.Port))
	token, err := auth.BuildAuthToken(ctx, endpoint, s.config.Region, s.config.User, s.config.Credentials)
	if err != nil {
		return nil, fmt.Errorf("signing a token for user %q at %s: %w", s.config.User, endpoint, err)
	}
	config.Password = token
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, s.explainConnect(endpoint, err)
	}
	// Not every server knows these, and one that does not would refuse to be
	// connected to with them.
	const limits = `SELECT set_config(name, '0', false) FROM pg_settings WHERE name IN ('idle_session_timeout', 'transaction_timeout')`
	if _, err := conn.PgConn().Exec(ctx, limits).ReadAll(); err != nil {
		return nil, errors.Join(fmt.Errorf("switching the server's time limits off: %w", err), closing(ctx, conn))
	}
	return conn, nil
}

// RootCAs returns the system's authorities and those in the PEM file bundle.
// Both are needed: RDS instances chain to Amazon's RDS roots, which no system
// has, and RDS Proxy to Amazon's public roots, which every system has.
func RootCAs(bundle string) (*x509.CertPool, error) {
	pool, err := x509.SystemCertPool()
	if err != nil {
		return nil, fmt.Errorf("reading the system's root certificates: %w", err)
	}
	pem, err := os.ReadFile(bundle)
	if err != nil {
		return nil, fmt.Errorf("reading the RDS certificate bundle: %w", err)
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("reading the RDS certificate bundle %s: it holds no PEM certificate", bundle)
	}
	return pool, nil
}

// closing ends a connection on a context that outlives the caller's.
func closing(ctx context.Context, conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return conn.Close(ctx)
}
