// Package grammar reads the part of Redshift's SQL that a loader sends, and
// says the same in PostgreSQL's SQL.
//
// It is strict on purpose: what is not written in the Redshift Database
// Developer Guide ("SQL commands", "COPY parameter reference", "Data types",
// "Reserved words") is refused with the place where it stands, so that a
// statement builder that leaves documented ground is found on a laptop and not
// in a warehouse. What the guide documents and a loader has no use for is
// refused too.
//
// Where Redshift and PostgreSQL differ in silence, the PostgreSQL text keeps
// Redshift's meaning:
//
//   - identifiers, quoted or not, are folded to lower case, unless
//     enable_case_sensitive_identifier keeps the quoted ones;
//   - a late-binding view is its query, read anew at each use;
//   - the length of CHAR and VARCHAR counts bytes;
//   - primary keys are hints: NOT NULL holds, uniqueness does not;
//   - SYSDATE and GETDATE() are timestamps without a zone, in UTC.
//
// Not guaranteed: functions, operators and implicit casts behave as
// PostgreSQL's.
package grammar
