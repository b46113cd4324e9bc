package grammar

import (
	"slices"
	"strings"

	"github.com/stagelift/stagelift/local/sqltext"
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
	// DateFormat and TimeFormat are the forms of dates and of timestamps, where
	// they are neither the default nor 'auto'; TimeFormat may be EpochSeconds or
	// EpochMilliseconds.
	DateFormat, TimeFormat string
	// EmptyAsNull makes empty CHAR and VARCHAR fields NULL, BlanksAsNull those of
	// white space.
	EmptyAsNull, BlanksAsNull bool
	// TrimBlanks takes white space from the end of VARCHAR fields.
	TrimBlanks bool
	// Truncate cuts CHAR and VARCHAR fields to what the column holds.
	Truncate bool
	// Replacement stands for each byte of invalid UTF-8; 0 refuses it.
	Replacement byte
	// FillRecord lets fields be missing at the end of a row.
	FillRecord bool
	// IgnoreBlankLines leaves out lines of nothing but their end.
	IgnoreBlankLines bool
	// MaxError is how many bad rows make the COPY fail; 0 is 1.
	MaxError int
	// Encoding is what the files are written in: UTF16, UTF16LE, UTF16BE,
	// ISO88591, or empty for UTF-8.
	Encoding string
	// Statistics is true where STATUPDATE was given, which only the owner may.
	Statistics bool
	// RoundDecimals rounds what a DECIMAL cannot hold instead of cutting it.
	RoundDecimals bool
}

// columnarOptions are those that COPY takes with Parquet ("COPY from columnar
// data formats"), of those that are understood here.
var columnarOptions = map[string]bool{
	"format": true, "parquet": true, "manifest": true, "statupdate": true, "acceptinvchars": true, "fillrecord": true,
}

// lineOptions are about lines and fields, which JSON has not.
var lineOptions = []string{"delimiter", "ignoreheader", "ignoreblanklines", "fillrecord", "encoding"}

func (p *parser) copyStatement() Statement {
	p.ExpectWords("copy")
	c := &Copy{Table: p.table(), Quote: '"', Null: `\N`}
	if p.Is("(") {
		c.Columns = p.Identifiers()
	}
	p.ExpectWords("from")
	p.copySource(c)
	p.copyRole(c)
	seen := map[string]bool{}
	for p.Peek().Kind == sqltext.Word {
		t := p.Advance()
		if t.Text == "format" {
			p.AcceptWords("as")
			t = p.Advance()
		}
		if seen[t.Text] {
			sqltext.Fail(t.Pos, "conflicting or redundant options: %s is given twice", strings.ToUpper(t.Text))
		}
		seen[t.Text] = true
		if !p.copyFormat(c, t) {
			p.copyOption(c, t)
		}
	}
	p.finishCopy(c, seen)
	return Statement{Verb: "COPY", Copy: c, Writes: c.Table.SQL(), Target: &c.Table, Columns: c.Columns}
}

// copyFormat reads a format, if t names one.
func (p *parser) copyFormat(c *Copy, t sqltext.Token) bool {
	switch t.Text {
	case CSV, Parquet:
	case JSON:
		p.AcceptWords("as")
		pos := p.Peek().Pos
		switch given := p.Literal(); given {
		case "auto":
		case "auto ignorecase":
			c.AnyCase = true
		default:
			sqltext.Fail(pos, "JSON %s is not imitated by this stand-in: 'auto' and 'auto ignorecase' are", "'"+given+"'")
		}
	default:
		return false
	}
	if c.Format != "" {
		sqltext.Fail(t.Pos, "conflicting or redundant options: %s beside %s", strings.ToUpper(t.Text), strings.ToUpper(c.Format))
	}
	c.Format = t.Text
	return true
}

func (p *parser) finishCopy(c *Copy, seen map[string]bool) {
	pos := p.Peek().Pos
	switch {
	case c.Format != CSV && seen["quote"]:
		sqltext.Fail(pos, "QUOTE can be used only with CSV")
	case c.Format == "":
		sqltext.Fail(pos, "COPY without CSV, JSON or PARQUET is not imitated by this stand-in")
	case c.Format == JSON && slices.ContainsFunc(lineOptions, func(o string) bool { return seen[o] }):
		sqltext.Fail(pos, "JSON cannot be used with %s", strings.ToUpper(strings.Join(lineOptions, ", ")))
	case c.Format == Parquet && c.Columns != nil:
		sqltext.Fail(pos, "COPY of PARQUET with a column list is not imitated by this stand-in: columns are loaded by position")
	case c.Delimiter == 0:
		c.Delimiter = ','
	case c.Delimiter == c.Quote:
		sqltext.Fail(pos, "DELIMITER and QUOTE must differ")
	}
	for name := range seen {
		if c.Format == Parquet && !columnarOptions[name] {
			sqltext.Fail(pos, "%s argument is not supported for PARQUET based COPY", strings.ToUpper(name))
		}
	}
}

func (p *parser) copySource(c *Copy) {
	pos := p.Peek().Pos
	url, isS3 := strings.CutPrefix(p.Literal(), "s3://")
	bucket, key, _ := strings.Cut(url, "/")
	if !isS3 || bucket == "" || strings.Contains(url, `\`) {
		sqltext.Fail(pos, "COPY is understood from 's3://bucket/key' only")
	}
	c.Bucket, c.Key = bucket, key
}

// copyRole reads the authorization, which the synopsis of COPY puts right
// after the source.
func (p *parser) copyRole(c *Copy) {
	t := p.Peek()
	if !p.AcceptWords("iam_role") {
		for _, other := range []string{"credentials", "access_key_id", "with"} {
			if p.IsWord(other) {
				sqltext.Fail(t.Pos, "%s is not imitated by this stand-in: use IAM_ROLE", strings.ToUpper(other))
			}
		}
		p.Unexpected()
	}
	if p.IsWord("default") {
		sqltext.Fail(p.Peek().Pos, "IAM_ROLE default is not imitated by this stand-in: name the role")
	}
	c.Role = p.Literal()
}
