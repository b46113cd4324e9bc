package snowflake

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// typeNames are the API's names of the types that PostgreSQL answers with.
var typeNames = map[uint32]string{
	pgtype.BoolOID: "boolean", pgtype.Int2OID: "fixed", pgtype.Int4OID: "fixed", pgtype.Int8OID: "fixed", pgtype.OIDOID: "fixed",
	pgtype.NumericOID: "fixed", pgtype.Float4OID: "real", pgtype.Float8OID: "real", pgtype.TextOID: "text",
	pgtype.VarcharOID: "text", pgtype.NameOID: "text", pgtype.UnknownOID: "text", pgtype.DateOID: "date", pgtype.TimeOID: "time",
	pgtype.TimestampOID: "timestamp_ntz", pgtype.TimestamptzOID: "timestamp_tz", pgtype.ByteaOID: "binary", pgtype.JSONBOID: "variant",
}

// readResult takes all rows of a query. names are the long names of columns.
func readResult(rows *pgconn.ResultReader, names map[string]string) (result, error) {
	r := result{rows: [][]*string{}}
	fields := rows.FieldDescriptions()
	for _, d := range fields {
		name := d.Name
		if long, held := names[name]; held {
			name = long
		}
		column := rowType{Name: name, Type: typeNames[d.DataTypeOID], Nullable: true}
		if d.DataTypeOID == pgtype.NumericOID && d.TypeModifier >= 0 {
			precision, scale := int64(d.TypeModifier-4)>>16, int64(d.TypeModifier-4)&0x7ff
			column.Precision, column.Scale = &precision, &scale
		}
		r.columns = append(r.columns, column)
	}
	size := 0
	var problem error
	for rows.NextRow() && problem == nil {
		row := make([]*string, len(fields))
		for i, value := range rows.Values() {
			if row[i], problem = encode(value, fields[i].DataTypeOID); problem != nil {
				break
			}
			size += len(value)
		}
		if size > maxResult {
			problem = fmt.Errorf("result is larger than the %d bytes that this stand-in keeps", maxResult)
		}
		r.rows = append(r.rows, row)
	}
	if _, err := rows.Close(); err != nil {
		return result{}, err
	}
	return r, problem
}

// encode turns PostgreSQL's text into the API's ("Getting the data from the
// results").
func encode(value []byte, oid uint32) (*string, error) {
	if value == nil {
		return nil, nil //nolint:nilnil // NULL
	}
	s := string(value)
	var err error
	switch oid {
	case pgtype.BoolOID:
		s = strconv.FormatBool(s == "t")
	case pgtype.ByteaOID:
		s = strings.ToUpper(s[len(`\x`):])
	case pgtype.DateOID:
		var at time.Time
		at, err = time.Parse("2006-01-02", s)
		s = strconv.FormatInt(at.Unix()/(24*60*60), 10)
	case pgtype.TimeOID:
		var at time.Time
		at, err = time.Parse("15:04:05.999999", s)
		s = seconds(at.Sub(time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)).Microseconds())
	case pgtype.TimestampOID:
		var at time.Time
		at, err = time.Parse("2006-01-02 15:04:05.999999", s)
		s = seconds(at.UnixMicro())
	case pgtype.TimestamptzOID:
		var at time.Time
		at, err = time.Parse("2006-01-02 15:04:05.999999-07", s)
		s = seconds(at.UnixMicro()) + " " + strconv.Itoa(utcOffset)
	case pgtype.Float4OID, pgtype.Float8OID:
		s = map[string]string{"Infinity": "inf", "-Infinity": "-inf"}[s]
		if s == "" {
			s = string(value)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("reading %q: %w", value, err)
	}
	return &s, nil
}

// utcOffset is how the API writes an offset of no minutes.
const utcOffset = 1440

// seconds writes microseconds as seconds with nine decimals.
func seconds(micro int64) string {
	sign := ""
	if micro < 0 {
		sign, micro = "-", -micro
	}
	return fmt.Sprintf("%s%d.%06d000", sign, micro/1_000_000, micro%1_000_000)
}
