package load

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"
	"github.com/parquet-go/parquet-go"

	"github.com/stagelift/stagelift/local/s3/s3test"
	"github.com/stagelift/stagelift/shared/metrics"
	"github.com/stagelift/stagelift/shared/object"
	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// landed is a bucket with routes, and both warehouses.
type landed struct {
	*testing.T
	bucket s3test.Bucket
	store  *object.Store
	into   []*destination
}

// destination is a warehouse with the job that loads into it.
type destination struct {
	*opened
	name string
	job  *Job
	told *told
	// measured are the metrics.
	measured bytes.Buffer
}

const landingRoutes = `{"version":1,"routes":[
	{"prefix":"stage/landing/orders/","target":{"schema":"public","name":"orders"},"format":{"name":"csv","header":true},"columns":[{"name":"id","type":"bigint"}]},
	{"prefix":"stage/landing/measures/","target":{"schema":"public","name":"measures"},"format":{"name":"parquet"}},
	{"prefix":"stage/landing/clicks/","target":{"schema":"public","name":"clicks"},"format":{"name":"jsonl","compression":"gzip"},
	 "columns":[{"name":"id","type":"bigint"},{"name":"s","type":"text"}]},
	{"prefix":"stage/landing/sales/","target":{"schema":"public","name":"sales"},"format":{"name":"csv","null":""},"manifest":true},
	{"prefix":"stage/landing/columnar/","target":{"schema":"public","name":"columnar"},"format":{"name":"parquet"},"manifest":true},
	{"prefix":"stage/landing/lines/","target":{"schema":"public","name":"lines"},"format":{"name":"jsonl"}},
	{"prefix":"stage/landing/squeezed/","target":{"schema":"public","name":"squeezed"},"format":{"name":"csv","header":true,"compression":"bzip2"}},
	{"prefix":"stage/landing/here/","target":{"schema":"public","name":"here"},"format":{"name":"parquet"},"warehouses":["redshift"]}
]}`

func land(t *testing.T) *landed {
	t.Helper()
	bucket := s3test.Shared(t)
	l := &landed{T: t, bucket: bucket, store: object.New(bucket.Config)}
	for _, to := range targets {
		d := &destination{opened: to.open(t, bucket), name: to.name, told: &told{}}
		d.job = &Job{
			Store: l.store, Bucket: bucket.Name, Layout: stage.Layout{Prefix: "stage/"}, Warehouse: d.connect(http.DefaultTransport),
			WarehouseName: to.name, Outcomes: strings.TrimPrefix(to.name, "redshift"), Routes: l.at("config/routes.json"),
			Notifier: d.told, Metrics: &metrics.Writer{Out: &d.measured, Namespace: "Stagelift"}, PollEvery: 5 * time.Millisecond, Log: slog.New(slog.DiscardHandler),
		}
		l.into = append(l.into, d)
	}
	l.put("config/routes.json", []byte(landingRoutes))
	return l
}

func (l *landed) at(key string) object.Location {
	return object.Location{Bucket: l.bucket.Name, Key: key}
}

func (l *landed) url(key string) string { return l.at("stage/landing/" + key).String() }

func (l *landed) put(key string, content []byte) {
	l.Helper()
	if _, err := l.store.Put(l.Context(), l.at(key), content, object.PutOptions{}); err != nil {
		l.Fatal(err)
	}
}

func (l *landed) land(key string, content []byte) {
	l.Helper()
	l.put("stage/landing/"+key, content)
}

// sample is an event of events/, as if it were of this bucket.
func (l *landed) sample(name string) json.RawMessage {
	l.Helper()
	payload, err := os.ReadFile("../../events/" + name)
	if err != nil {
		l.Fatal(err)
	}
	payload = bytes.ReplaceAll(payload, []byte("stagelift-stage"), []byte(l.bucket.Name))
	return bytes.ReplaceAll(payload, []byte("landing/"), []byte("stage/landing/"))
}

// arrived is what the queue delivers of new objects.
func (l *landed) arrived(keys ...string) json.RawMessage {
	b := &bundle{T: l.T, job: l.into[0].job}
	for i := range keys {
		keys[i] = "stage/landing/" + keys[i]
	}
	return b.queue(keys...)
}

// deliver hands an event to the job of each warehouse.
func (l *landed) deliver(payload json.RawMessage, want func(d *destination, answer Answer)) {
	l.Helper()
	for _, d := range l.into {
		answer, err := d.job.Handle(l.Context(), payload)
		if err != nil {
			l.Errorf("%s: %v", d.name, err)
			continue
		}
		want(d, answer)
	}
}

// loads wants one load of so many rows, in the state.
func (l *landed) loads(state warehouse.State, rows int64) func(*destination, Answer) {
	return func(d *destination, answer Answer) {
		l.Helper()
		if len(answer.Failures) > 0 || len(answer.Loads) != 1 || answer.Loads[0].State != state || answer.Loads[0].Rows != rows || answer.Loads[0].Warehouse != d.name {
			l.Errorf("%s answered %+v, want one load that is %s, of %d rows", d.name, answer, state, rows)
		}
	}
}

// want compares a target in each warehouse, and the number of its loads.
func (l *landed) want(name string, loads int, rows ...string) {
	l.Helper()
	for _, d := range l.into {
		if diff := cmp.Diff(rows, d.rows(name)); diff != "" {
			l.Errorf("%s in %s (-want +got):\n%s", name, d.name, diff)
		}
		if got := d.entries(name); got != loads {
			l.Errorf("%s in %s: %d entries in the ledger, want %d", name, d.name, got, loads)
		}
	}
}

func someParquet[T any](t *testing.T, rows ...T) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := parquet.Write(&out, rows); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// Every sample of an object without a receipt is loaded into both warehouses,
// once in each, however often it is delivered; and each says which it is.
func TestSamplesAreLoadedIntoBoth(t *testing.T) {
	t.Parallel()
	l := land(t)
	l.land("orders/2026-11-21.csv", []byte("s,id\na,1\n\"b,c\",2\n"))
	l.land("measures/2026-11-21.parquet", someParquet(t, measure{1, new("a")}, measure{2, nil}))
	l.land("measures/2026-11-22.parquet", someParquet(t, measure{3, new(`\N`)}))
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	_, _ = w.Write([]byte(`{"id":1,"s":"a"}` + "\n" + `{"s":null,"id":2}` + "\n"))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	l.land("clicks/2026-11-21.jsonl.gz", zipped.Bytes())
	l.land("sales/2026-11-21/0000_part_00", []byte("1,a\n2,b\n"))
	l.land("sales/2026-11-21/0001_part_00", []byte("3,c\n"))
	l.land("sales/2026-11-21/manifest", []byte(manifestOf(
		`{"name":"id","type":{"base":"integer"}},{"name":"s","type":{"base":"character varying",25}}`,
		listed{l.url("sales/2026-11-21/0000_part_00"), 8, 2}, listed{l.url("sales/2026-11-21/0001_part_00"), 4, 1})))
	for _, sample := range []struct {
		name, table string
		rows        []string
	}{
		{"load-queue.json", "orders", []string{"1=a", "2=b,c"}},
		{"load-queue-parquet.json", "measures", []string{"1=a", "2=NULL", `3=\N`}},
		{"load-queue-jsonl.json", "clicks", []string{"1=a", "2=NULL"}},
		{"load-queue-manifest.json", "sales", []string{"1=a", "2=b", "3=c"}},
	} {
		rows := int64(len(sample.rows))
		l.deliver(l.sample(sample.name), l.loads(warehouse.Loaded, rows))
		l.deliver(l.sample(sample.name), l.loads(warehouse.AlreadyLoaded, rows))
		l.want(sample.table, 1, sample.rows...)
	}
	l.deliver(l.sample("load-object.json"), l.loads(warehouse.AlreadyLoaded, 2))
	for _, d := range l.into {
		if len(d.told.loads) != 4 {
			t.Errorf("%s told of %d loads, want 4", d.name, len(d.told.loads))
		}
		for _, told := range d.told.loads {
			if told.Warehouse != d.name {
				t.Errorf("%s told of %+v", d.name, told)
			}
		}
		for line := range strings.Lines(d.measured.String()) {
			if !strings.Contains(line, `"Dimensions":[["Function","Warehouse"]]`) || !strings.Contains(line, `"Warehouse":"`+d.name+`"`) {
				t.Errorf("%s measured %s", d.name, line)
			}
		}
		if got := strings.Count(d.measured.String(), `"RowsLoaded"`); got == 0 {
			t.Errorf("%s measured nothing", d.name)
		}
	}
}

// odd has another type where measure has a number.
type odd struct {
	ID string  `parquet:"id"`
	S  *string `parquet:"s,optional"`
}

// Of files that came together, those with the target's columns are loaded; one
// that contradicts it is refused, by its name.
func TestFileThatContradictsTheTarget(t *testing.T) {
	t.Parallel()
	l := land(t)
	l.land("measures/a", someParquet(t, measure{1, new("a")}))
	l.land("measures/b", someParquet(t, odd{"x", nil}))
	l.land("measures/c", someParquet(t, measure{2, new("c")}))
	l.land("measures/d", someParquet(t, row{3, new("d")}))
	l.deliver(l.arrived("measures/a", "measures/b", "measures/c", "measures/d"), func(d *destination, answer Answer) {
		if diff := cmp.Diff([]ItemFailure{{"m-stage/landing/measures/b"}}, answer.Failures); diff != "" || len(answer.Loads) != 1 {
			t.Errorf("%s: %d loads; failures (-want +got):\n%s", d.name, len(answer.Loads), diff)
		}
		if last := d.told.loads[len(d.told.loads)-1]; last.State != Failed || !strings.Contains(last.Error, l.url("measures/b")) || !strings.Contains(last.Error, `column "id"`) {
			t.Errorf("%s told of %+v", d.name, last)
		}
	})
	l.want("measures", 1, "1=a", "2=c", "3=d")
}

// What a manifest says of its rows is held against what arrives, in the
// transaction.
func TestManifestThatMiscounts(t *testing.T) {
	t.Parallel()
	l := land(t)
	const schema = `{"name":"id","type":{"base":"integer"}},{"name":"s","type":{"base":"character varying",25}}`
	l.land("sales/1/part", []byte("1,a\n"))
	l.land("sales/1/manifest", []byte(manifestOf(schema, listed{l.url("sales/1/part"), 4, 1})))
	l.deliver(l.arrived("sales/1/manifest"), l.loads(warehouse.Loaded, 1))
	l.land("sales/2/part", []byte("2,b\n3,c\n"))
	l.land("sales/2/manifest", []byte(manifestOf(schema, listed{l.url("sales/2/part"), 8, 3})))
	l.deliver(l.arrived("sales/2/manifest"), func(d *destination, answer Answer) {
		if len(answer.Failures) != 1 || len(answer.Loads) != 0 {
			t.Errorf("%s answered %+v", d.name, answer)
		}
		if last := d.told.loads[len(d.told.loads)-1]; !strings.Contains(last.Error, warehouse.ErrRowCount.Error()) {
			t.Errorf("%s told of %+v", d.name, last)
		}
	})
	l.want("sales", 1, "1=a")
}

// typed has a value of each type that both stand-ins are known to read.
type typed struct {
	ID      int64     `parquet:"id"`
	S       *string   `parquet:"s,optional"`
	Yes     bool      `parquet:"yes"`
	Small   int16     `parquet:"small"`
	Number  int32     `parquet:"number"`
	Single  float32   `parquet:"single"`
	Double  float64   `parquet:"double"`
	Decimal [6]byte   `parquet:"decimal,decimal(2:12)"`
	Day     int32     `parquet:"day,date"`
	At      time.Time `parquet:"at,timestamp(microsecond)"`
	Bytes   []byte    `parquet:"bytes"`
}

// A manifest without a schema, of files that are not ours: their types arrive as
// they are, and their rows are counted by their footers.
func TestTypesOfFilesThatAreNotOurs(t *testing.T) {
	t.Parallel()
	l := land(t)
	l.land("columnar/part", someParquet(t, typed{
		ID: 1, S: new("a"), Yes: true, Small: -7, Number: 70000, Single: 0.5, Double: -1e100, Decimal: [6]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0x85},
		Day: 20778, At: time.Date(2026, 11, 21, 1, 2, 3, 456789000, time.UTC), Bytes: []byte{0, 0xff},
	}))
	l.land("columnar/manifest", fmt.Appendf(nil, `{"entries":[{"url":%q,"mandatory":true}]}`, l.url("columnar/part")))
	l.deliver(l.arrived("columnar/manifest"), l.loads(warehouse.Loaded, 1))
	for _, d := range l.into {
		got := d.query(`SELECT concat_ws(' ', yes, small, number, single, double, "decimal", day, at AT TIME ZONE 'UTC', encode(bytes, 'hex')) FROM public.columnar`)
		want := []string{"t -7 70000 0.5 -1e+100 -1.23 2026-11-21 2026-11-21 01:02:03.456789 00ff"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", d.name, diff)
		}
	}
}

// JSON Lines without columns in the route waits for its target, and then has its
// columns, which stay as they are.
func TestLinesIntoATargetThatIsThere(t *testing.T) {
	t.Parallel()
	l := land(t)
	refused := func(d *destination, answer Answer) {
		if len(answer.Failures) != 1 || len(answer.Loads) != 0 {
			t.Errorf("%s answered %+v, want that it refuses", d.name, answer)
		}
	}
	l.land("lines/a", []byte(`{"s":"ab","id":1,"at":"2026-11-21 01:02:03","other":7}`+"\n"+`{"id":2,"n":1.25,"j":{"x":[1]}}`+"\n"))
	l.deliver(l.arrived("lines/a"), refused)
	const lines = `"target":{"schema":"public","name":"lines"},"format":{"name":"jsonl"}`
	l.put("config/routes.json", []byte(strings.Replace(landingRoutes, lines, lines+`,"columns":[{"name":"id","type":"bigint"},{"name":"s","type":"character varying(2)"},
		{"name":"n","type":"numeric(10,2)"},{"name":"at","type":"timestamp without time zone"},{"name":"j","type":"jsonb"}]`, 1)))
	l.land("lines/first", []byte(`{"id":0}`+"\n"))
	l.deliver(l.arrived("lines/first"), l.loads(warehouse.Loaded, 1))
	l.put("config/routes.json", []byte(landingRoutes))
	before := l.columns("lines")
	l.deliver(l.arrived("lines/a"), l.loads(warehouse.Loaded, 2))
	l.land("lines/b", []byte(`{"id":3,"s":"123456789"}`+"\n"))
	l.deliver(l.arrived("lines/b"), refused)
	l.want("lines", 2, "0=NULL", "1=ab", "2=NULL")
	if diff := cmp.Diff(before, l.columns("lines")); diff != "" {
		t.Errorf("columns (-before +after):\n%s", diff)
	}
	for _, d := range l.into {
		want := []string{"", "2026-11-21 01:02:03", `1.25 {"x": [1]}`}
		if got := d.query(`SELECT concat_ws(' ', n, at, j::text::jsonb) FROM public.lines ORDER BY id`); !cmp.Equal(got, want) {
			t.Errorf("%s holds %q, want %q", d.name, got, want)
		}
	}
}

// columns are those of a table of the schema public in each warehouse.
func (l *landed) columns(name string) [][]table.Column {
	l.Helper()
	var list [][]table.Column
	for _, d := range l.into {
		columns, err := d.job.Warehouse.Columns(l.Context(), table.Name{Schema: "public", Table: name})
		if err != nil || len(columns) == 0 {
			l.Errorf("%s: %d columns, %v", d.name, len(columns), err)
		}
		list = append(list, columns)
	}
	return list
}

// bzip2 is what UNLOAD writes and we do not. Columns that nobody lists are text.
func TestObjectCompressedByBzip2(t *testing.T) {
	t.Parallel()
	l := land(t)
	const squeezed = "QlpoOTFBWSZTWSiYs+oAAAXZgAAQAAQwADQgCAAgADEGTEDQMJCimgxMzxdyRThQkCiYs+o=" // id,s 1,a 2,b
	content, err := base64.StdEncoding.DecodeString(squeezed)
	if err != nil {
		t.Fatal(err)
	}
	l.land("squeezed/a.bz2", content)
	l.deliver(l.arrived("squeezed/a.bz2"), l.loads(warehouse.Loaded, 2))
	l.want("squeezed", 1, "1=a", "2=b")
}

// What a route keeps for one warehouse the other leaves alone, without a word.
func TestRouteOfOneWarehouse(t *testing.T) {
	t.Parallel()
	l := land(t)
	l.land("here/a", someParquet(t, measure{1, new("a")}))
	l.deliver(l.arrived("here/a"), func(d *destination, answer Answer) {
		want := map[string]int{"redshift": 1, "snowflake": 0}[d.name]
		if len(answer.Failures) > 0 || len(answer.Loads) != want {
			t.Errorf("%s answered %+v, want %d loads", d.name, answer, want)
		}
	})
}
