// Package grammar reads the part of Snowflake's SQL that a loader sends, and
// says the same in PostgreSQL's SQL.
//
// It is strict on purpose: what is not written in Snowflake's documentation
// ("SQL command reference", "Identifier requirements", "Reserved keywords",
// "Data types") is refused with the place where it stands, so that a statement
// builder that leaves documented ground is found on a laptop and not in a
// warehouse. What is documented and a loader has no use for is refused too.
//
// Where Snowflake and PostgreSQL differ in silence, the PostgreSQL text keeps
// Snowflake's meaning:
//
//   - identifiers without quotes are folded to upper case, quoted ones are
//     taken as they are, unless QUOTED_IDENTIFIERS_IGNORE_CASE folds them too;
//   - PARSE_JSON refuses an object with the same name twice, unless told 'd';
//   - a cast to BINARY reads hexadecimal digits, or what BINARY_INPUT_FORMAT says;
//   - the length of VARCHAR counts characters, and may be 134,217,728;
//   - / divides exactly, whatever its operands;
//   - a backslash in a string begins an escape;
//   - NULL sorts last in ascending order and first in descending order, in both.
//
// Not guaranteed: functions, operators and implicit casts behave as
// PostgreSQL's, and PostgreSQL makes fewer of the latter.
package grammar
