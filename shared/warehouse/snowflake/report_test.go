package snowflake

import (
	"encoding/json"
	"testing"
)

func reportOf(t *testing.T, result string) (*copyReport, error) {
	t.Helper()
	var a answer
	if err := json.Unmarshal([]byte(result), &a); err != nil {
		t.Fatal(err)
	}
	var report copyReport
	return &report, report.add(&a, a.Data)
}

const copyColumns = `{"resultSetMetaData":{"rowType":[{"name":"file"},{"name":"status"},{"name":"rows_parsed"},{"name":"rows_loaded"},{"name":"errors_seen"}]},"data":`

func TestReportOfCopyIsComparedFileByFile(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		data string
		want []string
	}{
		"as staged":    {`[["s3://bucket/stage/x/part-00000.csv","LOADED","1000","1000","0"],["part-00001.csv","LOADED","42","42",null]]`, nil},
		"fewer rows":   {`[["x/part-00000.csv","LOADED","1000","999","0"],["x/part-00001.csv","LOADED","42","42","0"]]`, []string{"999 rows of", "part-00000.csv", "staged are 1000"}},
		"missing file": {`[["x/part-00000.csv","LOADED","1000","1000","0"]]`, []string{"0 rows of", "part-00001.csv", "staged are 42"}},
		"errors":       {`[["x/part-00000.csv","PARTIALLY_LOADED","1001","1000","1"],["x/part-00001.csv","LOADED","42","42","0"]]`, []string{"1 errors"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			report, err := reportOf(t, copyColumns+test.data+"}")
			if err != nil {
				t.Fatal(err)
			}
			err = report.check(load())
			if test.want == nil && err != nil {
				t.Error(err)
			}
			if test.want != nil {
				wantError(t, err, test.want...)
			}
		})
	}
}

func TestReportInAnotherFormIsNotRead(t *testing.T) {
	t.Parallel()
	for _, result := range []string{
		`{"resultSetMetaData":{"rowType":[{"name":"status"}]},"data":[["Copy executed with 0 files processed."]]}`,
		copyColumns + `[[null,"LOADED","1","1","0"]]}`, copyColumns + `[["f","LOADED","1","one","0"]]}`,
	} {
		if _, err := reportOf(t, result); err == nil {
			t.Errorf("%s was taken", result)
		}
	}
}
