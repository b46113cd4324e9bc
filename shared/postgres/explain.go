package postgres

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"

	"github.com/jackc/pgx/v5/pgconn"
)

// explainConnect says what an operator can do about a refused connection.
func (s *Source) explainConnect(endpoint string, err error) error {
	who := fmt.Sprintf("connecting to database %q at %s as %q", s.config.Database, endpoint, s.config.User)
	if hint := connectHint(err); hint != "" {
		return fmt.Errorf("%s: %w (%s)", who, err, hint)
	}
	return fmt.Errorf("%s: %w", who, err)
}

func connectHint(err error) string {
	var (
		server    *pgconn.PgError
		authority x509.UnknownAuthorityError
		hostname  x509.HostnameError
		invalid   x509.CertificateInvalidError
		dial      *net.OpError
	)
	switch {
	case errors.As(err, &server):
		return serverHint(server)
	case errors.As(err, &authority), errors.As(err, &invalid):
		return "the server's certificate does not chain to the RDS bundle or to the system's roots: " +
			"is this an RDS endpoint, and is the bundle current?"
	case errors.As(err, &hostname):
		return "use the instance's own endpoint: its certificate and the token are made out to that name"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &dial):
		return "does the function run in the database's VPC, and does the database's security group admit it on this port?"
	}
	return ""
}

func serverHint(err *pgconn.PgError) string {
	switch err.Code {
	case "28P01", "28000":
		return "the token was refused: the user needs GRANT rds_iam, the function's role needs rds-db:connect " +
			"on this user of this instance's resource id, and IAM authentication must be on"
	case "3D000":
		return "SOURCE_DATABASE names a database that is not there"
	case "42501":
		return "the user needs GRANT CONNECT on the database"
	case "53300":
		return "the server has no connection left: ask for fewer streams"
	}
	return ""
}

// readHint says what an operator can do about a read that failed.
func readHint(err error) error {
	var server *pgconn.PgError
	if !errors.As(err, &server) {
		return err
	}
	if misfit := explainMisfit(server); misfit != "" {
		return fmt.Errorf("%s; widen its numeric, or have such values read as NULL", misfit)
	}
	if Conflict(err) {
		return fmt.Errorf("%w (a replica cancelled the read to keep up with its primary: "+
			"turn hot_standby_feedback on, raise max_standby_streaming_delay, or read from the primary)", err)
	}
	hints := map[string]string{
		"55P03": "another session holds the table exclusively; run again when it is done",
		"42501": "row-level security or a missing privilege keeps rows from us; the user needs SELECT and BYPASSRLS",
		"57P01": "the server was told to end the connection, as a restart or a failover does; run again",
	}
	if hint := hints[server.Code]; hint != "" {
		return fmt.Errorf("%w (%s)", err, hint)
	}
	return err
}

// Conflict tells whether a standby cancelled a read, or ended its session, to
// keep up with its primary. The range can be read again on a new Stream, as
// long as the snapshot itself was not ended with it.
//
// The codes stand for other things as well, but not in transactions that write
// nothing at REPEATABLE READ, where no update can be lost; a deadlock with the
// locks of DDL is worth another try as well.
func Conflict(err error) bool {
	var server *pgconn.PgError
	return errors.As(err, &server) && (server.Code == "40001" || server.Code == "40P01")
}

// filterHint says what PostgreSQL said about a filter, which may take it for
// something that it was not meant to be.
func filterHint(err error) error {
	var server *pgconn.PgError
	if !errors.As(err, &server) {
		return err
	}
	if server.Hint != "" {
		err = fmt.Errorf("%w (%s)", err, server.Hint)
	}
	return fmt.Errorf("want one boolean expression; PostgreSQL says: %w", err)
}
