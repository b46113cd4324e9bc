package redshift

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/redshiftdata"
	"github.com/aws/aws-sdk-go-v2/service/redshiftdata/types"
	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"
)

func (b *bundle) copyAs(url, options string) string {
	return "COPY t FROM '" + url + "' IAM_ROLE '" + testRole + "' " + options
}

func TestJSONIsLoadedByName(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.must("CREATE TABLE t (id INT, name VARCHAR(20), price DECIMAL(8,2), doc SUPER)")
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	rows := `{"doc":{"a":[1]},"Id":1,"name":"x","price":1.15,"more":true}` + "\n" + `{"Id":2,"name":null}` + "\n"
	url := b.put("a.jsonl.zst", w.EncodeAll([]byte(rows), nil))
	b.must(b.copyAs(url, "FORMAT AS JSON 'auto ignorecase' ROUNDEC ZSTD"))
	want := []string{`1 x 1.15 {"a": [1]}`, "2 - - -"}
	look := `SELECT coalesce(id::text,'-') || ' ' || coalesce(name,'-') || ' ' || coalesce(price::text,'-') || ' ' || coalesce(doc::text,'-') FROM t ORDER BY id`
	if diff := cmp.Diff(want, b.look(look)); diff != "" {
		t.Error(diff)
	}
	// 'auto' wants names in lower case, and a double is cut off without ROUNDEC.
	b.must("DELETE FROM t", b.copyAs(url, "FORMAT AS JSON 'auto' ZSTD"))
	if diff := cmp.Diff([]string{`- x 1.14 {"a": [1]}`, "- - - -"}, b.look(strings.Replace(look, "ORDER BY id", "ORDER BY price", 1))); diff != "" {
		t.Error(diff)
	}
}

func TestJSONObjectIsLimited(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.must("CREATE TABLE t (doc SUPER)")
	url := b.put("a.json", []byte(`{"doc":["`+strings.Repeat(`x","`, maxJSONObject/4)+`"]}`))
	b.mustFail([]string{"JSON object of", "line 1"}, b.copyAs(url, "JSON 'auto'"))
}

func TestBytesAreNotLoadedFromNumbersInJSON(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.must("CREATE TABLE t (a INT, p VARBYTE(10))")
	b.mustFail([]string{"VARBYTE is not loaded from JSON"}, b.copyAs(b.put("a.json", []byte(`{"a":1,"p":7}`)), "JSON 'auto'"))
}

func TestParquetIsLoadedByPosition(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.must("CREATE TABLE t (a BIGINT, b VARCHAR(3))")
	write := func(rows any) string {
		t.Helper()
		var out bytes.Buffer
		var err error
		switch rows := rows.(type) {
		case []struct {
			X int64
			Y string
		}:
			err = parquet.Write(&out, rows)
		case []struct{ X int64 }:
			err = parquet.Write(&out, rows)
		case []struct{ X, Y string }:
			err = parquet.Write(&out, rows)
		}
		if err != nil {
			t.Fatal(err)
		}
		return b.put("p"+strings.Repeat("x", out.Len()%50)+".parquet", out.Bytes())
	}
	type pair = struct {
		X int64
		Y string
	}
	b.must(b.copyAs(write([]pair{{1, "abc"}}), "FORMAT PARQUET"))
	if diff := cmp.Diff([]string{"1 abc"}, b.look("SELECT a || ' ' || b FROM t")); diff != "" {
		t.Error(diff)
	}
	b.mustFail([]string{"Unmatched number of columns", "Table columns: 2, Data columns: 1"}, b.copyAs(write([]struct{ X int64 }{{1}}), "FORMAT PARQUET"))
	b.mustFail([]string{"column a has an incompatible Parquet schema", "table type bigint"}, b.copyAs(write([]struct{ X, Y string }{{"1", "a"}}), "FORMAT PARQUET"))
	b.mustFail([]string{"4 bytes for VARCHAR(3)"}, b.copyAs(write([]pair{{1, "abcd"}}), "FORMAT PARQUET"))
	b.mustFail([]string{"not a Parquet file"}, b.copyAs(b.put("no.parquet", []byte("a,b\n")), "FORMAT PARQUET"))
}

// What a COPY could not take is told by line and column, after the rollback.
func TestLoadErrorsAreTold(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.must("CREATE TABLE t (a INT, b VARCHAR(3))")
	url := b.put("a.csv", []byte("1,abc\n2,abcd\n"))
	out := b.run(copyFrom(url, ""))
	want := []string{url + " 2 b"}
	look := "SELECT file_name || ' ' || line_number || ' ' || column_name FROM redshift_system.sys_load_error_detail"
	if diff := cmp.Diff(want, b.look(look)); diff != "" || out.SubStatements[0].RedshiftQueryId == 0 {
		t.Error(diff)
	}
}

func TestColumnIsLengthenedAlone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.must("CREATE TABLE t (a VARCHAR(3))")
	const alter = "ALTER TABLE t ALTER COLUMN a TYPE VARCHAR(5)"
	b.mustFail([]string{"cannot run inside a transaction block"}, alter)
	out, err := b.client.ExecuteStatement(t.Context(), &redshiftdata.ExecuteStatementInput{
		Sql: aws.String(alter), Database: aws.String(testDatabase), WorkgroupName: aws.String(testWorkgroup),
	})
	if err != nil {
		t.Fatal(err)
	}
	if ended := b.wait(aws.ToString(out.Id)); ended.Status != types.StatusStringFinished {
		t.Fatal(aws.ToString(ended.Error))
	}
	b.must("INSERT INTO t VALUES ('äöx')")
	b.mustFail([]string{"too long"}, "INSERT INTO t VALUES ('äöü')")
}

func TestStatementsAreListedByName(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, name := range []string{"load-1", "load-12", "other"} {
		in := b.input("SELECT 1")
		in.StatementName = aws.String(name)
		out, err := b.client.BatchExecuteStatement(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		b.wait(aws.ToString(out.Id))
	}
	for status, want := range map[types.StatusString]int{types.StatusStringAll: 2, types.StatusStringFinished: 2, types.StatusStringFailed: 0} {
		out, err := b.client.ListStatements(t.Context(), &redshiftdata.ListStatementsInput{StatementName: aws.String("load-1"), Status: status})
		if err != nil || len(out.Statements) != want {
			t.Errorf("%s: %d statements, %v; want %d", status, len(out.Statements), err, want)
		}
	}
}

// Spectrum, which reads Parquet for COPY, has no TIME.
func TestParquetTime(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	schema := parquet.NewSchema("row", parquet.Group{
		"a": parquet.Leaf(parquet.TimeAdjusted(parquet.Microsecond, false).Type()), "o": parquet.Timestamp(parquet.Microsecond),
	})
	w := parquet.NewWriter(&out, schema)
	_, err := w.WriteRows([]parquet.Row{{parquet.Int64Value(3_600_000_000).Level(0, 0, 0), parquet.Int64Value(0).Level(0, 0, 1)}})
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	for _, lenient := range []bool{false, true} {
		b := setup(t, func(o *Options) { o.ParquetTime = lenient })
		b.must("CREATE TABLE t (a TIME, o TIMESTAMPTZ)")
		load := b.copyAs(b.put("a.parquet", out.Bytes()), "FORMAT PARQUET")
		if lenient {
			b.must(load)
			continue
		}
		b.mustFail([]string{"Spectrum Scan Error code: 15007", "column a has an incompatible Parquet schema", "time without time zone"}, load)
		b.must("CREATE TABLE u (a INT, o SUPER)")
		b.mustFail([]string{"15007"}, strings.Replace(load, "COPY t", "COPY u", 1))
	}
}

// FILLRECORD lets columns be missing at the end of Parquet too.
func TestParquetFillRecord(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var out bytes.Buffer
	if err := parquet.Write(&out, []struct{ X int64 }{{1}}); err != nil {
		t.Fatal(err)
	}
	b.must("CREATE TABLE t (a BIGINT, b VARCHAR(3))", b.copyAs(b.put("a.parquet", out.Bytes()), "FORMAT PARQUET FILLRECORD"))
	if diff := cmp.Diff([]string{"1 -"}, b.look("SELECT a || ' ' || coalesce(b, '-') FROM t")); diff != "" {
		t.Error(diff)
	}
}
