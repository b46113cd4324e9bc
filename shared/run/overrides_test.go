package run

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"

	"github.com/stagelift/stagelift/shared/fault"
	"github.com/stagelift/stagelift/shared/metrics"
	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/table"
)

const shop = `CREATE TABLE orders (id int PRIMARY KEY, state text, total numeric, secret text, day date);
INSERT INTO orders SELECT i, (ARRAY['new','paid'])[1 + i % 2], i / 4.0, 'hush', date '2026-01-01' + i FROM generate_series(1, 100) AS i;
CREATE TABLE keyless (a int, b int);
INSERT INTO keyless SELECT i, i FROM generate_series(1, 10) AS i;
CREATE TABLE bare ();
INSERT INTO bare SELECT;`

func TestTablesAreReadAsTheirOverridesSay(t *testing.T) {
	t.Parallel()
	b := setup(t, shop)
	answer := b.run(Request{Tables: []string{"public.*"}, Header: true, Overrides: map[string]Override{
		"public.orders": {
			Columns: []string{"total", "id"}, Where: "state = 'paid' -- all that counts", Numeric: Precisions{Columns: map[string]string{"total": "10,2"}},
			Target: "sales.paid", Load: LoadRequest{Mode: "merge", DistKey: "id", SortKeys: []string{"id", "total"}}, Delimiter: "|", Compression: "gzip",
		},
		"public.keyless": {ExcludeColumns: []string{"b"}, PrimaryKey: []string{"a"}, Format: "jsonl"},
	}})
	if diff := cmp.Diff([]Outcome{{Table: "public.bare", Outcome: Skipped, Code: fault.NoColumns, Reason: "it has no columns"}}, answer.with(Skipped)); diff != "" || len(answer.Tables) != 3 {
		t.Fatalf("%d tables; skipped (-want +got):\n%s", len(answer.Tables), diff)
	}
	published := answer.with(Published)
	keyless, orders := b.receipt(published[0].Receipt), b.receipt(published[1].Receipt)
	want := stage.Receipt{
		Columns: []table.Column{
			{Name: "id", Type: "integer"}, {Name: "total", Type: "numeric(10,2)", Source: "numeric", Nullable: true},
		},
		PrimaryKey: []string{"id"}, Filter: "state = 'paid' -- all that counts", Rows: 50,
		Format: stage.Format{Name: "csv", Compression: "gzip", Header: true, Null: `\N`, Delimiter: "|"},
		Load:   stage.Load{Mode: "merge", Target: &table.Name{Schema: "sales", Table: "paid"}, DistKey: "id", SortKeys: []string{"id", "total"}},
	}
	got := stage.Receipt{Columns: orders.Columns, PrimaryKey: orders.PrimaryKey, Filter: orders.Filter, Rows: orders.Rows, Format: orders.Format, Load: orders.Load}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("orders (-want +got):\n%s", diff)
	}
	text := b.gunzip(b.get(orders.Parts[0].Key))
	if !strings.HasPrefix(string(text), "id|total\n1|0.25") || strings.Contains(string(text), "hush") {
		t.Errorf("orders begins with %.60q", text)
	}
	lines := strings.SplitAfter(string(b.get(keyless.Parts[0].Key)), "\n")
	if diff := cmp.Diff([]string{"a"}, keyless.PrimaryKey); diff != "" || lines[0] != `{"a":1}`+"\n" || len(lines) != 11 {
		t.Errorf("keyless: key (-want +got):\n%s\nlines %q", diff, lines)
	}
}

func TestOverridesThatCannotBeAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t, shop)
	for name, c := range map[string]struct {
		override Override
		want     string
	}{
		"a column that is not there":       {Override{Columns: []string{"id", "idd"}}, `"idd"`},
		"a filter that is none":            {Override{Where: "state ="}, "checking the filter of public.orders"},
		"a filter that breaks out":         {Override{Where: "true) TO STDOUT; DROP TABLE orders; --"}, "checking the filter of public.orders"},
		"a key that is not read":           {Override{Columns: []string{"day"}, PrimaryKey: []string{"id"}}, `primary_key names column "id", which is not read`},
		"a merge whose key is not read":    {Override{Columns: []string{"day"}, Load: LoadRequest{Mode: "merge"}}, "load.mode merge needs a key"},
		"a mark that is no boolean":        {Override{Load: LoadRequest{Mode: "merge", Deleted: "state"}}, `load.deleted names "state"`},
		"a mark without a merge":           {Override{Load: LoadRequest{Deleted: "state"}}, "load.deleted is for load.mode merge"},
		"a lone NULL without a text":       {Override{Columns: []string{"day"}, Null: new("")}, "NULL in the only column would be an empty line"},
		"a sort key that is not there":     {Override{Load: LoadRequest{SortKeys: []string{"days"}}}, `load names column "days"`},
		"precision of what is no number":   {Override{Numeric: Precisions{Columns: map[string]string{"day": "5,2"}}}, `column "day", which is of type date`},
		"precision of what is not there":   {Override{Numeric: Precisions{Columns: map[string]string{"amount": "5,2"}}}, `column "amount", which is not read`},
		"a value that has more digits":     {Override{Numeric: Precisions{Columns: map[string]string{"total": "10,1"}}}, `with "ctid" (0,`},
		"all columns out":                  {Override{ExcludeColumns: []string{"id", "state", "total", "secret", "day"}}, "no column of it is left"},
		"NULL that a lone column can't be": {Override{Columns: []string{"state"}, Null: new(string)}, "only column"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := b.job.Run(t.Context(), Request{Tables: []string{"public.orders"}, Overrides: map[string]Override{"public.orders": c.override}})
			wantError(t, err, "public.orders", c.want)
		})
	}
}

// What Parquet cannot hold stops the run by table, column and key, or becomes
// what the request says.
func TestValuesOutOfRangeFollowThePolicy(t *testing.T) {
	t.Parallel()
	b := setup(t, `CREATE TABLE odd (id int PRIMARY KEY, day date NOT NULL, total numeric(10,2)); INSERT INTO odd VALUES (1, '2026-01-01', 1), (2, 'infinity', 2), (3, '2026-01-03', 'NaN')`)
	request := Request{Tables: []string{"public.odd"}, Format: "parquet"}
	_, err := b.job.Run(t.Context(), request)
	wantError(t, err, "public.odd", `column "day" holds infinity`, "the row of public.odd with ctid (0,2)", `set "out_of_range" to "null" or "text"`)
	for policy, want := range map[string]string{"null": "<null>", "text": "infinity"} {
		request.OutOfRange = policy
		receipt := b.receipt(b.run(request).Tables[0].Receipt)
		if got := b.parquetColumn(receipt, 1); got[1] != want {
			t.Errorf("%s: day is %q, want %q in the middle", policy, got, want)
		}
	}
}

// parquetColumn reads a column of all parts with a reader of others.
func (b *bundle) parquetColumn(receipt stage.Receipt, column int) []string {
	b.Helper()
	var values []string
	for _, part := range receipt.Parts {
		data := b.get(part.Key)
		file, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			b.Fatal(err)
		}
		if file.NumRows() != part.Rows {
			b.Errorf("%s has %d rows, its receipt says %d", part.Key, file.NumRows(), part.Rows)
		}
		reader := parquet.NewReader(file)
		for range part.Rows {
			rows := make([]parquet.Row, 1)
			if n, err := reader.ReadRows(rows); n != 1 {
				b.Fatal(err)
			}
			values = append(values, rows[0][column].String())
		}
	}
	return values
}

// Every format holds every row once, over several parts and streams, from
// binary rows that no stream cuts anywhere else.
func TestEveryFormatHoldsEveryRow(t *testing.T) {
	t.Parallel()
	b := setup(t, several)
	b.job.StaleAfter = time.Hour // the runs beside each other are all alive
	ids := sorted(strings.SplitAfter(b.copyOut("SELECT id FROM large", ""), "\n"))
	for name, request := range map[string]Request{
		"jsonl":            {Format: "jsonl", PartBytes: 20_000_000, Streams: 3},
		"jsonl and zstd":   {Format: "jsonl", Compression: "zstd"},
		"parquet":          {Format: "parquet", PartBytes: 2_000_000, Streams: 3},
		"parquet and none": {Format: "parquet", Compression: "none", PartBytes: 20_000_000},
		"csv and zstd":     {Compression: "zstd"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := b.on(t)
			request.Tables = []string{"public.large"}
			receipt := b.receipt(b.run(request).Tables[0].Receipt)
			got := []string{}
			if request.Format == "parquet" {
				for _, id := range b.parquetColumn(receipt, 0) {
					got = append(got, id+"\n")
				}
			} else {
				for _, part := range receipt.Parts {
					got = append(got, b.ids(receipt.Format, b.get(part.Key))...)
				}
			}
			if diff := cmp.Diff(ids, sorted(got)); diff != "" {
				t.Errorf("ids (-want +got):\n%.500s", diff)
			}
		})
	}
}

// ids returns the first value of each line.
func (b *bundle) ids(format stage.Format, data []byte) []string {
	b.Helper()
	if format.Compression == "zstd" {
		data = b.unzstd(data)
	}
	var ids []string
	for line := range bytes.Lines(data) {
		first, _, _ := strings.Cut(strings.TrimPrefix(string(line), `{"id":`), ",")
		ids = append(ids, first+"\n")
	}
	return ids
}

// Parts are of one size, and as many as the slices of a cluster share.
func TestPartsAreEqualAndAsManyAsAsked(t *testing.T) {
	t.Parallel()
	b := setup(t, several)
	receipt := b.receipt(b.run(Request{Tables: []string{"public.large"}, PartMultiple: 8, Streams: 3, Compression: "gzip"}).Tables[0].Receipt)
	if b.major < 14 { // where one stream reads a table from its beginning to its end
		if len(receipt.Parts) != 1 {
			t.Errorf("%d parts, want 1", len(receipt.Parts))
		}
		return
	}
	if len(receipt.Parts) != 8 {
		t.Fatalf("%d parts, want 8", len(receipt.Parts))
	}
	least, most := receipt.Parts[0].Rows, receipt.Parts[0].Rows
	for _, part := range receipt.Parts {
		least, most = min(least, part.Rows), max(most, part.Rows)
	}
	if most > least*5/4 {
		t.Errorf("parts of %d to %d rows", least, most)
	}
	sized := b.receipt(b.run(Request{Tables: []string{"public.large"}, PartBytes: 10_000_000, Streams: 2}).Tables[0].Receipt)
	for _, part := range sized.Parts {
		if part.Bytes < 8_000_000 || part.Bytes > 12_000_000 {
			t.Errorf("%s has %d bytes, want about 10,000,000", part.Key, part.Bytes)
		}
	}
}

func TestMetricsAreWrittenByTable(t *testing.T) {
	t.Parallel()
	b := setup(t, shop+`CREATE VIEW broken AS SELECT 1 / 0 AS n`)
	var out bytes.Buffer
	b.job.Metrics = &metrics.Writer{Out: &out, Namespace: "Stagelift"}
	b.run(Request{Tables: []string{"public.orders"}})
	if _, err := b.job.Run(t.Context(), Request{Tables: []string{"public.broken"}}); err == nil {
		t.Error("no error")
	}
	var got []string
	for line := range strings.Lines(out.String()) {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatal(err)
		}
		if seconds, _ := m["ExtractSeconds"].(float64); seconds < 0 || seconds > 600 {
			t.Errorf("it took %v seconds", seconds)
		}
		delete(m, "_aws")
		delete(m, "ExtractSeconds")
		delete(m, "Database")
		text, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, string(text))
	}
	slices.Sort(got)
	receipt := b.receipt(b.keys("/receipt.json")[0])
	want := []string{
		`{"ExtractFailures":0,"ExtractedBytes":` + strconv.FormatInt(receipt.Bytes, 10) + `,"ExtractedParts":1,"ExtractedRows":100,"Table":"public.orders"}`,
		`{"ExtractFailures":1,"Table":"public.broken"}`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
}
