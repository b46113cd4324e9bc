package snowflake

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestColumnList(t *testing.T) {
	t.Parallel()
	const load = "COPY INTO t (i) FROM @STAGED/a.csv FILE_FORMAT = (TYPE = CSV)"
	b := setup(t)
	b.must("CREATE TABLE t (s VARCHAR, i NUMBER)")
	b.mustFail("001003", "a list of columns is in the syntax of COPY with a SELECT only", load)
	lenient := setup(t, func(o *Options) { o.ColumnList = true })
	lenient.put("a.csv", "1\n")
	lenient.must("CREATE TABLE t (s VARCHAR, i NUMBER)", load)
	if diff := cmp.Diff([]string{"NULL|1"}, lenient.must("SELECT * FROM t").rows()); diff != "" {
		t.Error(diff)
	}
}

// A transformation does not mind how many fields there are, whatever the format
// says ("Transforming data during a load").
func TestTransformationIgnoresTheCount(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.put("short.csv", "1\n")
	b.put("long.csv", "2,b,c\n")
	b.must("CREATE TABLE t (i NUMBER, s VARCHAR)")
	const format = " FILE_FORMAT = (TYPE = CSV ERROR_ON_COLUMN_COUNT_MISMATCH = TRUE)"
	b.mustFail("100080", "Number of columns in file (1)", "COPY INTO t FROM @STAGED/short"+format)
	b.mustFail("100080", "Number of columns in file (3)", "COPY INTO t FROM @STAGED/long"+format)
	b.must("COPY INTO t FROM (SELECT $1, $2 FROM @STAGED)" + format)
	if diff := cmp.Diff([]string{"1|NULL", "2|b"}, b.must("SELECT * FROM t ORDER BY i").rows()); diff != "" {
		t.Error(diff)
	}
}

func TestParseJSON(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.must("CREATE TABLE t (n NUMBER, v VARIANT)", `INSERT INTO t SELECT 1, PARSE_JSON('{"b": [1, {"a": 2}], "a": null}')`,
		`INSERT INTO t SELECT 2, PARSE_JSON('{"a": 1, "a": [{"b": 1, "b": 2}]}', 'd')`, `INSERT INTO t SELECT 3, PARSE_JSON(' ')`,
		`INSERT INTO t SELECT 4, PARSE_JSON('null', 's')`)
	if diff := cmp.Diff([]string{`1|{"a": null, "b": [1, {"a": 2}]}`, `2|{"a": [{"b": 2}]}`, "3|NULL", "4|null"},
		b.must("SELECT * FROM t ORDER BY n").rows()); diff != "" {
		t.Error(diff)
	}
	for document, want := range map[string]string{
		`{"a": 1, "b": 2, "a": 3}`:         `Error parsing JSON: duplicate object attribute "a"`,
		`[1, {"x": [{"é": 1, "é": 2}]}]`:   `Error parsing JSON: duplicate object attribute "é"`,
		`{"x": {"a": 1, "\\u0061": null}}`: `Error parsing JSON: duplicate object attribute "a"`,
		`{"a": }`:                          "Error parsing JSON",
		`"\\u0000"`:                        "Error parsing JSON",
	} {
		b.mustFail("100069", want, "INSERT INTO t SELECT 5, PARSE_JSON('"+document+"')")
	}
	b.mustFail("100069", "Error parsing JSON", "SELECT PARSE_JSON('{', 'd') AS v")
}

// ALLOW_DUPLICATE is the file format's, and FALSE.
func TestAllowDuplicate(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.put("a.json", `{"a": 1, "a": 2}`)
	b.put("a.csv", `{"a": 1~ "a": 2}`+"\n")
	b.must("CREATE TABLE t (v VARIANT)")
	const load = "COPY INTO t FROM @STAGED/a.json FILE_FORMAT = (TYPE = JSON"
	b.mustFail("100069", `duplicate object attribute "a"`, load+")")
	b.must(load + " ALLOW_DUPLICATE = TRUE)")
	if diff := cmp.Diff([]string{`{"a": 2}`}, b.must("SELECT v FROM t").rows()); diff != "" {
		t.Error(diff)
	}
}

// SKIP_FILE_n% skips a file where more than that share of its rows is bad.
func TestSkipFileByPercent(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.put("in/half.csv", "1\nx\n2\ny\n")
	b.put("in/good.csv", "3\n")
	b.must("CREATE TABLE t (i NUMBER)")
	load := func(option string) []string {
		return b.must("COPY INTO t FROM @STAGED/in/ FILE_FORMAT = (TYPE = CSV) " + option).rows()
	}
	state := func(rows []string) string {
		var states []string
		for _, row := range rows {
			name, rest, _ := strings.Cut(row, "|")
			status, _, _ := strings.Cut(rest, "|")
			states = append(states, name[strings.LastIndexByte(name, '/')+1:]+" "+status)
		}
		return strings.Join(states, ", ")
	}
	if got := state(load("ON_ERROR = 'SKIP_FILE_49%' RETURN_FAILED_ONLY = TRUE")); got != "half.csv LOAD_FAILED" {
		t.Errorf("above the share: %s", got)
	}
	if got := state(load("ON_ERROR = 'SKIP_FILE_50%' FORCE = TRUE")); got != "good.csv LOADED, half.csv PARTIALLY_LOADED" {
		t.Errorf("at the share: %s", got)
	}
	if got := b.must("SELECT COUNT(*) FROM t").rows()[0]; got != "4" {
		t.Errorf("%s rows, want one, and three more", got)
	}
}

func TestTrimSpace(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.put("a.csv", " 1 , \" x \" \n")
	b.put("a.json", `{"I": 2, "S": " \t y "}`)
	b.must("CREATE TABLE t (i NUMBER, s VARCHAR)")
	const options = ` FIELD_OPTIONALLY_ENCLOSED_BY = '"' TRIM_SPACE = `
	b.must("COPY INTO t FROM @STAGED/a.csv FILE_FORMAT = (TYPE = CSV" + options + "TRUE)")
	b.mustFail("100080", "", "COPY INTO t FROM @STAGED/a.csv FILE_FORMAT = (TYPE = CSV FIELD_DELIMITER = ';') FORCE = TRUE")
	for _, trim := range []string{"TRUE", "FALSE"} {
		b.must("COPY INTO t FROM @STAGED/a.json FILE_FORMAT = (TYPE = JSON TRIM_SPACE = " + trim + ") FORCE = TRUE MATCH_BY_COLUMN_NAME = CASE_SENSITIVE")
	}
	if diff := cmp.Diff([]string{"1| x ", "2| \t y ", "2|y"}, b.must("SELECT * FROM t ORDER BY i, s").rows()); diff != "" {
		t.Error(diff)
	}
}

// VALIDATE tells what a COPY has rejected.
func TestValidate(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.put("in/a.csv", "1,a\nx,\"b\"\n3,toolong\n4,d,more\n")
	b.must("CREATE TABLE t (i NUMBER, s VARCHAR(3))", "CREATE TABLE u (i NUMBER, s VARCHAR(3))", "CREATE TABLE other (i NUMBER)")
	const options = ` FROM @STAGED/in/ FILE_FORMAT = (TYPE = CSV FIELD_OPTIONALLY_ENCLOSED_BY = '"' ERROR_ON_COLUMN_COUNT_MISMATCH = FALSE) ON_ERROR = `
	load := b.must("COPY INTO t" + options + "CONTINUE")
	ask := func(table, job string) string {
		return "SELECT * FROM TABLE(VALIDATE(" + table + ", JOB_ID => '" + job + "'))"
	}
	got := b.must(ask("public.t", load.Handle))
	want := []string{
		`Numeric value 'x' is not recognized|in/a.csv|2|1|NULL|conversion|100038|22018|"T"["I":1]|2|2|x,"b"`,
		`User character length limit (3) exceeded by a string of 7 characters|in/a.csv|3|1|NULL|conversion|100078|22000|"T"["S":2]|3|3|3,toolong`,
		`Number of columns in file (3) differs from that of the records before (2)|in/a.csv|4|1|NULL|parsing|100080|22000||4|4|4,d,more`,
	}
	if diff := cmp.Diff(want, got.rows()); diff != "" {
		t.Error(diff)
	}
	if got.Meta.Columns[11].Name != "REJECTED_RECORD" {
		t.Errorf("columns %+v", got.Meta.Columns)
	}
	b.must("COPY INTO other FROM @STAGED/none FILE_FORMAT = (TYPE = CSV)")
	several := b.must("COPY INTO u"+options+"SKIP_FILE", ask("u", "_last"))
	if rows := b.get(several.Handles[1], "").rows(); len(rows) != 3 {
		t.Errorf("of the last: %q", rows)
	}
	if rows := b.must(ask("u", several.Handles[0])).rows(); len(rows) != 3 {
		t.Errorf("of a statement of several: %q", rows)
	}
	b.mustFail("001044", "is no COPY INTO OTHER", ask("other", load.Handle))
}

func TestValidateRefuses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.put("in/a.csv", "1\nx\n")
	b.must("CREATE TABLE t (i NUMBER)", "CREATE TABLE u (i NUMBER)")
	transformed := b.must("COPY INTO t FROM (SELECT $1 FROM @STAGED/in/) FILE_FORMAT = (TYPE = CSV) ON_ERROR = CONTINUE").Handle
	const validate = "SELECT * FROM TABLE(VALIDATE(%, JOB_ID => '!'))"
	for _, c := range []struct{ table, job, code string }{
		{"t", transformed, "002303"},
		{"u", transformed, "001044"},
		{"t", "_last", "001044"},
		{"none", transformed, notThere},
		{"t", b.must("SELECT 1").Handle, "001044"},
	} {
		b.mustFail(c.code, "", strings.NewReplacer("%", c.table, "!", c.job).Replace(validate))
	}
}
