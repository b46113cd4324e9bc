package grammar

import (
	"slices"
	"strings"

	"github.com/stagelift/stagelift/local/sqltext"
)

// notImitated are options that the guide documents for COPY from S3 and that
// this stand-in would have to ignore: it refuses them instead.
var notImitated = strings.Fields(`acceptanydate avro comprows encrypted escape explicit_ids fixedwidth
	ignoreallerrors lzop noload orc readratio removequotes serializetojson shapefile ssh`)

func (p *parser) copyOption(c *Copy, t sqltext.Token) {
	switch t.Text {
	case "quote":
		p.AcceptWords("as")
		c.Quote = p.oneCharacter("QUOTE")
	case "delimiter":
		p.AcceptWords("as")
		c.Delimiter = p.oneCharacter("DELIMITER")
	case "null":
		p.AcceptWords("as")
		c.Null = p.nullText()
	case "manifest":
		c.Manifest = true
	case "gzip", "zstd", "bzip2":
		if c.Compression != "" {
			sqltext.Fail(t.Pos, "conflicting or redundant options: %s beside %s", strings.ToUpper(t.Text), strings.ToUpper(c.Compression))
		}
		c.Compression = t.Text
	case "region":
		p.AcceptWords("as")
		c.Region = p.Literal()
	case "timeformat":
		p.AcceptWords("as")
		c.TimeFormat = p.dateTimeFormat("TIMEFORMAT", EpochSeconds, EpochMilliseconds)
		c.TimeAuto, c.TimeFormat = notAuto(c.TimeFormat)
	case "dateformat":
		p.AcceptWords("as")
		c.DateFormat = p.dateTimeFormat("DATEFORMAT")
		c.DateAuto, c.DateFormat = notAuto(c.DateFormat)
	case "ignoreheader":
		p.AcceptWords("as")
		c.IgnoreHeader = p.Integer()
	case "emptyasnull":
		c.EmptyAsNull = true
	case "roundec":
		c.RoundDecimals = true
	default:
		if !p.conversionOption(c, t) {
			p.inertOption(c, t)
		}
	}
}

// inertOption reads the options that change nothing that is loaded, and
// refuses the rest.
func (p *parser) inertOption(c *Copy, t sqltext.Token) {
	switch {
	case t.Text == "compupdate" && p.AcceptWords("preset"):
	case t.Text == "compupdate":
		p.acceptSwitch()
	case t.Text == "statupdate":
		c.Statistics = true
		p.acceptSwitch()
	case slices.Contains(notImitated, t.Text):
		sqltext.Fail(t.Pos, "COPY option %s is not imitated by this stand-in", strings.ToUpper(t.Text))
	default:
		sqltext.Fail(t.Pos, "syntax error at or near %q", t.Text)
	}
}

// acceptSwitch takes ON, OFF, TRUE or FALSE; none of them means ON.
func (p *parser) acceptSwitch() {
	for _, value := range []string{"on", "off", "true", "false"} {
		if p.AcceptWords(value) {
			return
		}
	}
}

// oneCharacter reads a single ASCII character, which \t may stand for.
func (p *parser) oneCharacter(option string) byte {
	pos := p.Peek().Pos
	s := p.Literal()
	if s == `\t` {
		return '\t'
	}
	if len(s) != 1 || s[0] >= 0x80 || strings.Contains("\x00\r\n\\", s) {
		sqltext.Fail(pos, "COPY %s must be a single ASCII character", strings.ToLower(option))
	}
	return s[0]
}

// nullText takes a backslash for itself before N and for an escape before
// another backslash: '\N' and '\\N' are the same text.
func (p *parser) nullText() string {
	pos := p.Peek().Pos
	s := p.Literal()
	if strings.ContainsAny(s, "\r\n") {
		sqltext.Fail(pos, "COPY null delimiter cannot contain a newline or a carriage return")
	}
	if strings.Contains(strings.NewReplacer(`\\`, "", `\N`, "").Replace(s), `\`) {
		sqltext.Fail(pos, `NULL AS %s is not imitated by this stand-in: of the escapes it knows \N and \\`, "'"+s+"'")
	}
	return strings.ReplaceAll(s, `\\`, `\`)
}
