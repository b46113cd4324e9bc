// Package postgres is the source: it reads tables of an RDS or Aurora
// PostgreSQL database as they were at one moment.
//
// A [Source] opens connections, each with an IAM token signed for it alone and
// over verified TLS; nothing else is ever tried. A [Snapshot] is one moment of
// the database and the tables that were chosen at it. A [Stream] is another
// connection that sees the very same moment; it enters a table, copies one
// [Span] of it after the other, as a [Query] says, and leaves it.
//
// # Lock first, then look
//
// DDL does not heed snapshots: a table that is truncated, rewritten, renamed or
// swapped for another between the look at it and its last row reads as empty,
// as another table, or as columns under the wrong names, without an error. So
//
//  1. names are resolved, and everything that they stand for is locked, what
//     partitions and views are made of included, in ACCESS SHARE, which lets
//     reads and writes go on;
//  2. then the bounds of incremental reads are found, and then the snapshot is
//     taken;
//  3. then the tables are described, as the snapshot sees them;
//  4. the snapshot's own session takes the locks over, each table's under a
//     savepoint of its own, in the reverse order of their reading, so that each
//     can be let go before the next;
//  5. a stream that enters a table locks it for itself, and then looks, at the
//     table as it is now, whether it is the one that was described, by its OID,
//     name, storage and columns. Only then is its lock in the snapshot's session
//     let go ([Snapshot.LetGo]).
//
// What is read is therefore right also when the session that held the locks was
// ended: a table that nobody protected is found out when it is entered, and every
// COPY compares the tableoid of what it reads.
//
// Nobody waits for us longer than has to be: locks are asked for with a limit
// far below deadlock_timeout, and when one is not to be had, all are let go
// before it is waited for. [Snapshot.Waiting] tells who waits for a table that is
// held; such a table can still be read, over the session that holds it
// ([Snapshot.Borrow]), since no other can get past the statement that waits.
//
// An incremental run names a [Cursor] of each table. The [Bound] that it gets
// back is such that no row below it can still appear; see times.go and
// integers.go for why, and for what remains the user's duty.
//
// Guaranteed: every row that was committed before the snapshot is in exactly
// one span of its table, and no other row is. A table that cannot be read whole
// is refused by name, and the others are read. Windows in a row hold every row
// exactly once whose cursor is kept as its derivation asks. A narrowed numeric is
// the number that it was, or an error. No error holds a value of a row, unless
// Options.ShowValues asks for it.
//
// Not guaranteed: the order of rows, or that reading the same table again at
// another snapshot cuts it at the same rows. A foreign table is read as it is,
// not as it was at the snapshot. What functions read that a view or a filter
// calls is not locked.
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
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/rds/auth"
	"github.com/jackc/pgx/v5"

	"github.com/stagelift/stagelift/shared/fault"
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

// startup is what a connection begins with. Only what cannot wait is here:
// triggers on login run under it.
var startup = map[string]string{
	"client_encoding":                     "UTF8",
	"application_name":                    "stagelift",
	"statement_timeout":                   "0",
	"idle_in_transaction_session_timeout": "0",
}

// session is what every connection runs with from then on, whatever the server's
// or the user's defaults are. The first lines fix how values are printed and read. The
// rest keep a long read alive, make a filtered table an error instead of a short
// one, have rows come in the order of their blocks, and leave no name to be
// resolved outside pg_catalog.
const session = `
SELECT pg_catalog.current_setting('TimeZone'), pg_catalog.pg_is_in_recovery();
SELECT pg_catalog.set_config('search_path', 'pg_catalog', false);
SELECT set_config(name, value, false) FROM (VALUES
 ('DateStyle', 'ISO, MDY'), ('IntervalStyle', 'postgres'), ('TimeZone', 'UTC'), ('extra_float_digits', '3'), ('bytea_output', 'hex'),
 ('xmlbinary', 'base64'), ('quote_all_identifiers', 'off'), ('standard_conforming_strings', 'on'), ('transform_null_equals', 'off'),
 ('lock_timeout', '60s'), ('row_security', 'off'), ('default_transaction_read_only', 'on'),
 ('synchronize_seqscans', 'off'), ('enable_tidscan', 'on')) AS fixed (name, value);
SELECT set_config(name, '0', false) FROM pg_settings WHERE name IN ('idle_session_timeout', 'transaction_timeout')`

// oldestMajor is the oldest PostgreSQL that is read. From scansByBlockMajor on a
// range of ctid is read by its blocks alone; before, every range would read the
// whole table.
const (
	oldestMajor       = 13
	scansByBlockMajor = 14
)

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
	base.RuntimeParams = startup
	base.ConnectTimeout = 30 * time.Second
	base.TLSConfig = &tls.Config{RootCAs: config.RootCAs, ServerName: config.Host, MinVersion: tls.VersionTLS12}
	// Keep-alives hold an idle connection open through a NAT, which drops a
	// silent one after about six minutes.
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

// connection is one session, and what its server said of itself.
type connection struct {
	*pgx.Conn
	source     *Source
	showValues bool
	major      int
	// timeZone is the one that sessions of our user have unless they set
	// another.
	timeZone string
	standby  bool
	// patience is how long a statement in its transaction waits for a lock.
	patience time.Duration
}

// connect opens one connection with a token of its own.
func (s *Source) connect(ctx context.Context, showValues bool) (*connection, error) {
	config := s.base.Copy()
	endpoint := net.JoinHostPort(s.config.Host, strconv.Itoa(s.config.Port))
	token, err := auth.BuildAuthToken(ctx, endpoint, s.config.Region, s.config.User, s.config.Credentials)
	if err != nil {
		return nil, fault.New(fault.Connect, "", "signing a token for user %q at %s: %w", s.config.User, endpoint, err)
	}
	config.Password = token
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, s.explainConnect(endpoint, err)
	}
	c := &connection{Conn: conn, source: s, showValues: showValues, patience: asking}
	if err := c.settle(ctx); err != nil {
		return nil, errors.Join(err, c.close(ctx))
	}
	return c, nil
}

// settle looks at the server and fixes the session's settings.
func (c *connection) settle(ctx context.Context) error {
	version := c.PgConn().ParameterStatus("server_version")
	if _, err := fmt.Sscanf(version, "%d", &c.major); err != nil || c.major < oldestMajor {
		return fault.New(fault.Connect, "upgrade the database", "connecting: the server is PostgreSQL %s, and %d or later is needed", version, oldestMajor)
	}
	results, err := c.PgConn().Exec(ctx, session).ReadAll()
	if err != nil {
		return fmt.Errorf("fixing the session's settings: %w", c.explain(err))
	}
	row := results[0].Rows[0]
	c.timeZone, c.standby = string(row[0]), string(row[1]) == "t"
	return nil
}

// close ends the connection on a context that outlives the caller's.
func (c *connection) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return c.Close(ctx)
}

// exec runs statements that return nothing, all in one message.
func (c *connection) exec(ctx context.Context, statements ...string) error {
	_, err := c.PgConn().Exec(ctx, strings.Join(statements, "; ")).ReadAll()
	return err
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
