package encode_test

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/stagelift/stagelift/local/rds/rdstest"
	"github.com/stagelift/stagelift/shared/encode"
	"github.com/stagelift/stagelift/shared/table"
)

// Whatever CSVOptions.Check lets through, COPY takes.
func FuzzCSVOptions(f *testing.F) {
	for _, seed := range [][2]string{{",", `\N`}, {"\t", ""}, {"|", "NULL"}, {`"`, "x"}, {"\n", ""}, {",", "a,b"}, {"é", "x"}, {"N", `\N`}, {",", `\.`}, {"\\", `\N`}, {"'", "''"}} {
		f.Add(seed[0], seed[1])
	}
	c := newCopier(f, rdstest.Shared(f).AdminURL())
	f.Fuzz(func(t *testing.T, delimiter, null string) {
		o := encode.CSVOptions{Delimiter: delimiter, Null: null}
		if o.Check() != nil {
			return
		}
		sql := "COPY (SELECT 1, 2) TO STDOUT (FORMAT csv, NULL " + literal(null) + ", DELIMITER " + literal(delimiter) + ")"
		_, err := c.Exec(t.Context(), sql).ReadAll()
		if server, is := errors.AsType[*pgconn.PgError](err); is && server.Code != "22021" {
			t.Errorf("%+v passes the check, but COPY says: %v", o, err)
		}
	})
}

// A row of any values is printed as COPY prints it, whatever the delimiter and
// the text for NULL are.
func FuzzRowIsPrintedAsCOPYPrintsIt(f *testing.F) {
	f.Add("a,b", `the "note"`, int64(1), 0.5, ",", `\N`)
	f.Add("", "\r\n", int64(-1), math.Inf(-1), "-", "")
	f.Add(`\.`, `\N`, int64(math.MinInt64), math.NaN(), "1", `\N`)
	f.Add(strings.Repeat("größe", 300)+`"`, "1234567\t", int64(20_000_101), 1e300, "\t", "1")
	c := newCopier(f, rdstest.Shared(f).AdminURL())
	fields := []table.Field{
		jsonField("a", table.WireText, table.JSONString), jsonField("b", table.WireText, table.JSONString),
		jsonField("n", table.WireInt64, table.JSONNumber), jsonField("f", table.WireFloat64, table.JSONNumber),
		jsonField("real", table.WireFloat32, table.JSONNumber), jsonField("numeric", table.WireNumeric, table.JSONNumber),
		jsonField("at", table.WireTimestampTZ, table.JSONString), jsonField("day", table.WireDate, table.JSONString),
		jsonField("bytes", table.WireBytes, table.JSONBase64), jsonField("yes", table.WireBool, table.JSONBoolean),
		jsonField("uuid", table.WireUUID, table.JSONString), jsonField("j", table.WireJSONB, table.JSONRaw),
	}
	f.Fuzz(func(t *testing.T, a, b string, n int64, float float64, delimiter, null string) {
		o := encode.CSVOptions{Delimiter: delimiter, Null: null}
		if texts := a + "," + b + "," + null; o.Check() != nil || !utf8.ValidString(texts) || strings.Contains(texts, "\x00") {
			return // no text of PostgreSQL
		}
		a, b = literal(a), literal(b)
		double := literal(strconv.FormatFloat(float, 'g', -1, 64))
		single := literal(strconv.FormatFloat(float64(float32(float)), 'g', -1, 32))
		values := []string{
			a + "::text", b + "::text", fmt.Sprintf("'%d'::bigint", n), double + "::float8", single + "::real",
			fmt.Sprintf("round('%d'::numeric / 1%s, %d)", n, strings.Repeat("0", int(uint64(n)%30)), uint64(n)%40),
			fmt.Sprintf("timestamptz '2000-01-01' + %d * interval '1 microsecond'", n/1024), fmt.Sprintf("date '2000-01-01' + %d", int32(n)/1024),
			"convert_to(" + a + ", 'UTF8')", strconv.FormatBool(n%2 == 0), "md5(" + b + ")::uuid", "to_jsonb(" + a + "::text)",
		}
		query := "SELECT " + strings.Join(values, ", ") + " UNION ALL SELECT " + b + ", " + a + strings.Repeat(", NULL", 10)
		printed := strings.Replace(query, "convert_to("+a+", 'UTF8')", "encode(convert_to("+a+", 'UTF8'), 'hex')", 1)
		sent := c.sent(t, "COPY ("+query+") TO STDOUT (FORMAT binary)")
		same(t, fmt.Sprintf("%+v", o), c.printed(t, printed, len(fields), o), encoded(t, fields, sent, o))
	})
}
