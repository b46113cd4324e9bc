package unload

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/shared/table"
)

// printed is as the guide prints it, with types that are not JSON.
const printed = `{
  "entries": [
    {"url":"s3://b/unload/p_0000_part_00", "meta": { "content_length": 32295, "record_count": 10 }},
    {"url":"s3://b/unload/p_0001_part_00", "meta": { "content_length": 0 }},
    {"url":"s3://b/unload/p_0000_part_00"},
    {"url":"s3://b/unload/a \"b\", 25}"}
  ],
  "schema": {
    "elements": [
      {"name": "id", "type": { "base": "integer" }},
      {"name": "name, {", "type": { "base": "character varying", 25 }},
      {"name": "total", "type": { "base": "numeric", 8, 2 }},
      {"name": "at", "type": { "base": "date" }}
    ]
  },
  "meta": { "content_length": 32295, "record_count": 10 },
  "author": {"name": "Amazon Redshift", "version": "1.0.0"}
}`

func TestDecode(t *testing.T) {
	t.Parallel()
	got, err := Decode([]byte(printed))
	if err != nil {
		t.Fatal(err)
	}
	want := Manifest{
		Entries: []Entry{
			{"b", "unload/p_0000_part_00", 32295, 10},
			{"b", "unload/p_0001_part_00", 0, -1},
			{"b", "unload/p_0000_part_00", -1, -1},
			{"b", `unload/a "b", 25}`, -1, -1},
		},
		Columns: []Column{
			{"id", "integer", [2]int64{-1, -1}},
			{"name, {", "character varying", [2]int64{25, -1}},
			{"total", "numeric", [2]int64{8, 2}},
			{"at", "date", [2]int64{-1, -1}},
		},
		Bytes: 32295, Rows: 10,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("manifest (-want +got):\n%s", diff)
	}
	plain, err := Decode([]byte(`{"entries":[{"url":"s3://b/k"}]}`))
	if err != nil || plain.Columns != nil || plain.Bytes != -1 || plain.Rows != -1 || plain.Entries[0].URL() != "s3://b/k" {
		t.Errorf("%+v, %v", plain, err)
	}
}

func TestWhatIsNoManifest(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"1,2\n": "", "": "", "[]": "", `{"a":1}`: "it has no entries", `{"entries":3}`: "entries are no list", "\x00": "",
		`{"entries":[{"url":"s3://b/k","meta":{"record_count":1e99}}]}`:                             "",
		`{"entries":[` + strings.Repeat(`{"url":"s3://b/k"},`, MaxEntries) + `{"url":"s3://b/k"}]}`: "more than 100000 entries",
		`{"entries":[],"schema":{"elements":[` + strings.Repeat(`{},`, MaxColumns) + `{}]}}`:        "more than 10000 columns",
	} {
		if _, err := Decode([]byte(text)); !errors.Is(err, ErrNotManifest) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: %v, want it not to be a manifest: %q", text, err, want)
		}
	}
	for text, want := range map[string]string{
		`{"entries":[{"url":"https://b/k"}]}`:                           `entry 0: url is "https://b/k", want s3://bucket/key`,
		`{"entries":[{"url":"s3://b/k","meta":{"content_length":-1}}]}`: "entry 0: s3://b/k: content_length is -1",
		`{"entries":[],"meta":{"record_count":-2}}`:                     "record_count is -2",
	} {
		if _, err := Decode([]byte(text)); err == nil || errors.Is(err, ErrNotManifest) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error is %v, want %q", text, err, want)
		}
	}
}

func TestColumns(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"base":"integer"}`:                           "integer",
		`{"base":"CHARACTER VARYING","max_length":25}`: "character varying(25)",
		`{"base":"character varying",25}`:              "character varying(25)",
		`{"base":"character varying"}`:                 "text",
		`{"base":"character","max_length":3}`:          "character varying(3)",
		`{"base":"numeric","precision":8,"scale":2}`:   "numeric(8,2)",
		`{"base":"numeric",8,2}`:                       "numeric(8,2)",
		`{"base":"numeric","precision":19}`:            "numeric(19,0)",
		`{"base":"timestamp with time zone"}`:          "timestamp with time zone",
		`{"base":"super"}`:                             "json",
		`{"base":"binary varying","max_length":64000}`: "bytea",
		`"integer"`:           `column "c" is of type ""`,
		`{"base":"geometry"}`: `column "c" is of type "geometry", which is not one that is loaded`,
		`{"base":"numeric"}`:  `column "c" is numeric, and the manifest does not tell its precision`,
		`{"base":"numeric","precision":9999999999999,"scale":0}`: `column "c" is numeric`,
	} {
		m, err := Decode([]byte(`{"entries":[],"schema":{"elements":[{"name":"c","type":` + text + `}]}}`))
		if err != nil || len(m.Columns) != 1 {
			t.Errorf("%s: %+v, %v", text, m, err)
			continue
		}
		got, err := m.Columns[0].Column()
		if err != nil {
			got.Type = err.Error()
		} else if _, err := table.ImageOf(got); err != nil || !got.Nullable || got.Name != "c" {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
		if !strings.HasPrefix(got.Type, want) {
			t.Errorf("%s is %q, want %q", text, got.Type, want)
		}
	}
}

// FuzzManifest holds the reading of what is not JSON to what is, which must not
// change, and memory to the length of the text.
func FuzzManifest(f *testing.F) {
	f.Add([]byte(printed))
	f.Add([]byte(`{"a":[1,2,{"b":-3.5e7,"c":"\"}"}],"d":{}}`))
	f.Add([]byte(`{"a" , 5}`))
	f.Add([]byte(`{"entries":[{},{},{}],"schema":{"elements":[{"type":{"base":"numeric",8,2,1}}]}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if out := withNames(text); json.Valid(text) && !bytes.Equal(out, text) {
			t.Errorf("%q became %q", text, out)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		m, err := Decode(text)
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; used > 1<<20+uint64(len(text))*200 {
			t.Errorf("%d bytes were allocated for %d", used, len(text))
		}
		if err != nil {
			return
		}
		for i, e := range m.Entries {
			if e.Bucket == "" || e.Key == "" || e.Bytes < -1 || e.Rows < -1 {
				t.Errorf("entry %d is %+v", i, e)
			}
		}
		for _, c := range m.Columns {
			if column, err := c.Column(); err == nil {
				if _, err := table.ImageOf(column); err != nil || column.Name == "" {
					t.Errorf("%+v became %s", c, fmt.Sprint(column, err))
				}
			}
		}
	})
}
