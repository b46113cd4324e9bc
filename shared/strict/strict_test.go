package strict_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/shared/strict"
)

// request has a field of every kind that the functions' requests have.
type request struct {
	Tables    []string        `json:"tables"`
	Header    bool            `json:"header"`
	Streams   int             `json:"streams"`
	PartBytes int64           `json:"part_bytes,omitempty"`
	Load      load            `json:"load"`
	Since     time.Time       `json:"since"`
	Limits    *load           `json:"limits"`
	Overrides map[string]load `json:"overrides"`
	Hidden    string          `json:"-"`
	unseen    string
}

type load struct {
	Mode string   `json:"mode"`
	Keys []string `json:"keys"`
}

func TestDecode(t *testing.T) {
	t.Parallel()
	got := request{Streams: 2, unseen: "kept"}
	err := strict.Decode([]byte(` {"tables":["public.*"],"header":true,"part_bytes":9007199254740993,
		"load":{"mode":"append","keys":[]},"since":"2026-11-21T00:30:00Z","limits":{"mode":"m"},
		"overrides":{"public.\"Order\"":{"mode":"o"}}} `), &got)
	if err != nil {
		t.Fatal(err)
	}
	want := request{
		Tables: []string{"public.*"}, Header: true, Streams: 2, PartBytes: 9007199254740993,
		Load:  load{Mode: "append", Keys: []string{}},
		Since: time.Date(2026, 11, 21, 0, 30, 0, 0, time.UTC), Limits: &load{Mode: "m"}, unseen: "kept",
		Overrides: map[string]load{`public."Order"`: {Mode: "o"}},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(request{})); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	const fields = "there are tables, header, streams, part_bytes, load, since, limits, overrides"
	for name, test := range map[string]struct{ raw, want string }{
		"an unknown field":         {`{"table":[]}`, `no field "table"; ` + fields},
		"a field that is not read": {`{"Hidden":"x"}`, `no field "Hidden"; ` + fields},
		"a name in another case":   {`{"Tables":[]}`, `no field "Tables"; ` + fields},
		"an unknown nested field":  {`{"load":{"modes":"x"}}`, `field load: no field "modes"; there are mode, keys`},
		"text for a list":          {`{"tables":"x"}`, "field tables: got text, want list"},
		"a number in a list":       {`{"tables":["x",7]}`, "field tables[1]: got number, want text"},
		"a number in a nested list": {
			`{"load":{"keys":["x",7]}}`, "field load.keys[1]: got number, want text",
		},
		"text for a number":         {`{"streams":"4"}`, "field streams: got text, want number"},
		"a fraction":                {`{"streams":1.5}`, "field streams: got number, want a whole number that fits"},
		"a number that is large":    {`{"part_bytes":1e30}`, "field part_bytes: got number, want a whole number that fits"},
		"a number for a bool":       {`{"header":1}`, "field header: got number, want true or false"},
		"a list for an object":      {`{"load":[]}`, "field load: got list, want object"},
		"null for a field":          {`{"tables":null}`, "field tables: got null; leave the field out"},
		"null in a list":            {`{"tables":[null]}`, "field tables[0]: got null"},
		"a list for a map":          {`{"overrides":[]}`, "field overrides: got list, want object"},
		"a wrong value in a map":    {`{"overrides":{"a b":{"mode":7}}}`, `field overrides["a b"].mode: got number, want text`},
		"an unknown field in a map": {`{"overrides":{"a":{"modes":"x"}}}`, `field overrides["a"]: no field "modes"; there are mode, keys`},
		"a name twice in a map":     {`{"overrides":{"a":{},"a":{}}}`, `field overrides: field "a" is given twice`},
		"a name twice":              {`{"header":true,"header":false}`, `field "header" is given twice`},
		"a nested name twice":       {`{"load":{"mode":"a","mode":"b"}}`, `field load: field "mode" is given twice`},
		"a second value":            {`{} {}`, "not valid JSON at offset 4 of 5"},
		"null":                      {`null`, "got null"},
		"a list":                    {`[]`, "got list, want object"},
		"nothing":                   {``, "not valid JSON at offset 0 of 0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var into request
			wantError(t, strict.Decode([]byte(test.raw), &into), test.want)
		})
	}
}

func TestDecodeNamesEveryProblem(t *testing.T) {
	t.Parallel()
	var into request
	err := strict.Decode([]byte(`{"table":[],"streams":"4","load":{"mode":7}}`), &into)
	wantError(t, err, `no field "table"`, "field streams: got text", "field load.mode: got number")
}

func TestDecodeSamples(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"refuse-unknown-field.json":        `no field "table"; there are tables`,
		"refuse-unknown-nested-field.json": `field load: no field "method"; there are mode`,
		"refuse-wrong-type.json":           "field tables: got text, want list",
		"refuse-null-field.json":           "field tables: got null",
		"refuse-field-twice.json":          `field "tables" is given twice`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			raw, err := os.ReadFile(filepath.Join(samples, name))
			if err != nil {
				t.Fatal(err)
			}
			var into request
			wantError(t, strict.Decode(raw, &into), want)
		})
	}
}

func TestDecodeIntoWhatIsNoStruct(t *testing.T) {
	t.Parallel()
	var text string
	for _, into := range []any{nil, request{}, &text} {
		wantError(t, strict.Decode([]byte(`{}`), into), "want a pointer to a struct")
	}
}

func TestDecodeDoesNotRepeatTheValue(t *testing.T) {
	t.Parallel()
	var into request
	err := strict.Decode([]byte(`{"streams":1.`+strings.Repeat("7", 10_000)+`}`), &into)
	wantError(t, err, "field streams: got number")
	if got := len(err.Error()); got > 4096 {
		t.Errorf("error is %d bytes long", got)
	}
}

func FuzzDecode(f *testing.F) {
	paths, err := filepath.Glob(filepath.Join(samples, "*"))
	if err != nil || len(paths) == 0 {
		f.Fatalf("no samples in %s: %v", samples, err)
	}
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Add([]byte(`{"header":true,"streams":3,"load":{"mode":"append","keys":["id"]},"limits":{}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var first request
		if strict.Decode(raw, &first) != nil {
			return
		}
		var plain request
		if err := json.Unmarshal(raw, &plain); err != nil {
			t.Fatalf("taken, but encoding/json refuses it: %v", err)
		}
		if diff := cmp.Diff(plain, first, cmp.AllowUnexported(request{})); diff != "" {
			t.Fatalf("not what encoding/json reads (-plain +got):\n%s", diff)
		}
	})
}

const samples = "../../events"

func wantError(t testing.TB, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one that says %q", parts)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error is %q, want it to say %q", err, part)
		}
	}
}
