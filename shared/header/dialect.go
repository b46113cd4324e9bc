package header

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// bom is the byte order mark of UTF-8, which some programs put in front.
const bom = "\xef\xbb\xbf"

// quoteNone is the request's word for no quotes at all.
const quoteNone = "none"

// dialect is how a text separates its fields and ends its lines.
type dialect struct {
	delimiter string
	// quote is empty where there are no quotes.
	quote  string
	ending string
}

// delimiters are those that are looked for in the data: commas of CSV, pipes of
// UNLOAD's text, tabs, semicolons, and the control characters of Hive.
var delimiters = []string{",", "|", "\t", ";", "\x01"}

// oneCharacter checks that a text is one character which can be a delimiter or a
// quote, or is empty.
func oneCharacter(s string) error {
	if r, size := utf8.DecodeRuneInString(s); s != "" && (size != len(s) || r == utf8.RuneError || r == '\n' || r == '\r') {
		return fmt.Errorf("%q is not one character, other than a line's end", s)
	}
	return nil
}

func (r *Request) quote() string {
	if r.Quote == quoteNone {
		return ""
	}
	return cmp.Or(r.Quote, `"`)
}

// dialect returns what the request says, and for what it leaves open what the
// start of the data, without a byte order mark, shows. complete says that the
// start is all there is. It is an error if each line of the data has one number
// of fields, and that is not the number of names.
func (r *Request) dialect(start []byte, complete bool, names int) (dialect, error) {
	d := dialect{delimiter: r.Delimiter, quote: r.quote(), ending: "\n"}
	switch r.LineEnding {
	case "crlf":
		d.ending = "\r\n"
	case "":
		if end := bytes.IndexByte(start, '\n'); end > 0 && start[end-1] == '\r' {
			d.ending = "\r\n"
		}
	}
	if d.delimiter != "" {
		return d, nil
	}
	var fields int
	if d.delimiter, fields = d.guess(start, complete, names); fields > 1 && names > 1 && fields != names {
		return d, fmt.Errorf("each line has %d fields with %q between them, and the header has %d names; correct the header, or say what the delimiter is",
			fields, d.delimiter, names)
	}
	d.delimiter = cmp.Or(d.delimiter, ",")
	return d, nil
}

// guess returns the delimiter that cuts every line into as many fields as there
// are names; failing that, the one that cuts every line into the most, as long as
// it is the same number. It is empty if no delimiter cuts all lines alike.
func (d dialect) guess(start []byte, complete bool, names int) (delimiter string, fields int) {
	for _, candidate := range delimiters {
		d.delimiter = candidate
		n := d.fields(start, complete)
		if n == names && n > 1 {
			return candidate, n
		}
		if n > fields && n > 1 {
			delimiter, fields = candidate, n
		}
	}
	return delimiter, fields
}

// fields returns how many fields every whole line has; 0 if they differ or there
// is no line.
func (d dialect) fields(start []byte, complete bool) int {
	fields := 0
	for len(start) > 0 {
		record, length, ended := d.record(start)
		if !ended && !complete {
			break
		}
		if fields != 0 && len(record) != fields {
			return 0
		}
		fields, start = len(record), start[length:]
	}
	return fields
}

// record reads the first line. It returns its fields without their quotes, its
// length with its end, and whether it has an end.
func (d dialect) record(text []byte) (fields []string, length int, ended bool) {
	for {
		field, size := d.field(text[length:])
		fields = append(fields, field)
		length += size
		rest := text[length:]
		switch {
		case bytes.HasPrefix(rest, []byte(d.delimiter)):
			length += len(d.delimiter)
		case bytes.HasPrefix(rest, []byte("\r\n")):
			return fields, length + 2, true
		case bytes.HasPrefix(rest, []byte("\n")):
			return fields, length + 1, true
		default:
			return fields, length, false
		}
	}
}

// field reads up to the next delimiter or line's end outside of quotes.
func (d dialect) field(text []byte) (field string, length int) {
	var b strings.Builder
	quoted := false
	for length < len(text) {
		rest := text[length:]
		switch {
		case d.quote != "" && bytes.HasPrefix(rest, []byte(d.quote)):
			doubled := quoted && bytes.HasPrefix(rest[len(d.quote):], []byte(d.quote))
			switch {
			case doubled:
				length += len(d.quote)
				b.WriteString(d.quote)
			case quoted || length == 0:
				quoted = !quoted
			default:
				b.WriteString(d.quote)
			}
			length += len(d.quote)
			continue
		case !quoted && (rest[0] == '\n' || bytes.HasPrefix(rest, []byte("\r\n")) || bytes.HasPrefix(rest, []byte(d.delimiter))):
			return b.String(), length
		}
		b.WriteByte(rest[0])
		length++
	}
	return b.String(), length
}

// line returns the names as a line of the dialect, each in quotes where it would
// be read as something else without.
func (d dialect) line(names []string) ([]byte, error) {
	var b bytes.Buffer
	var problems []error
	for i, name := range names {
		if i > 0 {
			b.WriteString(d.delimiter)
		}
		switch {
		case !d.needsQuotes(name):
			b.WriteString(name)
		case d.quote == "":
			problems = append(problems, fmt.Errorf("name %q cannot be told from others without quotes", name))
		default:
			b.WriteString(d.quote + strings.ReplaceAll(name, d.quote, d.quote+d.quote) + d.quote)
		}
	}
	b.WriteString(d.ending)
	return b.Bytes(), errors.Join(problems...)
}

// needsQuotes also wants them for spaces at the ends, which readers trim, and for
// no name at all.
func (d dialect) needsQuotes(name string) bool {
	return name == "" || name != strings.TrimSpace(name) || strings.ContainsAny(name, "\r\n") ||
		strings.Contains(name, d.delimiter) || d.quote != "" && strings.Contains(name, d.quote)
}

// headed returns the length of the header that the data begins with: these very
// names, quoted or not, or this very line. It is 0 if there is none.
func (d dialect) headed(start, line []byte, names []string, complete bool) int {
	bare := bytes.TrimRight(line, "\r\n")
	if rest, found := bytes.CutPrefix(start, bare); found {
		for _, end := range []string{"\r\n", "\n"} {
			if bytes.HasPrefix(rest, []byte(end)) {
				return len(bare) + len(end)
			}
		}
		if len(rest) == 0 && complete {
			return len(bare)
		}
	}
	if len(names) == 0 {
		return 0
	}
	record, length, ended := d.record(start)
	if (ended || complete) && slices.Equal(record, names) {
		return length
	}
	return 0
}
