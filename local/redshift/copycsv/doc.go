// Package copycsv reads CSV as Redshift's COPY … CSV does ("Data format
// parameters"). It shares nothing with the code that writes Stagelift's CSV,
// nor with PostgreSQL's reader, so that what one of them gets wrong the other
// does not forgive.
//
// A field knows whether it was quoted, because NULL is told from a value by
// that. Line ends are \n and \r\n; inside quotes both are data and stay as
// they are. White space between a delimiter and a quote is ignored, as the
// guide says. An empty line is a row of one empty field.
//
// Refused, rather than guessed at: a quote inside an unquoted field, text
// after a closing quote, a \r that does not end a line, a row above 64 MB
// (COPY's limit).
package copycsv

// Error is a load error in Redshift's words ("Load error reference"), where it
// has words for it.
type Error string

func (e Error) Error() string { return string(e) }

// MaxRow is the most that one row of a COPY may hold, in bytes.
const MaxRow = 64 << 20

const (
	// ErrQuoteFormat is a quote where none may stand, or text after one.
	ErrQuoteFormat Error = "Invalid quote formatting for CSV"
	// ErrEndQuote is an end of file inside quotes.
	ErrEndQuote Error = "Delimited value missing end quote"
	// ErrNewline is a carriage return that ends no line.
	ErrNewline Error = "Missing newline: Unexpected character 0xd found"
	// ErrRowSize is a row above MaxRow.
	ErrRowSize Error = "Row size is larger than 64 MB"
)
