package postgres

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/stagelift/stagelift/shared/fault"
)

// explanation is what an SQLSTATE means for a run.
type explanation struct {
	code fault.Code
	// shown tells whether PostgreSQL's own words may be shown. Those of other
	// errors can quote a value of a row, or of what a function made of one.
	shown bool
	mend  string
}

// explanations are by SQLSTATE, or by its class, which is its first two letters
// (PostgreSQL 18, Appendix A). What is in neither is a failure of the source
// whose words are not shown.
var explanations = map[string]explanation{
	"08":    {fault.Source, true, "run again"},
	"0A":    {fault.Unreadable, true, ""},
	"22":    {fault.Value, false, ""},
	"23":    {fault.Value, false, ""},
	"25":    {fault.Source, true, ""},
	"28":    {fault.Connect, true, ""},
	"40":    {fault.Conflict, true, "run again"},
	"42":    {fault.Source, true, ""},
	"53":    {fault.Source, true, "give the server room, or ask for fewer streams"},
	"54":    {fault.Source, true, ""},
	"55":    {fault.Unreadable, true, ""},
	"57":    {fault.Source, true, "run again"},
	"58":    {fault.Source, true, "look at the server's own log"},
	"XX":    {fault.Source, true, "look at the server's own log"},
	"25006": {fault.Connect, true, "a trigger on login writes, which our sessions never do: leave this user out of it"},
	"28000": {fault.Connect, true, tokenRefused},
	"28P01": {fault.Connect, true, tokenRefused},
	"3D000": {fault.Connect, true, "SOURCE_DATABASE names a database that is not there"},
	"40001": {fault.Conflict, true, "turn hot_standby_feedback on, raise max_standby_streaming_delay, or read from the primary"},
	"42501": {fault.NoPrivilege, true, "the user needs SELECT, and BYPASSRLS where row-level security is on"},
	"53200": {fault.Source, true, "raise max_locks_per_transaction, or read fewer tables in one run"},
	"53300": {fault.Connect, true, "the server has no connection left: ask for fewer streams"},
	"55000": {fault.Unreadable, true, ""},
	"55P03": {fault.Locked, true, "run again when the other session is done"},
	"57014": {fault.Source, true, "run again"},
	"57P01": {fault.Source, true, "the server was told to end the connection, as a restart or a failover does; run again"},
}

const tokenRefused = "the token was refused: the user needs GRANT rds_iam, the function's role needs rds-db:connect " +
	"on this user of this instance's resource id, and IAM authentication must be on"

func explanationOf(sqlstate string) explanation {
	if e, known := explanations[sqlstate]; known {
		return e
	}
	if e, known := explanations[sqlstate[:min(2, len(sqlstate))]]; known {
		return e
	}
	return explanation{code: fault.Source}
}

// serverError is an error of the server in words that may be shown.
type serverError struct {
	*pgconn.PgError
	words string
}

// Error returns the words.
func (e *serverError) Error() string { return e.words }

// Unwrap leads to the error as the server sent it, for its code.
func (e *serverError) Unwrap() error { return e.PgError }

// Values tells where to find what is not shown.
const askForValues = `what PostgreSQL says of it may quote a row, and is shown with "show_values": true`

// explain says what an error of the server means, in words that may be shown.
// It is the only way of such errors out of this package.
func (c *connection) explain(err error) error {
	server, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return err
	}
	if _, done := errors.AsType[*fault.Error](err); done {
		return err
	}
	e := explanationOf(server.Code)
	words := fmt.Sprintf("PostgreSQL error %s", server.Code)
	mend := strings.TrimPrefix(e.mend+"; "+askForValues, "; ")
	ours := raised(server)
	switch {
	case ours.Code != "":
		return &fault.Error{Code: ours.Code, Err: &serverError{server, ours.Err.Error()}, Mend: ours.Mend}
	case e.shown || c.showValues:
		words, mend = fmt.Sprintf("%s: %s (SQLSTATE %s)", server.Severity, server.Message, server.Code), e.mend
		if server.Hint != "" {
			words += " (" + server.Hint + ")"
		}
	}
	return &fault.Error{Code: e.code, Err: &serverError{server, words}, Mend: mend}
}

// explainConnect says what an operator can do about a refused connection.
func (s *Source) explainConnect(endpoint string, err error) error {
	who := fmt.Sprintf("connecting to database %q at %s as %q", s.config.Database, endpoint, s.config.User)
	return fault.New(fault.Connect, connectMend(err), "%s: %w", who, err)
}

func connectMend(err error) string {
	var (
		server    *pgconn.PgError
		authority x509.UnknownAuthorityError
		hostname  x509.HostnameError
		invalid   x509.CertificateInvalidError
		dial      *net.OpError
	)
	switch {
	case errors.As(err, &server) && server.Code == "42501":
		return "the user needs GRANT CONNECT on the database"
	case errors.As(err, &server):
		return explanationOf(server.Code).mend
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

// Conflict tells whether a standby cancelled a read, or ended its session, to
// keep up with its primary. The span can be read again, on a new Stream where
// this one is dead, as long as the snapshot itself was not ended with it.
//
// The codes stand for other things as well, but not in transactions that write
// nothing at REPEATABLE READ, where no update can be lost; a deadlock with the
// locks of DDL is worth another try as well.
func Conflict(err error) bool {
	server, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (server.Code == "40001" || server.Code == "40P01")
}

// busy tells whether a lock was not to be had.
func busy(err error) bool {
	server, ok := errors.AsType[*pgconn.PgError](err)
	return ok && server.Code == "55P03"
}

// What stands round our words in an error that a statement is made to raise. The
// server puts its own words, in its own language, round them.
const raiseOpen, raiseClose = "<stagelift:", ":stagelift>"

// raise is an SQL expression of type kind that ends the statement with our own
// words. A query cannot raise an error of its own: a text that is none of kind is
// cast to it. row is an expression that depends on the row, or on when it is
// evaluated, or the planner would cast the text before any row is read; its value
// follows what is said.
func raise(kind string, code fault.Code, say, row string) string {
	return "(" + escapeString(raiseOpen+string(code)+":"+say) + " || " + row + " || " + escapeString(raiseClose) + ")::" + kind
}

// raised returns what raise said in an error; no code for any other error.
func raised(err *pgconn.PgError) fault.Error {
	_, rest, begun := strings.Cut(err.Message, raiseOpen)
	end := strings.LastIndex(rest, raiseClose)
	if err.Code != "22P02" || !begun || end < 0 {
		return fault.Error{}
	}
	code, words, _ := strings.Cut(rest[:end], ":")
	words, mend, _ := strings.Cut(words, raiseMend)
	return fault.Error{Code: fault.Code(code), Err: errors.New(words), Mend: mend}
}

// raiseMend stands between what happened and what to do about it.
const raiseMend = ":mend:"

// filterError says what PostgreSQL said about a filter, which may take it for
// something that it was not meant to be. The words are about the filter alone:
// no row was read.
func filterError(err error) error {
	server, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return err
	}
	words := fmt.Sprintf("%s: %s (SQLSTATE %s)", server.Severity, server.Message, server.Code)
	if server.Hint != "" {
		words += " (" + server.Hint + ")"
	}
	return fault.New(fault.Filter, "", "want one boolean expression; PostgreSQL says: %w", &serverError{server, words})
}
