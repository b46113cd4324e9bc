package extract

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/table"
)

func TestRequestHasDefaults(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		request string
		want    plan
	}{
		"only tables": {`{"tables":["public.*"]}`, plan{
			format:  stage.Format{Name: "csv", Compression: "none", Null: `\N`, Delimiter: ","},
			streams: 2, partBytes: 128 << 20, load: stage.Load{Mode: "append"},
		}},
		"everything": {
			`{"tables":["public.*"],"exclude":["public.tmp_*"],"format":"csv","compression":"gzip","header":true,` +
				`"streams":64,"part_bytes":1,"load":{"mode":"append"}}`, plan{
				format:  stage.Format{Name: "csv", Compression: "gzip", Header: true, Null: `\N`, Delimiter: ","},
				streams: 64, partBytes: 1, load: stage.Load{Mode: "append"},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			request, err := DecodeRequest(json.RawMessage(c.request))
			if err != nil {
				t.Fatal(err)
			}
			got, err := request.plan()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(plan{}), cmpopts.IgnoreFields(plan{}, "include", "exclude")); diff != "" {
				t.Errorf("plan (-want +got):\n%s", diff)
			}
			if len(got.include) != 1 || !got.include[0].Matches(table.Name{Schema: "public", Table: "orders"}) {
				t.Errorf("patterns %v", got.include)
			}
			if len(got.exclude) != len(request.Exclude) {
				t.Errorf("excludes %v, want %v", got.exclude, request.Exclude)
			}
		})
	}
}

// refusals are requests with one mistake each, and what the error says of it.
var refusals = map[string]struct{ request, want string }{
	"no tables":          {`{}`, "tables is empty"},
	"empty list":         {`{"tables":[]}`, "tables is empty"},
	"pattern":            {`{"tables":["orders"]}`, `"orders": want schema.table`},
	"exclude":            {`{"tables":["public.*"],"exclude":["tmp"]}`, `"tmp": want schema.table`},
	"format":             {`{"tables":["public.*"],"format":"parquet"}`, `format is "parquet", want csv`},
	"compression":        {`{"tables":["public.*"],"compression":"zip"}`, `compression is "zip", want none or gzip`},
	"too few streams":    {`{"tables":["public.*"],"streams":-1}`, "streams is -1, want 1 to 64"},
	"too many streams":   {`{"tables":["public.*"],"streams":65}`, "streams is 65, want 1 to 64"},
	"negative part size": {`{"tables":["public.*"],"part_bytes":-1}`, "part_bytes is -1"},
	"huge part size":     {`{"tables":["public.*"],"part_bytes":5368709121}`, "part_bytes is 5368709121, want 1 to 5368709120"},
	"mode":               {`{"tables":["public.*"],"load":{"mode":"upsert"}}`, `load.mode is "upsert", want append`},
}

func TestBadRequestIsRefused(t *testing.T) {
	t.Parallel()
	for name, c := range refusals {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			request, err := DecodeRequest(json.RawMessage(c.request))
			if err != nil {
				t.Fatal(err)
			}
			_, err = request.plan()
			wantError(t, err, "checking the extract request", c.want)
		})
	}
}

// One answer names every mistake.
func TestAllMistakesAreReportedTogether(t *testing.T) {
	t.Parallel()
	request := Request{
		Exclude: []string{"tmp"}, Format: "parquet", Compression: "zip", Streams: -1, PartBytes: -1, Load: LoadRequest{Mode: "upsert"},
	}
	_, err := request.plan()
	wantError(t, err, "tables is empty", `"tmp"`, `"parquet"`, `"zip"`, "streams is -1", "part_bytes is -1", `"upsert"`)
}

func TestRequestWithAnUnknownFieldIsRefused(t *testing.T) {
	t.Parallel()
	_, err := DecodeRequest(json.RawMessage(`{"tabels":["public.*"],"load":{"key":"id"}}`))
	wantError(t, err, "reading the extract request", `"tabels"`, `"key"`)
}

// wantError checks that there is an error with all of the texts in it.
func wantError(t *testing.T, err error, texts ...string) {
	t.Helper()
	if err == nil {
		t.Error("no error")
		return
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("error is %q, want %q in it", err, text)
		}
	}
}
