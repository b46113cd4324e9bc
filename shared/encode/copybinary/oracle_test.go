package copybinary_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/stagelift/stagelift/local/pgserver/pgtest"
	"github.com/stagelift/stagelift/shared/encode/copybinary"
	"github.com/stagelift/stagelift/shared/table"
)

// oracle is a server that says what its values print as.
type oracle struct{ *pgconn.PgConn }

func newOracle(t testing.TB) oracle {
	t.Helper()
	connection, err := pgconn.Connect(t.Context(), pgtest.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close(context.WithoutCancel(t.Context())) })
	o := oracle{connection}
	o.exec(t, `SET DateStyle TO ISO; SET TimeZone TO UTC; SET extra_float_digits TO 3; SET bytea_output TO hex`)
	return o
}

func (o oracle) exec(t testing.TB, sql string) {
	t.Helper()
	if _, err := o.Exec(t.Context(), sql).ReadAll(); err != nil {
		t.Fatalf("%.200s: %v", sql, err)
	}
}

// rows gives each the fields of every row that a query of so many columns sends.
func (o oracle) rows(t testing.TB, query string, columns int, each func(fields [][]byte)) {
	t.Helper()
	fields := make([][]byte, columns)
	_, err := o.CopyTo(t.Context(), writer(func(message []byte) error {
		row, err := copybinary.Row(message)
		if err != nil || row == nil {
			return err
		}
		if err := copybinary.Split(row, fields); err != nil {
			return err
		}
		each(fields)
		return nil
	}), "COPY ("+query+") TO STDOUT (FORMAT binary)")
	if err != nil {
		t.Fatalf("%.200s: %v", query, err)
	}
}

type writer func(message []byte) error

func (w writer) Write(message []byte) (int, error) { return len(message), w(message) }

// compare prints every value of a column v and compares it with what the server
// prints for it, and with what to_json() makes of it.
func (o oracle) compare(t testing.TB, wire table.Wire, from string) {
	t.Helper()
	compared := 0
	o.rows(t, "SELECT v, format('%s', v), to_json(v)::text FROM "+from, 3, func(fields [][]byte) {
		compared++
		got, err := copybinary.AppendText([]byte("before "), wire, fields[0])
		if want := "before " + string(fields[1]); string(got) != want || err != nil {
			t.Errorf("%x prints as %.200q, %v; want %.200q", fields[0][:min(len(fields[0]), 100)], got, err, want)
		}
		if wire == table.WireTimestamp || wire == table.WireTimestampTZ {
			compareISO(t, wire, fields[0], string(fields[2]))
		}
	})
	if compared == 0 {
		t.Error("nothing was compared")
	}
}

func compareISO(t testing.TB, wire table.Wire, raw []byte, want string) {
	t.Helper()
	iso := copybinary.AppendTimestampISO
	if wire == table.WireTimestampTZ {
		iso = copybinary.AppendTimestampTZISO
	}
	if got, err := iso([]byte(`"`), raw); string(got)+`"` != want || err != nil {
		t.Errorf("%x prints as %s\", %v; want %s", raw, got, err, want)
	}
}

// literal are values of a type, put together with bars.
type literal struct {
	wire   table.Wire
	values string
	// newer are those that a server takes from the major version since on.
	newer string
	since int
}

// selected is a query for the values, those that the server has, as v.
func (o oracle) selected(t testing.TB, typ string, l literal) string {
	t.Helper()
	query := func(values string) string {
		return "SELECT unnest(string_to_array('" + strings.ReplaceAll(values, "'", "''") + "', '|'))::" + typ + " AS v"
	}
	if l.newer == "" || pgtest.Lacks(t, o.PgConn, l.since, query(l.newer)) {
		return query(l.values)
	}
	return query(l.values + "|" + l.newer)
}

// literals are values of each wire that lie at some edge, by their type.
var literals = map[string]literal{
	"boolean":          {wire: table.WireBool, values: "t|f"},
	"smallint":         {wire: table.WireInt16, values: "-32768|32767|0|-1"},
	"integer":          {wire: table.WireInt32, values: "-2147483648|2147483647|0|-1"},
	"bigint":           {wire: table.WireInt64, values: "-9223372036854775808|9223372036854775807|0|-1|9007199254740993"},
	"oid":              {wire: table.WireOID, values: "0|4294967295|2147483648"},
	`"char"`:           {wire: table.WireChar, values: "|a|,|\x01|~|\x7f"},
	"text":             {wire: table.WireText, values: "|a|größe|\\"},
	"bytea":            {wire: table.WireBytes, values: `\x|\x00ff|\x5c`},
	"json":             {wire: table.WireJSON, values: `{}|{"a" :  1}|null`},
	"jsonb":            {wire: table.WireJSONB, values: `{}|{"a" :  1}|null`},
	"uuid":             {wire: table.WireUUID, values: "00000000-0000-0000-0000-000000000000|ffffffff-ffff-ffff-ffff-ffffffffffff|0190b5a2-7c3d-7e8f-9a0b-1c2d3e4f5a6b"},
	"real":             {wire: table.WireFloat32, values: "0|-0|NaN|Infinity|-Infinity|1e-45|-3.4028235e38|1.1754944e-38|0.1|0.0001|0.00001|99999|100000|999999|999999.9|1e6|1e7|16777216|33554432|0.00009999"},
	"double precision": {wire: table.WireFloat64, values: "0|-0|NaN|Infinity|-Infinity|5e-324|-1.7976931348623157e308|2.2250738585072014e-308|0.1|0.30000000000000004|0.0001|0.00001|0.00009999|100000000000000|999999999999999|999999999999999.9|1e15|1e16|9007199254740992|9007199254740993|123456789012345680|1e22|1e23|-1e23|9e22"},
	"numeric":          {wire: table.WireNumeric, newer: "Infinity|-Infinity", since: 14, values: "0|0.000|-0.0|NaN|1|10|100|1000|10000|100000|0.1|0.01|0.001|0.0001|0.00001|1.10|-12345.6789|1e100|-1e-100|1e131071|1e-16383|12345678901234567890.0|99999999|0.00010000|1234.50000000"},
	"date":             {wire: table.WireDate, values: "4714-11-24 BC|0044-03-15 BC|0001-12-31 BC|0001-01-01|1582-10-10|1969-12-31|2000-02-29|1900-02-28|1900-03-01|9999-12-31|10000-01-01|5874897-12-31|infinity|-infinity"},
	"time":             {wire: table.WireTime, values: "00:00:00|23:59:59.999999|24:00:00|12:34:56.7|00:00:00.000001|00:00:00.100000"},
	"timetz":           {wire: table.WireTimeTZ, values: "00:00:00+00|00:00:00+15:59:59|24:00:00-15:59:59|12:34:56.000001+05:30|01:02:03.4-08|12:00:00-00:30|12:00:00-00:00:01|12:00:00+01:00:01"},
	"timestamp":        {wire: table.WireTimestamp, values: "4714-11-24 00:00:00 BC|0044-03-15 12:00:00.5 BC|0001-12-31 23:59:59.999999 BC|0001-01-01 00:00:00|1999-12-31 23:59:59.999999|2000-01-01 00:00:00|1970-01-01 00:00:00|9999-12-31 23:59:59.999999|10000-01-01 00:00:00|294276-12-31 23:59:59.999999|infinity|-infinity"},
	"timestamptz":      {wire: table.WireTimestampTZ, values: "4714-11-24 00:00:00+00 BC|0044-03-15 12:00:00.5+00 BC|1999-12-31 23:59:59.999999+00|2026-11-21 00:30:00.12+05:30|10000-01-01 00:00:00+00|294276-12-31 23:59:59.999999+00|infinity|-infinity"},
}

func TestValuesPrintAsPostgreSQLPrintsThem(t *testing.T) {
	t.Parallel()
	for name, c := range literals {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOracle(t)
			o.compare(t, c.wire, "("+o.selected(t, name, c)+") AS x")
		})
	}
}

// Servers before 15 print a byte past 127 as it is, which is no text: what is
// printed here is then put together by the server.
func TestEveryCharPrints(t *testing.T) {
	t.Parallel()
	const each = `(SELECT n::"char" AS v, n FROM generate_series(-128, 127) AS n) AS x`
	o := newOracle(t)
	if pgtest.Major(t, o.PgConn) >= 15 {
		o.compare(t, table.WireChar, each)
	}
	compared := 0
	o.rows(t, `SELECT v, CASE WHEN n < 0 THEN '\' || (n >> 6 & 3) || (n >> 3 & 7) || (n & 7) ELSE format('%s', v) END FROM `+each, 2, func(fields [][]byte) {
		compared++
		if got, err := copybinary.AppendText(nil, table.WireChar, fields[0]); !bytes.Equal(got, fields[1]) || err != nil {
			t.Errorf("%x prints as %q, %v; want %q", fields[0], got, err, fields[1])
		}
	})
	if compared != 256 {
		t.Errorf("%d bytes were compared, want 256", compared)
	}
}

// Every day of eight centuries round the beginning of the calendar and round
// 2000, and a day now and then to the ends.
func TestEveryDayIsInItsMonth(t *testing.T) {
	t.Parallel()
	o := newOracle(t)
	for _, days := range []string{"-876582, -584388", "-146097, 146097", "-2451545, 2145031948, 99991"} {
		o.compare(t, table.WireDate, "(SELECT '2000-01-01'::date + n AS v FROM generate_series("+days+") AS n) AS x")
	}
}

// A numeric may have 131,072 digits before the point and 16,383 behind it.
func TestLongestNumericsPrint(t *testing.T) {
	t.Parallel()
	newOracle(t).compare(t, table.WireNumeric, `(SELECT (sign || repeat(digit, before) || '.' || repeat(digit, behind))::numeric AS v
		FROM unnest('{"",-}'::text[]) AS sign, unnest('{1,9,1000}'::text[]) AS digit,
			unnest('{1,2,3,4,5,32768}'::int[]) AS before, unnest('{1,2,3,4,5,4095}'::int[]) AS behind) AS x`)
}

// load makes a table of values that the server is sent in binary.
func (o oracle) load(t testing.TB, typ string, raws [][]byte) {
	t.Helper()
	o.exec(t, "DROP TABLE IF EXISTS loaded; CREATE TEMP TABLE loaded (v "+typ+")")
	stream := bytes.NewBufferString(header)
	for _, raw := range raws {
		stream.Write(join(raw))
	}
	stream.WriteString("\xff\xff")
	if _, err := o.CopyFrom(t.Context(), stream, "COPY loaded FROM STDIN (FORMAT binary)"); err != nil {
		t.Fatal(err)
	}
}

func random(seed uint64, n int, value func(r *rand.Rand) []byte) [][]byte {
	r := rand.New(rand.NewPCG(seed, 0))
	raws := make([][]byte, n)
	for i := range raws {
		raws[i] = value(r)
	}
	return raws
}

func int64Bytes(n int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }

// randoms are as many random values of each wire as make a difference likely
// to be seen.
var randoms = map[string]struct {
	typ  string
	wire table.Wire
	raw  func(r *rand.Rand) []byte
}{
	"real": {"real", table.WireFloat32, func(r *rand.Rand) []byte { return binary.BigEndian.AppendUint32(nil, r.Uint32()) }},
	// Whole numbers are where what is printed could lie halfway to a neighbour.
	"large real": {"real", table.WireFloat32, func(r *rand.Rand) []byte {
		return binary.BigEndian.AppendUint32(nil, math.Float32bits(float32(math.Ldexp(r.Float64(), 20+r.IntN(60)))))
	}},
	"double precision": {"double precision", table.WireFloat64, func(r *rand.Rand) []byte {
		return binary.BigEndian.AppendUint64(nil, r.Uint64())
	}},
	"large double precision": {"double precision", table.WireFloat64, func(r *rand.Rand) []byte {
		return binary.BigEndian.AppendUint64(nil, math.Float64bits(math.Ldexp(r.Float64(), 49+r.IntN(100))))
	}},
	// Decimals of few digits are those that lie halfway most often.
	"round double precision": {"double precision", table.WireFloat64, func(r *rand.Rand) []byte {
		digits := r.Uint64N(1 << (1 + r.IntN(60)))
		return binary.BigEndian.AppendUint64(nil, math.Float64bits(float64(digits)*math.Pow10(r.IntN(40)-5)))
	}},
	"double precision of few digits": {"double precision", table.WireFloat64, func(r *rand.Rand) []byte {
		return binary.BigEndian.AppendUint64(nil, math.Float64bits(float64(r.Int64N(1<<(1+r.IntN(52))))/math.Pow10(r.IntN(8))))
	}},
	"real of few digits": {"real", table.WireFloat32, func(r *rand.Rand) []byte {
		return binary.BigEndian.AppendUint32(nil, math.Float32bits(float32(r.Int64N(1<<(1+r.IntN(24))))/float32(math.Pow10(r.IntN(6)))))
	}},
	"usual numeric":                         {"numeric", table.WireNumeric, usualNumeric},
	"real between two decimals":             {"real", table.WireFloat32, between(24)},
	"double precision between two decimals": {"double precision", table.WireFloat64, between(53)},
	"timestamp": {"timestamp", table.WireTimestamp, func(r *rand.Rand) []byte {
		return int64Bytes(-211_813_488_000_000_000 + r.Int64N(9_223_371_331_200_000_000))
	}},
	"recent timestamptz": {"timestamptz", table.WireTimestampTZ, func(r *rand.Rand) []byte { return int64Bytes(r.Int64N(4e15) - 2e15) }},
	"time":               {"time", table.WireTime, func(r *rand.Rand) []byte { return int64Bytes(r.Int64N(86_400_000_001)) }},
	"timetz": {"timetz", table.WireTimeTZ, func(r *rand.Rand) []byte {
		return binary.BigEndian.AppendUint32(int64Bytes(r.Int64N(86_400_000_001)), uint32(r.Int32N(2*57_599+1)-57_599))
	}},
	"numeric": {"numeric", table.WireNumeric, randomNumeric},
}

// between returns numbers that lie halfway between two decimals of as few digits
// as tell the number from its neighbours: odd multiples of half a decimal unit,
// where that unit is less than the distance to a neighbour, but not much.
func between(mantissa int) func(r *rand.Rand) []byte {
	return func(r *rand.Rand) []byte {
		places := 1 + r.IntN(mantissa/2)
		distance := -int(float64(places)*math.Log2(10)) + r.IntN(4)
		size := distance + mantissa + places // bits of the odd number
		odd := uint64(1)
		if size > 0 {
			odd = 1<<size | r.Uint64N(1<<size) | 1
		}
		f := math.Ldexp(float64(odd), -places-1)
		if mantissa == 24 {
			return binary.BigEndian.AppendUint32(nil, math.Float32bits(float32(f)))
		}
		return binary.BigEndian.AppendUint64(nil, math.Float64bits(f))
	}
}

func randomNumeric(r *rand.Rand) []byte {
	groups, weight := r.IntN(12), r.IntN(20)-10
	raw := binary.BigEndian.AppendUint16(nil, uint16(groups))
	raw = binary.BigEndian.AppendUint16(raw, uint16(weight))
	raw = binary.BigEndian.AppendUint16(raw, uint16(r.IntN(2)*0x4000))
	raw = binary.BigEndian.AppendUint16(raw, uint16(r.IntN(60)))
	for range groups {
		raw = binary.BigEndian.AppendUint16(raw, uint16(r.IntN(10_000)*r.IntN(4)/3%10_000))
	}
	return raw
}

// usualNumeric has no more than 16 digits before the point and 36 behind it, and
// often fewer groups than its scale has room for.
func usualNumeric(r *rand.Rand) []byte {
	weight, scale := r.IntN(5)-1, r.IntN(37)
	behind := (scale + 3) / 4
	groups := make([]int, 1+r.IntN(weight+1+behind+1))
	for i := range groups {
		groups[i] = r.IntN(10_000)
	}
	groups[0] = 1 + r.IntN(9_999)
	if hidden := 4*(len(groups)-1-weight) - scale; hidden > 0 {
		last := &groups[len(groups)-1]
		*last -= *last % int(math.Pow10(hidden)) // the server takes no digits behind the scale
	}
	return numericOf(len(groups), weight, r.IntN(2)*0x4000, scale, groups...)
}

func TestRandomValuesPrintAsPostgreSQLPrintsThem(t *testing.T) {
	t.Parallel()
	for name, c := range randoms {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOracle(t)
			o.load(t, c.typ, random(1, 100_000, c.raw))
			o.compare(t, c.wire, "loaded")
		})
	}
}

// The neighbour below a power of two is half as far away as the one above.
func TestPowersOfTwoAndTenPrint(t *testing.T) {
	t.Parallel()
	var singles, doubles [][]byte
	add := func(f float64) {
		for _, f := range []float64{f, -f, math.Nextafter(f, 0), math.Nextafter(f, math.Inf(1))} {
			doubles = append(doubles, binary.BigEndian.AppendUint64(nil, math.Float64bits(f)))
		}
		f32 := float32(f)
		for _, f := range []float32{f32, -f32, math.Nextafter32(f32, 0), math.Nextafter32(f32, float32(math.Inf(1)))} {
			singles = append(singles, binary.BigEndian.AppendUint32(nil, math.Float32bits(f)))
		}
	}
	for power := -1074; power < 1024; power++ {
		add(math.Ldexp(1, power))
	}
	for power := -323; power <= 308; power++ {
		for digit := 1; digit < 200; digit++ {
			add(float64(digit) * math.Pow10(power))
		}
	}
	o := newOracle(t)
	o.load(t, "double precision", doubles)
	o.compare(t, table.WireFloat64, "loaded")
	o.load(t, "real", singles)
	o.compare(t, table.WireFloat32, "loaded")
}
