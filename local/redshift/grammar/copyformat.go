package grammar

import (
	"slices"
	"strings"

	"github.com/stagelift/stagelift/local/sqltext"
)

// The words of TIMEFORMAT that are no format. They are told apart by their case.
const (
	auto              = "auto"
	EpochSeconds      = "epochsecs"
	EpochMilliseconds = "epochmillisecs"
)

// dateParts are those of "DATEFORMAT and TIMEFORMAT strings", a longer one
// before one that it begins with. Which century YY is of the page does not say.
var dateParts = []string{"YYYY", "YY", "MM", "MON", "DD", "HH24", "HH12", "HH", "MI", "SS", "AM", "PM"}

// Part is one of a format's: a datepart, or the text of a separator.
type Part struct {
	Text      string
	Separator bool
}

// Parts takes a format of COPY apart.
func Parts(format string) []Part {
	var parts []Part
	for format != "" {
		i := slices.IndexFunc(dateParts, func(part string) bool { return strings.HasPrefix(format, part) })
		part := Part{format[:1], true}
		if i >= 0 {
			part = Part{dateParts[i], false}
		}
		parts = append(parts, part)
		format = format[len(part.Text):]
	}
	return parts
}

// dateTimeFormat reads 'auto', one of the words, or a format.
func (p *parser) dateTimeFormat(option string, words ...string) string {
	pos := p.Peek().Pos
	format := p.Literal()
	if format == auto || slices.Contains(words, format) {
		return format
	}
	parts := Parts(format)
	for _, part := range parts {
		letter := part.Text[0]|0x20 >= 'a' && part.Text[0]|0x20 <= 'z' || part.Text[0] >= 0x80
		switch {
		case part.Separator && letter, part.Text == "YY":
			sqltext.Fail(pos, "%s '%s' is not imitated by this stand-in: %s is not one of the dateparts YYYY MM MON DD HH HH24 HH12 MI SS AM PM",
				option, format, part.Text)
		}
	}
	if !slices.ContainsFunc(parts, func(part Part) bool { return !part.Separator }) {
		sqltext.Fail(pos, "%s '%s' has no datepart", option, format)
	}
	return format
}

// notAuto tells 'auto' from a format.
func notAuto(format string) (isAuto bool, rest string) {
	if format == auto {
		return true, ""
	}
	return false, format
}

// conversionOption reads one of those that change fields ("Data conversion
// parameters") or forgive rows, if t names one.
func (p *parser) conversionOption(c *Copy, t sqltext.Token) bool {
	switch t.Text {
	case "blanksasnull":
		c.BlanksAsNull = true
	case "trimblanks":
		c.TrimBlanks = true
	case "truncatecolumns":
		c.Truncate = true
	case "fillrecord":
		c.FillRecord = true
	case "ignoreblanklines":
		c.IgnoreBlankLines = true
	case "acceptinvchars":
		c.Replacement = '?'
		if p.AcceptWords("as") || p.Peek().Kind == sqltext.Text {
			c.Replacement = p.replacement()
		}
	case "maxerror":
		p.AcceptWords("as")
		pos := p.Peek().Pos
		if c.MaxError = p.Integer(); c.MaxError > maxMaxError {
			sqltext.Fail(pos, "MAXERROR must be between 0 and %d", maxMaxError)
		}
	case "encoding":
		p.AcceptWords("as")
		pos := p.Peek().Pos
		if c.Encoding = p.encoding(); !slices.Contains(fileEncodings, c.Encoding) {
			sqltext.Fail(pos, "ENCODING must be one of %s", strings.Join(fileEncodings, ", "))
		}
		if c.Encoding == "UTF8" {
			c.Encoding = ""
		}
	default:
		return false
	}
	return true
}

// maxMaxError is the limit of MAXERROR ("Data load operations").
const maxMaxError = 100_000

var fileEncodings = []string{"UTF8", "UTF16", "UTF16LE", "UTF16BE", "ISO88591"}

// encoding reads a name, as a word or in quotes.
func (p *parser) encoding() string {
	t := p.Advance()
	if t.Kind != sqltext.Word && t.Kind != sqltext.Text {
		p.Refuse(t)
	}
	return sqltext.UpperASCII(t.Text)
}

// replacement reads any ASCII character but NUL.
func (p *parser) replacement() byte {
	pos := p.Peek().Pos
	s := p.Literal()
	if len(s) != 1 || s[0] == 0 || s[0] >= 0x80 {
		sqltext.Fail(pos, "ACCEPTINVCHARS takes one ASCII character")
	}
	return s[0]
}
