// Package redshift stands in for Redshift behind its Data API, on a laptop:
// the API over HTTP, and a PostgreSQL database of its own to execute on, with
// real transactions, locks and sessions.
//
// # What is imitated
//
// The protocol (Redshift Data API reference): AWS JSON 1.1, signatures
// checked, ExecuteStatement, BatchExecuteStatement, DescribeStatement,
// ListStatements by name, GetStatementResult and CancelStatement. Statements are
// asynchronous; a batch is one transaction in a session of its own; a
// ClientToken names its request for 8 hours; statements that have ended, and
// their results, are kept for 24; 500 may be on their way at once. A list is
// never late, and nobody is denied it: whoever depends on that has to be tested
// otherwise.
//
// The SQL (Redshift Database Developer Guide), as far as a loader needs it:
// see package grammar. COPY reads CSV, JSON and Parquet from S3, CSV with a
// reader of its own, see package copycsv, and takes values as the guide's "Data
// conversion parameters" and "Data types" say: lengths in bytes, digits beyond a
// DECIMAL's scale cut off, empty fields NULL where the column is not of
// characters. SVV_TABLES, SVV_COLUMNS and SYS_LOAD_ERROR_DETAIL
// are there, SHOW GRANTS ON TABLE, and of the catalogue PG_NAMESPACE, PG_CLASS,
// PG_ATTRIBUTE, PG_DEPEND and PG_REWRITE.
//
// The rights ("GRANT"): requests run as an ordinary user, who owns what it
// creates and may otherwise do what was granted. The concurrency: SNAPSHOT
// isolation, whose snapshot LOCK does not take, or SERIALIZABLE; one writer per
// table; LOCK to the end of the transaction. Primary keys are not enforced.
// Late-binding views bind late.
//
// What the documentation leaves to how a warehouse is set up, and what a test
// may want to do without, is in Options.
//
// # What is refused
//
// Everything else, with an error that names it. That is what the stand-in is
// for: whatever passes here stays on documented ground. Among what Redshift
// would take and this does not: sessions, parameters, secrets, clusters,
// events, other formats than those three, MERGE, dates in other forms than
// ISO's outside of COPY.
//
// # What is not guaranteed
//
// Error texts are Redshift's where they are known and plausible elsewhere: no
// program should tell errors apart by them. Constant folding, implicit casts
// and the planner are PostgreSQL's. A quoted field is never NULL by its text:
// the guide does not say. A VARBYTE column's error lacks the place. Behind a CSV
// field whose quotes are wrong MAXERROR does not find the next row. Result
// columns with names above 63 bytes show a shortened one. A snapshot does not
// lack the tables that were created after it (error 1018). DescribeStatement
// gives the rows of a COPY as its documentation says; the real one has been
// reported to answer 0 (github.com/aws/aws-sdk, issue 333), so count the rows
// instead.
package redshift
