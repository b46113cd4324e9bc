package redshift

import (
	"fmt"
	"strings"

	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// staged is a column on its way: in the target it is of type kind; COPY fills
// it as type copied, and value is the expression that makes the one of the
// other, with %s where the copied one is. A column that the load adds has none
// there.
type staged struct {
	table.Column
	kind, copied, value string
	// comment says what it is in the source.
	comment string
}

// of is the column's value in a row of what is called so, or of the only table that
// there is.
func (s staged) of(rows string) string {
	name := table.Quote(s.Name)
	if rows != "" {
		name = rows + "." + name
	}
	return strings.ReplaceAll(s.value, "%s", name)
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
		columns[i] = staged{column, image.Redshift, image.Redshift, "%s", commentOfSource + sourceType(column)}
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
		s.copied, s.value = widest, "TO_VARBYTE(%s, 'base64')"
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
		s.value = "JSON_PARSE(%s)"
		return nil
	}
	s.value = "CAST(%s AS " + image.Redshift + ")"
	return nil
}

// targetColumns are all that a load fills: those that are staged, and those that say
// which load a row came by.
func targetColumns(load warehouse.Load) ([]staged, error) {
	columns, err := stagedColumns(load)
	if load.AddRun {
		columns = append(columns, added(warehouse.RunColumn, "VARCHAR(32)", quote(string(load.Run)), "the run that read the row"))
	}
	if load.AddLoadedAt {
		columns = append(columns, added(warehouse.LoadedAtColumn, "TIMESTAMP", "SYSDATE", "when the row was loaded, in UTC"))
	}
	return columns, err
}

// requiredColumns are those that the target of a load must have: beside the ones
// that it fills, the one that marks rows which the source no longer has.
func requiredColumns(load warehouse.Load) ([]staged, error) {
	columns, err := targetColumns(load)
	if load.Sweep != nil && load.Sweep.Soft {
		columns = append(columns, added(warehouse.DeletedAtColumn, "TIMESTAMP", "NULL", "when the source was found without the row, in UTC"))
	}
	return columns, err
}

// ownColumns are those of them that the source does not have.
func ownColumns(load warehouse.Load) []staged {
	load.Columns = nil
	columns, err := requiredColumns(load)
	if err != nil {
		return nil
	}
	return columns
}

func added(name, kind, value, comment string) staged {
	return staged{Column: table.Column{Name: name, Type: kind}, kind: kind, value: value, comment: commentOfLoad + comment}
}

// commentOfSource begins what a column of the target is commented with.
const commentOfSource = "PostgreSQL: "

// commentOfLoad begins the comment on a column that loads add.
const commentOfLoad = "Stagelift: "

func sourceType(column table.Column) string {
	if column.Source != "" {
		return column.Source
	}
	return column.Type
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

func valuesOf(columns []staged, rows string) string {
	list := make([]string, len(columns))
	for i, column := range columns {
		list[i] = column.of(rows)
	}
	return strings.Join(list, ", ")
}
