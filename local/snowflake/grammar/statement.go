package grammar

// Kind says how a statement is to be run.
type Kind int

// The kinds.
const (
	// Query answers rows.
	Query Kind = iota
	// DML changes rows, within a transaction.
	DML
	// DDL commits the transaction that is open, and is one of its own.
	DDL
	// Load is COPY INTO, a DML that reads files.
	Load
	// Begin, Commit and Rollback are what they say.
	Begin
	Commit
	Rollback
	// Session sets a parameter of the session.
	Session
)

// Statement is one statement that was understood.
type Statement struct {
	// Verb is what it does: "CREATE TABLE", "COPY", "SELECT".
	Verb string
	Kind Kind
	// SQL is the statement in PostgreSQL's words, for a Query and DML.
	SQL string
	// Target is the table whose rows the statement changes, or nil.
	Target *Table
	// Locks is true for UPDATE, DELETE, MERGE and TRUNCATE, which keep one
	// another out of their table to the end of the transaction.
	Locks bool
	// Temporary is true for CREATE TEMPORARY TABLE.
	Temporary bool
	// Needs are the privileges on Target that DML and COPY need.
	Needs []string
	// Define is set for DDL, Grant for DDL that grants, Copy for Load, Set for
	// Session, Validate for a Query or DML that reads its answer.
	Define   *Definition
	Grant    *Grant
	Copy     *Copy
	Set      []Parameter
	Validate *Validate
	// Tables are all tables that were named, Target first.
	Tables []Table
	// LongNames are the identifiers that PostgreSQL cannot hold, by the name
	// that stands for them. Nil where there is none.
	LongNames map[string]string
}

// Parameter is one of the session's that ALTER SESSION sets.
type Parameter struct {
	Name, Value string
}

// Definition is a DDL statement. The members that its verb has no use for are
// empty.
type Definition struct {
	// Schema is what CREATE SCHEMA and DROP SCHEMA name.
	Database, Schema string
	// Role is what CREATE ROLE names.
	Role string
	// Table is what all others name.
	Table Table
	// Columns are those of a new table, added ones, or altered ones.
	Columns []Column
	// Like is the table whose columns a new one takes, or nil; with Clone also its
	// rows. Other is what a table is renamed to or swapped with.
	Like, Other *Table
	Clone       bool
	// CopyGrants gives a new table the privileges on the one that it replaces, or
	// else on Like.
	CopyGrants bool
	// NewName is what the one column of Columns is renamed to.
	NewName string
	// IfNotExists and IfExists forgive what they say; for ADD COLUMN,
	// IfNotExists is about each column, as IfColumns is for DROP COLUMN.
	IfNotExists, IfExists, IfColumns bool
	// Replace is true for CREATE OR REPLACE.
	Replace bool
	// Temporary and Transient tell kinds of tables.
	Temporary, Transient bool
	// Comment is the object's, or nil.
	Comment *string
	// Cluster are the columns of the clustering key.
	Cluster []string
}

// Validate is TABLE(VALIDATE(…)) in FROM.
type Validate struct {
	Table Table
	// Job is the handle of the COPY, or "_last".
	Job string
}

// Column is a column of a definition.
type Column struct {
	Name string
	// Type is nil where a column is altered in other ways.
	Type *Type
	// NotNull holds for the column; Default is SQL for PostgreSQL, or empty.
	NotNull bool
	Default string
	// Comment is nil where none was given.
	Comment *string
}
