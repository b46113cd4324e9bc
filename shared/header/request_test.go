package header

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stagelift/stagelift/shared/trigger"
)

func TestRequestsThatMakeNoSenseAreRefused(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		`{}`:                                    {"bucket and key are both needed"},
		`{"bucket":"b","prefix":""}`:            {"bucket and key are both needed"},
		`{"bucket":"b","key":"k","keys":["l"]}`: {"give one of key, keys, prefix and manifest"},
		`{"bucket":"b","keys":["k","l"],"merge":true}`:                       {"destination.key is needed"},
		`{"bucket":"b","prefix":"p","destination":{"key":"x"}}`:              {`destination.key is "x" for several objects`},
		`{"bucket":"b","key":"k","destination":{"key":"{folder}/{name}"}}`:   {"destination.key has {folder}"},
		`{"bucket":"b","key":"k","if_exists":"append"}`:                      {`if_exists is "append"`},
		`{"bucket":"b","key":"k","line_ending":"cr"}`:                        {`line_ending is "cr"`},
		`{"bucket":"b","key":"k","delimiter":"ab","quote":"\n"}`:             {`delimiter: "ab" is not one character`, `quote: "\n" is not one character`},
		`{"bucket":"b","key":"k","delimiter":"'","quote":"'"}`:               {"delimiter and quote are both"},
		`{"bucket":"b","key":"k","delimiter":"\""}`:                          {"delimiter and quote are both"},
		`{"bucket":"b","key":"k","after":{"delete":true,"tag":{"key":"a"}}}`: {"exclude each other"},
		`{"bucket":"b","key":"k","after":{"tag":{"value":"a"}}}`:             {"after.tag has a value and no key"},
		`{"bucket":"b","key":"k","headers":["id"]}`:                          {`no field "headers"`},
		`{"bucket":"b","manifest":"m","continue":{"from":-1}}`:               {"continue.from is -1"},
		`{"bucket":"b","key":"k","header":"id,name"}`:                        {"field header: got text, want list"},
	} {
		_, err := decodeRequest(json.RawMessage(text))
		wantError(t, err, append(want, "reading the header request: ")...)
	}
}

func TestOptionsAreThoseOfEveryEvent(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"key":"k"}`:                   "events name their objects",
		`{"bucket":"b"}`:                "events name their objects",
		`{"continue":{"from":1}}`:       "events name their objects",
		`{"destination":{"key":"one"}}`: `destination.key is "one" for every event`,
		`{"delimiter":"||"}`:            "not one character",
		`[]`:                            "got list, want object",
	} {
		_, err := ParseOptions(text)
		wantError(t, err, "reading the header options: ", want)
	}
	got, err := ParseOptions(`{"merge":true,"delimiter":"|","destination":{"key":"{prefix}{key}.csv"},"after":{"delete":true}}`)
	if err != nil || !got.Merge || got.Delimiter != "|" || !got.After.Delete {
		t.Errorf("options are %+v, %v", got, err)
	}
	if _, err := ParseOptions(""); err != nil {
		t.Error(err)
	}
}

// Every sample of a direct request is read, and those that are to be refused are.
func TestSamplesAreRead(t *testing.T) {
	t.Parallel()
	refusals := map[string]string{
		"refuse-header-no-place.json":       "bucket and key are both needed",
		"refuse-header-two-places.json":     "give one of key, keys, prefix and manifest",
		"refuse-header-delimiter.json":      "is not one character",
		"refuse-header-template.json":       "there are {prefix}, {key} and {name}",
		"refuse-header-merge-nowhere.json":  "destination.key is needed",
		"refuse-header-if-exists.json":      "want replace, skip or fail",
		"refuse-header-after-both.json":     "exclude each other",
		"refuse-header-unknown-option.json": `no field "compress"`,
	}
	paths, err := filepath.Glob("../../events/*header-*.json")
	if err != nil || len(paths) < 10 {
		t.Fatalf("samples %v, %v", paths, err)
	}
	for _, path := range paths {
		payload, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		event, err := trigger.Decode(payload)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		if event.Kind != trigger.Direct {
			continue
		}
		_, err = decodeRequest(event.Request)
		name := filepath.Base(path)
		if !strings.HasPrefix(name, "refuse-") {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if refusals[name] == "" {
			t.Errorf("%s has no refusal stated here", name)
		}
		wantError(t, err, refusals[name])
		delete(refusals, name)
	}
	for name := range refusals {
		t.Errorf("%s is stated here but is not there", name)
	}
}

// Any request that is taken can be sent again as a continuation.
func FuzzRequest(f *testing.F) {
	f.Add([]byte(`{"bucket":"b","key":"k","header":["id"],"bom":true,"after":{"tag":{"key":"a","value":"b"}}}`))
	f.Add([]byte(`{"bucket":"b","prefix":"p/","continue":{"after":"p/1"},"destination":{"bucket":"c","key":"{prefix}{name}"}}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		request, err := decodeRequest(payload)
		if err != nil {
			return
		}
		again, err := json.Marshal(request)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := decodeRequest(again); err != nil {
			t.Errorf("%s was taken, and is not as %s: %v", payload, again, err)
		}
	})
}
