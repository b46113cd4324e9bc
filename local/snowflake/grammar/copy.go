package grammar

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/stagelift/stagelift/local/sqltext"
)

// maxFiles is how many names FILES may list ("COPY INTO <table>").
const maxFiles = 1000

// Copy is a COPY INTO a table from a stage.
type Copy struct {
	Table Table
	// Columns are what a row fills, in its order; nil means all of the table's.
	Columns []string
	// Stage is where the files lie, Path what follows its name, without the
	// first slash.
	Stage Table
	Path  string
	// Transform computes a row's values from a record; nil takes the record's
	// own.
	Transform []Expression
	// Files are names of files; nil means all whose names begin with the path.
	Files  []string
	Format Format
	// OnError says what a bad row does.
	OnError OnError
	// Force loads files that were loaded before, Purge removes what was loaded.
	Force, Purge bool
	// FailedOnly leaves files that were loaded whole out of the answer.
	FailedOnly bool
	// Truncate cuts texts that are too long instead of refusing them.
	Truncate bool
	// Match is CASE_SENSITIVE, CASE_INSENSITIVE or empty.
	Match string
}

// OnError is the copy option of that name.
type OnError struct {
	// Action is ABORT_STATEMENT, CONTINUE or SKIP_FILE.
	Action string
	// Limit is how many bad rows make SKIP_FILE skip a file.
	Limit int
	// Percent makes Limit the share of bad rows that a file has to exceed.
	Percent bool
}

func (p *parser) copyStatement() Statement {
	p.ExpectWords("COPY", "INTO")
	c := &Copy{OnError: OnError{Action: "ABORT_STATEMENT", Limit: 1}}
	c.Table = p.table()
	if p.Is("(") {
		c.Columns = p.Identifiers()
	}
	p.ExpectWords("FROM")
	if p.Accept("(") {
		p.transformation(c)
		p.Expect(")")
	} else {
		p.copySource(c)
	}
	seen := map[string]bool{}
	for p.Peek().Kind == sqltext.Word || p.Accept(",") {
		t := p.Advance()
		if seen[t.Text] {
			sqltext.Fail(t.Pos, "duplicate option '%s'", t.Text)
		}
		seen[t.Text] = true
		p.copyOption(c, t)
	}
	p.checkCopy(c, seen)
	return Statement{Verb: "COPY", Kind: Load, Copy: c, Target: &c.Table, Needs: []string{"INSERT"}}
}

func (p *parser) checkCopy(c *Copy, seen map[string]bool) {
	pos := p.Peek().Pos
	switch {
	case !seen["FILE_FORMAT"]:
		sqltext.Fail(pos, "COPY without FILE_FORMAT is not understood by this stand-in: its stages have no format of their own")
	case c.Match != "" && c.Transform != nil:
		sqltext.Fail(pos, "match_by_column_name is not supported with copy transform")
	case c.Match != "" && c.Format.Type == "CSV" && !c.Format.ParseHeader:
		sqltext.Fail(pos, "MATCH_BY_COLUMN_NAME of CSV needs PARSE_HEADER = TRUE")
	case c.Match == "" && c.Format.ParseHeader:
		sqltext.Fail(pos, "PARSE_HEADER is for MATCH_BY_COLUMN_NAME; use SKIP_HEADER")
	case c.Match != "" && c.Columns != nil:
		sqltext.Fail(pos, "a list of columns is not understood with MATCH_BY_COLUMN_NAME by this stand-in")
	case c.Columns != nil && c.Transform == nil && !p.rules.ColumnList:
		sqltext.Fail(pos, "a list of columns is in the syntax of COPY with a SELECT only")
	case c.Format.TrimSpace && c.Format.Type != "CSV" && c.Match == "":
		sqltext.Fail(pos, "TRIM_SPACE is for MATCH_BY_COLUMN_NAME where the type is %s", c.Format.Type)
	case seen["ENFORCE_LENGTH"] && seen["TRUNCATECOLUMNS"]:
		sqltext.Fail(pos, "ENFORCE_LENGTH and TRUNCATECOLUMNS say the same; one of the two is enough")
	}
}

// copySource reads a stage, as it is or in single quotes.
func (p *parser) copySource(c *Copy) {
	t := p.Advance()
	raw := t.Text
	if t.Kind != sqltext.Stage && (t.Kind != sqltext.Text || !strings.HasPrefix(raw, "@")) {
		sqltext.Fail(t.Pos, "COPY is understood from a named stage only: @[database.][schema.]stage[/path]")
	}
	name, path, found := cutStage(raw[1:])
	if found {
		c.Path = path
	}
	defer func() {
		if f := sqltext.Caught(recover()); f != nil {
			sqltext.Fail(t.Pos, "%s", f.Message)
		}
	}()
	inner := newParser(name, p.rules)
	c.Stage = inner.table()
	if inner.Peek().Kind != sqltext.End {
		inner.Unexpected()
	}
	p.tables = append(p.tables, c.Stage)
}

// cutStage cuts at the first slash that is not in a quoted name.
func cutStage(s string) (name, path string, found bool) {
	inQuotes := false
	for i := range len(s) {
		switch {
		case s[i] == '"':
			inQuotes = !inQuotes
		case s[i] == '/' && !inQuotes:
			return s[:i], s[i+1:], true
		}
	}
	return s, "", false
}

func (p *parser) copyOption(c *Copy, t sqltext.Token) {
	p.Expect("=")
	switch t.Text {
	case "FILES":
		c.Files = p.files()
	case "FILE_FORMAT":
		c.Format = p.fileFormat()
	case "ON_ERROR":
		c.OnError = p.onError()
	case "FORCE":
		c.Force = p.boolean()
	case "PURGE":
		c.Purge = p.boolean()
	case "TRUNCATECOLUMNS":
		c.Truncate = p.boolean()
	case "ENFORCE_LENGTH":
		c.Truncate = !p.boolean()
	case "RETURN_FAILED_ONLY":
		c.FailedOnly = p.boolean()
	case "LOAD_UNCERTAIN_FILES":
		p.only(t, "FALSE")
	case "MATCH_BY_COLUMN_NAME":
		c.Match = p.choice(t, "CASE_SENSITIVE", "CASE_INSENSITIVE", "NONE")
		if c.Match == "NONE" {
			c.Match = ""
		}
	case "PATTERN", "SIZE_LIMIT", "VALIDATION_MODE", "INCLUDE_METADATA", "LOAD_MODE", "CLUSTER_AT_INGEST_TIME":
		sqltext.Fail(t.Pos, "COPY option %s is not imitated by this stand-in", t.Text)
	default:
		sqltext.Fail(t.Pos, "unexpected '%s'", t.Text)
	}
}

func (p *parser) files() []string {
	pos := p.Peek().Pos
	p.Expect("(")
	files := sqltext.Many(&p.Parser, p.Literal)
	p.Expect(")")
	if len(files) > maxFiles {
		sqltext.Fail(pos, "FILES lists %d files: the maximum is %d", len(files), maxFiles)
	}
	return files
}

func (p *parser) onError() OnError {
	t := p.Peek()
	value := p.value()
	if value == "CONTINUE" || value == "ABORT_STATEMENT" || value == "SKIP_FILE" {
		return OnError{Action: value, Limit: 1}
	}
	m := skipFile.FindStringSubmatch(value)
	if m == nil {
		sqltext.Fail(t.Pos, "unexpected '%s'", value)
	}
	limit, err := strconv.Atoi(m[1])
	if percent := m[2] != ""; err == nil && (percent && limit <= 100 || !percent && limit > 0) {
		return OnError{"SKIP_FILE", limit, percent}
	}
	sqltext.Fail(t.Pos, "ON_ERROR = %s is not imitated by this stand-in", value)
	return OnError{}
}

var skipFile = regexp.MustCompile(`^SKIP_FILE_(\d+)(%?)$`)

// value reads a word, or the same in single quotes, which the examples of the
// documentation use too.
func (p *parser) value() string {
	t := p.Advance()
	if t.Kind != sqltext.Word && t.Kind != sqltext.Text {
		sqltext.Fail(t.Pos, "unexpected '%s'", t.Text)
	}
	return strings.ToUpper(t.Text)
}

func (p *parser) boolean() bool {
	t := p.Peek()
	value := p.value()
	if t.Kind != sqltext.Word || value != "TRUE" && value != "FALSE" {
		sqltext.Fail(t.Pos, "unexpected '%s'", t.Text)
	}
	return value == "TRUE"
}

// choice reads one of the values that an option has.
func (p *parser) choice(option sqltext.Token, values ...string) string {
	given := p.value()
	if slices.Contains(values, given) {
		return given
	}
	sqltext.Fail(option.Pos, "%s = %s is not understood: want one of %s", option.Text, given, strings.Join(values, ", "))
	return ""
}

// only reads an option of which one value alone is imitated.
func (p *parser) only(option sqltext.Token, value string) {
	if given := p.value(); given != value {
		sqltext.Fail(option.Pos, "%s = %s is not imitated by this stand-in: only %s is", option.Text, given, value)
	}
}
