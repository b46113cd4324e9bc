package snowflake

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"
)

const csvFormat = `FILE_FORMAT = (TYPE = CSV FIELD_OPTIONALLY_ENCLOSED_BY = '"' ESCAPE_UNENCLOSED_FIELD = NONE NULL_IF = ('\\N') EMPTY_FIELD_AS_NULL = FALSE)`

func TestCopyCSV(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.put("in/a.csv", "1,\"a, b\",2026-01-02 03:04:05.123456+00,3.14159,\\N,00ff\n2,\"\",\\N,-2,1.5e3,\n")
	b.must(`CREATE TABLE t (id NUMBER(10,0), s VARCHAR(10), at TIMESTAMP_TZ(6), n NUMBER(5,2), f FLOAT, b BINARY(2))`)
	b.must("COPY INTO t FROM @STAGED/in/ FILES = ('a.csv') " + csvFormat)
	got := b.must("SELECT * FROM t ORDER BY id")
	want := []string{"1|a, b|1767323045.123456000 1440|3.14|NULL|00FF", "2||NULL|-2.00|1500|"}
	if diff := cmp.Diff(want, got.rows()); diff != "" {
		t.Error(diff)
	}
	var types []string
	for _, c := range got.Meta.Columns {
		types = append(types, c.Name+" "+c.Type)
	}
	if diff := cmp.Diff([]string{"ID fixed", "S text", "AT timestamp_tz", "N fixed", "F real", "B binary"}, types); diff != "" {
		t.Error(diff)
	}
}

func TestCopyCSVByItsDefaults(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.put("quotes.csv", "\"a\"\n")
	b.put("escape.csv", "a\\,b\n\\N\n,\n")
	b.put("null.csv", "\"\\N\"\n")
	b.put("blank.csv", "a\n\nb\n")
	b.must("CREATE TABLE q (s VARCHAR)", "CREATE TABLE e (s VARCHAR)", "CREATE TABLE n (s VARCHAR)", "CREATE TABLE bl (s VARCHAR)")
	b.must("COPY INTO q FROM @STAGED/quotes FILE_FORMAT = (TYPE = CSV)")
	b.mustFail("100080", "Number of columns", "COPY INTO e FROM @STAGED/escape FILE_FORMAT = (TYPE = CSV)")
	b.must("COPY INTO n FROM @STAGED/null.csv " + csvFormat)
	b.mustFail("100016", "End of record", "COPY INTO bl FROM @STAGED/blank.csv "+csvFormat)
	b.must("COPY INTO bl FROM @STAGED/blank.csv " + strings.Replace(csvFormat, "TYPE = CSV", "TYPE = CSV SKIP_BLANK_LINES = TRUE", 1))
	for table, want := range map[string][]string{"q": {`"a"`}, "n": {"NULL"}, "bl": {"a", "b"}} {
		if diff := cmp.Diff(want, b.must("SELECT s FROM "+table+" ORDER BY s").rows()); diff != "" {
			t.Errorf("%s: %s", table, diff)
		}
	}
}

func TestCopyJSON(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.put("a.jsonl", `{"id": 1, "na\"me": "x", "v": {"b": [1, null], "a": 1.50}, "at": "2026-01-02T03:04:05.5+02:00", "b": "AP8="}
{"id": 2, "v": null, "n": 12345678901234567890123456789012345678901}
`)
	b.must(`CREATE TABLE t (id NUMBER(38,0), name VARCHAR, v VARIANT, w VARIANT, at TIMESTAMP_TZ(6), b BINARY, n FLOAT)`)
	b.must(`COPY INTO t (id, name, v, w, at, b, n) FROM (SELECT $1:id::NUMBER(38,0), $1['na"me']::VARCHAR, ` +
		`$1:v, IFF(IS_NULL_VALUE($1:"v"), NULL, $1:"v"), $1:at::TIMESTAMP_TZ(6), TO_BINARY($1:b::VARCHAR, 'BASE64'), d.$1:n::FLOAT ` +
		`FROM @STAGED d) FILES = ('a.jsonl') FILE_FORMAT = (TYPE = JSON COMPRESSION = NONE)`)
	want := []string{
		`1|x|{"a": 1.50, "b": [1, null]}|{"a": 1.50, "b": [1, null]}|1767315845.500000000 1440|00FF|NULL`,
		`2|NULL|null|NULL|NULL|NULL|1.2345678901234568e+40`,
	}
	if diff := cmp.Diff(want, b.must("SELECT * FROM t ORDER BY id").rows()); diff != "" {
		t.Error(diff)
	}
	b.must("CREATE TABLE whole (v VARIANT)", "CREATE TABLE named (\"id\" NUMBER, \"v\" VARIANT)")
	b.must("COPY INTO whole FROM @STAGED/a FILE_FORMAT = (TYPE = JSON)")
	b.must("COPY INTO named FROM @STAGED/a FILE_FORMAT = (TYPE = JSON) MATCH_BY_COLUMN_NAME = CASE_SENSITIVE")
	if diff := cmp.Diff([]string{"1", "2"}, b.must(`SELECT "id" FROM named ORDER BY "id"`).rows()); diff != "" {
		t.Error(diff)
	}
	b.mustFail("002019", "one and only one column", "COPY INTO t FROM @STAGED/a FILE_FORMAT = (TYPE = JSON)")
}

func TestCopyCompressed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var zipped, packed bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write([]byte("1\n"))
	_ = z.Close()
	second := gzip.NewWriter(&zipped)
	_, _ = second.Write([]byte("2\n"))
	_ = second.Close()
	s, err := zstd.NewWriter(&packed)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = s.Write([]byte("3\n"))
	_ = s.Close()
	b.put("in/1", zipped.String())
	b.put("in/2", packed.String())
	b.put("in/3", "4\n")
	b.must("CREATE TABLE t (i NUMBER)")
	b.must("COPY INTO t FROM @STAGED/in/ FILE_FORMAT = (TYPE = CSV)")
	if diff := cmp.Diff([]string{"4|10"}, b.must("SELECT COUNT(*), SUM(i) FROM t").rows()); diff != "" {
		t.Error(diff)
	}
	b.mustFail("100016", "as GZIP", "COPY INTO t FROM @STAGED FILES = ('in/3') FILE_FORMAT = (TYPE = CSV COMPRESSION = GZIP) FORCE = TRUE")
}

func TestCopyRemembersFiles(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const load = "COPY INTO t FROM @STAGED/in/ FILES = ('a.csv') FILE_FORMAT = (TYPE = CSV)"
	b.put("in/a.csv", "1\n")
	b.must("CREATE TABLE t (i NUMBER)")
	count := func(want string) {
		t.Helper()
		if got := b.must("SELECT COUNT(*) FROM t").rows()[0]; got != want {
			t.Errorf("table has %s rows, want %s", got, want)
		}
	}
	b.must("BEGIN", load, "ROLLBACK")
	count("0")
	if got := b.must(load); got.rows()[0] != "s3://"+b.bucket.Name+"/stage/in/a.csv|LOADED|1|1|1|0|NULL|NULL|NULL|NULL" || got.Stats.Inserted != 1 {
		t.Errorf("COPY answers %q, %+v", got.rows(), got.Stats)
	}
	if got := b.must(load).rows()[0]; got != "Copy executed with 0 files processed." {
		t.Errorf("the second COPY answers %q", got)
	}
	count("1")
	b.must(load + " FORCE = TRUE")
	count("2")
	b.put("in/a.csv", "2\n")
	b.must(load)
	count("3")
	b.must("DELETE FROM t")
	b.must(load)
	count("0")
	b.must("TRUNCATE TABLE t")
	b.must(load)
	count("1")
}

func TestCopyNamesTheBadRow(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.put("in/a.csv", "1,a\n2,b\nx,c\n4,toolong\n")
	b.must("CREATE TABLE t (i NUMBER, s VARCHAR(3))")
	const load = "COPY INTO t FROM @STAGED/in/ FILE_FORMAT = (TYPE = CSV)"
	b.mustFail("100038", "Numeric value 'x' is not recognized\n  File 'in/a.csv', line 3, character 1\n  Row 3, column \"T\"[\"I\":1]\n", load)
	b.mustFail("100078", "User character length limit (3)", strings.Replace(load, "CSV", "CSV SKIP_HEADER = 3", 1))
	if got := b.must(load + " ON_ERROR = SKIP_FILE").rows()[0]; !strings.Contains(got, "|LOAD_FAILED|4|0|1|2|Numeric value 'x'") {
		t.Errorf("SKIP_FILE answers %q", got)
	}
	if got := b.must(load + " ON_ERROR = CONTINUE").rows()[0]; !strings.Contains(got, `|PARTIALLY_LOADED|4|2|4|2|Numeric value 'x' is not recognized|3|1|"T"["I":1]`) {
		t.Errorf("CONTINUE answers %q", got)
	}
	b.mustFail("091016", "was not found", "COPY INTO t FROM @STAGED/in FILES = ('a.csv') FILE_FORMAT = (TYPE = CSV)")
	if got := b.must(load + " FORCE = TRUE TRUNCATECOLUMNS = TRUE ON_ERROR = SKIP_FILE_2").rows()[0]; !strings.Contains(got, "|PARTIALLY_LOADED|4|3|2|1|") {
		t.Errorf("SKIP_FILE_2 answers %q", got)
	}
}

func TestCopyByName(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.put("a.csv", "S,\"i\",more\nx,1,y\n")
	b.must("CREATE TABLE t (i NUMBER, s VARCHAR, other DATE)")
	b.must("COPY INTO t FROM @STAGED/a.csv FILE_FORMAT = (TYPE = CSV PARSE_HEADER = TRUE FIELD_OPTIONALLY_ENCLOSED_BY = '\"') " +
		"MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE")
	if diff := cmp.Diff([]string{"1|x|NULL"}, b.must("SELECT * FROM t").rows()); diff != "" {
		t.Error(diff)
	}
}

func TestCopyLimits(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.must("CREATE TABLE t (i NUMBER)")
	var names []string
	for i := range 1001 {
		names = append(names, fmt.Sprintf("'%d.csv'", i))
	}
	b.mustFail("001003", "the maximum is 1000", "COPY INTO t FROM @STAGED FILES = ("+strings.Join(names, ", ")+") FILE_FORMAT = (TYPE = CSV)")
	b.mustFail("002003", "Stage 'NONE'", "COPY INTO t FROM @NONE FILE_FORMAT = (TYPE = CSV)")
	b.mustFail("001003", "not supported with copy transform",
		"COPY INTO t FROM (SELECT $1 FROM @STAGED) FILE_FORMAT = (TYPE = CSV) MATCH_BY_COLUMN_NAME = CASE_SENSITIVE")
	b.mustFail("001003", "SKIP_HEADER is not supported with PARSE_HEADER",
		"COPY INTO t FROM @STAGED FILE_FORMAT = (TYPE = CSV PARSE_HEADER = TRUE SKIP_HEADER = 1) MATCH_BY_COLUMN_NAME = CASE_SENSITIVE")
}

func TestCopyParquet(t *testing.T) {
	t.Parallel()
	b := setup(t)
	type row struct {
		ID   int64     `parquet:"id"`
		Name *string   `parquet:"name,optional"`
		Doc  string    `parquet:"doc,json"`
		At   time.Time `parquet:"at,timestamp(microsecond)"`
		Raw  []byte    `parquet:"raw"`
	}
	rows := make([]row, 300)
	name := "é"
	for i := range rows {
		rows[i] = row{ID: int64(i), Doc: `{"b": [1], "a": null}`, At: time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC), Raw: []byte{0, 0xff}}
	}
	rows[0].Name = &name
	var out bytes.Buffer
	if err := parquet.Write(&out, rows); err != nil {
		t.Fatal(err)
	}
	b.put("in/a.parquet", out.String())
	b.must("CREATE TABLE t (id NUMBER(19,0), name VARCHAR(1), doc VARIANT, at TIMESTAMP_TZ(6), raw BINARY(2))")
	const load = `COPY INTO t FROM (SELECT $1:"id"::NUMBER(19,0), $1:"name"::VARCHAR, PARSE_JSON($1:"doc"::VARCHAR), $1:"at"::TIMESTAMP_TZ(6), ` +
		`$1:"raw"::BINARY(2) FROM @STAGED/in/) FILE_FORMAT = (TYPE = PARQUET USE_LOGICAL_TYPE = TRUE BINARY_AS_TEXT = FALSE)`
	if got := b.must(load); got.Stats.Inserted != 300 {
		t.Errorf("loaded are %d rows", got.Stats.Inserted)
	}
	want := []string{`0|é|{"a": null, "b": [1]}|1767323045.000006000 1440|00FF`}
	if diff := cmp.Diff(want, b.must("SELECT * FROM t WHERE name IS NOT NULL").rows()); diff != "" {
		t.Error(diff)
	}
	b.mustFail("002040", "TO_BINARY of what is no text", strings.Replace(load, `$1:"raw"::BINARY(2)`, `TO_BINARY($1:"id", 'HEX')`, 1)+" FORCE = TRUE")
}

func TestCopyByNameTakesNullIf(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.put("a.json", `{"I": "\\N", "S": "x"} {"I": 2, "S": "\\N"}`)
	b.must("CREATE TABLE t (i NUMBER, s VARCHAR)")
	b.must("COPY INTO t FROM @STAGED/a.json FILE_FORMAT = (TYPE = JSON) MATCH_BY_COLUMN_NAME = CASE_SENSITIVE")
	if diff := cmp.Diff([]string{"2|NULL", "NULL|x"}, b.must("SELECT * FROM t ORDER BY i").rows()); diff != "" {
		t.Error(diff)
	}
}
