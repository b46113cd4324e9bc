package redshift

import (
	"fmt"
	"strings"

	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// staged is a column on its way: in the target it is of type kind; COPY fills
// it as type copied, and value is the expression that makes the one of the
// other.
type staged struct {
	table.Column
	kind, copied, value string
}

// widest is what COPY is given to fill where the format has text and the target
// something else. A document of more bytes than that is refused by COPY.
const widest = "VARCHAR(65535)"

// exactDigits are the digits that survive the way through a double. COPY reads
// numbers in JSON as such ("COPY from JSON format", Loss of numeric precision),
// and ROUNDEC rounds to the digit that was meant.
const exactDigits = 15

func stagedColumns(load warehouse.Load) ([]staged, error) {
	columns := make([]staged, len(load.Columns))
	for i, column := range load.Columns {
		image, err := table.ImageOf(column)
		if err != nil {
			return nil, err
		}
		name := table.Quote(column.Name)
		columns[i] = staged{column, image.Redshift, image.Redshift, name}
		switch load.Format.Name {
		case "jsonl":
			err = columns[i].fromJSON(image)
		case "parquet":
			err = columns[i].fromParquet(image)
		}
		if err != nil {
			return nil, err
		}
	}
	return columns, nil
}

// fromJSON: COPY takes nested values into SUPER, and everything else as the
// target has it, but bytes, which no JSON is documented to hold.
func (s *staged) fromJSON(image table.Image) error {
	switch image.JSON {
	case table.JSONBase64:
		s.copied, s.value = widest, "TO_VARBYTE("+s.value+", 'base64')"
	case table.JSONNumber:
		text := strings.HasPrefix(image.Redshift, "VARCHAR")
		if text || image.Parquet.Logical == table.ParquetDecimal && image.Parquet.Precision > exactDigits {
			return fmt.Errorf("column %s of type %s: Redshift reads numbers in JSON as doubles, which keep %d digits; stage the table as csv or parquet, or the column as text",
				table.Quote(s.Name), s.Type, exactDigits)
		}
	case table.JSONString, table.JSONBoolean, table.JSONRaw:
	}
	return nil
}

// fromParquet: a string there is text here, whatever it spells. COPY reads Parquet
// by Spectrum ("COPY from columnar data formats"), whose types have no TIME ("CREATE
// EXTERNAL TABLE", data types).
func (s *staged) fromParquet(image table.Image) error {
	if image.Parquet.Logical == table.ParquetTime {
		return fmt.Errorf("column %s of type %s: Redshift's COPY reads no TIME from Parquet; stage the table as csv or jsonl, or leave the column out",
			table.Quote(s.Name), s.Type)
	}
	if image.Parquet.Logical != table.ParquetString || strings.HasPrefix(image.Redshift, "VARCHAR") {
		return nil
	}
	s.copied = widest
	if image.Redshift == "SUPER" {
		s.value = "JSON_PARSE(" + s.value + ")"
		return nil
	}
	s.value = "CAST(" + s.value + " AS " + image.Redshift + ")"
	return nil
}

// definitions lists columns with their types. NOT NULL is not carried over: a
// source may drop it later, and the next load must not fail for it.
func definitions(columns []staged, kind func(staged) string) string {
	list := make([]string, len(columns))
	for i, column := range columns {
		list[i] = table.Quote(column.Name) + " " + kind(column)
	}
	return strings.Join(list, ", ")
}

func kindOf(s staged) string   { return s.kind }
func copiedOf(s staged) string { return s.copied }

func namesOf(columns []staged) []string {
	names := make([]string, len(columns))
	for i, column := range columns {
		names[i] = column.Name
	}
	return names
}

func valuesOf(columns []staged) string {
	list := make([]string, len(columns))
	for i, column := range columns {
		list[i] = column.value
	}
	return strings.Join(list, ", ")
}
