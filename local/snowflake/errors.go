package snowflake

import (
	"errors"
	"fmt"
	"regexp"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/stagelift/stagelift/local/snowflake/grammar"
	"github.com/stagelift/stagelift/local/snowflake/stagefile"
)

// sqlError is a statement's error in Snowflake's form.
type sqlError struct {
	code, state, message string
}

func (e sqlError) Error() string { return e.message }

var (
	errCanceled    = sqlError{"000604", "57014", "SQL execution canceled"}
	errNoWarehouse = sqlError{
		"000606", "57P03",
		"No active warehouse selected in the current session.  Select an active warehouse with the 'use warehouse' command.",
	}
	errNoSuchWarehouse = sqlError{"002043", "02000", "SQL compilation error:\nObject does not exist, or operation cannot be performed."}

	errTimeout = errors.New("the statement's time is over")
)

func doesNotExist(kind, name string) error {
	return sqlError{"002003", "42S02", fmt.Sprintf("SQL compilation error:\n%s '%s' does not exist or not authorized.", kind, name)}
}

func noSuchDatabase(name string) error {
	return sqlError{"002003", "02000", fmt.Sprintf("SQL compilation error:\nDatabase '%s' does not exist or not authorized.", name)}
}

func alreadyExists(name string) error {
	return sqlError{"002002", "42710", fmt.Sprintf("SQL compilation error:\nObject '%s' already exists.", name)}
}

// hidden is for what exists and the role does not see.
func hidden(kind, name string) error {
	return sqlError{"003041", "42710", fmt.Sprintf("SQL compilation error:\n%s '%s' already exists, but current role has no privileges on it. "+
		"If this is unexpected and you cannot resolve this problem, contact your system administrator. "+
		"ACCOUNTADMIN role may be required to manage the privileges on the object.", kind, name)}
}

// unsupported is for what the stand-in does not imitate.
func unsupported(format string, args ...any) error {
	return sqlError{"002040", "42601", "SQL compilation error:\n" + fmt.Sprintf(format, args...) + " by this stand-in"}
}

// asSQLError gives any error the form that the API shows. Those of PostgreSQL
// that a loader can meet have Snowflake's code.
func asSQLError(err error) sqlError {
	var ours sqlError
	var syntax *grammar.Error
	var file *stagefile.Error
	var server *pgconn.PgError
	switch {
	case errors.As(err, &ours):
		return ours
	case errors.As(err, &syntax):
		return sqlError{grammar.Code, grammar.State, syntax.Error()}
	case errors.As(err, &file):
		return sqlError{file.Code, file.State, err.Error()}
	case errors.As(err, &server):
		return fromPostgreSQL(server)
	}
	return sqlError{"000603", "XX000", "SQL execution internal error:\nProcessing aborted by error: " + err.Error()}
}

var notNumeric = regexp.MustCompile(`(?s)^invalid input syntax for type (?:numeric|double precision|integer|bigint): "(.*)"$`)

func fromPostgreSQL(e *pgconn.PgError) sqlError {
	if m := notNumeric.FindStringSubmatch(e.Message); m != nil {
		return sqlError{"100038", "22018", fmt.Sprintf("Numeric value '%s' is not recognized", m[1])}
	}
	switch e.Code {
	case badJSON:
		return sqlError{"100069", "22P02", "Error parsing JSON: " + e.Message}
	case "22023":
		return sqlError{"100115", "22000", "The string is not a legal encoded value: " + e.Message}
	case "22012":
		return sqlError{"100051", "22012", "Division by zero"}
	case "21000":
		return sqlError{"100090", "42P18", "Duplicate row detected during DML action\nRow Values: not shown by this stand-in"}
	case "23502":
		return sqlError{"100072", "22000", fmt.Sprintf("NULL result in a non-nullable column\nColumn: %s", e.ColumnName)}
	case "23514":
		return sqlError{"100078", "22000", fmt.Sprintf("String is too long and would be truncated (%s)", e.ConstraintName)}
	case "22003":
		return sqlError{"100039", "22003", "Numeric value is out of range: " + e.Message}
	case "22P02", "22007", "22008":
		return sqlError{"100037", "22018", e.Message}
	case "42P01", "3F000":
		return sqlError{"002003", "42S02", "SQL compilation error:\nObject does not exist or not authorized: " + e.Message}
	case "42703":
		return sqlError{"000904", "42000", "SQL compilation error:\ninvalid identifier: " + e.Message}
	case "42P07", "42P06":
		return sqlError{"002002", "42710", "SQL compilation error:\nObject already exists: " + e.Message}
	case "55P03":
		return sqlError{
			"000625", "57014",
			"Statement has locked table in another transaction and this lock has not yet been released.\n" +
				"Your statement was aborted because it waited longer than LOCK_TIMEOUT.",
		}
	case "40P01":
		return sqlError{"000619", "57014", "Statement was aborted because a deadlock was detected."}
	}
	return sqlError{"000603", e.Code, "SQL execution error: " + e.Message}
}
