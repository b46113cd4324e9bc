// Package snowflake stands in for Snowflake behind its SQL API, on a laptop:
// the API over HTTP, and a PostgreSQL database of its own to execute on, with
// real transactions, locks and sessions.
//
// # What is imitated
//
// The protocol (SQL API reference): POST /api/v2/statements, synchronous and
// asynchronous, with the repetition of a requestId; GET of a statement by its
// handle and partition; cancel. One request is one session: its transaction
// that is not committed is rolled back, its temporary tables go. Values are
// encoded as the API does. Several statements in one request stop at the first
// that fails; what was committed before it stays.
//
// Who calls (Authenticating to the server): key-pair tokens are checked against
// the user's public key, tokens of workload identity federation against the
// keys of package sts, which issues them as AWS does.
//
// The SQL (SQL command reference), as far as a loader needs it: see package
// grammar. COPY INTO reads external stages in S3: see package stagefile. It
// remembers per table what it loaded, by name and ETag, and VALIDATE what it
// rejected. INFORMATION_SCHEMA has COLUMNS, TABLES and SCHEMATA.
//
// The rights (Access control privileges): requests run with a role that owns
// what it creates and may otherwise do what was granted to it or to PUBLIC; what
// it has no privilege on does not exist to it.
//
// The transactions (Transactions): READ COMMITTED; DDL commits what is open and
// is a transaction of its own; UPDATE, DELETE, MERGE and TRUNCATE keep one
// another out of a table to the end of the transaction, INSERT and COPY do not
// wait; LOCK_TIMEOUT ends the waiting, and twenty may wait for one table. A
// MERGE that would change a row twice fails. Primary keys are not enforced.
// TRUNCATE is rolled back with its transaction. Without AUTOCOMMIT a change
// stays open.
//
// What the documentation leaves to how an account is set up, and what a test may
// want to do without, is in Options.
//
// # What is refused
//
// Everything else, with an error that names it. That is what the stand-in is
// for: whatever passes here stays on documented ground. Among what Snowflake
// would take and this does not: OAuth and programmatic tokens, output formats,
// scripting, USE, SHOW, REVOKE, roles within roles, views, file formats with a
// name, internal stages, PATTERN, joins other than inner and left, functions
// that package grammar does not list; less precision for a NUMBER; casts to
// dates and times in SQL while their input format is not AUTO.
//
// # What is not guaranteed
//
// Error texts and most codes are Snowflake's where they are known and plausible
// elsewhere; the code of a refused token is one of them. The character of a bad
// field in a file is always told as 1. A repetition with retry=true of a
// request that still runs joins it; of one that failed runs it again: the
// documentation speaks only of one that succeeded. A request that fails inside
// BEGIN and COMMIT is rolled back before it is answered; how soon Snowflake
// does that is not documented. Time is kept to the microsecond, and of a
// TIMESTAMP_TZ the moment alone: its offset is always told as UTC's. Load
// metadata does not age. PARSE_JSON outside of COPY keeps numbers that Snowflake
// would make a DOUBLE. A text that becomes a date, a time or bytes without a
// cast is read as PostgreSQL reads it. MERGE is PostgreSQL's, so it needs version
// 15; where several rows of its source delete one row, Snowflake forgives and this
// does not. DDL waits for transactions that use the table. An unnamed column of a
// result is called what was written.
package snowflake
