package staged_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"

	"github.com/stagelift/stagelift/local/storm/referee"
	"github.com/stagelift/stagelift/local/storm/staged"
)

const (
	folder = "stage/db/s.t/20260101T000000Z-00000000/"
	wide   = "c4ca4238a0b923820dcc509a6f75849bc4ca4238a0b923820dcc509a6f75849b"
)

// bucket is objects by key.
type bucket map[string][]byte

func (b bucket) Name() string { return "bucket" }

func (b bucket) Get(_ context.Context, key string) ([]byte, error) {
	data, there := b[key]
	if !there {
		return nil, errors.New("no such object")
	}
	return data, nil
}

type object = map[string]any

// publish puts a table of two rows into a bucket.
func publish(t *testing.T, format object, parts ...[]byte) bucket {
	t.Helper()
	b := bucket{}
	var listed, entries []object
	total := 0
	for i, data := range parts {
		key := fmt.Sprintf("%spart-%05d.x", folder, i)
		b[key] = data
		sum := binary.BigEndian.AppendUint32(nil, crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli)))
		listed = append(listed, object{"key": key, "rows": 2, "bytes": len(data), "crc32c": base64.StdEncoding.EncodeToString(sum)})
		entries = append(entries, object{"url": "s3://bucket/" + key, "meta": object{"content_length": len(data)}})
		total += 2
	}
	b[folder+"manifest.json"] = marshal(t, object{"entries": entries})
	b[folder+"receipt.json"] = marshal(t, object{
		"run": "20260101T000000Z-00000000", "table": object{"schema": "s", "name": "t"}, "snapshot": object{"visible": "7:9:7"},
		"consistency": "snapshot", "format": format, "manifest": folder + "manifest.json", "parts": listed, "rows": total,
		"window":  object{"column": "id", "from": "1", "to": "9", "lookback": "3 seconds"},
		"columns": []object{{"name": "id", "type": "bigint"}, {"name": "note", "type": "text"}},
	})
	return b
}

func marshal(t *testing.T, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

var (
	csvFormat = object{"name": "csv", "compression": "none", "null": `\N`, "delimiter": ","}
	plain     = []byte("1,\"two\nlines, \"\"quoted\"\"\"\n2,\\N\n")
	want      = []referee.Doc{{"id": "1", "note": "two\nlines, \"quoted\""}, {"id": "2"}}
)

func read(t *testing.T, b bucket) (referee.Published, []referee.Finding) {
	t.Helper()
	p, findings, err := staged.Read(t.Context(), b, folder+"receipt.json")
	if err != nil {
		t.Fatal(err)
	}
	return p, findings
}

func TestEveryFormatIsReadBack(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		format object
		part   []byte
	}{
		"csv":             {csvFormat, plain},
		"csv with header": {object{"name": "csv", "compression": "none", "header": true, "null": "", "delimiter": ";"}, []byte("id;note\n1;\"two\nlines, \"\"quoted\"\"\"\n2;\n")},
		"gzip":            {object{"name": "csv", "compression": "gzip", "null": `\N`, "delimiter": ","}, gzipped(t, plain)},
		"zstd":            {object{"name": "csv", "compression": "zstd", "null": `\N`, "delimiter": ","}, zstded(t, plain)},
		"jsonl":           {object{"name": "jsonl", "compression": "none"}, []byte(`{"id":1,"note":"two\nlines, \"quoted\""}` + "\n" + `{"id":2,"note":null}` + "\n")},
		"parquet":         {object{"name": "parquet", "compression": "snappy"}, parqueted(t)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, findings := read(t, publish(t, c.format, c.part))
			if len(findings) > 0 {
				t.Error(findings)
			}
			if diff := cmp.Diff(want, p.Rows); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
			if p.Name != "s.t" || p.Moment.String() != "7:9:7" || p.Window.Lookback != 3_000_000 || p.Window.To != "9" {
				t.Errorf("read %+v, window %+v", p, p.Window)
			}
		})
	}
}

// What repeats is folded, as it is in the log, and what is as long as a fold is not.
func TestWideValuesAreFolded(t *testing.T) {
	t.Parallel()
	p, _ := read(t, publish(t, csvFormat, []byte("1,"+wide+"\n2,2026-11-27T22:37:58.800422+00:00\n")))
	if diff := cmp.Diff([]referee.Doc{{"id": "1", "note": wide[:32] + "*2"}, {"id": "2", "note": "2026-11-27T22:37:58.800422+00:00"}}, p.Rows); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

// Whatever of the documents and the objects does not agree is found.
func TestWhatDoesNotAgreeIsFound(t *testing.T) {
	t.Parallel()
	replace := func(key, old, with string) func(bucket) {
		return func(b bucket) { b[key] = bytes.Replace(b[key], []byte(old), []byte(with), 1) }
	}
	for name, spoil := range map[string]func(bucket){
		"no such object":                  func(b bucket) { delete(b, folder+"part-00000.x") },
		"CRC-32C":                         replace(folder+"part-00001.x", "two", "TWO"),
		"should have 2":                   replace(folder+"part-00000.x", "2,\\N\n", ""),
		"the receipt says 5":              replace(folder+"receipt.json", `"rows":4`, `"rows":5`),
		"manifest":                        func(b bucket) { delete(b, folder+"manifest.json") },
		"the manifest lists":              replace(folder+"manifest.json", "part-00001", "part-00002"),
		`snapshot.visible is "later"`:     replace(folder+"receipt.json", "7:9:7", "later"),
		`consistency is "somehow"`:        replace(folder+"receipt.json", `"consistency":"snapshot"`, `"consistency":"somehow"`),
		"the receipt lies at":             replace(folder+"receipt.json", `"name":"t"`, `"name":"u"`),
		"wrong number of fields":          replace(folder+"part-00000.x", "2,", "2,,"),
		`compression "lz4" is not one of`: replace(folder+"receipt.json", `"compression":"none"`, `"compression":"lz4"`),
		`format "xml" is not one of`:      replace(folder+"receipt.json", `"name":"csv"`, `"name":"xml"`),
		"window: strconv":                 replace(folder+"receipt.json", "3 seconds", "three seconds"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := publish(t, csvFormat, slices.Clone(plain), slices.Clone(plain))
			before := maps.Clone(b)
			spoil(b)
			if cmp.Equal(before, b) {
				t.Fatal("nothing was spoilt")
			}
			_, findings := read(t, b)
			if !strings.Contains(fmt.Sprint(findings), name) {
				t.Errorf("found %v, want one with %q", findings, name)
			}
			for _, f := range findings {
				if f.Kind != referee.Wrong {
					t.Errorf("found %v, want it to be wrong", f)
				}
			}
		})
	}
}

func gzipped(t *testing.T, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zstded(t *testing.T, data []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return w.EncodeAll(data, nil)
}

func parqueted(t *testing.T) []byte {
	t.Helper()
	type row struct {
		ID   int64   `parquet:"id"`
		Note *string `parquet:"note,optional"`
	}
	note := "two\nlines, \"quoted\""
	var b bytes.Buffer
	if err := parquet.Write(&b, []row{{1, &note}, {2, nil}}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
