package header

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/shared/object"
	"github.com/stagelift/stagelift/shared/unload"
)

// verbose is as Redshift's guide prints it, with a type that is not JSON.
const verbose = `{
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

func TestManifest(t *testing.T) {
	t.Parallel()
	m, err := parseManifest([]byte(verbose))
	if err != nil {
		t.Fatal(err)
	}
	at := func(key string, size int64, place int) source {
		return source{object.Location{Bucket: "b", Key: key}, size, place}
	}
	want := &manifest{
		entries: []source{at("unload/p_0000_part_00", 32295, 0), at("unload/p_0001_part_00", 0, 1), at(`unload/a "b", 25}`, -1, 2)},
		names:   []string{"id", "name, {", "total", "at"},
	}
	if diff := cmp.Diff(want, m, cmp.AllowUnexported(manifest{}, source{})); diff != "" {
		t.Errorf("manifest (-want +got):\n%s", diff)
	}
	for _, text := range []string{"1,2\n", "", "[]", `{"a":1}`, `{"entries":3}`, "\x00"} {
		if _, err := parseManifest([]byte(text)); !errors.Is(err, unload.ErrNotManifest) {
			t.Errorf("%q: %v, want it not to be a manifest", text, err)
		}
	}
	_, err = parseManifest([]byte(`{"entries":[{"url":"https://b/k"}]}`))
	wantError(t, err, `entry 0: url is "https://b/k", want s3://bucket/key`)
}

func TestManifestsAreNamedAfterTheirSlices(t *testing.T) {
	t.Parallel()
	got := map[string][]string{}
	want := map[string][]string{
		"unload/p_0000_part_00":        {"unload/p_manifest", "unload/manifest"},
		"unload/p_0012_part_03.csv.gz": {"unload/p_manifest", "unload/manifest"},
		"unload/run/0000_part_00.gz":   {"unload/run/manifest"},
		"unload/sales000":              {"unload/salesmanifest", "unload/manifest"},
		"unload/sales001.bz2":          {"unload/salesmanifest", "unload/manifest"},
		"unload/notes.txt":             {"unload/manifest"},
		"a":                            {"manifest"},
	}
	for key := range want {
		got[key] = manifestsBeside(key)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("manifests (-want +got):\n%s", diff)
	}
	for key, want := range map[string]string{"u/p_manifest": "u/p", "u/manifest": "u", "u/run-manifest": "u/run", "u/manifest.json": "u"} {
		if got := manifestStem(key); got != want {
			t.Errorf("the merge of %s is called %s, want %s", key, got, want)
		}
	}
}
