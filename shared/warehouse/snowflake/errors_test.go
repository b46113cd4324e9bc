package snowflake

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// wrapped is how Snowflake tells the failure of one of several statements, as
// its guide shows it.
func wrapped(statement, message string) string {
	return `JavaScript execution error: Uncaught Execution of multiple statements failed on statement "` + statement +
		`" (at line 1, position 75).` + "\n" + message +
		" in SYSTEM$MULTISTMT at '    throw `Execution of multiple statements failed on statement {0} (at line {1}, position {2}).`" +
		".replace('{1}', LINES[i])' position 4\nstackstrace: \nSYSTEM$MULTISTMT line: 10"
}

const badNumber = `Numeric value 'four, O''Neil' is not recognized
  File 'shop/public.orders/20261121T003000Z-7f3a91c2/part-00001.csv', line 12, character 5
  Row 11, column "stagelift_0f0f0f0f0f0f0f0f"["total":2]
  If you would like to continue loading when an error is encountered, use other values such as 'SKIP_FILE' or 'CONTINUE' for the ON_ERROR option. For more information on loading options, please run 'info loading_data' in a SQL client.`

func TestBadRowsAreNamedWithoutTheirValues(t *testing.T) {
	t.Parallel()
	want := []warehouse.RowError{{
		File: "s3://bucket/" + folder + "part-00001.csv", Line: 12, Column: "total", Code: "100132",
		Message: "Numeric value '…' is not recognized",
	}}
	for name, message := range map[string]string{
		"one of several":        wrapped("COPY INTO ...", badNumber),
		"alone":                 badNumber,
		"row that starts above": strings.Replace(badNumber, "Row 11, column", "Row 11 starts at line 10, column", 1),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			failed := &statementError{handle: "h1", code: "100132", state: "P0000", message: message}
			if diff := cmp.Diff(want, failed.rowErrors(load())); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			wantError(t, failed, "h1", "100132", "Numeric value '…' is not recognized", "part-00001.csv", "line 12", `"total"`)
			for _, value := range []string{"four", "Neil", "SYSTEM$MULTISTMT", "SKIP_FILE"} {
				if strings.Contains(failed.Error(), value) {
					t.Errorf("error is %v", failed)
				}
			}
		})
	}
}

func TestNamesShowWhereNoRowWasRead(t *testing.T) {
	t.Parallel()
	failed := &statementError{message: wrapped("COPY INTO ...", "SQL compilation error:\nStage 'ANALYTICS.STAGELIFT.STAGING' does not exist or not authorized.")}
	wantError(t, failed, "Stage 'ANALYTICS.STAGELIFT.STAGING' does not exist")
}

func TestColumnsOfTransformationsAreNamedAsTheyCome(t *testing.T) {
	t.Parallel()
	failed := &statementError{message: "Numeric value 'x' is not recognized\n  File 'elsewhere.csv.gz', line 1, character 1\n  Row 1, column $1:total\n  If you would"}
	want := []warehouse.RowError{{File: "elsewhere.csv.gz", Line: 1, Column: "$1:total", Message: "Numeric value '…' is not recognized"}}
	if diff := cmp.Diff(want, failed.rowErrors(load())); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestVerdictsAreReadFromTheMessage(t *testing.T) {
	t.Parallel()
	failed := &statementError{message: wrapped("SELECT CAST(CASE WHEN ...", "Numeric value 'stagelift rows 1041' is not recognized")}
	if v, found := failed.verdict(); !found || v != (verdict{checkRows, 1041}) {
		t.Errorf("%+v, %t", v, found)
	}
	// The statement that is quoted before the cause holds the same words.
	failed = &statementError{message: wrapped("SELECT 'stagelift rows 7'", "Warehouse 'X' cannot be resumed")}
	if v, found := failed.verdict(); found {
		t.Errorf("%+v", v)
	}
}

func TestLocksAreRecognised(t *testing.T) {
	t.Parallel()
	for _, failed := range []*statementError{
		{code: "000625"},
		{code: "100132", message: wrapped("UPDATE ...", "Statement '01b2' has locked table 'PUBLIC.ORDERS' in transaction 17 and this lock has not yet been released.\nYour statement '01b3' was aborted")},
		{code: "100132", message: wrapped("UPDATE ...", "Your statement '01b3' was aborted because the number of waiters for this lock exceeds the 20 statements limit.")},
	} {
		if !failed.locked() {
			t.Errorf("%s is not", failed)
		}
	}
	if (&statementError{code: "100132", message: badNumber}).locked() {
		t.Error("a bad row is")
	}
}

func FuzzErrors(f *testing.F) {
	f.Add("100132", wrapped("COPY", badNumber), "four")
	f.Add("000904", "invalid identifier 'AFAF'", "AFAF")
	f.Fuzz(func(t *testing.T, code, message, value string) {
		failed := &statementError{code: code, message: message}
		_, _ = failed.verdict()
		_ = failed.locked()
		_ = failed.rowErrors(load())
		_ = failed.Error()
		if strings.ContainsAny(value, "'\n") || len(value) < 4 || strings.Contains("Numeric value '…' is not recognized", value) {
			return
		}
		failed.message = "Numeric value '" + value + "' is not recognized"
		if strings.Contains(failed.Error(), "'"+value+"'") {
			t.Errorf("value %q shows in %q", value, failed.Error())
		}
	})
}

// FuzzPlan checks that no name leaves its quotes: what a plan says falls apart
// at the same semicolons, whatever the names are.
func FuzzPlan(f *testing.F) {
	f.Add("orders", "id", "part", "merge", "csv")
	f.Add(`o"; DROP TABLE x; --`, `'`, `\';`, "replace", "jsonl")
	f.Add(`\`, `"\`, "$$;'", "append", "parquet")
	f.Fuzz(func(t *testing.T, target, column, part, mode, format string) {
		l := load()
		l.Mode, l.Keys, l.Format.Name = warehouse.Mode(mode), []string{column}, format
		l.Source.Table, l.Target.Table, l.Columns[0].Name = target, target, column
		l.Parts = []warehouse.Part{{Key: folder + part, Rows: l.Rows}}
		l.Grants, l.Run, l.AddRun, l.Swap = []string{"ROLE " + table.Quote(target)}, stage.RunID(part), true, true
		l.Sweep, l.BadRows = &warehouse.Sweep{Parts: l.Parts}, new(int64)
		if l.Mode != warehouse.Merge {
			l.Sweep = nil
		}
		if format == "csv" {
			l.Copy = map[string]string{"DATE_FORMAT": part + "'", "TRUNCATECOLUMNS": "TRUE"}
		}
		task, err := newTask(l)
		if err != nil {
			return
		}
		transaction, err := plan(config(), task, entryOf(l))
		if err != nil {
			return
		}
		setup, err := setUpFor(config(), task, existing{})
		if err != nil {
			return
		}
		task.swap = &swap{mark: markOf(task.Load, 3), comment: target, comments: map[string]string{column: part}}
		swapping, err := plan(config(), task, warehouse.Enter(l, warehouse.Verdict{}))
		if err != nil {
			return
		}
		for _, s := range slices.Concat(setup.statements, setup.wishes, swapping.statements, append(transaction.statements, lookStatement(config(), l), ledgerStatement(config(), l), lockRow(config(), l))) {
			if !whole(s) {
				t.Errorf("statement falls apart: %s", s)
			}
		}
	})
}

// whole reports whether the text is one statement: its quotes are closed, and
// there is no semicolon and no comment outside of them.
func whole(s string) bool {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case ';':
			return false
		case '-':
			if strings.HasPrefix(s[i:], "--") {
				return false
			}
		case '\'', '"':
			for i++; ; i++ {
				if i >= len(s) {
					return false
				}
				if c == '\'' && s[i] == '\\' {
					i++
				} else if s[i] == c {
					break
				}
			}
		}
	}
	return true
}
