// Package sqltext reads SQL for the warehouses' stand-ins: what their two
// languages have in common, so that a grammar holds only what is its warehouse's
// own. It cuts a statement into tokens, walks over them, and says expressions in
// PostgreSQL's SQL.
//
// A language is a Dialect, which is how its text is cut, and a Grammar, which is
// what it makes of the operands. A production that meets what it does not know
// leaves with Fail; whoever began the parsing catches that with Caught. Every
// pair of operands comes out in parentheses, so that PostgreSQL's own precedence
// never decides, and every identifier quoted.
//
// Not guaranteed: what comes out is well formed for PostgreSQL, but names,
// types and functions are not looked up.
package sqltext
