package warehouse_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// exception is a form that the documentation of a warehouse allows and that
// sqlfluff does not know. It is spelled in a way that sqlfluff knows before a
// statement is parsed, so that the rest of the statement is still checked.
//
// The lists are those of sqlfluff 1.4.5, which Debian 12 has.
type exception struct {
	// page is the documentation's that allows the form.
	page string
	// form matches it, known is what it is replaced by.
	form  *regexp.Regexp
	known func(match string) string
	// example has the form and nothing else that sqlfluff does not know.
	example string
}

func (e exception) spell(sql string) string { return e.form.ReplaceAllStringFunc(sql, e.known) }

// quoted matches literals too, so that quotes in them are not taken for those
// of identifiers.
var quoted = regexp.MustCompile(`'(?:[^']|'')*'|"(?:[^"]|"")*"`)

// withoutQuotes takes the quotes within an identifier out.
func withoutQuotes(match string) string {
	if match[0] == '\'' {
		return match
	}
	return `"` + strings.ReplaceAll(match[1:len(match)-1], `""`, "_") + `"`
}

// instead puts one part of the match in the place of another.
func instead(part, other string) func(string) string {
	return func(match string) string { return strings.Replace(match, part, other, 1) }
}

var dialects = map[string][]exception{
	"redshift": {{
		page: "https://docs.aws.amazon.com/redshift/latest/dg/r_names.html", // Delimited identifiers
		form: quoted, known: withoutQuotes,
		example: `DELETE FROM "a ""b"" c"`,
	}},
	"snowflake": {{
		page: "https://docs.snowflake.com/en/sql-reference/identifiers-syntax", // Double-quoted identifiers
		form: quoted, known: withoutQuotes,
		example: `DELETE FROM "a ""b"" c"`,
	}, {
		page: "https://docs.snowflake.com/en/sql-reference/sql/alter-table", // ADD [ COLUMN ] [ IF NOT EXISTS ]
		form: regexp.MustCompile(`^ALTER TABLE .* ADD COLUMN IF NOT EXISTS `), known: instead(" IF NOT EXISTS", ""),
		example: `ALTER TABLE t ADD COLUMN IF NOT EXISTS c DATE`,
	}, {
		page: "https://docs.snowflake.com/en/sql-reference/sql/copy-into-table", // TYPE = PARQUET
		form: regexp.MustCompile(`\(TYPE = PARQUET USE_LOGICAL_TYPE = TRUE `), known: instead(" USE_LOGICAL_TYPE = TRUE", ""),
		example: `COPY INTO t FROM @s FILE_FORMAT = (TYPE = PARQUET USE_LOGICAL_TYPE = TRUE BINARY_AS_TEXT = FALSE)`,
	}, {
		// The page prints a list of one string or more for every type of file.
		// sqlfluff takes the empty one for CSV and JSON, and Snowflake's own
		// Terraform provider sends it for Parquet (TestStageChangeFileFormatToEmptyList).
		page: "https://docs.snowflake.com/en/sql-reference/sql/copy-into-table", // NULL_IF
		form: regexp.MustCompile(`\(TYPE = PARQUET .*NULL_IF = \(\)`), known: instead("NULL_IF = ()", "NULL_IF = ('')"),
		example: `COPY INTO t FROM @s FILE_FORMAT = (TYPE = PARQUET NULL_IF = ())`,
	}},
}

// Whatever is said to a warehouse reads as SQL of its dialect to a parser that
// others wrote. Of each exception the test wants that it is used, that sqlfluff
// refuses the form, and that it takes the other spelling.
func TestGoldenStatementsAreSQL(t *testing.T) {
	t.Parallel()
	for dialect, exceptions := range dialects {
		t.Run(dialect, func(t *testing.T) {
			t.Parallel()
			golden := goldenStatements(t, dialect)
			used := make([]bool, len(exceptions))
			scripts := map[string]string{} // by name
			for i, sql := range golden {
				for number, e := range exceptions {
					spelled := e.spell(sql)
					used[number] = used[number] || spelled != sql
					sql = spelled
				}
				scripts[fmt.Sprintf("golden-%04d", i)] = sql
			}
			for i, e := range exceptions {
				scripts[fmt.Sprintf("form-%d", i)] = e.example
				scripts[fmt.Sprintf("known-%d", i)] = e.spell(e.example)
			}
			refused := parse(t, dialect, scripts)
			for i, sql := range golden {
				if reason := refused[fmt.Sprintf("golden-%04d", i)]; reason != "" {
					t.Errorf("sqlfluff does not read %s\nof %s", reason, sql)
				}
			}
			for i, e := range exceptions {
				if !used[i] {
					t.Errorf("no golden statement has the form of %s any longer: remove the exception", e.page)
				}
				if refused[fmt.Sprintf("form-%d", i)] == "" {
					t.Errorf("sqlfluff reads %s: remove the exception", e.example)
				}
				if reason := refused[fmt.Sprintf("known-%d", i)]; reason != "" {
					t.Errorf("sqlfluff does not read the other spelling of %s: %s", e.example, reason)
				}
			}
		})
	}
}

// goldenStatements returns every statement of a warehouse's golden files once.
func goldenStatements(t *testing.T, dialect string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dialect, "testdata", "*.sql"))
	if err != nil || len(files) < 40 {
		t.Fatalf("%s has %d golden files, %v", dialect, len(files), err)
	}
	statements := map[string]bool{}
	comment := regexp.MustCompile(`(?m)^-- .*\n`)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for sql := range strings.SplitSeq(comment.ReplaceAllString(string(text), ""), ";\n") {
			if sql = strings.TrimSpace(sql); sql != "" {
				statements[sql] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(statements))
}

// parse has sqlfluff parse the scripts in one process, since it takes seconds
// to start, and returns what it could not read of them, by name.
func parse(t *testing.T, dialect string, scripts map[string]string) map[string]string {
	t.Helper()
	program, err := exec.LookPath("sqlfluff")
	if err != nil {
		t.Fatalf("%v: install it with apt-get install sqlfluff, or pip install sqlfluff==1.4.5", err)
	}
	dir := t.TempDir()
	for name, sql := range scripts {
		if err := os.WriteFile(filepath.Join(dir, name+".sql"), []byte(sql+";\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var said bytes.Buffer
	cmd := exec.CommandContext(t.Context(), program, "parse", "--dialect", dialect, "--templater", "raw",
		"--ignore-local-config", "--nofail", "--format", "json", dir)
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("sqlfluff: %v\n%s", err, said.String())
	}
	var trees []struct {
		Path     string `json:"filepath"`
		Segments any    `json:"segments"`
	}
	if err := json.Unmarshal(out, &trees); err != nil {
		t.Fatalf("reading what sqlfluff says: %v\n%.500s\n%s", err, out, said.String())
	}
	refused := map[string]string{}
	for _, tree := range trees {
		name := strings.TrimSuffix(filepath.Base(tree.Path), ".sql")
		if tree.Segments == nil { // it gave up before parsing
			refused[name] = "anything"
		} else if text, found := unparsable(tree.Segments); found {
			refused[name] = text
		}
		delete(scripts, name)
	}
	for name, sql := range scripts {
		t.Errorf("sqlfluff says nothing of %s: %s", name, sql)
	}
	return refused
}

// unparsable finds the first section of a tree that sqlfluff could not parse.
func unparsable(node any) (text string, found bool) {
	switch node := node.(type) {
	case []any:
		for _, child := range node {
			if text, found := unparsable(child); found {
				return text, true
			}
		}
	case map[string]any:
		if section, there := node["unparsable"]; there {
			return raw(section), true
		}
		for _, child := range node {
			if text, found := unparsable(child); found {
				return text, true
			}
		}
	}
	return "", false
}

// raw is the text of a section.
func raw(node any) string {
	var text strings.Builder
	switch node := node.(type) {
	case string:
		return node
	case []any:
		for _, child := range node {
			text.WriteString(raw(child))
		}
	case map[string]any:
		for _, child := range node {
			text.WriteString(raw(child))
		}
	}
	return text.String()
}
