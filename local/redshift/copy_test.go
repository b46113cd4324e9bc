package redshift

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/redshiftdata/types"
	"github.com/google/go-cmp/cmp"
)

const twoColumns = "CREATE TABLE t (i INT, s VARCHAR(10))"

func TestCopyLoads(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		// files are the objects below the prefix "in/".
		files   map[string]string
		gzip    bool
		options string
		want    []string
	}{
		"plain":         {files: map[string]string{"a": "1,x\n2,\"y,z\"\n"}, want: []string{"1 x", "2 y,z"}},
		"several files": {files: map[string]string{"a": "1,x\n", "b": "2,y", "c": ""}, want: []string{"1 x", "2 y"}},
		"gzip":          {files: map[string]string{"a": "1,x\n", "b": "2,y\n"}, gzip: true, options: "GZIP", want: []string{"1 x", "2 y"}},
		"header of each file": {
			files:   map[string]string{"a": "i,s\n1,x\n", "b": "i,s\n2,y\n", "c": "i,s\n"},
			options: "IGNOREHEADER 1", want: []string{"1 x", "2 y"},
		},
		"delimiter":          {files: map[string]string{"a": "1|x,y\n"}, options: "DELIMITER '|'", want: []string{"1 x,y"}},
		"quote":              {files: map[string]string{"a": "1,'x,y'\n"}, options: "QUOTE ''''", want: []string{"1 x,y"}},
		"null by default":    {files: map[string]string{"a": "1,\\N\n2,\"\\N\"\n\\N,\n"}, want: []string{"1 <null>", `2 \N`, "<null> "}},
		"null as nothing":    {files: map[string]string{"a": "1,\n2,\"\"\n3,\\N\n"}, options: "NULL AS ''", want: []string{"1 <null>", "2 ", `3 \N`}},
		"empty as null":      {files: map[string]string{"a": "1,\n2,\"\"\n"}, options: "EMPTYASNULL", want: []string{"1 <null>", "2 <null>"}},
		"empty number":       {files: map[string]string{"a": ",x\n\"\",y\n"}, want: []string{"<null> x", "<null> y"}},
		"escapes are no one": {files: map[string]string{"a": "1,\"a\tb\\n\r\n\"\n"}, want: []string{"1 a\tb\\n\r\n"}},
		"bytes that fit":     {files: map[string]string{"a": "1,ééééé\n"}, want: []string{"1 ééééé"}},
		"statistics":         {files: map[string]string{"a": "1,x\n"}, options: "STATUPDATE OFF COMPUPDATE OFF", want: []string{"1 x"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			for key, text := range c.files {
				body := []byte(text)
				if c.gzip {
					body = gzipped(t, text)
				}
				b.put("in/"+key, body)
			}
			out := b.must(twoColumns, copyFrom("s3://"+b.bucket.Name+"/in/", c.options))
			if got := out.SubStatements[1].ResultRows; got != int64(len(c.want)) {
				t.Errorf("ResultRows is %d, want %d", got, len(c.want))
			}
			got := b.look("SELECT coalesce(i::text, '<null>') || ' ' || coalesce(s, '<null>') FROM t ORDER BY i, s")
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCopyByManifest(t *testing.T) {
	t.Parallel()
	b := setup(t)
	one, two := b.put("in/one", []byte("1,x\n")), b.put("in/two", []byte("2,y\n"))
	missing := "s3://" + b.bucket.Name + "/in/missing"
	b.must(twoColumns)
	for name, c := range map[string]struct {
		entries []map[string]any
		rows    int64
		refused string
	}{
		"all there":                {[]map[string]any{entry(one, true, 4), entry(two, true, -1)}, 2, ""},
		"one of them listed":       {[]map[string]any{entry(one, true, 4)}, 1, ""},
		"listed twice loads twice": {[]map[string]any{entry(one, true, 4), entry(one, true, 4)}, 2, ""},
		"missing, not mandatory":   {[]map[string]any{entry(one, true, 4), entry(missing, false, 4)}, 1, ""},
		"missing":                  {[]map[string]any{entry(one, true, 4), entry(missing, true, 4)}, 0, "mandatory file " + missing + " is missing"},
		"truncated":                {[]map[string]any{entry(one, true, 5)}, 0, "content_length is 5, the object has 4 bytes"},
		"nothing listed":           {[]map[string]any{}, 0, "does not exist"},
		"nothing of it is there":   {[]map[string]any{entry(missing, false, 4)}, 0, "does not exist"},
		"an entry of another kind": {[]map[string]any{entry("https://x/y", false, 4)}, 0, "is not s3://bucket/key"},
	} {
		t.Run(name, func(t *testing.T) {
			url := b.putManifest("m/"+strings.ReplaceAll(name, " ", "-"), c.entries...)
			if c.refused != "" {
				b.mustFail([]string{"Query #1 failed with ERROR: ", c.refused}, copyFrom(url, "MANIFEST"))
				return
			}
			if out := b.must(copyFrom(url, "MANIFEST")); out.SubStatements[0].ResultRows != c.rows {
				t.Errorf("ResultRows is %d, want %d", out.SubStatements[0].ResultRows, c.rows)
			}
		})
	}
	b.mustFail([]string{"Invalid manifest file"}, copyFrom(b.put("m/broken", []byte(`{"entries":[`)), "MANIFEST"))
	b.mustFail([]string{"Problem reading manifest file"}, copyFrom("s3://"+b.bucket.Name+"/m/none", "MANIFEST"))
}

func TestCopyRefuses(t *testing.T) {
	t.Parallel()
	const table = "CREATE TABLE t (i INT NOT NULL, s VARCHAR(4), d DECIMAL(5,2), w TIMESTAMP)"
	const details = "ERROR: Load into table 't' failed. Check 'sys_load_error_detail' system table for details. Detail: file s3://"
	for name, c := range map[string]struct{ text, options, want string }{
		"too few fields":    {"1,a,2,\n2,b\n", "", "line 2: Delimiter not found: 2 fields for 4 columns"},
		"too many fields":   {"1,a,2,,5\n", "", "line 1: Extra column(s) found: 5 fields for 4 columns"},
		"bytes":             {"1,éé\u00e9,,\n", "", "column s: String length exceeds DDL length: 6 bytes for VARCHAR(4)"},
		"utf-8":             {"1,\xff,,\n", "", "column s: String contains invalid or unsupported UTF8 codepoints"},
		"nul":               {"1,\"a\x00\",,\n", "", "column s: NUL (0x00)"},
		"digit":             {"x,a,,\n", "", "column i: Invalid digit"},
		"range":             {"2147483648,a,,\n", "", "column i: Overflow"},
		"null":              {"\\N,a,,\n", "", "column i: Missing data for not-null field"},
		"empty for null":    {",a,,\n", "", "column i: Missing data for not-null field"},
		"decimal":           {"1,a,1000,\n", "", "column d: Overflow for NUMERIC(5,2)"},
		"not a number":      {"1,a,NaN,\n", "", "column d: Invalid digit"},
		"infinity":          {"1,a,,infinity\n", "", "column w: Invalid timestamp format or value"},
		"before christ":     {"1,a,,0044-03-15 12:00:00 BC\n", "TIMEFORMAT 'auto'", "column w: Invalid timestamp format or value"},
		"line inside quote": {"1,\"a\n\n\",,\n2\n", "", "line 4: Delimiter not found"},
		"quote":             {"1,a\"b,,\n", "", "line 1: Invalid quote formatting for CSV"},
		"header too":        {"i,s,d,w\n", "", "column i: Invalid digit"},
		"not gzip":          {"1,a,,\n", "GZIP", "not gzip"},
		"another region":    {"1,a,,\n", "REGION 'us-west-9'", "check REGION"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.must(table)
			want := []string{"Query #2 failed with ERROR: ", c.want}
			if strings.Contains(c.want, "column ") {
				want = append(want, details)
			}
			b.mustFail(want, "INSERT INTO t (i) VALUES (1)", copyFrom(b.put("in/a", []byte(c.text)), c.options))
			if diff := cmp.Diff([]string{"0"}, b.look("SELECT count(*)::text FROM t")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCopyRefusesWhatItCannotReach(t *testing.T) {
	t.Parallel()
	b := setup(t)
	url := b.put("in/a", []byte("1,x\n"))
	b.put("in/cut.gz", gzipped(t, strings.Repeat("1,x\n", 1000))[:30])
	b.must(twoColumns)
	for name, c := range map[string]struct{ sql, want string }{
		"role":       {"COPY t FROM '" + url + "' IAM_ROLE 'arn:other' CSV", "is not authorized to assume IAM Role arn:other"},
		"prefix":     {copyFrom("s3://"+b.bucket.Name+"/out/", ""), "The specified S3 prefix 'out/' does not exist"},
		"bucket":     {copyFrom("s3://nowhere/out/", ""), "listing s3://nowhere/out/"},
		"table":      {"COPY u FROM '" + url + "' IAM_ROLE '" + testRole + "' CSV", `relation "u" does not exist`},
		"column":     {"COPY t (i, z) FROM '" + url + "' IAM_ROLE '" + testRole + "' CSV", `column "z" of relation "t" does not exist`},
		"cut gzip":   {copyFrom("s3://"+b.bucket.Name+"/in/cut.gz", "GZIP"), "unexpected EOF"},
		"not copied": {copyFrom(url, "NOLOAD"), "COPY option NOLOAD is not imitated by this stand-in"},
	} {
		t.Run(name, func(*testing.T) {
			b.mustFail([]string{"Query #1 failed with ERROR: ", c.want}, c.sql)
		})
	}
	if diff := cmp.Diff([]string{"0"}, b.look("SELECT count(*)::text FROM t")); diff != "" {
		t.Error(diff)
	}
}

func TestCopyIntoChosenColumns(t *testing.T) {
	t.Parallel()
	b := setup(t)
	url := b.put("in/a", []byte("x,1\n"))
	b.must(
		"CREATE TABLE t (i INT, u INT DEFAULT 7, \"S\" VARCHAR(10))",
		"COPY t (\"S\", \"I\") FROM '"+url+"' IAM_ROLE '"+testRole+"' CSV",
	)
	if diff := cmp.Diff([]string{"1 7 x"}, b.look("SELECT i || ' ' || u || ' ' || s FROM t")); diff != "" {
		t.Error(diff)
	}
}

// The statements are the ones that a load of a receipt sends.
func TestLoadOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	one, two := b.put("part-00000.csv.gz", gzipped(t, "1,a\n2,b\n")), b.put("part-00001.csv.gz", gzipped(t, "3,c\n"))
	manifest := b.putManifest("manifest.json", entry(one, true, -1), entry(two, true, -1))
	b.must(
		`CREATE SCHEMA IF NOT EXISTS "public"`,
		`CREATE TABLE IF NOT EXISTS "public"."orders" ("id" INTEGER, "Name" VARCHAR(80))`,
		`CREATE SCHEMA IF NOT EXISTS "stagelift"`,
		`CREATE TABLE IF NOT EXISTS "stagelift"."public.orders" (load_id VARCHAR(64) NOT NULL, row_count BIGINT NOT NULL, `+
			`loaded_at TIMESTAMP NOT NULL DEFAULT SYSDATE)`,
	)
	load := func(rows int) []string {
		return []string{
			`LOCK TABLE "stagelift"."public.orders"`,
			`SELECT 1 / CASE WHEN COUNT(*) = 0 THEN 1 ELSE 0 END FROM "stagelift"."public.orders" WHERE load_id = 'abc'`,
			`CREATE TEMP TABLE "stagelift_abc" ("id" INTEGER, "Name" VARCHAR(80))`,
			`COPY "stagelift_abc" ("id", "Name") FROM '` + manifest + `' IAM_ROLE '` + testRole + `' FORMAT AS CSV DELIMITER AS ',' GZIP ` +
				`DATEFORMAT AS 'auto' TIMEFORMAT AS 'auto' COMPUPDATE OFF STATUPDATE OFF MANIFEST REGION AS '` + b.bucket.Config.Region + `'`,
			fmt.Sprintf(`SELECT 1 / CASE WHEN COUNT(*) = %d THEN 1 ELSE 0 END FROM "stagelift_abc"`, rows),
			`INSERT INTO "public"."orders" ("id", "Name") SELECT "id", "Name" FROM "stagelift_abc"`,
			`DROP TABLE "stagelift_abc"`,
			`INSERT INTO "stagelift"."public.orders" (load_id, row_count) VALUES ('abc', 3)`,
		}
	}
	b.mustFail([]string{"Query #5 failed with ERROR: division by zero"}, load(4)...)
	first, second := b.submit(load(3)...), b.submit(load(3)...)
	done := 0
	for _, id := range []string{first, second} {
		switch out := b.wait(id); {
		case out.Status == types.StatusStringFinished:
			done++
		case aws.ToString(out.Error) != "Query #2 failed with ERROR: division by zero":
			t.Errorf("%s: %s", out.Status, aws.ToString(out.Error))
		}
	}
	if done != 1 {
		t.Errorf("%d of two deliveries were carried out", done)
	}
	if diff := cmp.Diff([]string{"1 a", "2 b", "3 c"}, b.look(`SELECT id || ' ' || name FROM orders ORDER BY id`)); diff != "" {
		t.Error(diff)
	}
}

// BenchmarkCopy loads a million rows of eleven columns.
func BenchmarkCopy(b *testing.B) {
	const rows = 1_000_000
	line := `1234567,"text, quoted",plain text,2026-01-02,2026-01-02 03:04:05.123456,2026-01-02 03:04:05+00,12.50,t,3.25,\N,42` + "\n"
	body := gzipped(b, strings.Repeat(line, rows))
	w := setup(b)
	url := w.put("in/a", body)
	for b.Loop() {
		w.must("CREATE TEMP TABLE t (a INT, b VARCHAR(40), c VARCHAR(40), d DATE, e TIMESTAMP, f TIMESTAMPTZ, g DECIMAL(12,2), "+
			"h BOOLEAN, i DOUBLE PRECISION, j VARCHAR(10), k BIGINT)", copyFrom(url, "GZIP"))
	}
	b.ReportMetric(rows*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
