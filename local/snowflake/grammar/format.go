package grammar

import (
	"strconv"
	"strings"

	"github.com/stagelift/stagelift/local/sqltext"
)

// Format is a FILE_FORMAT, with Snowflake's defaults where the statement says
// nothing.
type Format struct {
	// Type is CSV, JSON or PARQUET.
	Type string
	// Compression is of the file: AUTO, NONE, GZIP, ZSTD or BZ2; for PARQUET
	// it says nothing.
	Compression string
	// Delimiter separates CSV's fields.
	Delimiter byte
	// Enclosure encloses fields; 0 is NONE, the default: quotes are data then.
	Enclosure byte
	// Escape is for fields that are not enclosed: a backslash unless NONE was
	// said, which is 0.
	Escape byte
	// SkipHeader is the number of lines to leave out.
	SkipHeader int
	// ParseHeader takes column names from the first line.
	ParseHeader    bool
	SkipBlankLines bool
	// NullIf are the texts that stand for NULL, enclosed or not.
	NullIf []string
	// EmptyAsNull makes an empty field that is not enclosed NULL.
	EmptyAsNull bool
	// AnyCount forgives records with more or fewer fields than columns.
	AnyCount bool
	// BinaryFormat is HEX, BASE64 or UTF8.
	BinaryFormat string
	// Date, Time and Timestamp are the forms of texts that become those; nil is
	// AUTO, which is what the session's parameters say.
	Date, Time, Timestamp Layout
	// TrimSpace takes white space from both ends of fields, outside of CSV's
	// enclosures.
	TrimSpace bool
	// ReplaceInvalid puts U+FFFD in the place of what is not UTF-8.
	ReplaceInvalid bool
	// StripOuterArray, AllowDuplicate and StripNullValues are JSON's.
	StripOuterArray, AllowDuplicate, StripNullValues bool
	// UseLogicalType, BinaryAsText and Vectorized are PARQUET's.
	UseLogicalType, BinaryAsText, Vectorized bool
}

// formats are the options of each type ("formatTypeOptions").
var formats = map[string]string{
	"CSV": `COMPRESSION RECORD_DELIMITER FIELD_DELIMITER MULTI_LINE PARSE_HEADER SKIP_HEADER SKIP_BLANK_LINES DATE_FORMAT
		TIME_FORMAT TIMESTAMP_FORMAT BINARY_FORMAT ESCAPE ESCAPE_UNENCLOSED_FIELD TRIM_SPACE FIELD_OPTIONALLY_ENCLOSED_BY NULL_IF
		ERROR_ON_COLUMN_COUNT_MISMATCH REPLACE_INVALID_CHARACTERS EMPTY_FIELD_AS_NULL SKIP_BYTE_ORDER_MARK ENCODING`,
	"JSON": `COMPRESSION DATE_FORMAT TIME_FORMAT TIMESTAMP_FORMAT BINARY_FORMAT TRIM_SPACE MULTI_LINE NULL_IF ENABLE_OCTAL
		ALLOW_DUPLICATE STRIP_OUTER_ARRAY STRIP_NULL_VALUES REPLACE_INVALID_CHARACTERS IGNORE_UTF8_ERRORS SKIP_BYTE_ORDER_MARK`,
	"PARQUET": `COMPRESSION BINARY_AS_TEXT USE_LOGICAL_TYPE TRIM_SPACE USE_VECTORIZED_SCANNER REPLACE_INVALID_CHARACTERS NULL_IF`,
}

func (p *parser) fileFormat() Format {
	f := Format{
		Compression: "AUTO", Delimiter: ',', Escape: '\\', NullIf: []string{`\N`}, EmptyAsNull: true,
		BinaryFormat: "HEX", BinaryAsText: true,
	}
	p.Expect("(")
	t := p.Peek()
	if !p.AcceptWords("TYPE") {
		sqltext.Fail(t.Pos, "FILE_FORMAT is understood with TYPE first")
	}
	p.Expect("=")
	f.Type = p.choice(t, "CSV", "JSON", "PARQUET")
	seen := map[string]bool{}
	for !p.Accept(")") {
		p.Accept(",")
		t := p.Advance()
		known := t.Kind == sqltext.Word && !seen[t.Text]
		if !known || !strings.Contains(" "+strings.Join(strings.Fields(formats[f.Type]), " ")+" ", " "+t.Text+" ") {
			sqltext.Fail(t.Pos, "unexpected '%s'", t.Text)
		}
		seen[t.Text] = true
		p.Expect("=")
		p.formatOption(&f, t)
	}
	p.checkFormat(&f, seen)
	return f
}

func (p *parser) checkFormat(f *Format, seen map[string]bool) {
	pos := p.Peek().Pos
	switch {
	case f.ParseHeader && seen["SKIP_HEADER"]:
		sqltext.Fail(pos, "SKIP_HEADER is not supported with PARSE_HEADER = TRUE")
	case f.Enclosure != 0 && f.Enclosure == f.Delimiter:
		sqltext.Fail(pos, "FIELD_DELIMITER and FIELD_OPTIONALLY_ENCLOSED_BY must differ")
	}
	if f.Vectorized {
		f.UseLogicalType, f.BinaryAsText = true, false
	}
}

func (p *parser) formatOption(f *Format, t sqltext.Token) {
	switch t.Text {
	case "COMPRESSION":
		if f.Type == "PARQUET" {
			f.Compression = p.choice(t, "AUTO", "SNAPPY", "NONE")
		} else {
			f.Compression = p.choice(t, "AUTO", "NONE", "GZIP", "ZSTD", "BZ2")
		}
	case "NULL_IF":
		f.NullIf = p.nullIf()
	case "BINARY_FORMAT":
		f.BinaryFormat = p.choice(t, "HEX", "BASE64", "UTF8")
	case "BINARY_AS_TEXT":
		f.BinaryAsText = p.boolean()
	case "USE_LOGICAL_TYPE":
		f.UseLogicalType = p.boolean()
	case "USE_VECTORIZED_SCANNER":
		f.Vectorized = p.boolean()
	case "ALLOW_DUPLICATE":
		f.AllowDuplicate = p.boolean()
	case "STRIP_OUTER_ARRAY":
		f.StripOuterArray = p.boolean()
	case "STRIP_NULL_VALUES":
		f.StripNullValues = p.boolean()
	case "MULTI_LINE", "SKIP_BYTE_ORDER_MARK":
		p.only(t, "TRUE")
	case "REPLACE_INVALID_CHARACTERS":
		f.ReplaceInvalid = p.boolean()
	case "IGNORE_UTF8_ERRORS", "ENABLE_OCTAL":
		p.only(t, "FALSE")
	default:
		if !p.valueOption(f, t) {
			p.csvOption(f, t)
		}
	}
}

// valueOption reads one that changes texts and what becomes of them, if t names
// one.
func (p *parser) valueOption(f *Format, t sqltext.Token) bool {
	switch t.Text {
	case "DATE_FORMAT":
		f.Date = p.layoutOption(t)
	case "TIME_FORMAT":
		f.Time = p.layoutOption(t)
	case "TIMESTAMP_FORMAT":
		f.Timestamp = p.layoutOption(t)
	case "TRIM_SPACE":
		f.TrimSpace = p.boolean()
	default:
		return false
	}
	return true
}

func (p *parser) csvOption(f *Format, t sqltext.Token) {
	switch t.Text {
	case "FIELD_DELIMITER":
		f.Delimiter = p.character(t)
		if f.Delimiter == 0 || f.Delimiter == '\n' || f.Delimiter == '\r' {
			sqltext.Fail(t.Pos, "this FIELD_DELIMITER is not imitated by this stand-in")
		}
	case "RECORD_DELIMITER":
		if p.character(t) != '\n' {
			sqltext.Fail(t.Pos, `RECORD_DELIMITER is imitated by this stand-in as '\n' only`)
		}
	case "FIELD_OPTIONALLY_ENCLOSED_BY":
		f.Enclosure = p.character(t)
		if f.Enclosure != 0 && f.Enclosure != '"' && f.Enclosure != '\'' {
			sqltext.Fail(t.Pos, "FIELD_OPTIONALLY_ENCLOSED_BY can be NONE, a single or a double quote")
		}
	case "ESCAPE_UNENCLOSED_FIELD":
		if f.Escape = p.character(t); f.Escape != 0 && f.Escape != '\\' {
			sqltext.Fail(t.Pos, "ESCAPE_UNENCLOSED_FIELD is imitated by this stand-in as NONE and as a backslash")
		}
	case "ESCAPE":
		p.only(t, "NONE")
	case "ENCODING":
		p.only(t, "UTF8")
	case "SKIP_HEADER":
		f.SkipHeader = p.Integer()
	case "PARSE_HEADER":
		f.ParseHeader = p.boolean()
	case "SKIP_BLANK_LINES":
		f.SkipBlankLines = p.boolean()
	case "ERROR_ON_COLUMN_COUNT_MISMATCH":
		f.AnyCount = !p.boolean()
	case "EMPTY_FIELD_AS_NULL":
		f.EmptyAsNull = p.boolean()
	default:
		sqltext.Fail(t.Pos, "unexpected '%s'", t.Text)
	}
}

// nullIf reads ( '…', … ), which may be empty.
func (p *parser) nullIf() []string {
	list := []string{}
	p.Expect("(")
	for !p.Accept(")") {
		if len(list) > 0 {
			p.Expect(",")
		}
		list = append(list, p.Literal())
	}
	return list
}

// character reads NONE, which is 0, or one ASCII character, as it is or in
// hexadecimal digits.
func (p *parser) character(option sqltext.Token) byte {
	if p.AcceptWords("NONE") {
		return 0
	}
	s := p.Literal()
	if digits, isHex := strings.CutPrefix(s, "0x"); isHex && len(digits) == 2 {
		if n, err := strconv.ParseUint(digits, 16, 8); err == nil && n > 0 && n < 0x80 {
			return byte(n)
		}
	}
	if len(s) != 1 || s[0] >= 0x80 {
		sqltext.Fail(option.Pos, "%s = '%s' is not imitated by this stand-in: want one ASCII character", option.Text, s)
	}
	return s[0]
}
