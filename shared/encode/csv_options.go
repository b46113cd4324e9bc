package encode

import (
	"errors"
	"fmt"
	"strings"

	"github.com/stagelift/stagelift/shared/table"
)

// CSVOptions say how CSV is written. They are those of COPY, and so is what
// becomes of them.
type CSVOptions struct {
	// Header starts every part with a line of column names.
	Header bool
	// Delimiter separates the fields: one byte.
	Delimiter string
	// Null is the unquoted text that stands for NULL. It may be empty, but not
	// where a row has a single field: NULL would be an empty line there.
	Null string
}

// Check tells everything that COPY would refuse, or nobody could read back.
func (o CSVOptions) Check() error {
	var problems []error
	if len(o.Delimiter) != 1 || o.Delimiter[0] >= 0x80 || strings.ContainsAny(o.Delimiter, "\r\n\"\x00") {
		problems = append(problems, fmt.Errorf(
			"delimiter is %q, want one ASCII character that is not a double quote, a line break or NUL", o.Delimiter))
	}
	if strings.ContainsAny(o.Null, "\r\n\"\x00") {
		problems = append(problems, fmt.Errorf("null is %q, want a text without double quotes, line breaks and NUL", o.Null))
	}
	if o.Delimiter != "" && strings.Contains(o.Null, o.Delimiter) {
		problems = append(problems, fmt.Errorf("null is %q, which holds the delimiter %q", o.Null, o.Delimiter))
	}
	if o.Null == `\.` {
		problems = append(problems, errors.New(`null is "\\.", which ends the data where COPY reads it back`))
	}
	return errors.Join(problems...)
}

// checkFor is Check for rows of so many fields.
func (o CSVOptions) checkFor(fields int) error {
	err := o.Check()
	if fields == 1 && o.Null == "" {
		err = errors.Join(err, errors.New(`NULL in the only column would be an empty line, which readers skip; choose another null text than ""`))
	}
	return err
}

// CSVHeader returns the line of column names, quoted where CSV needs it and
// ended by a newline.
func CSVHeader(names []string, delimiter string) []byte {
	return CSVOptions{Delimiter: delimiter}.header(names)
}

// header quotes a name where COPY quotes a value, and where a reader might trim
// it.
func (o CSVOptions) header(names []string) []byte {
	var b strings.Builder
	for i, name := range names {
		if i > 0 {
			b.WriteString(o.Delimiter)
		}
		if name == "" || name == o.Null || strings.ContainsAny(name, o.Delimiter+"\"\r\n") || name != strings.TrimSpace(name) ||
			name == `\.` && len(names) == 1 {
			name = `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
		}
		b.WriteString(name)
	}
	b.WriteByte('\n')
	return []byte(b.String())
}

// Names returns the columns' names in order.
func Names(columns []table.Column) []string {
	names := make([]string, len(columns))
	for i, column := range columns {
		names[i] = column.Name
	}
	return names
}
