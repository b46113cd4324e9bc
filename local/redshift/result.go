package redshift

import (
	"encoding/hex"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// maxResult bounds what a result may take in memory. The API's own limit is
// 500 MB; a loader reads counts.
const maxResult = 16 << 20

// result is what a statement that finished has left.
type result struct {
	// rows were returned, or changed, or loaded.
	rows int64
	size int64
	// returns is true for a statement that answers rows.
	returns bool
	columns []columnMetadata
	records [][]field
}

// field is the union Field: exactly one member is set.
type field struct {
	BlobValue    []byte   `json:"blobValue,omitempty"`
	BooleanValue *bool    `json:"booleanValue,omitempty"`
	DoubleValue  *float64 `json:"doubleValue,omitempty"`
	IsNull       bool     `json:"isNull,omitempty"`
	LongValue    *int64   `json:"longValue,omitempty"`
	StringValue  *string  `json:"stringValue,omitempty"`
}

type columnMetadata struct {
	Label    string `json:"label"`
	Name     string `json:"name"`
	Nullable int    `json:"nullable"`
	TypeName string `json:"typeName"`
}

// typeNames are Redshift's names of the types that PostgreSQL answers with.
var typeNames = map[uint32]string{
	pgtype.BoolOID: "bool", pgtype.Int2OID: "int2", pgtype.Int4OID: "int4", pgtype.Int8OID: "int8",
	pgtype.Float4OID: "float4", pgtype.Float8OID: "float8", pgtype.NumericOID: "numeric", pgtype.BPCharOID: "bpchar",
	pgtype.VarcharOID: "varchar", pgtype.TextOID: "varchar", pgtype.DateOID: "date", pgtype.TimeOID: "time",
	pgtype.TimetzOID: "timetz", pgtype.TimestampOID: "timestamp", pgtype.TimestamptzOID: "timestamptz",
	pgtype.JSONBOID: "super", pgtype.ByteaOID: "varbyte",
}

// readResult takes all rows of a query.
func readResult(rows *pgconn.ResultReader) (result, error) {
	r := result{returns: true, records: [][]field{}}
	for _, d := range rows.FieldDescriptions() {
		r.columns = append(r.columns, columnMetadata{Label: d.Name, Name: d.Name, Nullable: 1, TypeName: typeNames[d.DataTypeOID]})
	}
	var problem error
	for rows.NextRow() && problem == nil {
		record := make([]field, len(rows.Values()))
		for i, value := range rows.Values() {
			if record[i], problem = newField(value, rows.FieldDescriptions()[i].DataTypeOID); problem != nil {
				break
			}
			r.size += int64(len(value))
		}
		if r.size > maxResult {
			problem = fmt.Errorf("result is larger than the %d bytes that this stand-in keeps", maxResult)
		}
		r.records = append(r.records, record)
	}
	if _, err := rows.Close(); err != nil {
		return result{}, err
	}
	r.rows = int64(len(r.records))
	return r, problem
}

// newField turns PostgreSQL's text into the member that the Data API uses for
// the type. DECIMAL comes as a string there, since a double would bend it.
func newField(value []byte, oid uint32) (field, error) {
	if value == nil {
		return field{IsNull: true}, nil
	}
	s := string(value)
	var f field
	var err error
	switch oid {
	case pgtype.BoolOID:
		b := s == "t"
		f.BooleanValue = &b
	case pgtype.Int2OID, pgtype.Int4OID, pgtype.Int8OID:
		f.LongValue = new(int64)
		*f.LongValue, err = strconv.ParseInt(s, 10, 64)
	case pgtype.Float4OID, pgtype.Float8OID:
		f.DoubleValue = new(float64)
		*f.DoubleValue, err = strconv.ParseFloat(s, 64)
	case pgtype.ByteaOID:
		f.BlobValue, err = hex.DecodeString(s[len(`\x`):])
	default:
		f.StringValue = &s
	}
	return f, err
}
