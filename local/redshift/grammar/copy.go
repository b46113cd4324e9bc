package grammar

import (
	"slices"
	"strings"
)

// The formats that COPY reads.
const (
	CSV     = "csv"
	JSON    = "json"
	Parquet = "parquet"
)

// Copy is a COPY from S3.
type Copy struct {
	// Format is CSV, JSON or Parquet.
	Format string
	// AnyCase lets names in JSON differ from those of columns in case.
	AnyCase bool

	Table Table
	// Columns are the columns that a row has, in its order; nil means all of
	// the table's.
	Columns []string
	// Bucket and Key are the source: a manifest, or a prefix of keys.
	Bucket, Key string
	// Role is the ARN that COPY reads as.
	Role      string
	Quote     byte
	Delimiter byte
	// Null is the unquoted text that stands for NULL.
	Null string
	// Manifest says that Key is the key of a manifest.
	Manifest bool
	// Compression is "gzip", "zstd", "bzip2", or empty for none.
	Compression string
	// Region is the bucket's; empty means the warehouse's own.
	Region string
	// IgnoreHeader is the number of lines to leave out of each file.
	IgnoreHeader int
	// TimeAuto and DateAuto let other forms in than the default ones.
	TimeAuto, DateAuto bool
	// EmptyAsNull makes empty CHAR and VARCHAR fields NULL.
	EmptyAsNull bool
	// RoundDecimals rounds what a DECIMAL cannot hold instead of cutting it.
	RoundDecimals bool
}

// notImitated are options that the guide documents for COPY from S3 and that
// this stand-in would have to ignore: it refuses them instead.
var notImitated = strings.Fields(`acceptanydate acceptinvchars avro blanksasnull comprows encrypted escape
	explicit_ids fillrecord fixedwidth ignoreallerrors ignoreblanklines lzop noload orc readratio
	removequotes serializetojson shapefile ssh trimblanks truncatecolumns`)

// columnarOptions are those that COPY takes with Parquet ("COPY from columnar
// data formats"), of those that are understood here.
var columnarOptions = map[string]bool{"format": true, "parquet": true, "manifest": true, "statupdate": true}

func (p *parser) copyStatement() Statement {
	p.expectWords("copy")
	c := &Copy{Table: p.table(), Quote: '"', Null: `\N`}
	if p.is("(") {
		c.Columns = p.identifiers()
	}
	p.expectWords("from")
	p.copySource(c)
	p.copyRole(c)
	seen := map[string]bool{}
	for p.peek().kind == word {
		t := p.advance()
		if t.text == "format" {
			p.acceptWords("as")
			t = p.advance()
		}
		if seen[t.text] {
			fail(t.pos, "conflicting or redundant options: %s is given twice", strings.ToUpper(t.text))
		}
		seen[t.text] = true
		if !p.copyFormat(c, t) {
			p.copyOption(c, t)
		}
	}
	p.finishCopy(c, seen)
	return Statement{Verb: "COPY", Copy: c, Writes: c.Table.SQL()}
}

// copyFormat reads a format, if t names one.
func (p *parser) copyFormat(c *Copy, t token) bool {
	switch t.text {
	case CSV, Parquet:
	case JSON:
		p.acceptWords("as")
		pos := p.peek().pos
		switch given := p.literal(); given {
		case "auto":
		case "auto ignorecase":
			c.AnyCase = true
		default:
			fail(pos, "JSON %s is not imitated by this stand-in: 'auto' and 'auto ignorecase' are", quoteText(given))
		}
	default:
		return false
	}
	if c.Format != "" {
		fail(t.pos, "conflicting or redundant options: %s beside %s", strings.ToUpper(t.text), strings.ToUpper(c.Format))
	}
	c.Format = t.text
	return true
}

func (p *parser) finishCopy(c *Copy, seen map[string]bool) {
	pos := p.peek().pos
	switch {
	case c.Format != CSV && seen["quote"]:
		fail(pos, "QUOTE can be used only with CSV")
	case c.Format == "":
		fail(pos, "COPY without CSV, JSON or PARQUET is not imitated by this stand-in")
	case c.Format == JSON && (seen["delimiter"] || seen["ignoreheader"]):
		fail(pos, "JSON cannot be used with DELIMITER or IGNOREHEADER")
	case c.Format == Parquet && c.Columns != nil:
		fail(pos, "COPY of PARQUET with a column list is not imitated by this stand-in: columns are loaded by position")
	case c.Delimiter == 0:
		c.Delimiter = ','
	case c.Delimiter == c.Quote:
		fail(pos, "DELIMITER and QUOTE must differ")
	}
	for name := range seen {
		if c.Format == Parquet && !columnarOptions[name] {
			fail(pos, "%s argument is not supported for PARQUET based COPY", strings.ToUpper(name))
		}
	}
}

func (p *parser) copySource(c *Copy) {
	pos := p.peek().pos
	url, isS3 := strings.CutPrefix(p.literal(), "s3://")
	bucket, key, _ := strings.Cut(url, "/")
	if !isS3 || bucket == "" || strings.Contains(url, `\`) {
		fail(pos, "COPY is understood from 's3://bucket/key' only")
	}
	c.Bucket, c.Key = bucket, key
}

// copyRole reads the authorization, which the synopsis of COPY puts right
// after the source.
func (p *parser) copyRole(c *Copy) {
	t := p.peek()
	if !p.acceptWords("iam_role") {
		for _, other := range []string{"credentials", "access_key_id", "with"} {
			if p.isWord(other) {
				fail(t.pos, "%s is not imitated by this stand-in: use IAM_ROLE", strings.ToUpper(other))
			}
		}
		p.unexpected()
	}
	if p.isWord("default") {
		fail(p.peek().pos, "IAM_ROLE default is not imitated by this stand-in: name the role")
	}
	c.Role = p.literal()
}

func (p *parser) copyOption(c *Copy, t token) {
	switch t.text {
	case "quote":
		p.acceptWords("as")
		c.Quote = p.oneCharacter("QUOTE")
	case "delimiter":
		p.acceptWords("as")
		c.Delimiter = p.oneCharacter("DELIMITER")
	case "null":
		p.acceptWords("as")
		c.Null = p.nullText()
	case "manifest":
		c.Manifest = true
	case "gzip", "zstd", "bzip2":
		if c.Compression != "" {
			fail(t.pos, "conflicting or redundant options: %s beside %s", strings.ToUpper(t.text), strings.ToUpper(c.Compression))
		}
		c.Compression = t.text
	case "region":
		p.acceptWords("as")
		c.Region = p.literal()
	case "timeformat":
		p.acceptWords("as")
		p.only("TIMEFORMAT", "auto")
		c.TimeAuto = true
	case "dateformat":
		p.acceptWords("as")
		p.only("DATEFORMAT", "auto")
		c.DateAuto = true
	case "ignoreheader":
		p.acceptWords("as")
		c.IgnoreHeader = p.integer()
	case "emptyasnull":
		c.EmptyAsNull = true
	case "roundec":
		c.RoundDecimals = true
	default:
		p.inertOption(t)
	}
}

// inertOption reads the options that change nothing that is loaded, and
// refuses the rest.
func (p *parser) inertOption(t token) {
	switch t.text {
	case "compupdate":
		if !p.acceptWords("preset") {
			p.acceptSwitch()
		}
	case "statupdate":
		p.acceptSwitch()
	case "maxerror":
		p.acceptWords("as")
		if pos := p.peek().pos; p.integer() > 1 {
			fail(pos, "MAXERROR above 1 is not imitated by this stand-in: the first error ends a COPY")
		}
	case "encoding":
		p.acceptWords("as")
		if !p.acceptWords("utf8") {
			p.only("ENCODING", "UTF8")
		}
	default:
		if slices.Contains(notImitated, t.text) {
			fail(t.pos, "COPY option %s is not imitated by this stand-in", strings.ToUpper(t.text))
		}
		fail(t.pos, "syntax error at or near %q", t.text)
	}
}

// acceptSwitch takes ON, OFF, TRUE or FALSE; none of them means ON.
func (p *parser) acceptSwitch() {
	for _, value := range []string{"on", "off", "true", "false"} {
		if p.acceptWords(value) {
			return
		}
	}
}

func (p *parser) only(option, value string) {
	pos := p.peek().pos
	if given := p.literal(); given != value {
		fail(pos, "%s %s is not imitated by this stand-in: only '%s' is", option, quoteText(given), value)
	}
}

// oneCharacter reads a single ASCII character, which \t may stand for.
func (p *parser) oneCharacter(option string) byte {
	pos := p.peek().pos
	s := p.literal()
	if s == `\t` {
		return '\t'
	}
	if len(s) != 1 || s[0] >= 0x80 || strings.Contains("\x00\r\n\\", s) {
		fail(pos, "COPY %s must be a single ASCII character", strings.ToLower(option))
	}
	return s[0]
}

// nullText takes a backslash for itself before N and for an escape before
// another backslash: '\N' and '\\N' are the same text.
func (p *parser) nullText() string {
	pos := p.peek().pos
	s := p.literal()
	if strings.ContainsAny(s, "\r\n") {
		fail(pos, "COPY null delimiter cannot contain a newline or a carriage return")
	}
	if strings.Contains(strings.NewReplacer(`\\`, "", `\N`, "").Replace(s), `\`) {
		fail(pos, `NULL AS %s is not imitated by this stand-in: of the escapes it knows \N and \\`, quoteText(s))
	}
	return strings.ReplaceAll(s, `\\`, `\`)
}
