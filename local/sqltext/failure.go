package sqltext

import "fmt"

// Failure says what is wrong with a statement, and where.
type Failure struct {
	Message string
	// Offset counts bytes from the start of the text.
	Offset int
}

// Fail leaves the parser; whoever called it gets the failure from Caught.
// Passing an error through every production would bury the grammar.
func Fail(offset int, format string, args ...any) {
	panic(&Failure{Message: fmt.Sprintf(format, args...), Offset: offset})
}

// Caught is for what recover returned: it tells the failure, or nil where
// there was none, and throws again what Fail has not thrown.
func Caught(thrown any) *Failure {
	switch f := thrown.(type) {
	case nil:
		return nil
	case *Failure:
		return f
	default:
		panic(thrown)
	}
}
