package redshift

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	pq "github.com/parquet-go/parquet-go"

	"github.com/stagelift/stagelift/shared/object"
	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// record has the types whose way into Redshift differs from format to format.
type record struct {
	ID       int64   `parquet:"id"`
	Total    [6]byte `parquet:"total,decimal(2:12)"`
	Document string  `parquet:"document"`
	At       string  `parquet:"at"`
	Photo    []byte  `parquet:"photo"`
	Moment   int64   `parquet:"moment,timestamp(microsecond)"`
}

var recordColumns = []table.Column{
	{Name: "Id", Type: "bigint"},
	{Name: "total", Type: "numeric(12,2)"},
	{Name: "document", Type: "jsonb"},
	{Name: "at", Type: "time with time zone"},
	{Name: "photo", Type: "bytea"},
	{Name: "moment", Type: "timestamp with time zone"},
}

func parquetRecord(t *testing.T) []byte {
	t.Helper()
	var out bytes.Buffer
	err := pq.Write(&out, []record{{
		ID: 1, Total: [6]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0x85}, Document: `{"a": [1, "x"]}`, At: "10:11:12+02",
		Photo: []byte{0, 0xff}, Moment: 1795219200123456,
	}})
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func zipped(t *testing.T, text string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// What a value is in the target does not depend on the format that it came in.
func TestEveryFormatBringsTheSameValues(t *testing.T) {
	t.Parallel()
	const csv = "1;-1.23;\"{\"\"a\"\": [1, \"\"x\"\"]}\";10:11:12+02;00ff;2026-11-21 00:00:00.123456+00\n"
	const json = `{"Id":1,"total":-1.23,"document":{"a": [1, "x"]},"at":"10:11:12+02","photo":"AP8=","moment":"2026-11-21 00:00:00.123456+00"}` + "\n"
	for name, c := range map[string]struct {
		format stage.Format
		body   []byte
	}{
		"csv":      {stage.Format{Name: "csv", Compression: "none", Delimiter: ";", Null: "none"}, []byte(csv)},
		"csv.gz":   {stage.Format{Name: "csv", Compression: "gzip", Delimiter: ";", Header: true, Null: "none"}, zipped(t, "a;b;c;d;e;f\n"+csv)},
		"jsonl":    {stage.Format{Name: "jsonl", Compression: "none"}, []byte(json)},
		"jsonl.gz": {stage.Format{Name: "jsonl", Compression: "gzip"}, zipped(t, json)},
		"parquet":  {stage.Format{Name: "parquet", Compression: "snappy"}, parquetRecord(t)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			l := b.stage(1, "replaced")
			l.Columns, l.Format = recordColumns, c.format
			part := stage.Part{Key: "1/part", Rows: 1, Bytes: int64(len(c.body))}
			manifest, err := stage.NewManifest(b.bucket, []stage.Part{part}).Encode()
			if err != nil {
				t.Fatal(err)
			}
			for key, content := range map[string][]byte{part.Key: c.body, "1/manifest.json": manifest} {
				if _, err := b.store.Put(t.Context(), object.Location{Bucket: b.bucket, Key: key}, content, object.PutOptions{}); err != nil {
					t.Fatal(err)
				}
			}
			b.load(l, warehouse.Loaded)
			got := b.look(`SELECT id || ' ' || total || ' ' || document || ' ' || at || ' ' || encode(photo, 'hex') || ' ' || (moment AT TIME ZONE 'UTC') FROM public.t`)
			want := []string{`1 -1.23 {"a": [1, "x"]} 10:11:12+02 00ff 2026-11-21 00:00:00.123456`}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("row (-want +got):\n%s", diff)
			}
		})
	}
}

// Text of 65,535 bytes is the most that a column holds; a longer one is refused
// and named.
func TestTextThatIsTooLongIsNamed(t *testing.T) {
	t.Parallel()
	for _, over := range []int{0, 1} {
		t.Run(fmt.Sprint(over), func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			l := b.stage(1, "1,"+string(bytes.Repeat([]byte("x"), 65535+over)))
			l.Columns[1].Type = "text"
			outcome, err := carryOut(t.Context(), b.client, l)
			if over == 0 {
				if err != nil || outcome.State != warehouse.Loaded {
					t.Errorf("outcome %+v, %v", outcome, err)
				}
				return
			}
			wantError(t, err, "line 1, column s", "65536 bytes for VARCHAR(65535)")
			if len(outcome.Errors) != 1 || outcome.Errors[0].Column != "s" {
				t.Errorf("errors %+v", outcome.Errors)
			}
		})
	}
}
