// Package snowflake stands in for Snowflake behind its SQL API, on a laptop:
// the API over HTTP, and a PostgreSQL database of its own to execute on, with
// real transactions, locks and sessions.
package snowflake
