package load

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"

	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// listed is an entry of a manifest; -1 leaves a number out.
type listed struct {
	url         string
	bytes, rows int
}

// manifestOf is what UNLOAD writes of entries; with columns, what it writes with
// VERBOSE.
func manifestOf(columns string, entries ...listed) string {
	var list []string
	size, rows := 0, 0
	for _, e := range entries {
		meta := map[string]int{}
		if e.bytes >= 0 {
			meta["content_length"] = e.bytes
		}
		if e.rows >= 0 {
			meta["record_count"] = e.rows
		}
		text, _ := json.Marshal(map[string]any{"url": e.url, "meta": meta}) // of plain values, which all encode
		list = append(list, string(text))
		size, rows = size+e.bytes, rows+e.rows
	}
	text := `{"entries":[` + strings.Join(list, ",") + `]`
	if columns != "" {
		text += `,"schema":{"elements":[` + columns + `]},` + fmt.Sprintf(`"meta":{"content_length":%d,"record_count":%d}`, size, rows) +
			`,"author":{"name":"Amazon Redshift","version":"1.0.0"}`
	}
	return text + "}"
}

const idAndNote = `{"name":"id","type":{"base":"bigint"}},{"name":"note","type":{"base":"character varying",25}}`

func (b *bundle) url(key string) string { return "s3://" + b.job.Bucket + "/" + key }

// one delivers an event of the key and returns the only load of the answer.
func (b *bundle) one(key string) (Loaded, error) {
	b.Helper()
	answer, err := b.job.Handle(b.Context(), b.notification(key))
	if err != nil {
		return Loaded{}, err
	}
	if len(answer.Loads) != 1 {
		b.Fatalf("answer %+v, want one load", answer)
	}
	return answer.Loads[0], nil
}

// A manifest that is VERBOSE tells columns and rows; the line of a header is
// counted in its records, and none of the rows.
func TestVerboseManifestTellsAll(t *testing.T) {
	t.Parallel()
	b := routed(t)
	b.put("told/0000_part_00", []byte("id,note\n1,a\n2,b\n"))
	b.put("told/0001_part_00", nil)
	b.put("told/manifest", []byte(manifestOf(idAndNote, listed{b.url("told/0000_part_00"), 16, 3}, listed{b.url("told/0001_part_00"), 0, 0})))
	if _, err := b.one("told/manifest"); err != nil {
		t.Fatal(err)
	}
	got := b.warehouse.asked[0]
	want := []table.Column{{Name: "id", Type: "bigint", Nullable: true}, {Name: "note", Type: "character varying(25)", Nullable: true}}
	if diff := cmp.Diff(want, got.Columns); diff != "" {
		t.Errorf("columns (-want +got):\n%s", diff)
	}
	parts := []warehouse.Part{{Key: "told/0000_part_00", Rows: 2, Bytes: 16}, {Key: "told/0001_part_00"}}
	if diff := cmp.Diff(parts, got.Parts); diff != "" || got.Rows != 2 {
		t.Errorf("%d rows; parts (-want +got):\n%s", got.Rows, diff)
	}
}

func TestManifestThatIsNotSo(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text func(b *bundle) string
		want string
	}{
		"a part is missing": {func(b *bundle) string {
			return manifestOf(idAndNote, listed{b.url("told/a"), 16, 3}, listed{b.url("told/gone"), 16, 3})
		}, "/told/gone, which is missing; a manifest comes after all that it lists"},
		"another size": {func(b *bundle) string { return manifestOf(idAndNote, listed{b.url("told/a"), 17, 3}) }, "/told/a has 16 bytes, and the manifest says 17"},
		"another bucket": {func(b *bundle) string {
			return manifestOf(idAndNote, listed{b.url("told/a"), 16, 3}, listed{"s3://other/told/a", 16, 3})
		}, "it lists s3://other/told/a, which lies in another bucket"},
		"another prefix": {func(b *bundle) string { return manifestOf(idAndNote, listed{b.url("elsewhere/a"), 16, 3}) }, `/elsewhere/a, which lies outside of the route's prefix "told/"`},
		"twice": {func(b *bundle) string {
			return manifestOf(idAndNote, listed{b.url("told/a"), 16, 3}, listed{b.url("told/a"), 16, 3})
		}, "/told/a twice"},
		"itself": {func(b *bundle) string { return manifestOf(idAndNote, listed{b.url("told/manifest"), 16, 3}) }, "it lists itself"},
		"sums that differ": {func(b *bundle) string {
			return strings.Replace(manifestOf(idAndNote, listed{b.url("told/a"), 16, 3}), `"meta":{"content_length":16,"record_count":3},"author"`, `"meta":{"content_length":16,"record_count":4},"author"`, 1)
		}, "its entries have 16 bytes and 3 records together, and it says 16 and 4"},
		"no schema": {func(b *bundle) string { return manifestOf("", listed{b.url("told/a"), 16, -1}) }, "the manifest has no schema: UNLOAD with MANIFEST VERBOSE, or list the columns in the route"},
		"a type that is none": {func(b *bundle) string {
			return manifestOf(`{"name":"g","type":{"base":"geometry"}}`, listed{b.url("told/a"), 16, 3})
		}, `its schema: column "g" is of type "geometry", which is not one that is loaded; list the columns in the route`},
		"nothing": {func(*bundle) string { return `{"entries":[]}` }, "the manifest lists nothing"},
		"CSV":     {func(*bundle) string { return "1,a\n" }, "it is not the manifest of an UNLOAD"},
		"a hundred parts are missing": {func(b *bundle) string {
			var list []listed
			for i := range 100 {
				list = append(list, listed{b.url(fmt.Sprint("told/", i)), 1, 1})
			}
			return manifestOf(idAndNote, list...)
		}, "and 90 more"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := routed(t)
			b.put("told/a", []byte("id,note\n1,a\n2,b\n"))
			b.put("told/manifest", []byte(c.text(b)))
			_, err := b.one("told/manifest")
			wantError(t, err, b.url("told/manifest"), c.want, "nothing was loaded")
			if len(b.warehouse.asked) != 0 || len(b.notifier.loads) != 1 || b.notifier.loads[0].State != Failed || b.notifier.loads[0].Target != "raw.told" {
				t.Errorf("%d loads were begun, and told was %+v", len(b.warehouse.asked), b.notifier.loads)
			}
		})
	}
}

// A manifest is one load, and done although what it lists is gone by now. One
// that is written anew is another one.
func TestManifestIsLoadedOnce(t *testing.T) {
	t.Parallel()
	b := routed(t)
	b.put("told/a", []byte("id,note\n1,a\n2,b\n"))
	text := []byte(manifestOf(idAndNote, listed{b.url("told/a"), 16, 3}))
	first := b.put("told/manifest", text)
	for i, want := range []warehouse.State{warehouse.Loaded, warehouse.AlreadyLoaded, warehouse.AlreadyLoaded} {
		if i == 2 {
			b.remove("told/a")
		}
		if loaded, err := b.one("told/manifest"); err != nil || loaded.State != want || loaded.Rows != 2 {
			t.Errorf("delivery %d: %+v, %v; want %s", i, loaded, err, want)
		}
	}
	again := arrival{Bucket: "b", Key: "k", ETag: first.ETag, Modified: time.Date(2026, 11, 21, 0, 31, 7, 0, time.UTC)}
	anew, versioned := again, again
	anew.Modified = again.Modified.Add(time.Second)
	versioned.Version = "v1"
	touched := versioned
	touched.Modified = anew.Modified
	if again.manifestID() == anew.manifestID() || again.manifestID() == versioned.manifestID() || versioned.manifestID() != touched.manifestID() {
		t.Error("a manifest is told from another one by its version, or else by when it was written")
	}
}

// A manifest of nothing that says so is a load of no rows.
func TestManifestOfNoRows(t *testing.T) {
	t.Parallel()
	b := routed(t)
	b.put("told/manifest", []byte(manifestOf(idAndNote)))
	if _, err := b.one("told/manifest"); err != nil {
		t.Fatal(err)
	}
	if got := b.warehouse.asked[0]; got.Rows != 0 || got.Manifest != "" || len(got.Parts) != 0 || len(got.Columns) != 2 {
		t.Errorf("load %+v", got)
	}
}

// measure is a row of files that are not ours.
type measure struct {
	ID int64   `parquet:"id"`
	S  *string `parquet:"s,optional"`
}

type renamed struct {
	ID int64   `parquet:"id"`
	T  *string `parquet:"t,optional"`
}

// measures is a file of so many rows.
func measures[T any](t *testing.T, rows int) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := parquet.Write(&out, make([]T, rows)); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// The files of a manifest tell their columns, and how many rows they have.
func TestManifestOfParquet(t *testing.T) {
	t.Parallel()
	two, three, other := measures[measure](t, 2), measures[measure](t, 3), measures[renamed](t, 1)
	const schema = `{"name":"id","type":{"base":"integer"}},{"name":"s","type":{"base":"character varying","max_length":9}}`
	for name, c := range map[string]struct {
		text  func(b *bundle) string
		kinds []string
		want  string
	}{
		"plain": {func(b *bundle) string {
			return manifestOf("", listed{b.url("columnar/2"), len(two), -1}, listed{b.url("columnar/3"), len(three), -1})
		}, []string{"bigint", "text"}, ""},
		"the schema knows the length, the file the type": {func(b *bundle) string {
			return manifestOf(schema, listed{b.url("columnar/2"), len(two), 2}, listed{b.url("columnar/3"), len(three), 3})
		}, []string{"bigint", "character varying(9)"}, ""},
		"rows that differ": {func(b *bundle) string {
			return manifestOf(schema, listed{b.url("columnar/2"), len(two), 3}, listed{b.url("columnar/3"), len(three), 3})
		}, nil, "/columnar/2 has 2 rows, and the manifest says 3"},
		"a file that differs": {func(b *bundle) string {
			return manifestOf("", listed{b.url("columnar/2"), -1, -1}, listed{b.url("columnar/other"), -1, -1})
		}, nil, `/columnar/2: column 2 is "t" of type text, want "s" of type text`},
		"a schema that differs": {func(b *bundle) string {
			return manifestOf(schema, listed{b.url("columnar/other"), len(other), 1})
		}, nil, `column 2 is "s" in its schema and "t" in its files`},
		"columns that are in the names of folders": {func(b *bundle) string {
			return manifestOf(schema+`,{"name":"day","type":{"base":"date"}}`, listed{b.url("columnar/2"), len(two), 2})
		}, nil, "its schema has 3 columns, and its files have 2; UNLOAD keeps those of PARTITION BY in the files with INCLUDE"},
		"no Parquet": {func(b *bundle) string { return manifestOf("", listed{b.url("columnar/csv"), -1, -1}) }, nil, "/columnar/csv: it is not a Parquet file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := routed(t)
			b.put("columnar/2", two)
			b.put("columnar/3", three)
			b.put("columnar/other", other)
			b.put("columnar/csv", []byte("1,a\n2,b\n3,c\n"))
			b.put("columnar/manifest", []byte(c.text(b)))
			_, err := b.one("columnar/manifest")
			if c.want != "" {
				wantError(t, err, c.want)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var kinds []string
			for _, column := range b.warehouse.asked[0].Columns {
				kinds = append(kinds, column.Type)
			}
			if diff := cmp.Diff(c.kinds, kinds); diff != "" || b.warehouse.asked[0].Rows != 5 {
				t.Errorf("%d rows; types (-want +got):\n%s", b.warehouse.asked[0].Rows, diff)
			}
		})
	}
}

// Objects of Parquet without columns in the route are read for them. Those that
// have the same are one load, of which the rows are known; one that cannot be
// read is refused by name.
func TestParquetTellsItsColumns(t *testing.T) {
	t.Parallel()
	b := routed(t)
	b.put("lake/a", measures[measure](t, 2))
	b.put("lake/b", measures[renamed](t, 4))
	b.put("lake/c", measures[measure](t, 3))
	b.put("lake/csv", []byte("id,s\n1,a\n2,b\n"))
	b.put("lake/nested", measures[struct {
		Tags []string `parquet:"tags,list"`
	}](t, 1))
	var log bytes.Buffer
	b.logTo(&log)
	answer := b.handle(b.queue("lake/a", "lake/b", "lake/c", "lake/csv", "lake/nested"))
	if diff := cmp.Diff([]ItemFailure{{"m-lake/csv"}, {"m-lake/nested"}}, answer.Failures); diff != "" {
		t.Errorf("failures (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([][]string{{"lake/a", "lake/c"}, {"lake/b"}}, b.keysOf()); diff != "" {
		t.Errorf("loads (-want +got):\n%s", diff)
	}
	if got := b.warehouse.asked; got[0].Rows != 5 || got[1].Rows != 4 || got[0].Parts[1].Rows != 3 {
		t.Errorf("%d and %d rows, want 5 and 4", got[0].Rows, got[1].Rows)
	}
	for _, want := range []string{b.url("lake/csv") + ": reading its columns: it is not a Parquet file", b.url("lake/nested") + `: reading its columns: column \"tags\" is nested`} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log does not say %q:\n%s", want, log.String())
		}
	}
}
