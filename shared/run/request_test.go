package run

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/stagelift/stagelift/shared/postgres"
	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/table"
)

func csvFormat(compression string) stage.Format {
	return stage.Format{Name: "csv", Compression: compression, Null: `\N`, Delimiter: ","}
}

func TestRequestHasDefaults(t *testing.T) {
	t.Parallel()
	unsaid := treatment{format: csvFormat("none"), outOfRange: "error", tooLong: "refuse"}
	for name, c := range map[string]struct {
		request string
		want    settings
	}{
		"only tables": {`{"tables":["public.*"]}`, settings{streams: 2, ddlWait: time.Minute, onFailure: "continue", partBytes: 128 << 20, rest: unsaid}},
		"everything": {
			`{"tables":["public.*"],"exclude":["public.tmp_*"],"format":"csv","compression":"zstd","header":true,"null":"","delimiter":"|",` +
				`"out_of_range":"null","streams":64,"part_bytes":1,"part_multiple":8,"snapshot":"0-1","load":{"mode":"replace"}}`, settings{
				streams: 64, partBytes: 1, partMultiple: 8, ddlWait: time.Minute, onFailure: "continue",
				rest: treatment{
					format:     stage.Format{Name: "csv", Compression: "zstd", Header: true, Delimiter: "|"},
					outOfRange: "null", tooLong: "refuse", load: stage.Load{Mode: "replace"},
				},
			},
		},
		"parquet": {`{"tables":["public.*"],"format":"parquet"}`, settings{streams: 2, ddlWait: time.Minute, onFailure: "continue", partBytes: 128 << 20, rest: treatment{
			format: stage.Format{Name: "parquet", Compression: "snappy"}, outOfRange: "error", tooLong: "refuse",
		}}},
		"json lines": {`{"tables":["public.*"],"format":"jsonl"}`, settings{streams: 2, ddlWait: time.Minute, onFailure: "continue", partBytes: 128 << 20, rest: treatment{
			format: stage.Format{Name: "jsonl", Compression: "none"}, outOfRange: "error", tooLong: "refuse",
		}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			request, err := DecodeRequest(json.RawMessage(c.request))
			if err != nil {
				t.Fatal(err)
			}
			got, err := request.settings()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got, compareSettings, cmpopts.IgnoreFields(settings{}, "include", "exclude", "request", "restart")); diff != "" {
				t.Errorf("settings (-want +got):\n%s", diff)
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

var compareSettings = cmp.Options{cmp.AllowUnexported(settings{}, treatment{}, sweepRules{}, widths{}), cmpopts.EquateEmpty()}

// What an override leaves out is the request's, but for the compression of
// another format.
func TestOverridesChangeTheRequest(t *testing.T) {
	t.Parallel()
	request, err := DecodeRequest(json.RawMessage(`{"tables":["public.*"],"mode":"incremental","compression":"gzip","header":true,"load":{"mode":"merge"},"overrides":{
		"public.plain": {"where":"id > 5"},
		"public.typed": {"format":"parquet","out_of_range":"text","numeric":{"amount":"38, 10","n":"5"}},
		"public.\"Odd\"": {"columns":["id"],"primary_key":["id"],"header":false,"null":"","compression":"none","target":"sales.odd","load":{"mode":"append"},
			"cursor":{"column":"id","time_zone":"Europe/Berlin"}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	got, err := request.settings()
	if err != nil {
		t.Fatal(err)
	}
	gzip := csvFormat("gzip")
	gzip.Header = true
	want := map[table.Name]treatment{
		{Schema: "public", Table: "plain"}: {format: gzip, outOfRange: "error", tooLong: "refuse", load: stage.Load{Mode: "merge"}, where: "id > 5"},
		{Schema: "public", Table: "typed"}: {
			format: stage.Format{Name: "parquet", Compression: "snappy"}, outOfRange: "text", tooLong: "refuse", load: stage.Load{Mode: "merge"},
			widths: widths{numeric: map[string]string{"amount": "numeric(38,10)", "n": "numeric(5,0)"}, asked: map[string]bool{"amount": true, "n": true}},
		},
		{Schema: "public", Table: "Odd"}: {
			format:     stage.Format{Name: "csv", Compression: "none", Delimiter: ","},
			outOfRange: "error", tooLong: "refuse", load: stage.Load{Mode: "append", Target: &table.Name{Schema: "sales", Table: "odd"}},
			columns: postgres.Columns{Only: []string{"id"}}, primaryKey: []string{"id"},
			cursor: &Cursor{Column: "id", TimeZone: "Europe/Berlin"},
		},
	}
	if diff := cmp.Diff(want, got.tables, compareSettings); diff != "" {
		t.Errorf("tables (-want +got):\n%s", diff)
	}
}

// refusals are requests with one mistake each, and what the error says of it.
var refusals = map[string]struct{ request, want string }{
	"no tables":          {`{}`, "tables is empty"},
	"empty list":         {`{"tables":[]}`, "tables is empty"},
	"pattern":            {`{"tables":["orders"]}`, `"orders": want schema.table`},
	"exclude":            {`{"tables":["public.*"],"exclude":["tmp"]}`, `"tmp": want schema.table`},
	"format":             {`{"tables":["public.*"],"format":"xlsx"}`, `format is "xlsx", want csv, jsonl or parquet`},
	"compression":        {`{"tables":["public.*"],"compression":"zip"}`, `compression of csv is "zip", want one of none, gzip, zstd`},
	"of another format":  {`{"tables":["public.*"],"format":"jsonl","compression":"snappy"}`, `compression of jsonl is "snappy", want one of none, gzip, zstd`},
	"delimiter":          {`{"tables":["public.*"],"delimiter":"||"}`, `delimiter is "||"`},
	"NULL and delimiter": {`{"tables":["public.*"],"null":"a,b"}`, `null is "a,b"`},
	"extract mode":       {`{"tables":["public.*"],"mode":"partial"}`, `mode is "partial", want full or incremental`},
	"out of range":       {`{"tables":["public.*"],"out_of_range":"ignore"}`, `out_of_range is "ignore", want error, null or text`},
	"part multiple":      {`{"tables":["public.*"],"part_multiple":-1}`, `part_multiple is -1`},
	"override's name":    {`{"tables":["public.*"],"overrides":{"orders":{}}}`, `"orders": want schema.table`},
	"override twice":     {`{"tables":["public.*"],"overrides":{"public.a":{},"public.\"a\"":{}}}`, `overrides name public.a twice`},
	"override's format":  {`{"tables":["public.*"],"overrides":{"public.a":{"format":"xlsx"}}}`, `overrides of public.a: format is "xlsx"`},
	"columns both ways":  {`{"tables":["public.*"],"overrides":{"public.a":{"columns":["a"],"exclude_columns":["b"]}}}`, `overrides of public.a: columns and exclude_columns`},
	"cursor of nothing":  {`{"tables":["public.*"],"mode":"incremental","overrides":{"public.a":{"cursor":{}}}}`, `cursor.column is empty`},
	"numeric":            {`{"tables":["public.*"],"overrides":{"public.a":{"numeric":{"n":"50,2"}}}}`, `numeric of column "n" is "50,2"`},
	"target":             {`{"tables":["public.*"],"overrides":{"public.a":{"target":"b"}}}`, `target: `},
	"too few streams":    {`{"tables":["public.*"],"streams":-1}`, "streams is -1, want 1 to 64"},
	"too many streams":   {`{"tables":["public.*"],"streams":65}`, "streams is 65, want 1 to 64"},
	"negative part size": {`{"tables":["public.*"],"part_bytes":-1}`, "part_bytes is -1"},
	"huge part size":     {`{"tables":["public.*"],"part_bytes":5368709121}`, "part_bytes is 5368709121, want 1 to 5368709120"},
	"on failure":         {`{"tables":["public.*"],"on_failure":"ignore"}`, `on_failure is "ignore", want continue or stop`},
	"DDL's wait":         {`{"tables":["public.*"],"ddl_wait":"soon"}`, `ddl_wait is "soon", want a time such as "60s"`},
	"no wait for DDL":    {`{"tables":["public.*"],"ddl_wait":"0s"}`, `ddl_wait is "0s"`},
	"inherited":          {`{"tables":["public.*"],"inherited":"all"}`, `inherited is "all", want only`},
	"a restart":          {`{"tables":["public.*"],"restart":["public.a"]}`, "restart is for mode incremental"},
	"restart of nothing": {`{"tables":["public.*"],"mode":"incremental","restart":["a"]}`, `restart: `},
	"mode":               {`{"tables":["public.*"],"load":{"mode":"upsert"}}`, `load.mode is "upsert", want append, replace or merge`},
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
			_, err = request.settings()
			wantError(t, err, "checking the extract request", c.want)
		})
	}
}

// One answer names every mistake.
func TestAllMistakesAreReportedTogether(t *testing.T) {
	t.Parallel()
	request := Request{
		Exclude: []string{"tmp"}, Format: "csv", Compression: "zip", Streams: -1, PartBytes: -1, Load: LoadRequest{Mode: "upsert"},
	}
	_, err := request.settings()
	wantError(t, err, "tables is empty", `"tmp"`, `"zip"`, "streams is -1", "part_bytes is -1", `"upsert"`)
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
