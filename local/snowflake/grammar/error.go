package grammar

import (
	"fmt"
	"strings"
)

// Code is Snowflake's code for a syntax error, State its SQLSTATE.
const (
	Code  = "001003"
	State = "42000"
)

// Error says what is wrong with a statement, and where.
type Error struct {
	Message string
	// Offset counts bytes from the start of the statement.
	Offset int
	// Line and Position are the place as Snowflake tells it: lines from 1,
	// positions from 0.
	Line, Position int
}

// Error gives the message in the form of a compilation error.
func (e *Error) Error() string {
	return fmt.Sprintf("SQL compilation error:\nsyntax error line %d at position %d %s.", e.Line, e.Position, e.Message)
}

// fail leaves the parser; Parse turns it into an error. Passing an error
// through every production would bury the grammar.
func fail(pos int, format string, args ...any) {
	panic(&Error{Message: fmt.Sprintf(format, args...), Offset: pos})
}

// caught turns what fail threw into an error.
func caught(sql string, failure any) error {
	e, ours := failure.(*Error)
	if !ours {
		panic(failure)
	}
	e.Line, e.Position = Place(sql, e.Offset)
	return e
}

// Place tells where an offset lies: the line from 1, the position in it from 0.
func Place(sql string, offset int) (line, position int) {
	before := sql[:min(offset, len(sql))]
	return strings.Count(before, "\n") + 1, len(before) - strings.LastIndexByte(before, '\n') - 1
}
