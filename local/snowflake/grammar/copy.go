package grammar

import (
	"slices"
	"strings"
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
}

func (p *parser) copyStatement() Statement {
	p.expectWords("COPY", "INTO")
	c := &Copy{OnError: OnError{Action: "ABORT_STATEMENT", Limit: 1}}
	c.Table = p.table()
	if p.is("(") {
		c.Columns = p.identifiers()
	}
	p.expectWords("FROM")
	if p.accept("(") {
		p.transformation(c)
		p.expect(")")
	} else {
		p.copySource(c)
	}
	seen := map[string]bool{}
	for p.peek().kind == word || p.accept(",") {
		t := p.advance()
		if seen[t.text] {
			fail(t.pos, "duplicate option '%s'", t.text)
		}
		seen[t.text] = true
		p.copyOption(c, t)
	}
	p.checkCopy(c, seen)
	return Statement{Verb: "COPY", Kind: Load, Copy: c, Target: &c.Table}
}

func (p *parser) checkCopy(c *Copy, seen map[string]bool) {
	pos := p.peek().pos
	switch {
	case !seen["FILE_FORMAT"]:
		fail(pos, "COPY without FILE_FORMAT is not understood by this stand-in: its stages have no format of their own")
	case c.Match != "" && c.Transform != nil:
		fail(pos, "match_by_column_name is not supported with copy transform")
	case c.Match != "" && c.Format.Type == "CSV" && !c.Format.ParseHeader:
		fail(pos, "MATCH_BY_COLUMN_NAME of CSV needs PARSE_HEADER = TRUE")
	case c.Match == "" && c.Format.ParseHeader:
		fail(pos, "PARSE_HEADER is for MATCH_BY_COLUMN_NAME; use SKIP_HEADER")
	case c.Match != "" && c.Columns != nil:
		fail(pos, "a list of columns is not understood with MATCH_BY_COLUMN_NAME by this stand-in")
	case seen["ENFORCE_LENGTH"] && seen["TRUNCATECOLUMNS"]:
		fail(pos, "ENFORCE_LENGTH and TRUNCATECOLUMNS say the same; one of the two is enough")
	}
}

// copySource reads a stage, as it is or in single quotes.
func (p *parser) copySource(c *Copy) {
	t := p.advance()
	raw := t.text
	if t.kind != stage && (t.kind != text || !strings.HasPrefix(raw, "@")) {
		fail(t.pos, "COPY is understood from a named stage only: @[database.][schema.]stage[/path]")
	}
	name, path, found := cutStage(raw[1:])
	if found {
		c.Path = path
	}
	defer func() {
		if failure := recover(); failure != nil {
			if e, ours := failure.(*Error); ours {
				e.Offset = t.pos
			}
			panic(failure)
		}
	}()
	inner := &parser{sql: name, tokens: lex(name)}
	c.Stage = inner.table()
	if inner.peek().kind != end {
		inner.unexpected()
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

func (p *parser) copyOption(c *Copy, t token) {
	p.expect("=")
	switch t.text {
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
	case "RETURN_FAILED_ONLY", "LOAD_UNCERTAIN_FILES":
		p.only(t, "FALSE")
	case "MATCH_BY_COLUMN_NAME":
		c.Match = p.choice(t, "CASE_SENSITIVE", "CASE_INSENSITIVE", "NONE")
		if c.Match == "NONE" {
			c.Match = ""
		}
	case "PATTERN", "SIZE_LIMIT", "VALIDATION_MODE", "INCLUDE_METADATA", "LOAD_MODE", "CLUSTER_AT_INGEST_TIME":
		fail(t.pos, "COPY option %s is not imitated by this stand-in", t.text)
	default:
		fail(t.pos, "unexpected '%s'", t.text)
	}
}

func (p *parser) files() []string {
	pos := p.peek().pos
	p.expect("(")
	files := []string{p.literal()}
	for p.accept(",") {
		files = append(files, p.literal())
	}
	p.expect(")")
	if len(files) > maxFiles {
		fail(pos, "FILES lists %d files: the maximum is %d", len(files), maxFiles)
	}
	return files
}

func (p *parser) onError() OnError {
	t := p.peek()
	value := p.value()
	switch {
	case value == "CONTINUE", value == "ABORT_STATEMENT", value == "SKIP_FILE":
		return OnError{value, 1}
	case strings.HasPrefix(value, "SKIP_FILE_"):
		limit, digits := 0, value[len("SKIP_FILE_"):]
		for _, c := range []byte(digits) {
			if !isDigit(c) || limit > 1<<20 {
				fail(t.pos, "ON_ERROR = %s is not imitated by this stand-in", value)
			}
			limit = limit*10 + int(c-'0')
		}
		return OnError{"SKIP_FILE", max(limit, 1)}
	}
	fail(t.pos, "unexpected '%s'", value)
	return OnError{}
}

// value reads a word, or the same in single quotes, which the examples of the
// documentation use too.
func (p *parser) value() string {
	t := p.advance()
	if t.kind != word && t.kind != text {
		fail(t.pos, "unexpected '%s'", t.text)
	}
	return strings.ToUpper(t.text)
}

func (p *parser) boolean() bool {
	t := p.peek()
	value := p.value()
	if t.kind != word || value != "TRUE" && value != "FALSE" {
		fail(t.pos, "unexpected '%s'", t.text)
	}
	return value == "TRUE"
}

// choice reads one of the values that an option has.
func (p *parser) choice(option token, values ...string) string {
	given := p.value()
	if slices.Contains(values, given) {
		return given
	}
	fail(option.pos, "%s = %s is not understood: want one of %s", option.text, given, strings.Join(values, ", "))
	return ""
}

// only reads an option of which one value alone is imitated.
func (p *parser) only(option token, value string) {
	if given := p.value(); given != value {
		fail(option.pos, "%s = %s is not imitated by this stand-in: only %s is", option.text, given, value)
	}
}
