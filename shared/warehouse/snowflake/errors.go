package snowflake

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/stagelift/stagelift/shared/warehouse"
)

// authError is that there is no token to send.
type authError struct{ err error }

func (e *authError) Error() string { return "authorising: " + e.err.Error() }
func (e *authError) Unwrap() error { return e.err }

// lostError is that no answer came: what was asked for may have happened.
type lostError struct{ err error }

// Error leaves out the URL, which says no more than that it was Snowflake.
func (e *lostError) Error() string {
	if sent := (*url.Error)(nil); errors.As(e.err, &sent) {
		return "no answer: " + sent.Err.Error()
	}
	return "no answer: " + e.err.Error()
}
func (e *lostError) Unwrap() error { return e.err }

// statusError is that Snowflake answered something else than about a statement.
type statusError struct {
	status        int
	code, message string
}

// Error leaves out the message of 401, which can quote the end of a token.
func (e *statusError) Error() string {
	text := fmt.Sprintf("HTTP %d %s", e.status, http.StatusText(e.status))
	if e.code != "" {
		text += ", code " + e.code
	}
	switch e.status {
	case http.StatusUnauthorized:
		return text + ": the token was refused; see LOGIN_HISTORY in Snowflake for the reason"
	case http.StatusForbidden:
		return text + ": check the account's network policy and that the API is enabled"
	}
	if e.message != "" {
		text += ": " + withoutValues(e.message)
	}
	return text
}

// statementError is that Snowflake could not carry a statement out.
type statementError struct {
	handle, code, state, message string
	timedOut                     bool
}

// Error holds no values of rows.
func (e *statementError) Error() string {
	if e.timedOut {
		return fmt.Sprintf("statement %s was cancelled after its timeout (%s)", e.handle, e.code)
	}
	return fmt.Sprintf("statement %s: %s (%s): %s", e.handle, e.code, e.state, withoutValues(cause(e.message)))
}

// Codes of Snowflake that are acted upon.
const (
	codeUnknownStatement = "000709"
	codeLocked           = "000625"
	codeNoPrivilege      = "003001"
	codeNotFound         = "002003"
	codeExists           = "002002"
)

// unknown reports whether Snowflake does not know the statement any more.
func unknown(err error) bool {
	status := (*statusError)(nil)
	failed := (*statementError)(nil)
	return errors.As(err, &status) && status.status == http.StatusNotFound ||
		errors.As(err, &failed) && failed.code == codeUnknownStatement
}

// locked reports whether a statement waited in vain for another transaction. In
// a request of several statements the code is not the failed one's.
func (e *statementError) locked() bool {
	return e.code == codeLocked || strings.Contains(e.message, "has locked table") ||
		strings.Contains(e.message, "number of waiters for this lock")
}

// notFound reports whether what a statement named is not there, or not to be seen.
func (e *statementError) notFound() bool {
	return e.code == codeNotFound || strings.Contains(cause(e.message), "does not exist or not authorized")
}

// exists reports whether what a statement creates is there already.
func (e *statementError) exists() bool {
	return e.code == codeExists || strings.Contains(cause(e.message), "already exists")
}

// several is how the failure of one of several statements is told (guide,
// "Submitting multiple SQL statements in a single request").
var several = regexp.MustCompile(`(?s)^.*failed on statement ".*" \(at line \d+, position \d+\)\.\n(.*?)(?: in SYSTEM\$MULTISTMT at .*)?$`)

// cause returns what a statement failed for, without what Snowflake wraps round
// it where it was one of several.
func cause(message string) string {
	if m := several.FindStringSubmatch(message); m != nil {
		return m[1]
	}
	return message
}

// quoted is a value within a message; a file is none.
var quoted = regexp.MustCompile(`(File )?'(?:[^']|'')*'`)

// compilation begins a message of what was found before any row was read: what
// it quotes are names.
const compilation = "SQL compilation error:"

// withoutValues leaves out what a message quotes: it may be the value of a row.
func withoutValues(message string) string {
	message, _, _ = strings.Cut(message, "\n  If you would like to continue loading")
	if strings.HasPrefix(message, compilation) {
		return strings.Join(strings.Fields(message), " ")
	}
	message = quoted.ReplaceAllStringFunc(message, func(s string) string {
		if strings.HasPrefix(s, "File ") {
			return s
		}
		return "'…'"
	})
	return strings.Join(strings.Fields(message), " ")
}

// verdict is what a check that did not hold says.
type verdict struct {
	check  check
	number int64
}

// verdictShape leaves open how the text is quoted. It is not in the statement,
// which counts first.
var verdictShape = regexp.MustCompile(`\bstagelift (\w+) (\d+)\b`)

func (e *statementError) verdict() (verdict, bool) {
	m := verdictShape.FindStringSubmatch(cause(e.message))
	if m == nil {
		return verdict{}, false
	}
	number, err := strconv.ParseInt(m[2], 10, 64)
	return verdict{check: check(m[1]), number: number}, err == nil
}

// badRow is how COPY tells which row it could not take.
var badRow = regexp.MustCompile(`(?s)^(.*?)\s*File '((?:[^']|'')*)', line (\d+), character \d+\s+Row \d+(?: starts at line \d+)?,? column (\S[^\n]*)`)

// columnOf is a column as COPY names it: "TABLE"["column":position].
var columnOf = regexp.MustCompile(`^".*"\["(.*)":\d+\]$`)

// rowErrors reads them from the message; none when there are none in it.
func (e *statementError) rowErrors(load warehouse.Load) []warehouse.RowError {
	m := badRow.FindStringSubmatch(cause(e.message))
	if m == nil {
		return nil
	}
	line, err := strconv.ParseInt(m[3], 10, 64)
	if err != nil {
		line = 0
	}
	return []warehouse.RowError{{
		File: fileURL(load, strings.ReplaceAll(m[2], "''", "'")), Line: line, Column: columnName(strings.TrimSpace(m[4])),
		Code: e.code, Message: withoutValues(m[1]),
	}}
}

// columnName is a column's own name of what COPY calls it.
func columnName(column string) string {
	if named := columnOf.FindStringSubmatch(column); named != nil {
		return strings.ReplaceAll(named[1], `""`, `"`)
	}
	return column
}

// fileURL finds the part that Snowflake calls by some of the end of its key.
func fileURL(load warehouse.Load, file string) string {
	for _, part := range load.Parts {
		if strings.HasSuffix("/"+part.Key, "/"+file) {
			return "s3://" + load.Bucket + "/" + part.Key
		}
	}
	return file
}
